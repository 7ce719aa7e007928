"""The trail as a whole: sealed by numbers, a tree and signatures; verified, reconciled and told in the forms that others read."""
