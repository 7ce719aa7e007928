# What is kept: jobs and trail in Firestore, the sealed trail in a bucket, the key that signs it, and the places for secrets.

locals {
  # Collections whose documents end by themselves, at the time in `ttl` (the trail is in none of them), and those whose `body` nobody asks by.
  forgotten = ["before", "censuses", "clicks", "exemptions", "parts", "signals", "slots", "threads"]
  bodies    = ["before", "exemptions", "jobs", "notices", "parts", "records", "signals", "slots", "threads", "turns"]
}

# Kept when everything else is taken down: the trail outlives the product.
resource "google_firestore_database" "state" {
  name                              = var.name
  location_id                       = var.region
  type                              = "FIRESTORE_NATIVE"
  concurrency_mode                  = "PESSIMISTIC"
  point_in_time_recovery_enablement = "POINT_IN_TIME_RECOVERY_ENABLED"
  delete_protection_state           = "DELETE_PROTECTION_ENABLED"
  deletion_policy                   = "ABANDON"
}

resource "google_firestore_field" "ttl" {
  for_each   = toset(local.forgotten)
  database   = google_firestore_database.state.name
  collection = each.key
  field      = "ttl"
  ttl_config {}
  index_config {} # nobody asks by it
}

resource "google_firestore_field" "body" {
  for_each   = toset(local.bodies)
  database   = google_firestore_database.state.name
  collection = each.key
  field      = "body"
  index_config {}
}

# The sealed trail. While it is retained nothing is replaced or deleted; retention and versions exclude each other (Cloud Storage documentation, "Bucket Lock").
resource "google_storage_bucket" "archive" {
  name                        = "${var.project}-${var.name}-archive"
  location                    = var.region
  uniform_bucket_level_access = true
  public_access_prevention    = "enforced"
  force_destroy               = false
  retention_policy {
    retention_period = var.retention_days * 86400
    is_locked        = var.lock_retention
  }
  soft_delete_policy {
    retention_duration_seconds = 2592000 # thirty days: what is deleted after its retention can still be brought back
  }
  lifecycle {
    prevent_destroy = true
  }
}

resource "google_kms_key_ring" "seal" {
  name     = var.name
  location = var.region
}

# Signs the checkpoints of the trail.
resource "google_kms_crypto_key" "seal" {
  name                       = "seal"
  key_ring                   = google_kms_key_ring.seal.id
  purpose                    = "ASYMMETRIC_SIGN"
  destroy_scheduled_duration = "2592000s" # thirty days in which somebody may notice
  version_template {
    algorithm        = var.seal_algorithm
    protection_level = "SOFTWARE"
  }
  lifecycle {
    prevent_destroy = true
  }
}

# The versions are added by hand: what is in them is no business of the state of Terraform.
resource "google_secret_manager_secret" "slack" {
  for_each  = toset(var.slack ? ["signing-secret", "token"] : [])
  secret_id = "${var.name}-slack-${each.key}"
  replication {
    auto {}
  }
}
