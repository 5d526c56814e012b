"""The bundled blocklist, as package data: common passwords, and the words that they are made of.

``blocklist.txt`` was written for this package, by hand, from what published rankings of leaked passwords have in
common; no such list was copied. A password of 15 characters or more is seldom on those lists as a whole, so most of it
are words: ``rules.password`` refuses what is made of a few of them.
"""

from functools import cache
from importlib import resources

from chainwallet.rules.password import MIN_CHARS, MIN_WORD_CHARS, Blocklist


@cache
def load_blocklist() -> Blocklist:
    """The bundled list: lines, of which those with ``#`` are comments."""
    text = resources.files(__package__).joinpath("blocklist.txt").read_text("utf-8")
    entries = frozenset(line for line in text.splitlines() if line and not line.startswith("#"))
    words = frozenset(entry for entry in entries if MIN_WORD_CHARS <= len(entry) < MIN_CHARS)
    return Blocklist(passwords=entries, words=words)
