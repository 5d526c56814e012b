"""Passwords: which may be chosen. NIST SP 800-63B-4, section 3.1.1.2 (password verifiers).

Length and a blocklist, no rules about kinds of characters and no expiry. A password signs in alone, without a second
factor, so it has at least 15 characters. It is compared in one normal form, so that it is the same however a keyboard
composes its letters.

Beside the list itself, what everybody's list is made of is refused: a password is cut into the pieces that somebody who
guesses would try (a word of the list, the handle or the service's name, a repetition, a sequence, a walk on the
keyboard, a year), every other character being a piece of its own; too few pieces are too easy.
"""

import unicodedata
from collections.abc import Collection
from dataclasses import dataclass

from chainwallet.errors import BadValue

MIN_CHARS = 15  # SP 800-63B-4, 3.1.1.2: a password that is the only factor
MAX_CHARS = 128  # the same section wants at least 64 to be allowed; more would only cost time to hash
MIN_PIECES = 6
NOT_SHOWN = "<hidden>"
"""Stands in errors where a password was given."""

MIN_WORD_CHARS = 4  # of the list's words inside a password; shorter ones are in every good one
MIN_RUN_CHARS = 4  # of a sequence or walk

_UNSEEN = {"Cc", "Cs"}  # Unicode categories: control characters, surrogates
_AS_LETTERS = str.maketrans("01345789@$!", "oieastbgasi")  # digits and signs that stand for letters, one for one
_ROWS = ("`1234567890-=", "\0qwertyuiop[]", "\0asdfghjkl;'", "\0zxcvbnm,./")  # ANSI keyboard, each row shifted right


def _neighbours() -> frozenset[tuple[str, str]]:
    places = {key: (row, at) for row, keys in enumerate(_ROWS) for at, key in enumerate(keys) if key != "\0"}
    return frozenset(
        (one, other)
        for one, (row, at) in places.items()
        for other, (other_row, other_at) in places.items()
        if (row == other_row and abs(at - other_at) == 1)
        or (other_row == row + 1 and other_at - at in (-1, 0))
        or (other_row == row - 1 and other_at - at in (0, 1))
    )


_NEIGHBOURS = _neighbours()


@dataclass(frozen=True)
class Blocklist:
    """Passwords that are guessed first, and the words that they are made of; both lower case, without spaces."""

    passwords: frozenset[str]
    words: frozenset[str]


def normal_form(password: str) -> str:
    """The form in which a password is hashed: Unicode's NFKC.

    Raises ``BadValue``, not showing it, for more than ``MAX_CHARS`` characters and for control characters.
    """
    clean = unicodedata.normalize("NFKC", password) if len(password) <= MAX_CHARS else password
    if len(clean) > MAX_CHARS:
        raise BadValue("password", NOT_SHOWN, f"at most {MAX_CHARS} characters")
    if any(unicodedata.category(char) in _UNSEEN for char in clean):
        raise BadValue("password", NOT_SHOWN, "no control characters")
    return clean


def new_password(password: str, own_words: Collection[str], blocklist: Blocklist) -> str:
    """``normal_form`` of a password that somebody chooses; ``own_words`` are the handle and the service's names.

    Raises ``BadValue``, not showing it, for one that is too short, is on the list, or is too easily guessed.
    """
    clean = normal_form(password)
    if len(clean) < MIN_CHARS:
        raise BadValue("password", NOT_SHOWN, f"at least {MIN_CHARS} characters; spaces count, so a sentence will do")
    if _bare(clean) in blocklist.passwords:
        raise BadValue("password", NOT_SHOWN, "one that is not on the list of common passwords")
    if pieces(clean, own_words, blocklist) < MIN_PIECES:
        expected = "more than repetitions, sequences, years, common words, your handle and the name of this service"
        raise BadValue("password", NOT_SHOWN, expected)
    return clean


def pieces(password: str, own_words: Collection[str], blocklist: Blocklist) -> int:
    """Of how few pieces ``password`` can be made; one of ``own_words`` costs nothing, what repeats counts once."""
    text = _once(password.casefold())
    letters = text.translate(_AS_LETTERS)
    own = {word for each in own_words for word in (each.casefold(), each.casefold()[::-1]) if word}
    words = own | blocklist.words
    longest = max(map(len, words), default=0)
    fewest = [0] * (len(text) + 1)
    for end in range(1, len(text) + 1):
        best = fewest[end - 1] + 1
        best = min(best, *(fewest[start] + 1 for start in range(max(0, _run_start(text, end)), end)))
        if end >= 4 and _is_year(text[end - 4 : end]):
            best = min(best, fewest[end - 4] + 1)
        for start in range(max(0, end - longest), end):
            for found in (text[start:end], letters[start:end]):
                if found in own:
                    best = min(best, fewest[start])
                elif len(found) >= MIN_WORD_CHARS and found in blocklist.words:
                    best = min(best, fewest[start] + 1)
        fewest[end] = best
    return fewest[-1]


def _bare(password: str) -> str:
    """What of a password is compared with the list: its letters and digits, in lower case."""
    return "".join(char for char in password.casefold() if char.isalnum())


def _once(text: str) -> str:
    """The shortest beginning of ``text`` that, repeated, writes all of it."""
    for period in range(1, len(text) // 2 + 1):
        if all(text[at] == text[at - period] for at in range(period, len(text))):
            return text[:period]
    return text


def _run_start(text: str, end: int) -> int:
    """From where to ``end`` each character follows from the one before; ``end`` - 1 where that is too short a run."""
    start = end - 1
    while start > 0 and _follows(text[start - 1], text[start]):
        start -= 1
    return start if end - start >= MIN_RUN_CHARS else end - 1


def _follows(one: str, other: str) -> bool:
    """Whether ``other`` is the same as ``one``, the next or last of an alphabet, or a key beside it."""
    return abs(ord(one) - ord(other)) <= 1 or (one, other) in _NEIGHBOURS


def _is_year(text: str) -> bool:
    return text.isascii() and text.isdigit() and text[:2] in ("19", "20")
