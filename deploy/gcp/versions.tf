# A root module: `terraform apply` or `tofu apply` in this folder, or Infrastructure Manager, which runs Terraform 1.5.
terraform {
  required_version = ">= 1.5"
  required_providers {
    google = {
      source  = "hashicorp/google"
      version = ">= 6.50, < 8.0"
    }
  }
}

# Some APIs want to know whose quota a person's call is charged to: that of the project itself.
provider "google" {
  project               = var.project
  region                = var.region
  billing_project       = var.project
  user_project_override = true
}
