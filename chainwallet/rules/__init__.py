"""Rules: pure decisions about money. No I/O, clock or randomness."""
