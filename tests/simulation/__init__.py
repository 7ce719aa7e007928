"""A seeded, deterministic simulation of the job core: many workers, and everything that goes wrong on a bad night."""
