"""A document has one writing, that of RFC 8785."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chainwallet.errors import BadValue
from chainwallet.evm import keccak256
from chainwallet.rules.canonical import MAX_NUMBER, Document, canonical, document_hash

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=6)
documents = st.recursive(
    texts | st.integers(-MAX_NUMBER, MAX_NUMBER) | st.booleans(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=12,
)


def test_names_are_sorted_by_utf16() -> None:
    """The example of RFC 8785 section 3.2.3 is written with its names in that section's order."""
    document: Document = {
        "\u20ac": "Euro Sign",
        "\r": "Carriage Return",
        "\ufb33": "Hebrew Letter Dalet With Dagesh",
        "1": "One",
        "\U0001f600": "Emoji: Grinning Face",
        "\u0080": "Control",
        "\u00f6": "Latin Small Letter O With Diaeresis",
    }
    values = list(json.loads(canonical(document)).values())
    assert values == [
        "Carriage Return",
        "One",
        "Control",
        "Latin Small Letter O With Diaeresis",
        "Euro Sign",
        "Emoji: Grinning Face",
        "Hebrew Letter Dalet With Dagesh",
    ]


def test_only_what_must_be_is_escaped() -> None:
    """Texts are escaped as RFC 8785 section 3.2.2.2 says: the short forms, lower-case hex digits, nothing else."""
    text = '\u20ac$\u000f\nA\'B"\\\\"/\b\t\f\r\u007f\u2028'
    assert canonical([text]).decode() == '["\u20ac$\\u000f\\nA\'B\\"\\\\\\\\\\"/\\b\\t\\f\\r\u007f\u2028"]'


@given(documents)
def test_a_writing_reads_back_and_is_the_only_one(document: Document) -> None:
    """A written document reads back as itself, and written again gives the same bytes and hash."""
    written = canonical(document)
    again = json.loads(written)
    assert again == document
    assert canonical(again) == written
    assert document_hash(again) == keccak256(written)


@pytest.mark.parametrize("document", [MAX_NUMBER + 1, -(10**20), "\ud800", {"\udfff": "x"}])
def test_what_has_no_writing_is_refused(document: Document) -> None:
    """Numbers that JSON readers would round, and texts that UTF-8 cannot write, are refused."""
    with pytest.raises(BadValue) as refused:
        canonical([document])
    assert refused.value.field == "document"
