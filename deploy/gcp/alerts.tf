# One dead letter is one too many.

locals {
  alerts = {
    dead-letters = {
      says   = "A message could not be worked off and became a dead letter. Review brings it to its end; look into the log of the function that it was for."
      filter = "resource.type = \"pubsub_subscription\" AND resource.labels.subscription_id = starts_with(\"${var.name}-\") AND metric.type = \"pubsub.googleapis.com/subscription/dead_letter_message_count\""
    }
    failures = {
      says   = "A function failed. Pub/Sub tries again; the next minute of seal, review and notify comes by itself."
      filter = "resource.type = \"cloud_run_revision\" AND resource.labels.service_name = starts_with(\"${var.name}-\") AND metric.type = \"run.googleapis.com/request_count\" AND metric.labels.response_code_class = \"5xx\""
    }
  }
}

resource "google_monitoring_alert_policy" "failed" {
  for_each              = local.alerts
  display_name          = "${var.name}: ${each.key}"
  combiner              = "OR"
  notification_channels = var.notification_channels
  documentation {
    content = each.value.says
  }
  conditions {
    display_name = each.key
    condition_threshold {
      filter          = each.value.filter
      comparison      = "COMPARISON_GT"
      threshold_value = 0
      duration        = "0s"
      aggregations {
        alignment_period     = "60s"
        per_series_aligner   = "ALIGN_DELTA"
        cross_series_reducer = "REDUCE_SUM"
      }
    }
  }
}

resource "google_monitoring_alert_policy" "silent" {
  for_each              = toset(["review", "seal"])
  display_name          = "${var.name}: ${each.key} is silent"
  combiner              = "OR"
  notification_channels = var.notification_channels
  documentation {
    content = "It was not called for five minutes: its schedule is paused, or the function is gone. Nobody looks after what was lost, or the trail is not sealed."
  }
  conditions {
    display_name = each.key
    condition_absent {
      filter   = "resource.type = \"cloud_run_revision\" AND resource.labels.service_name = \"${local.names[each.key]}\" AND metric.type = \"run.googleapis.com/request_count\""
      duration = "300s"
      aggregations {
        alignment_period     = "60s"
        per_series_aligner   = "ALIGN_DELTA"
        cross_series_reducer = "REDUCE_SUM"
      }
    }
  }
}

# Whatever people have to know stands in the log of notify; without Slack this is the only way that they hear of it.
resource "google_monitoring_alert_policy" "notice" {
  display_name          = "${var.name}: a notice for people"
  combiner              = "OR"
  notification_channels = var.notification_channels
  documentation {
    content = "Ringfence has something to tell: look into the log of ${local.names["notify"]}, and for what was lost on its way of ${local.names["review"]}."
  }
  conditions {
    display_name = "notice"
    condition_matched_log {
      filter = "resource.type=\"cloud_run_revision\" AND resource.labels.service_name=(\"${local.names["notify"]}\" OR \"${local.names["review"]}\") AND severity>=WARNING AND jsonPayload.message=(\"a notice for people\" OR \"a notice for people was lost\")"
    }
  }
  alert_strategy {
    notification_rate_limit {
      period = "300s"
    }
  }
}
