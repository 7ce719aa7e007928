# Ringfence on Google Cloud: what is heard, and the queues. The functions are in functions.tf, what is kept in state.tf, who may do what in roles.tf, who
# is told when something fails in alerts.tf. Nothing acts until `mode` says so.

data "google_project" "this" {
  project_id = var.project
}

locals {
  kind     = split("/", var.scope)[0]
  scope_id = split("/", var.scope)[1]
  # Each topic, the function that it is pushed to, and whether the messages of one key come one after the other.
  topics = {
    events  = { to = "evaluate", ordered = false }
    jobs    = { to = "respond", ordered = true } # the key is the target: the fence in the store is what correctness rests on
    notices = { to = "notify", ordered = false }
  }
  # What the guardrails hear, and whatever our own accounts change: each such call is reconciled with the job that made it.
  heard   = trimspace(file("${path.module}/filter.txt"))
  own     = join(" OR ", [for account in google_service_account.function : "\"${account.email}\""])
  own_log = "log_id(\"cloudaudit.googleapis.com/activity\") AND protoPayload.authenticationInfo.principalEmail=(${local.own})"
  filter  = "(${local.heard}) OR (${local.own_log})"
  sink    = "pubsub.googleapis.com/${google_pubsub_topic.queue["events"].id}"
  writer = one(concat(
    google_logging_organization_sink.audit[*].writer_identity,
    google_logging_folder_sink.audit[*].writer_identity,
    google_logging_project_sink.audit[*].writer_identity,
  ))
}

# ---- What is heard. A sink hears what the audit logs hold: Data Access logs are off until somebody switches them on.
resource "google_logging_organization_sink" "audit" {
  count            = local.kind == "organizations" ? 1 : 0
  name             = var.name
  org_id           = local.scope_id
  description      = "What Ringfence's guardrails hear."
  destination      = local.sink
  filter           = local.filter
  include_children = var.include_children
}

resource "google_logging_folder_sink" "audit" {
  count            = local.kind == "folders" ? 1 : 0
  name             = var.name
  folder           = var.scope
  description      = "What Ringfence's guardrails hear."
  destination      = local.sink
  filter           = local.filter
  include_children = var.include_children
}

resource "google_logging_project_sink" "audit" {
  count                  = local.kind == "projects" ? 1 : 0
  name                   = var.name
  project                = local.scope_id
  description            = "What Ringfence's guardrails hear."
  destination            = local.sink
  filter                 = local.filter
  unique_writer_identity = true
}

resource "google_scc_v2_organization_notification_config" "findings" {
  count        = var.scc == "organization" ? 1 : 0
  config_id    = var.name
  organization = var.organization
  location     = "global"
  description  = "Findings for Ringfence."
  pubsub_topic = google_pubsub_topic.queue["events"].id
  streaming_config {
    filter = trimspace(file("${path.module}/scc_filter.txt"))
  }
  lifecycle {
    precondition {
      condition     = var.organization != ""
      error_message = "Findings of the whole organisation need `organization`."
    }
  }
}

resource "google_scc_v2_project_notification_config" "findings" {
  count        = var.scc == "project" ? 1 : 0
  config_id    = var.name
  project      = local.kind == "projects" ? local.scope_id : var.project
  location     = "global"
  description  = "Findings for Ringfence."
  pubsub_topic = google_pubsub_topic.queue["events"].id
  streaming_config {
    filter = trimspace(file("${path.module}/scc_filter.txt"))
  }
}

# A message that goes the whole way; review looks whether it came through.
resource "google_cloud_scheduler_job" "canary" {
  name      = "${var.name}-canary"
  region    = var.region
  schedule  = "*/15 * * * *"
  time_zone = "Etc/UTC"
  pubsub_target {
    topic_name = google_pubsub_topic.queue["events"].id
    data       = base64encode(jsonencode({ source = "ringfence.canary" }))
  }
}

# ---- Queues, each with its dead letters.
resource "google_pubsub_topic" "queue" {
  for_each = local.topics
  name     = "${var.name}-${each.key}"
}

resource "google_pubsub_topic" "dead" {
  for_each = local.topics
  name     = "${var.name}-${each.key}-dead"
}

resource "google_pubsub_subscription" "push" {
  for_each                   = local.topics
  name                       = "${var.name}-${each.key}"
  topic                      = google_pubsub_topic.queue[each.key].id
  enable_message_ordering    = each.value.ordered
  ack_deadline_seconds       = 360       # longer than any function takes
  message_retention_duration = "604800s" # seven days
  expiration_policy {
    ttl = "" # never: a quiet month is no reason to be deaf
  }
  retry_policy {
    minimum_backoff = "30s"
    maximum_backoff = "600s" # the longest there is
  }
  push_config {
    push_endpoint = local.urls[each.value.to]
    oidc_token {
      service_account_email = google_service_account.push.email
      audience              = local.urls[each.value.to]
    }
  }
  dead_letter_policy {
    dead_letter_topic     = google_pubsub_topic.dead[each.key].id
    max_delivery_attempts = 20 # with these pauses about two hours: an outage of some minutes loses nothing
  }
  depends_on = [google_cloudfunctions2_function.function] # what comes before there is a function would end as a dead letter
}

# Review brings each to its end; until it has, the letter stays.
resource "google_pubsub_subscription" "dead" {
  for_each                   = local.topics
  name                       = "${var.name}-${each.key}-dead"
  topic                      = google_pubsub_topic.dead[each.key].id
  ack_deadline_seconds       = 360
  message_retention_duration = "2678400s" # 31 days, the longest there is
  expiration_policy {
    ttl = ""
  }
  retry_policy {
    minimum_backoff = "60s"
    maximum_backoff = "600s"
  }
  push_config {
    push_endpoint = local.urls["review"]
    oidc_token {
      service_account_email = google_service_account.push.email
      audience              = local.urls["review"]
    }
  }
}

# What waits: readings after a while. A task that fails for good is lost, and the sweep finds its job.
resource "google_cloud_tasks_queue" "later" {
  name     = "${var.name}-later"
  location = var.region
  rate_limits {
    max_concurrent_dispatches = 2
  }
  retry_config {
    max_attempts = 5
    min_backoff  = "10s"
    max_backoff  = "300s"
  }
}
