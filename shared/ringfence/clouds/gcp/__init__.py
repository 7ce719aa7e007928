"""Google Cloud. Its feeds are recognised; judging and acting there come with a later version."""
