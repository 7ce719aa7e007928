"""Google Cloud: every port over REST, by google-auth's session. No client library of a single service is imported."""
