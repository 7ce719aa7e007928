"""The demo: an AI account in an embedded AWS, everyday traffic, an attack, and the real engine and IAM adapters at work."""
