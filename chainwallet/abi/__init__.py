"""Bytes to and from meaning, for our contracts and typed data."""
