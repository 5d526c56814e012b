"""Payments many at once: what is read and noted in a few statements is what one by one would have been."""

from dataclasses import replace

from sqlalchemy import insert

from chainwallet.evm import Address, BlockNumber, Hash32, to_hex
from chainwallet.rules.promise import (
    Executed,
    Execution,
    Final,
    Offered,
    Queued,
    WasConfirmed,
    WasExecuted,
    WasReturned,
    WasTakenUp,
)
from chainwallet.store import evidence, happenings, items, promises, submissions
from chainwallet.store.database import Database, Transaction
from chainwallet.store.evidence import Paid
from chainwallet.store.items import Course, Item
from chainwallet.store.promises import Promise
from chainwallet.store.schema import facts
from chainwallet.store.words import word
from tests.postgres import on_both

pytestmark = on_both
CHAIN = "7-0a0b0c0d"
CASH = f"{CHAIN}/0xCash"
ANA, BEN, SENDER = Address(b"\x0a" * 20), Address(b"\x0b" * 20), Address(b"\x0c" * 20)
AT = Execution(Hash32(b"\x01" * 32), BlockNumber(9), Hash32(b"\x02" * 32))
MADE = Promise(
    token=CASH,
    payer=ANA,
    kind="payment",
    id="lunch",
    nonce=7,
    content_hash=Hash32(b"\x03" * 32),
    document="{}",
    signature=b"s",
    memo=None,
    payee=BEN,
    value=10,
    ref=Hash32(b"\x04" * 32),
    valid_before=2_000,
    made_at_block=BlockNumber(3),
    created_at_s=5,
    stage=Queued(),
)


def payment(tx: Transaction, nonce: int, stage: Queued | Offered | Final | None = None) -> Promise:
    """A new payment with this nonce, which is its id too."""
    ref = Hash32(nonce.to_bytes(32, "big"))
    return promises.add(tx, replace(MADE, id=str(nonce), nonce=nonce, ref=ref, stage=stage or Queued()))


def paid(tx: Transaction, promise: Promise, **other: object) -> None:
    """The fact that carried ``promise`` out, but for what is ``other``."""
    place: dict[str, object] = {"token": CASH, "block": AT.block, "block_hash": to_hex(AT.block_hash), "part": 0}
    place |= {"tx": to_hex(AT.tx), "log_index": promise.nonce, "happened_at_s": 5, "learned_at_s": 6, "kind": "Paid"}
    terms = {"payer": to_hex(ANA), "payee": to_hex(BEN), "value": word(10), "ref": to_hex(promise.ref)}
    tx.execute(insert(facts).values({**place, **terms, "nonce": word(promise.nonce), **other}))


def story(tx: Transaction, promise: Promise) -> list[tuple[int, str, str]]:
    """What happened to it after it was accepted, which names its nonce."""
    return [(one.at_s, one.name, one.words) for one in happenings.of_promise(tx, promise.number)][1:]


def carrier(tx: Transaction) -> int:
    return submissions.put(tx, CHAIN, "batch", SENDER, SENDER, b"", 5, kind="payments")


def test_payments_are_taken_up_together_as_one_by_one(database: Database) -> None:
    """Stage, submission, story and carriages are those of single ones; a second time in it is one carriage."""
    with database.transaction() as tx:
        first, second, alone = (payment(tx, nonce) for nonce in (1, 2, 3))
        batch = carrier(tx)
        items.take_up(tx, CHAIN, [first.number, second.number], batch, 8)
        single = promises.move(tx, alone, WasTakenUp(batch), 8)
        together = promises.by_number(tx, first.number)
        assert together == replace(first, stage=single.stage, submission_id=batch)
        assert story(tx, first) == story(tx, alone)
        items.take_up(tx, CHAIN, [promises.move(tx, single, WasReturned("later"), 9).number], batch, 9)
        assert [one.number for one in items.of_submission(tx, batch)] == [first.number, second.number, alone.number]
        assert promises.ever_in_submission(tx, batch) == promises.of_submission(tx, batch)


def test_an_item_is_what_its_payer_signed(database: Database) -> None:
    """What packing reads of a payment is its document and signature."""
    with database.transaction() as tx:
        one, batch = payment(tx, 4), carrier(tx)
        items.take_up(tx, CHAIN, [one.number], batch, 8)
        assert items.of_submission(tx, batch) == (Item(one.number, ANA, BEN, 10, one.ref, 4, 2_000, b"s"),)
        assert items.of_submission(tx, batch + 1) == ()


def test_payments_are_carried_out_together_as_one_by_one(database: Database) -> None:
    """Executed, or executed and confirmed at one look: rows and stories are those of single steps."""
    with database.transaction() as tx:
        shallow, deep, alone = (payment(tx, nonce) for nonce in (1, 2, 3))
        both = (WasExecuted(AT), WasConfirmed())
        courses = {shallow.number: Course(both[:1], Executed(AT)), deep.number: Course(both, Final(AT))}
        items.note(tx, CHAIN, courses, 9)
        single = promises.move(tx, alone, both[0], 9)
        assert promises.by_number(tx, shallow.number) == replace(shallow, stage=single.stage, was_executed=True)
        assert story(tx, shallow) == story(tx, alone)
        single = promises.move(tx, single, both[1], 9)
        assert promises.by_number(tx, deep.number) == replace(deep, stage=single.stage, was_executed=True)
        assert story(tx, deep) == story(tx, alone)


def test_only_exactly_this_payment_was_carried_out(database: Database) -> None:
    """Payer, payee, value, reference and nonce must be those that were promised, in a fact that stands."""
    with database.transaction() as tx:
        good = payment(tx, 1)
        paid(tx, good)
        others = {"payer": to_hex(BEN), "payee": to_hex(SENDER), "value": word(11), "ref": to_hex(MADE.ref)}
        wrong = {**others, "nonce": word(99), "orphaned_at_s": 6, "kind": "Consented", "token": "another"}
        numbers = [good.number]
        for nonce, (name, value) in enumerate(wrong.items(), 2):
            other = payment(tx, nonce)
            paid(tx, other, **{name: value})
            numbers.append(other.number)
        assert evidence.paid(tx, numbers) == [Paid(good.number, Queued(), 2_000, AT)]


def test_where_a_payment_stands_is_read_with_what_was_carried_out(database: Database) -> None:
    """Offered, queued, carried or executed elsewhere before; what is final is not looked at."""
    elsewhere = replace(AT, block=BlockNumber(8))
    with database.transaction() as tx:
        offered, queued, moved = payment(tx, 1, Offered()), payment(tx, 2), payment(tx, 3)
        ended = payment(tx, 4, Final(AT))
        carried, batch = payment(tx, 5), carrier(tx)
        moved = promises.move(tx, moved, WasExecuted(elsewhere), 8)
        items.take_up(tx, CHAIN, [carried.number], batch, 8)
        for one in (offered, queued, moved, ended, carried):
            paid(tx, one)
        found = {one.number: one.stage for one in evidence.paid(tx, [ended.number, *range(1, 9)])}
        now = promises.every(tx, [offered.number, queued.number, moved.number, carried.number])
        assert found == {one.number: one.stage for one in now}
        assert Executed(elsewhere) in found.values()
