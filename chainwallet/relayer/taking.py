"""Taking up: queued payments become submissions, a batch for each free lane.

Who takes a payment up holds its row until the submission that carries it is stored: two relayers never take the same.
"""

from collections.abc import Mapping

from chainwallet.abi.calls import pay_data, pay_item
from chainwallet.abi.typed_data import Payment
from chainwallet.evm import Address, Block, keccak256, parse_address, to_hex
from chainwallet.keys.signer import to_compact
from chainwallet.relayer.lanes import Lanes
from chainwallet.relayer.tools import Tools
from chainwallet.rules.packing import BatchLimits, batches, gas_cap
from chainwallet.rules.promise import WasReturned
from chainwallet.rules.submission import WasRefused
from chainwallet.store import promises, submissions
from chainwallet.store.database import Transaction
from chainwallet.store.leases import Lease
from chainwallet.store.promises import Promise

LOOKED_AT = 4  # times the largest batch: wide and window items, and several ledgers, share the queue
WITHOUT_RELAYER_S = 60  # after this time a batch that nobody signs goes back to the queue


def take_up(tools: Tools, lanes: Lanes, leases: Mapping[Address, Lease], head: Block) -> int:
    """Queues a submission for each lane that has room and a batch that is due; how many."""
    made = 0
    limits = BatchLimits(tools.limits.batch_items, gas_cap(head.gas_limit), tools.limits.batch_wait_s)
    for sender in sorted(tools.carriers & leases.keys() - lanes.troubles.keys()):
        with tools.database.transaction() as tx:
            lanes.require(tx, [sender])
            if submissions.count_unfinished(tx, tools.chain.key, sender) >= tools.limits.in_flight:
                continue
            made += _take(tools, tx, sender, limits)
    return made


def _take(tools: Tools, tx: Transaction, sender: Address, limits: BatchLimits) -> bool:
    now_s = tools.now_s()
    due = batches(promises.due(tx, tools.chain.key, now_s, LOOKED_AT * limits.items), limits, now_s)
    if not due:
        return False
    found = {one.number: one for one in promises.every(tx, [waiting.promise for waiting in due[0]])}
    batch = [found[waiting.promise] for waiting in due[0]]
    _, _, contract = batch[0].token.partition("/")
    turns = [one.number.to_bytes(8, "big") + one.setbacks.to_bytes(8, "big") for one in batch]
    key = "pay:" + to_hex(keccak256(b"".join(turns)))
    to, data = parse_address(contract), batch_data(batch)
    submission_id = submissions.put(tx, tools.chain.key, key, sender, to, data, now_s, kind="payments", again=True)
    promises.take_up(tx, batch, submission_id, now_s)
    return True


def return_left_behind(tools: Tools) -> int:
    """Gives back batches that were never signed and whose sender's key is gone from here; how many."""
    before_s = tools.now_s() - WITHOUT_RELAYER_S - tools.limits.lease_s
    with tools.database.read() as tx:
        found = submissions.left_behind(tx, tools.chain.key, tools.senders, before_s)
    for submission in found:
        with tools.database.transaction() as tx:
            reason = "its relayer has not signed it, and does not work here"
            if submissions.move(tx, submission, WasRefused(reason), tools.now_s()):
                give_back(tools, tx, submission.id, reason)
    return len(found)


def give_back(tools: Tools, tx: Transaction, submission_id: int, reason: str) -> None:
    """Returns what the submission still carries to the queue."""
    carried = promises.held_of_submission(tx, submission_id)
    promises.move_all(tx, [(promise, WasReturned(reason)) for promise in carried], tools.now_s())


def batch_data(batch: list[Promise]) -> bytes:
    """Call data that carries out the signed payments ``batch``: all with window nonces, or all with wide ones."""
    return pay_data([_item(promise) for promise in batch])


def payment_of(promise: Promise) -> Payment:
    """The document of a payment, from the columns that were written with it: its JSON takes ten times as long."""
    assert promise.kind == "payment" and promise.payee is not None  # noqa: S101, PT018 - consents are kept apart
    terms = (promise.payer, promise.payee, promise.value, promise.ref)
    return Payment(*terms, promise.nonce, promise.valid_before)


def _item(promise: Promise) -> bytes:
    assert promise.signature is not None  # noqa: S101 - only what is signed is queued
    r, vs = to_compact(promise.signature)
    return pay_item(payment_of(promise), r + vs)
