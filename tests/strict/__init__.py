"""A stricter AWS over moto: what AWS refuses, and moto lets pass. Each divergence that it mends is named in docs/divergences.md."""
