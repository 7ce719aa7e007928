"""The vocabulary of DESIGN section 2 as types. No I/O, no clock, no environment, no randomness."""
