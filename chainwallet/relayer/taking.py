"""Taking up: queued payments become submissions, batches for each free lane.

Who takes a payment up holds its row until the submission that carries it is stored: two relayers never take the same.
"""

from collections.abc import Mapping, Sequence

from chainwallet.abi.calls import pay_data, pay_item
from chainwallet.abi.typed_data import Payment
from chainwallet.evm import Address, Block, keccak256, parse_address, to_hex
from chainwallet.keys.signer import to_compact
from chainwallet.relayer.lanes import Lanes
from chainwallet.relayer.tools import Tools
from chainwallet.rules.packing import BatchLimits, batches, gas_cap
from chainwallet.rules.promise import WasReturned
from chainwallet.rules.submission import WasRefused
from chainwallet.store import items, promises, submissions
from chainwallet.store.database import Transaction
from chainwallet.store.items import Item
from chainwallet.store.leases import Lease

LOOKED_AT = 4  # times the largest batch: wide and window items, and several ledgers, share the queue
WITHOUT_RELAYER_S = 60  # after this time a batch that nobody signs goes back to the queue


def take_up(tools: Tools, lanes: Lanes, leases: Mapping[Address, Lease], head: Block) -> int:
    """Queues submissions for each lane that has room, of the batches that are due its share; how many."""
    made = 0
    limits = BatchLimits(tools.limits.batch_items, gas_cap(head.gas_limit), tools.limits.batch_wait_s)
    senders = sorted(tools.carriers & leases.keys() - lanes.troubles.keys())
    with tools.database.read() as tx:
        if not promises.is_any_due(tx, tools.chain.key, tools.now_s()):
            return 0
    for left, sender in zip(range(len(senders), 0, -1), senders, strict=True):
        with tools.database.transaction() as tx:
            lanes.require(tx, [sender])
            room = tools.limits.in_flight - submissions.count_unfinished(tx, tools.chain.key, sender)
            if room > 0:
                made += _take(tools, tx, sender, limits, left, room)
    return made


def _take(tools: Tools, tx: Transaction, sender: Address, limits: BatchLimits, lanes: int, room: int) -> int:
    """Takes up what is due for one of ``lanes`` lanes, at most ``room`` batches; how many."""
    now_s = tools.now_s()
    due = batches(promises.due(tx, tools.chain.key, now_s, LOOKED_AT * limits.items), limits, now_s)
    mine = due[: min(room, -(-len(due) // lanes))]
    for batch in mine:
        _, _, contract = batch[0].token.partition("/")
        turns = [one.promise.to_bytes(8, "big") + one.setbacks.to_bytes(8, "big") for one in batch]
        key = "pay:" + to_hex(keccak256(b"".join(turns)))
        to = parse_address(contract)
        submission_id = submissions.put(tx, tools.chain.key, key, sender, to, b"", now_s, kind="payments", again=True)
        items.take_up(tx, tools.chain.key, [one.promise for one in batch], submission_id, now_s)
    return len(mine)


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


def batch_data(batch: Sequence[Item]) -> bytes:
    """Call data that carries out ``batch``: all with window nonces, or all with wide ones."""
    return pay_data([_packed(item) for item in batch])


def _packed(item: Item) -> bytes:
    r, vs = to_compact(item.signature)
    payment = Payment(item.payer, item.payee, item.value, item.ref, item.nonce, item.valid_before)
    return pay_item(payment, r + vs)
