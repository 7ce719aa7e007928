"""Mutation testing of what decides over allow or deny: each small change of it has to be noticed by a test."""
