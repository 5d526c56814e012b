"""Handles: plain, told apart by everybody, and nobody's who could be taken for the service."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chainwallet.errors import BadValue
from chainwallet.rules.handle import MAX_CHARS, MIN_CHARS, RESERVED, new_handle, parse_handle, shown

FIRST = string.ascii_letters + string.digits
HANDLES = st.from_regex(rf"[{FIRST}][{FIRST}_-]{{{MIN_CHARS - 1},{MAX_CHARS - 1}}}", fullmatch=True).filter(
    lambda text: not text.lower().startswith("0x")
)


@given(HANDLES, st.sampled_from(["", "@"]))
def test_a_handle_is_what_it_says_in_lower_case(text: str, before: str) -> None:
    """A handle of 3 to 30 letters, digits, _ and - is kept in lower case, with or without @ before it."""
    handle = parse_handle(before + text)
    assert handle == text.lower()
    assert parse_handle(shown(handle)) == handle


@given(st.text(max_size=40) | st.text(string.ascii_lowercase + "_-@ 0", max_size=40))
def test_whatever_else_somebody_writes_is_refused(text: str) -> None:
    """Any text is a handle of the stated form or is refused by name; there is no third case."""
    name = text.removeprefix("@")
    is_good = (
        MIN_CHARS <= len(name) <= MAX_CHARS
        and all(char in FIRST + "_-" for char in name)
        and name[0] in FIRST
        and not name.lower().startswith("0x")
    )
    if is_good:
        assert parse_handle(text) == name.lower()
    else:
        with pytest.raises(BadValue, match=r"^handle: "):
            parse_handle(text)


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("аna", "U+0430 (CYRILLIC SMALL LETTER A)"),
        ("\u212aarl", "U+212A (KELVIN SIGN)"),
        ("ana\u200b", "U+200B (ZERO WIDTH SPACE)"),
        ("ana\u202eneb", "U+202E (RIGHT-TO-LEFT OVERRIDE)"),
        ("ａｎａ", "U+FF41 (FULLWIDTH LATIN SMALL LETTER A)"),
        ("anä", "U+00E4 (LATIN SMALL LETTER A WITH DIAERESIS)"),
        ("ana\x00", "U+0000"),
        ("ana ben", "U+0020 (SPACE)"),
        ("@@ana", "U+0040 (COMMERCIAL AT)"),
        ("ana;drop", "U+003B (SEMICOLON)"),
        ("<b>ana</b>", "U+003C (LESS-THAN SIGN)"),
        ("ana\ud800", "U+D800"),
    ],
)
def test_a_character_that_is_refused_is_named(text: str, named: str) -> None:
    """Look-alike letters and hostile text are refused, and the character is named that a person cannot see."""
    with pytest.raises(BadValue) as refusal:
        parse_handle(text)
    assert refusal.value.expected == f"only a-z, 0-9, _ and -, not {named}"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "3 to 30 characters"),
        ("@", "3 to 30 characters"),
        ("ab", "3 to 30 characters"),
        ("a" * 31, "3 to 30 characters"),
        ("-ana", "a letter or digit at its beginning"),
        ("_ana", "a letter or digit at its beginning"),
        ("0xcafe", "a handle that does not begin like an address"),
        ("0Xcafe", "a handle that does not begin like an address"),
    ],
)
def test_other_handles_are_refused_with_the_limit(text: str, expected: str) -> None:
    """A handle of another form is refused with what is expected."""
    with pytest.raises(BadValue) as refusal:
        parse_handle(text, "payee")
    assert (refusal.value.field, refusal.value.value, refusal.value.expected) == ("payee", text, expected)


def test_a_refusal_shows_a_beginning_of_a_long_text() -> None:
    """A text of any length is refused in few words."""
    with pytest.raises(BadValue) as refusal:
        parse_handle("a" * 10_000_000)
    assert len(str(refusal.value)) < 200


@pytest.mark.parametrize("text", [*sorted(RESERVED), "Adm1n", "r00t", "sup-port", "chain_wallet", "1ssuer", "null"])
def test_nobody_is_taken_for_the_service(text: str) -> None:
    """Handles that stand for the service, or read as if they did, cannot be had; the shortest are no handles anyway."""
    with pytest.raises(BadValue, match=r"not reserved|3 to 30"):
        new_handle(text)
