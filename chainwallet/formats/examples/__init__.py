"""Example files, read by name through ``importlib.resources``."""
