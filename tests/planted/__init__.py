"""Planted defects: each is one change of the product that breaks a promise, and the one fast test that has to notice it."""
