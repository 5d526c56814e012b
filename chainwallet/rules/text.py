"""Texts that people write for others to read: titles, notes, names, reasons.

One form for what looks the same (Unicode's NFC), nothing that hides or turns what is read.
"""

import unicodedata

from chainwallet.errors import BadValue

MOST_SHOWN_CHARS = 64  # of a refused text in an error

_UNSEEN = frozenset(["Cc", "Cs", "Zl", "Zp"])
"""Unicode categories: control characters, surrogates, ends of line and paragraph."""
_HIDING = frozenset("\u00ad\u200b\u2060\ufeff")
"""Characters that nobody sees and no script or emoji needs, unlike the joiners U+200C and U+200D."""
_TURNING = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"""Unicode UAX #9: the characters that turn the direction of what stands beside them."""
_REFUSED = _HIDING | _TURNING


def clean_line(text: str, field: str, most_chars: int) -> str:
    """``text`` as one line: trimmed, in NFC.

    Raises ``BadValue`` of ``field`` for a text that is empty or invisible, one above ``most_chars`` characters, and
    one with a control character, a line's end, a hidden character or one that turns the direction of the text.
    """
    return _clean(text, field, most_chars, allowed="")


def clean_note(text: str, field: str, most_chars: int) -> str:
    """``text`` of several lines or none: as ``clean_line``, but it may be empty, and lines may end with ``\\n``."""
    return _clean(text.replace("\r\n", "\n"), field, most_chars, allowed="\n") if text.strip() else ""


def _clean(text: str, field: str, most_chars: int, allowed: str) -> str:
    clean = unicodedata.normalize("NFC", text[: 4 * most_chars + 1]).strip()
    shown = text if len(text) <= MOST_SHOWN_CHARS else text[: MOST_SHOWN_CHARS - 1] + "…"
    if not 0 < len(clean) <= most_chars or len(text) > 4 * most_chars:
        raise BadValue(field, shown, f"at most {most_chars} characters" if clean else f"1 to {most_chars} characters")
    if not clean.isascii() or not clean.isprintable():
        for char in clean:
            if char not in allowed and (char in _REFUSED or unicodedata.category(char) in _UNSEEN):
                raise BadValue(field, shown, f"no control characters such as U+{ord(char):04X}")
        if not any(unicodedata.category(char)[0] in "LNPS" for char in clean):
            raise BadValue(field, shown, "a character that can be seen")
    return clean
