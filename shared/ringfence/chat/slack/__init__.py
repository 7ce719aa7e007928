"""Slack: requests that it signs, what it shows, and its Web API. Nothing is decided here."""
