"""Documents in one writing: JSON by RFC 8785 (JSON Canonicalization Scheme), and its Keccak-256.

Our documents hold texts, whole numbers, truth values, lists and objects, and no other numbers: of RFC 8785 that leaves
the order of names (by UTF-16 code units, section 3.2.3), the shortest escapes (3.2.2.2) and no white space.
"""

import json
from collections.abc import Mapping, Sequence
from typing import TypeAlias

from chainwallet.errors import BadValue
from chainwallet.evm import Hash32, keccak256

MAX_NUMBER = 2**53 - 1  # RFC 8785 section 3.2.2.3: numbers are IEEE 754 doubles (RFC 7493 section 2.2)

Document: TypeAlias = "str | int | bool | Sequence[Document] | Mapping[str, Document]"


def canonical(document: Document) -> bytes:
    """``document`` as RFC 8785 writes it, in UTF-8.

    Raises ``BadValue`` (``document``) for a whole number beyond ``MAX_NUMBER`` and for half a surrogate pair.
    """
    text = json.dumps(_ordered(document), ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    try:
        return text.encode("utf-8")
    except UnicodeEncodeError as broken:
        raise BadValue("document", repr(text[broken.start]), "texts that UTF-8 can write") from None


def document_hash(document: Document) -> Hash32:
    """The Keccak-256 of ``document`` as ``canonical`` writes it; raises as that does."""
    return keccak256(canonical(document))


def _ordered(document: Document) -> Document:
    if isinstance(document, str | bool):
        return document
    if isinstance(document, int):
        if abs(document) > MAX_NUMBER:
            raise BadValue("document", document, f"whole numbers up to {MAX_NUMBER}; others as texts")
        return document
    if isinstance(document, Mapping):
        return {name: _ordered(document[name]) for name in sorted(document, key=_utf16)}
    return [_ordered(each) for each in document]


def _utf16(name: str) -> bytes:
    return name.encode("utf-16-be", "surrogatepass")
