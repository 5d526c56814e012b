"""Payments many at once, as a batch carries them: what packing and judging need of each, and no more.

What nearly every payment goes through, taken up, executed and confirmed, is read and noted here for hundreds of them in
a few statements. Everything else that happens to promises is ``store.promises``' own, one by one.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import bindparam, select, update

from chainwallet.evm import Address, Hash32, from_hex, to_hex
from chainwallet.rules.promise import (
    Carried,
    Executed,
    Final,
    Happening,
    Queued,
    WasTakenUp,
    after,
    stage_name,
)
from chainwallet.rules.story import told_of_promise
from chainwallet.store import happenings
from chainwallet.store.bulk import insert_many
from chainwallet.store.database import Transaction
from chainwallet.store.schema import carriages, promises


@dataclass(frozen=True, slots=True)
class Item:
    """A signed payment as a batch carries it; ``number`` is its promise's."""

    number: int
    payer: Address
    payee: Address
    value: int
    ref: Hash32
    nonce: int
    valid_before: int
    signature: bytes


def of_submission(tx: Transaction, submission_id: int) -> tuple[Item, ...]:
    """The payments that the submission carries now, in the order in which it took them up."""
    return tuple(
        Item(
            number,
            Address(from_hex(payer)),
            Address(from_hex(payee)),
            int(value, 16),
            Hash32(from_hex(ref)),
            int(nonce, 16),
            valid_before,
            signature,
        )
        for number, payer, payee, value, ref, nonce, valid_before, signature in tx.execute(
            _CARRIED, {"submission": submission_id}
        )
    )


_ITEM = ("number", "payer", "payee", "value", "ref", "nonce", "valid_before", "signature")
_CARRIED = (
    select(*(promises.c[name] for name in _ITEM))
    .where(promises.c.submission_id == bindparam("submission"), promises.c.stage == "carried")
    .where(promises.c.kind == "payment")
    .order_by(promises.c.number)
)


def take_up(tx: Transaction, chain: str, numbers: Collection[int], submission_id: int, now_s: int) -> None:
    """Notes that the submission carries these queued payments, which ``tx`` holds, from now on."""
    happening = WasTakenUp(submission_id)
    stage = after(Queued(), happening)
    assert isinstance(stage, Carried)  # noqa: S101 - the table of stages says so
    changes = {"stage": stage_name(type(stage)), "reason": "", "submission_id": submission_id}
    queued = promises.c.number.in_(list(numbers)) & (promises.c.stage == stage_name(Queued))
    taken = tx.execute(update(promises).where(queued).values(**changes)).rowcount
    assert taken == len(numbers)  # noqa: S101 - they were queued when they were held
    before = set(tx.execute(_ONCE_CARRIED, {"submission": submission_id}).scalars())
    news = [(submission_id, number, now_s) for number in numbers if number not in before]
    insert_many(tx, carriages, ("submission_id", "promise", "since_s"), news)
    _tell(tx, chain, now_s, [(number, [happening]) for number in numbers])


_ONCE_CARRIED = select(carriages.c.promise).where(carriages.c.submission_id == bindparam("submission"))


@dataclass(frozen=True)
class Course:
    """What happened to a payment, one after the other, and where it stands now."""

    happenings: Sequence[Happening]
    stage: Executed | Final


def note(tx: Transaction, chain: str, courses: Mapping[int, Course], now_s: int) -> None:
    """Stores what happened to payments, by number, which ``tx`` holds: the facts show them carried out."""
    alike: defaultdict[Executed | Final, list[int]] = defaultdict(list)
    for number, course in courses.items():
        alike[course.stage].append(number)
    for stage, numbers in alike.items():
        where = stage.execution
        changes = {"stage": stage_name(type(stage)), "reason": "", "executed_block": where.block}
        changes |= {"executed_tx": to_hex(where.tx), "executed_block_hash": to_hex(where.block_hash)}
        tx.execute(update(promises).where(promises.c.number.in_(numbers)).values(**changes))
    _tell(tx, chain, now_s, [(number, course.happenings) for number, course in courses.items()])


def _tell(tx: Transaction, chain: str, now_s: int, told: Iterable[tuple[int, Sequence[Happening]]]) -> None:
    """Adds the lines of stories; what happened to many alike is put into words once."""
    words: dict[Happening, tuple[str, str]] = {}
    lines = []
    for number, some in told:
        for one in some:
            if one not in words:
                words[one] = type(one).__name__, told_of_promise(one)
            lines.append((now_s, chain, number, None, *words[one]))
    happenings.note_rows(tx, lines)
