"""How deeply JSON is nested, told before anything reads it.

Deep nesting ends the whole process, not the reading alone, where a library has raised Python's recursion limit: py_ecc,
which eth-keyfile and web3 import, does.
"""

import re

_ALL_BUT_BRACKETS = bytes(byte for byte in range(256) if byte not in b"[]{}")
_TEXTS = re.compile(rb'"(?:[^"\\]|\\.)*"')


def is_flat(content: bytes, most_levels: int) -> bool:
    """Whether ``content`` has at most so many objects and lists in one another, and can be read without harm.

    Quickly where there are few brackets at all, and without those in texts else.
    """
    return _is_flat(content, most_levels) or _is_flat(_TEXTS.sub(b"", content), most_levels)


def _is_flat(content: bytes, most_levels: int) -> bool:
    brackets = content.translate(None, _ALL_BUT_BRACKETS)
    for _ in range(most_levels):
        left = brackets.replace(b"[]", b"").replace(b"{}", b"")
        if len(left) == len(brackets):
            break
        brackets = left
    return len(brackets) <= most_levels
