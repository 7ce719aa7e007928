"""A Google Cloud of our own on loopback: the REST surface that the product uses, as the discovery documents describe it."""
