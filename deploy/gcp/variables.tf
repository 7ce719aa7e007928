variable "project" {
  type        = string
  description = "Id of the project that Ringfence runs in. Give it one of its own: whoever may change the functions there has all that they may do."
}

variable "region" {
  type        = string
  default     = "europe-west1"
  description = "Where everything is kept and runs. It needs Cloud Run functions, Firestore, Cloud Tasks, Cloud Scheduler and Cloud KMS."
}

variable "name" {
  type        = string
  default     = "ringfence"
  description = "With what the names of everything begin that is made here."
  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{2,18}[a-z0-9]$", var.name))
    error_message = "Take 4 to 20 small letters, digits and dashes, a letter first: names of service accounts hold no more."
  }
}

variable "scope" {
  type        = string
  description = "What is watched and acted on: organizations/NUMBER, folders/NUMBER or projects/ID."
  validation {
    condition     = can(regex("^((organizations|folders)/[0-9]+|projects/[a-z][a-z0-9-]{4,28}[a-z0-9])$", var.scope))
    error_message = "Say organizations/NUMBER, folders/NUMBER or projects/ID."
  }
}

variable "organization" {
  type        = string
  default     = ""
  description = "Number of the organisation. Needed where the scope is a folder, where findings of the whole organisation are heard, and for deny policies on a project."
  validation {
    condition     = can(regex("^[0-9]*$", var.organization))
    error_message = "The number alone."
  }
}

variable "include_children" {
  type        = bool
  default     = true
  description = "Whether the log sink of an organisation or a folder hears what is below it. Without that only the node itself is heard."
}

variable "scc" {
  type        = string
  default     = "none"
  description = "Whose findings of Security Command Center are heard: none, project (of the scope, or else of Ringfence itself) or organization."
  validation {
    condition     = contains(["none", "project", "organization"], var.scc)
    error_message = "One of none, project, organization."
  }
}

variable "mode" {
  type        = string
  default     = "observe"
  description = "observe: everything but the acting. graduated: fresh changes are reversed, containment asks. strict: critical containment acts."
  validation {
    condition     = contains(["observe", "graduated", "strict"], var.mode)
    error_message = "One of observe, graduated, strict."
  }
}

variable "restore" {
  type        = bool
  default     = true
  description = "Whether the writer may take its own containment off: enable accounts and keys, bring keys of APIs back. Without it a person does that."
}

variable "deny_at" {
  type        = string
  default     = ""
  description = "At which resource deny policies may be made: organizations/NUMBER, folders/NUMBER or projects/ID. Empty: none are; containment then disables and unbinds."
  validation {
    condition     = can(regex("^$|^((organizations|folders)/[0-9]+|projects/[a-z][a-z0-9-]{4,28}[a-z0-9])$", var.deny_at))
    error_message = "Say organizations/NUMBER, folders/NUMBER, projects/ID, or leave it empty."
  }
}

variable "workspace" {
  type        = bool
  default     = false
  description = "Whether the writer may suspend users of Google Workspace. It needs a role or a delegation there, which only an administrator of it can give."
}

variable "respond_instances" {
  type        = number
  default     = 5
  description = "How many jobs are worked on at a time, each of another target."
  validation {
    condition     = var.respond_instances >= 1
    error_message = "At least 1: otherwise nothing is ever done."
  }
}

variable "slack" {
  type        = bool
  default     = false
  description = "Ask and tell in Slack. Makes the secrets (you add their versions) and lets anybody call the approve function, which checks Slack's signature."
}

variable "without_slack" {
  type        = bool
  default     = false
  description = "Let it act although nobody can be asked and nobody can turn the kill switch: questions expire, and stopping it takes docs/runbook.md."
}

variable "retention_days" {
  type        = number
  default     = 30
  description = "For how many days nothing in the archive of the trail can be deleted or replaced."
  validation {
    condition     = var.retention_days >= 1 && var.retention_days <= 3650
    error_message = "Between 1 and 3650."
  }
}

variable "lock_retention" {
  type        = bool
  default     = false
  description = "Lock the archive's retention. It can never be taken off or shortened again, by nobody, and the bucket stays as long as what is in it."
}

variable "seal_algorithm" {
  type        = string
  default     = "EC_SIGN_ED25519"
  description = "With what the checkpoints of the trail are signed. It cannot be changed later: a trail has one key."
  validation {
    condition     = contains(["EC_SIGN_ED25519", "EC_SIGN_P256_SHA256"], var.seal_algorithm)
    error_message = "EC_SIGN_ED25519 or EC_SIGN_P256_SHA256."
  }
}

variable "cloud_run_authenticates" {
  type        = bool
  default     = false
  description = "Take tokens whose signature Cloud Run has checked and taken off. Only where dead letters come and the log says that it does; nobody but the push account may call these functions."
}

variable "notification_channels" {
  type        = list(string)
  default     = []
  description = "Full names of channels of Cloud Monitoring that alerts go to. Without any they are seen in the console alone."
}

variable "bundles" {
  type        = string
  default     = "../../build/gcp"
  description = "Folder of the packed functions, as seen from this one. Infrastructure Manager takes this folder alone: copy them into it and say bundles."
}
