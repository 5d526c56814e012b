"""A group's file says one thing in one way: what is written is read again, and anything else is refused by its path."""

import json
from dataclasses import replace
from typing import Any

import pytest

from chainwallet.errors import BadValue
from chainwallet.evm import keccak256, to_hex
from chainwallet.formats.group_document import (
    KeptAnswer,
    KeptBill,
    KeptDebt,
    KeptElsewhere,
    KeptGroup,
    KeptLine,
    KeptMember,
    KeptVersion,
    group_hash,
    read_group,
    write_group,
)
from chainwallet.rules.canonical import canonical

VERSION = KeptVersion("0xab", {"title": "Käse", "n": 1}, (KeptLine("m1", "1.00", "0.00"),), "m1", 6)
BILL = KeptBill(
    id="b1",
    lineage="11",
    created_by="m1",
    created_at_s=6,
    state="open",
    versions=(VERSION,),
    answers=(KeptAnswer(1, "m1", "rejected", 7, is_carried_over=False, reason="no"),),
    debts=(KeptDebt("m1", "m2", "1.00", 1, elsewhere=KeptElsewhere("m2", 8)),),
)
MEMBERS = (KeptMember("m1", "@ana", "owner", 5), KeptMember("m2", "Zoë", "member", 5, left_at_s=9))
GROUP = KeptGroup("g1", "Porto", "group", 5, MEMBERS, (BILL,), ())


def changed(**fields: Any) -> bytes:
    """The file with some of its fields replaced."""
    return canonical({**json.loads(write_group(GROUP)), **fields})


def test_what_is_written_is_read_again() -> None:
    """The file of a group gives the group, with the hash of all the rest, and its own bytes again."""
    content = write_group(GROUP)
    group = read_group(content)
    assert group == replace(GROUP, hash=group_hash(GROUP))
    assert write_group(group) == content
    rest = {name: value for name, value in json.loads(content).items() if name != "hash"}
    assert group.hash == to_hex(keccak256(canonical(rest)))
    assert content.count(b"left_at_s") == 1, "what has no value is left out"


@pytest.mark.parametrize(
    ("content", "field"),
    [
        (b"", "content"),
        (b"\xff", "content"),
        (b"[" * 100_000, "content"),
        (b"[" * 40 + b"]" * 40, "content"),
        (write_group(GROUP).replace(b'"n":1', b'"n":null'), "content"),
        (write_group(GROUP).replace(b'"n":1', b'"n":9007199254740992'), "document"),
        (write_group(GROUP).replace(b'"n":1', b'"n":"\\ud800"'), "document"),
        (write_group(GROUP).replace(b'"n":1', b'"n":' + b"[" * 400 + b"]" * 400), "content"),
        (write_group(GROUP).replace(b'"at_s":7', b'"at_s":253402300800'), "bills[0].answers[0].at_s"),
        (b"[]", "kind"),
        (b'{"kind":"chainwallet/group/2"}', "kind"),
        (b'{"kind":"chainwallet/group/1"}', "id"),
        (write_group(GROUP) + b"\n", "content"),
        (write_group(GROUP).replace(b'"id":"g1"', b'"id":"g1","id":"g1"'), "content"),
        (write_group(GROUP).replace(b'"at_s":7', b'"at_s":7.0'), "content"),
        (write_group(GROUP).replace(b'"at_s":7', b'"at_s":"7"'), "bills[0].answers[0].at_s"),
        (write_group(GROUP).replace(b'"at_s":7', b'"at_s":-7'), "bills[0].answers[0].at_s"),
        (write_group(GROUP).replace(b'"at_s":7', b'"at_s":true'), "bills[0].answers[0].at_s"),
        (write_group(GROUP).replace(b'"share":"1.00"', b'"share":1'), "bills[0].versions[0].lines[0].share"),
        (write_group(GROUP).replace(b'"said_by"', b'"sayd_by"'), "bills[0].debts[0].elsewhere.sayd_by"),
        (changed(members={}), "members"),
        (changed(bills=["b1"]), "bills[0]"),
        (changed(plans=[{}]), "plans[0].id"),
        (changed(owner="m1"), "owner"),
    ],
)
def test_anything_else_is_refused_by_its_path(content: bytes, field: str) -> None:
    """A file that is not canonical, or has a field too many, too few or of another kind, is named where it is wrong."""
    with pytest.raises(BadValue) as refused:
        read_group(content)
    assert refused.value.field == field
