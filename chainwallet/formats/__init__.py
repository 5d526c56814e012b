"""Files of other apps, to and from values."""
