# The functions, an account for each, and who may call them.

locals {
  # seconds = how long one call may take; instances = how many run at a time, each working on one request.
  functions = {
    evaluate = { says = "events -> findings -> jobs", seconds = 60, instances = 10 }
    respond  = { says = "jobs -> apply, verify, undo; the only writer", seconds = 120, instances = var.respond_instances }
    approve  = { says = "a vote, signed by Slack -> a decided job", seconds = 30, instances = 5 }
    notify   = { says = "notices -> the log and the chat", seconds = 60, instances = 2 }
    seal     = { says = "every minute - new records into a retained segment, under the tree and a signature", seconds = 120, instances = 1 }
    review   = { says = "every minute - the sweep, dead letters, the census", seconds = 300, instances = 2 }
  }
  every_minute = ["notify", "review", "seal"]
  pushed       = ["evaluate", "notify", "respond", "review", "seal"] # by our own subscriptions, tasks and schedules
  names        = { for name, _ in local.functions : name => "${var.name}-${name}" }
  # The address that Cloud Run gives a service by its name: known before the service is there, so that a function can be told its own.
  urls = { for name, full in local.names : name => "https://${full}-${data.google_project.this.number}.${var.region}.run.app" }

  environment = {
    GOOGLE_CLOUD_PROJECT = var.project
    FIRESTORE_DATABASE   = google_firestore_database.state.name
    MODE                 = var.mode
    POWERS               = var.restore ? "full" : "contain"
    DENY_AT              = var.deny_at
    WORKSPACE            = var.workspace ? "yes" : "no"
    STACK                = var.name
    OWN_ACCOUNTS         = join(",", [for account in google_service_account.function : account.email])
    PUSH_ACCOUNT         = google_service_account.push.email
    # Whether Cloud Run takes the signature off the tokens that it has checked is not established: see docs/google-cloud.md.
    CLOUD_RUN_AUTHENTICATES = var.cloud_run_authenticates ? "yes" : "no"
    JOBS_TOPIC           = google_pubsub_topic.queue["jobs"].id
    NOTICES_TOPIC        = google_pubsub_topic.queue["notices"].id
    SEAL_KEY             = "${google_kms_crypto_key.seal.id}/cryptoKeyVersions/1"
    ORIGIN               = "ringfence.gcp/${var.project}/${var.region}/${var.name}"
  }
  later = {
    LATER_QUEUE = google_cloud_tasks_queue.later.id
    RESPOND_URL = local.urls["respond"]
  }
  token = { SLACK_TOKEN = var.slack ? "${google_secret_manager_secret.slack["token"].id}/versions/latest" : "" }
  more = {
    evaluate = {}
    respond  = local.later
    approve = merge(local.token, {
      SLACK_SIGNING_SECRET = var.slack ? "${google_secret_manager_secret.slack["signing-secret"].id}/versions/latest" : ""
    })
    notify = local.token
    seal   = { ARCHIVE = google_storage_bucket.archive.name }
    review = local.later
  }
}

resource "google_service_account" "function" {
  for_each     = local.functions
  account_id   = local.names[each.key]
  display_name = "Ringfence ${each.key}"
  description  = each.value.says
}

# What pushes, tasks and schedules come with. It may call functions, and nothing else.
resource "google_service_account" "push" {
  account_id   = "${var.name}-push"
  display_name = "Ringfence push"
  description  = "Calls the functions of Ringfence."
}

# The functions are built as this one: the account that Cloud Build takes by itself is often an editor of the project.
resource "google_service_account" "build" {
  account_id   = "${var.name}-build"
  display_name = "Ringfence build"
  description  = "Builds the functions of Ringfence."
}

resource "google_project_iam_member" "build" {
  for_each = toset(["roles/artifactregistry.writer", "roles/logging.logWriter"])
  project  = var.project
  role     = each.key
  member   = google_service_account.build.member
}

# It reads the sources, and nothing else that is kept here: Cloud Run functions copies them into a bucket of its own before they are built
# (Cloud Run functions documentation, "Build process overview"), which nobody can name a grant on before it is there.
resource "google_storage_bucket_iam_member" "build" {
  bucket = google_storage_bucket.source.name
  role   = "roles/storage.objectViewer"
  member = google_service_account.build.member
}

resource "google_project_iam_member" "copies" {
  project = var.project
  role    = "roles/storage.objectViewer"
  member  = google_service_account.build.member
  condition {
    title      = "Copies of the sources"
    expression = "resource.name.startsWith(\"projects/_/buckets/gcf-v2-sources-${data.google_project.this.number}-${var.region}\")"
  }
}

resource "google_storage_bucket" "source" {
  name                        = "${var.project}-${var.name}-source"
  location                    = var.region
  uniform_bucket_level_access = true
  public_access_prevention    = "enforced"
  versioning {
    enabled = true
  }
}

resource "google_storage_bucket_object" "source" {
  for_each = local.functions
  bucket   = google_storage_bucket.source.name
  name     = "gcp_${each.key}-${filemd5("${path.module}/${var.bundles}/gcp_${each.key}.zip")}.zip"
  source   = "${path.module}/${var.bundles}/gcp_${each.key}.zip"
}

resource "google_cloudfunctions2_function" "function" {
  for_each    = local.functions
  name        = local.names[each.key]
  location    = var.region
  description = each.value.says
  build_config {
    runtime         = "python312"
    entry_point     = "main"
    service_account = google_service_account.build.id
    source {
      storage_source {
        bucket = google_storage_bucket.source.name
        object = google_storage_bucket_object.source[each.key].name
      }
    }
  }
  service_config {
    service_account_email            = google_service_account.function[each.key].email
    environment_variables            = merge(local.environment, local.more[each.key], { AUDIENCE = local.urls[each.key] })
    timeout_seconds                  = each.value.seconds
    available_memory                 = "512Mi"
    max_instance_count               = each.value.instances
    max_instance_request_concurrency = 1
    all_traffic_on_latest_revision   = true
    # Pub/Sub, Cloud Tasks and Cloud Scheduler of the same project count as internal (Cloud Run documentation, "Restrict network ingress").
    ingress_settings = each.key == "approve" ? "ALLOW_ALL" : "ALLOW_INTERNAL_ONLY"
  }
  lifecycle {
    precondition {
      condition     = var.mode == "observe" || var.slack || var.without_slack
      error_message = "Without Slack nobody is asked, nobody takes containment off and nobody turns the kill switch: say `slack`, or `without_slack` if you know that."
    }
  }
  depends_on = [google_project_iam_member.build, google_project_iam_member.copies, google_storage_bucket_iam_member.build]
}

resource "google_cloud_run_v2_service_iam_member" "pushed" {
  for_each = toset(local.pushed)
  location = var.region
  name     = google_cloudfunctions2_function.function[each.key].name
  role     = "roles/run.invoker"
  member   = google_service_account.push.member
}

# Slack has no account here: the function itself checks its signature, before anything else is loaded.
resource "google_cloud_run_v2_service_iam_member" "slack" {
  count    = var.slack ? 1 : 0
  location = var.region
  name     = google_cloudfunctions2_function.function["approve"].name
  role     = "roles/run.invoker"
  member   = "allUsers"
}

resource "google_cloud_scheduler_job" "minute" {
  for_each         = toset(local.every_minute)
  name             = "${var.name}-${each.key}"
  region           = var.region
  schedule         = "* * * * *"
  time_zone        = "Etc/UTC"
  attempt_deadline = "${local.functions[each.key].seconds}s"
  retry_config {
    retry_count = 0 # the next minute comes by itself
  }
  http_target {
    http_method = "POST"
    uri         = local.urls[each.key]
    headers     = { "Content-Type" = "application/json" }
    body        = base64encode("{}")
    oidc_token {
      service_account_email = google_service_account.push.email
      audience              = local.urls[each.key]
    }
  }
  depends_on = [google_cloudfunctions2_function.function]
}
