"""Handles: the names that people pay each other by, shown as ``@ana``.

They are plain ASCII, so that no two handles look alike by letters of other scripts: such a letter is refused by name.
"""

import unicodedata
from string import ascii_lowercase, digits
from typing import NewType

from chainwallet.errors import BadValue

Handle = NewType("Handle", str)
"""A checked handle in lower case, without the ``@`` that it is shown with."""

MIN_CHARS = 3
MAX_CHARS = 30
MOST_SHOWN_CHARS = 64  # of a refused text in an error

_FIRST = frozenset(ascii_lowercase + digits)
_ALLOWED = _FIRST | {"_", "-"}
_LOOKS_LIKE = str.maketrans("01i", "oll", "_-")

_OF_THE_SERVICE = """
account accounts admin administrator api app auditor bank billing cash chainwallet compliance contact deployer finance
help helpdesk host info issuer ledger legal login mail moderator notifier office official operator owner pauser payment
payments relayer root security service services settings signin signup staff status superuser support system team
treasury wallet wallets www
"""
_MAILBOXES = "abuse hostmaster noc postmaster webmaster"  # RFC 2142
_OF_OTHERS = """
all anonymous anybody anyone everybody everyone guest here me myself nobody none null self somebody someone undefined
unknown you
"""

RESERVED = frozenset(f"{_OF_THE_SERVICE} {_MAILBOXES} {_OF_OTHERS}".split())
"""Handles that nobody can have, nor any that is read as one of them (``adm1n``, ``_root_``)."""

_RESERVED_LOOKS = frozenset(word.translate(_LOOKS_LIKE) for word in RESERVED)


def parse_handle(text: str, field: str = "handle") -> Handle:
    """The handle that ``text`` writes, with or without ``@`` before it, in any case.

    Raises ``BadValue`` (naming ``field``) for another length than ``MIN_CHARS`` to ``MAX_CHARS``, for the first
    character that is not a-z, 0-9, _ or - after lower-casing (naming it), for one that does not begin with a letter or
    digit, and for one that could be taken for an address.
    """
    name = text.removeprefix("@")
    shown = text if len(text) <= MOST_SHOWN_CHARS else text[: MOST_SHOWN_CHARS - 1] + "…"
    for char in name[: MAX_CHARS + 1]:
        if not char.isascii() or char.lower() not in _ALLOWED:  # lower() makes a k of the Kelvin sign
            raise BadValue(field, shown, f"only a-z, 0-9, _ and -, not {_named(char)}")
    if not MIN_CHARS <= len(name) <= MAX_CHARS:
        raise BadValue(field, shown, f"{MIN_CHARS} to {MAX_CHARS} characters")
    handle = Handle(name.lower())
    if handle[0] not in _FIRST:
        raise BadValue(field, shown, "a letter or digit at its beginning")
    if handle.startswith("0x"):
        raise BadValue(field, shown, "a handle that does not begin like an address")
    return handle


def new_handle(text: str, field: str = "handle") -> Handle:
    """``parse_handle`` for somebody who wants to have it; raises ``BadValue`` also for a reserved one."""
    handle = parse_handle(text, field)
    if handle.translate(_LOOKS_LIKE) in _RESERVED_LOOKS:
        raise BadValue(field, text, "a handle that is not reserved")
    return handle


def shown(handle: Handle) -> str:
    """The handle as people are shown it."""
    return f"@{handle}"


def _named(char: str) -> str:
    code = f"U+{ord(char):04X}"
    name = unicodedata.name(char, "")
    return f"{code} ({name})" if name else code
