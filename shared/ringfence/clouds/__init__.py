"""The outside, one folder per cloud. `clouds.aws` and `clouds.gcp` do not know each other."""
