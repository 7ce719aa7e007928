# Who may do what. Nobody but respond may change anything outside of this project.
#
# What Google Cloud cannot do: whoever may take a grant out of an allow policy (setIamPolicy) may put one in. There is no permission for one direction
# alone; a condition on `modifiedGrantsByRole` limits which roles are touched, not which way. So the role "contain" is as good as owner of what
# it holds setIamPolicy on. That respond only takes away is the code's promise, and its every call is compared with the trail (`own` in main.tf).

locals {
  permissions = jsondecode(file("${path.module}/permissions.json"))
  holders = {
    read    = ["evaluate", "respond", "review"]
    contain = ["respond"]
    restore = var.restore ? ["respond"] : []
  }
  # A role that is defined in a project may hold nothing of folders and organisations; pools of people's identities are the organisation's too.
  held = {
    for role, who in local.holders : role => [
      for permission in local.permissions[role] : permission
      if local.kind != "projects" || !can(regex("^(resourcemanager[.](folders|organizations)[.]|iam[.]googleapis[.]com/workforce)", permission))
    ] if length(who) > 0
  }
  titles = {
    read    = "Ringfence reads policies, accounts and keys"
    contain = "Ringfence takes away, disables and closes"
    restore = "Ringfence takes its own containment off"
  }
  grants = merge([for role, who in local.holders : { for name in who : "${name}-${role}" => { name = name, role = role } }]...)
  roles = merge(
    { for role, made in google_project_iam_custom_role.scope : role => made.name },
    { for role, made in google_organization_iam_custom_role.scope : role => made.name },
  )
  # Where the role that makes deny policies is granted: on a project it cannot be.
  deny_at = startswith(var.deny_at, "projects/") ? "organizations/${var.organization}" : var.deny_at
  pubsub  = "serviceAccount:service-${data.google_project.this.number}@gcp-sa-pubsub.iam.gserviceaccount.com"
  sends   = { evaluate = ["jobs", "notices"], respond = ["jobs", "notices"], approve = ["jobs", "notices"], review = ["jobs", "notices"], seal = ["notices"] }
  senders = merge([for name, topics in local.sends : { for topic in topics : "${name}-${topic}" => { name = name, topic = topic } }]...)
  told = {
    for pair in [["approve", "signing-secret"], ["approve", "token"], ["notify", "token"]] : join("-", pair) => { name = pair[0], secret = pair[1] } if var.slack
  }
}

# ---- On what is watched. Folders have no roles of their own: theirs are the organisation's.
resource "google_organization_iam_custom_role" "scope" {
  for_each    = { for role, held in local.held : role => held if local.kind != "projects" }
  org_id      = local.kind == "organizations" ? local.scope_id : var.organization
  role_id     = replace("${var.name}_${each.key}", "-", "_")
  title       = local.titles[each.key]
  permissions = each.value
  lifecycle {
    precondition {
      condition     = local.kind == "organizations" || var.organization != ""
      error_message = "A folder needs `organization` too: its roles are defined there."
    }
  }
}

resource "google_project_iam_custom_role" "scope" {
  for_each    = { for role, held in local.held : role => held if local.kind == "projects" }
  project     = local.scope_id
  role_id     = replace("${var.name}_${each.key}", "-", "_")
  title       = local.titles[each.key]
  permissions = each.value
}

resource "google_organization_iam_member" "scope" {
  for_each = { for key, grant in local.grants : key => grant if local.kind == "organizations" }
  org_id   = local.scope_id
  role     = local.roles[each.value.role]
  member   = google_service_account.function[each.value.name].member
}

resource "google_folder_iam_member" "scope" {
  for_each = { for key, grant in local.grants : key => grant if local.kind == "folders" }
  folder   = var.scope
  role     = local.roles[each.value.role]
  member   = google_service_account.function[each.value.name].member
}

resource "google_project_iam_member" "scope" {
  for_each = { for key, grant in local.grants : key => grant if local.kind == "projects" }
  project  = local.scope_id
  role     = local.roles[each.value.role]
  member   = google_service_account.function[each.value.name].member
}

# Deny policies: Google takes their permissions into no custom role, and grants this one on organisations and folders alone. The list "deny" of
# permissions.json is what is used of it.
resource "google_organization_iam_member" "deny" {
  count  = startswith(local.deny_at, "organizations/") ? 1 : 0
  org_id = split("/", local.deny_at)[1]
  role   = "roles/iam.denyAdmin"
  member = google_service_account.function["respond"].member
  lifecycle {
    precondition {
      condition     = local.deny_at != "organizations/"
      error_message = "Deny policies on a project need `organization` too: the role is granted there."
    }
  }
}

resource "google_folder_iam_member" "deny" {
  count  = startswith(local.deny_at, "folders/") ? 1 : 0
  folder = local.deny_at
  role   = "roles/iam.denyAdmin"
  member = google_service_account.function["respond"].member
}

# Who judges looks whether a deny policy of ours is there already.
resource "google_organization_iam_member" "denied" {
  for_each = { for name in ["evaluate", "review"] : name => name if startswith(local.deny_at, "organizations/") }
  org_id   = split("/", local.deny_at)[1]
  role     = "roles/iam.denyReviewer"
  member   = google_service_account.function[each.key].member
}

resource "google_folder_iam_member" "denied" {
  for_each = { for name in ["evaluate", "review"] : name => name if startswith(local.deny_at, "folders/") }
  folder   = local.deny_at
  role     = "roles/iam.denyReviewer"
  member   = google_service_account.function[each.key].member
}

# ---- In this project: jobs and records. Written and changed, never deleted; Firestore cannot grant one collection alone.
resource "google_project_iam_custom_role" "state" {
  project     = var.project
  role_id     = replace("${var.name}_state", "-", "_")
  title       = "Ringfence keeps jobs and records"
  permissions = ["datastore.databases.get", "datastore.entities.create", "datastore.entities.get", "datastore.entities.list", "datastore.entities.update"]
}

resource "google_project_iam_member" "state" {
  for_each = local.functions
  project  = var.project
  role     = google_project_iam_custom_role.state.name
  member   = google_service_account.function[each.key].member
}

# ---- Who sends what.
resource "google_pubsub_topic_iam_member" "sends" {
  for_each = local.senders
  topic    = google_pubsub_topic.queue[each.value.topic].id
  role     = "roles/pubsub.publisher"
  member   = google_service_account.function[each.value.name].member
}

resource "google_pubsub_topic_iam_member" "sink" {
  topic  = google_pubsub_topic.queue["events"].id
  role   = "roles/pubsub.publisher"
  member = local.writer
}

resource "google_pubsub_topic_iam_member" "findings" {
  count  = var.scc == "none" ? 0 : 1
  topic  = google_pubsub_topic.queue["events"].id
  role   = "roles/pubsub.publisher"
  member = "serviceAccount:${one(concat(google_scc_v2_organization_notification_config.findings[*].service_account, google_scc_v2_project_notification_config.findings[*].service_account))}"
}

resource "google_pubsub_topic_iam_member" "dead" {
  for_each = local.topics
  topic    = google_pubsub_topic.dead[each.key].id
  role     = "roles/pubsub.publisher"
  member   = local.pubsub
}

resource "google_pubsub_subscription_iam_member" "dead" {
  for_each     = local.topics
  subscription = google_pubsub_subscription.push[each.key].id
  role         = "roles/pubsub.subscriber"
  member       = local.pubsub
}

resource "google_service_account_iam_member" "push" {
  service_account_id = google_service_account.push.name
  role               = "roles/iam.serviceAccountOpenIdTokenCreator"
  member             = local.pubsub
}

# A task carries a token of the push account: who makes one must be allowed to act as it.
resource "google_service_account_iam_member" "later" {
  for_each           = toset(["respond", "review"])
  service_account_id = google_service_account.push.name
  role               = "roles/iam.serviceAccountUser"
  member             = google_service_account.function[each.key].member
}

resource "google_cloud_tasks_queue_iam_member" "later" {
  for_each = toset(["respond", "review"])
  location = var.region
  name     = google_cloud_tasks_queue.later.name
  role     = "roles/cloudtasks.enqueuer"
  member   = google_service_account.function[each.key].member
}

# ---- The trail: added to and read, never replaced.
resource "google_storage_bucket_iam_member" "seal" {
  for_each = toset(["roles/storage.objectCreator", "roles/storage.objectViewer"])
  bucket   = google_storage_bucket.archive.name
  role     = each.key
  member   = google_service_account.function["seal"].member
}

resource "google_kms_crypto_key_iam_member" "seal" {
  crypto_key_id = google_kms_crypto_key.seal.id
  role          = "roles/cloudkms.signerVerifier"
  member        = google_service_account.function["seal"].member
}

resource "google_secret_manager_secret_iam_member" "slack" {
  for_each  = local.told
  secret_id = google_secret_manager_secret.slack[each.value.secret].id
  role      = "roles/secretmanager.secretAccessor"
  member    = google_service_account.function[each.value.name].member
}
