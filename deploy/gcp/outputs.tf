output "chat_url" {
  description = "Where Slack sends clicks and commands; empty without Slack."
  value       = var.slack ? local.urls["approve"] : ""
}

output "respond_account" {
  description = "The only account that changes anything. Watch what is granted to it, and who may act as it."
  value       = google_service_account.function["respond"].email
}

output "accounts" {
  description = "The accounts of the functions, by function."
  value       = { for name, account in google_service_account.function : name => account.email }
}

output "archive" {
  description = "Bucket of the sealed trail. Auditors need roles/storage.objectViewer on it; to see what somebody deleted, storage.objects.restore too (in a role of your own: it lists what is soft-deleted, and brings it back); for --stack also datastore.entities.get and .list here."
  value       = google_storage_bucket.archive.name
}

output "database" {
  description = "Firestore database of jobs and trail."
  value       = google_firestore_database.state.name
}

output "seal_key" {
  description = "The key version that signs the trail."
  value       = local.environment["SEAL_KEY"]
}

output "writer_identity" {
  description = "The account with which the log sink publishes."
  value       = local.writer
}
