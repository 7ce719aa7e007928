"""Ringfence puts a fence round the identities of AI projects. The map of the package is docs/how-it-works.md."""

__version__ = "0.1.0"
