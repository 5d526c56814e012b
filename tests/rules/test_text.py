"""Texts for people to read hide nothing and look one way."""

import pytest

from chainwallet.errors import BadValue
from chainwallet.rules.text import clean_line, clean_note


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("  Dinner ", "Dinner"),
        ("Cafe\u0301", "Café"),
        ("צהריים", "צהריים"),
        ("👩\u200d👧 picnic", "👩\u200d👧 picnic"),
        ("x" * 20, "x" * 20),
    ],
)
def test_a_line_is_trimmed_and_composed(text: str, clean: str) -> None:
    """A line is trimmed and written in NFC; every script and emoji stays."""
    assert clean_line(text, "title", 20) == clean


@pytest.mark.parametrize(
    "text",
    [
        "",
        "   ",
        "x" * 21,
        "x" * 1_000,
        "two\nlines",
        "tab\there",
        "bell\x07",
        "two\u2028lines",
        "ab\u202ecd",
        "ab\u2066cd",
        "\u200eab",
        "Bo\u200b",
        "\ufeffBo",
        "\u0301",
        "\u200d",
        "half\ud800",
    ],
)
def test_what_hides_or_turns_is_refused(text: str) -> None:
    """Empty, long, invisible and hostile texts are refused by their field, with at most the beginning of the text."""
    with pytest.raises(BadValue) as refused:
        clean_line(text, "title", 20)
    assert refused.value.field == "title"
    assert len(str(refused.value.value)) <= 64


def test_a_note_may_be_empty_or_of_several_lines() -> None:
    """A note may have lines or be empty; what a line may not hold, it may not either."""
    assert clean_note(" one\r\ntwo\n", "note", 20) == "one\ntwo"
    assert clean_note(" \n ", "note", 20) == ""
    for text in ("a\tb", "a\u202eb", "x" * 21, "a\rb"):
        with pytest.raises(BadValue, match="note"):
            clean_note(text, "note", 20)
