"""The documents that go in and out, one module for each noun."""
