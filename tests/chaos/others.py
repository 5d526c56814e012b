"""Deeds of the chain, and of others on it: reorgs, full pools, stuck fees, nonces used elsewhere, strangers."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from chainwallet.abi.calls import pay_data, pay_item
from chainwallet.abi.events import PAID_TOPIC, Skipped, decode_event
from chainwallet.evm import Hash32, Receipt, Transaction, keccak256, to_hex
from chainwallet.keys.signer import to_compact
from chainwallet.store import promises
from chainwallet.store.promises import Promise
from tests.chain.bench import key_of
from tests.chain.signed_payments import document_of, item_of
from tests.chaos.clients import accept, new_orders
from tests.chaos.crew import RELAYERS
from tests.chaos.ground import CONFIRMATIONS, DEEPEST, LOOK_S, PATIENCE_S, Ground
from tests.chaos.processes import kill_anvil

CROWD = 300
"""Transactions of others in the pool, each with better fees than ours."""
TRIES = 20
FORGETS_AFTER = 700
"""So many blocks after its start Anvil still reorganises as it should: after 1,000 it takes back all state there is."""
MINED_S = 2.0
"""Anvil mines what it can within this."""


def reorg(ground: Ground) -> None:
    """1 to 20 blocks are taken back, and as many empty ones take their place.

    No transaction comes in meanwhile: Anvil, which mines it at once, loses blocks and even the state of contracts then.
    """
    if ground.bench.node.block_number() - ground.first > FORGETS_AFTER:
        ground.chain.save()  # it is to begin anew, and to go back as little as can be
        kill_anvil(ground)
    with ground.pulse.held(), ground.proxy.held():
        _wait_for_miner(ground)
        depth = ground.dice.randint(1, min(DEEPEST, ground.bench.node.block_number() - ground.first))
        while depth > 0:
            try:
                ground.bench.ask("anvil_reorg", depth, [])
                break
            except KeyError:  # Anvil refuses: it has not the state of that block any more
                depth //= 2
        assert depth > 0, "no reorg is possible"
        _require_whole(ground)
    ground.injected["reorg"] += 1
    ground.injected["reorg deeper than final"] += depth > CONFIRMATIONS
    ground.injected[f"reorg of {'1 to 2' if depth < 3 else '3 to 10' if depth < 11 else '11 to 20'} blocks"] += 1


def _wait_for_miner(ground: Ground) -> None:
    """Until the pool has nothing more to mine, or will not mine it now."""
    give_up_at = time.monotonic() + MINED_S
    while time.monotonic() < give_up_at:
        waiting = ground.bench.ask("txpool_status")
        assert isinstance(waiting, dict)
        if int(waiting["pending"], 16) == 0:
            break
        time.sleep(LOOK_S)
    time.sleep(LOOK_S)  # what was taken from the pool last


def _require_whole(ground: Ground) -> None:
    """The branch has all its blocks, and the ledger's code: else Anvil, not the product, is at fault for the rest."""
    head = ground.bench.node.block_number()
    numbers = range(max(ground.first, head - DEEPEST), head + 1)
    lost = [n for n in numbers if ground.bench.ask("eth_getBlockByNumber", hex(n), False) is None]
    code = ground.bench.ask("eth_getCode", to_hex(ground.bench.cash.address), "latest")
    assert not lost, f"Anvil has lost blocks {lost}"
    assert code != "0x", "Anvil has lost the ledger"


@contextmanager
def nothing_mined(ground: Ground) -> Iterator[None]:
    """Transactions wait in the pool until the end of the block; then all of them are mined."""
    with ground.pulse.held():
        ground.bench.ask("evm_setAutomine", False)
        try:
            yield
        finally:
            ground.bench.ask("evm_setAutomine", True)
            ground.bench.node.mine()


def foreign_nonce(ground: Ground) -> None:
    """A key of ours sends a transaction that nobody here knows."""
    key = key_of(ground.dice.choice(RELAYERS))
    for _ in range(TRIES):
        fees = ground.bench.node.fees()
        count = ground.bench.node.transaction_count(key.address)
        rival = Transaction(ground.bench.chain.chain_id, count, key.address, b"", 21_000, 50 * fees[0], 50 * fees[0])
        if _sent(ground, key.sign_transaction(rival)) is not None:
            ground.injected["a nonce used behind our back"] += 1
            return


def stuck(ground: Ground) -> None:
    """Nothing is mined for a while: a fee bump, beside others who pay more."""
    for _ in range(TRIES):
        ground.wait_out()
        before, give_up_at = _bumped(ground), time.monotonic() + PATIENCE_S
        with nothing_mined(ground):
            accept(ground, new_orders(ground, 10))
            _crowd(ground)
            while _bumped(ground) <= before and not ground.is_recovering():
                assert time.monotonic() < give_up_at, "no fee is bumped"
                time.sleep(LOOK_S)
        if _bumped(ground) > before:
            ground.injected["a stuck fee bumped"] += 1
            return


def full_pool(ground: Ground) -> None:
    """The pool is full of others: the node takes nothing of ours for a while."""
    before, give_up_at = ground.proxy.refused, time.monotonic() + PATIENCE_S
    with nothing_mined(ground):
        ground.proxy.is_full = True
        try:
            _crowd(ground)
            accept(ground, new_orders(ground, 10))
            while ground.proxy.refused < before + 2:
                ground.wait_out()
                assert time.monotonic() < give_up_at, "nothing is sent"
                time.sleep(LOOK_S)
        finally:
            ground.proxy.is_full = False
    ground.injected["a transaction refused by a full pool"] += ground.proxy.refused - before


def _crowd(ground: Ground) -> None:
    key, fees = key_of("stranger"), ground.bench.node.fees()
    count = ground.bench.node.transaction_count(key.address)
    chain_id = ground.bench.chain.chain_id
    some = [
        Transaction(chain_id, count + at, key.address, b"", 21_000, fees[0] * 4, fees[1] * 2) for at in range(CROWD)
    ]
    ground.bench.node.send_raw_many([key.sign_transaction(one) for one in some])
    ground.injected["transactions of others in the pool"] += CROWD


def _bumped(ground: Ground) -> int:
    """How many nonces have more than one attempt."""
    return ground.count(
        "SELECT count(*) FROM (SELECT nonce FROM attempts GROUP BY sender, nonce HAVING count(*) > 1) x"
    )


# ------------------------------------------------------------------------------------------------ a stranger


def stranger(ground: Ground) -> None:
    """Somebody executes one of our items before our own transaction does, and provokes a skip of another."""
    for _ in range(TRIES):
        accept(ground, new_orders(ground, 3))
        with nothing_mined(ground):
            mine, theirs = _found(ground)
            sent = [_raw(ground, data) for data in (_theirs(mine), _skip(ground, theirs)) if data]
        receipts = [_receipt(ground, raw) for raw in sent]
        logs = [log for receipt in receipts if receipt is not None for log in receipt.logs]
        ground.injected["an item executed by a stranger first"] += any(PAID_TOPIC in log.topics for log in logs)
        ground.injected["a skip provoked by a stranger"] += any(isinstance(decode_event(log), Skipped) for log in logs)
        if logs:
            return


def _found(ground: Ground) -> tuple[Promise | None, Promise | None]:
    """Two payments that are signed and not paid yet."""
    with ground.bench.database.read() as tx:
        found = promises.listed(tx, ground.bench.chain.key, stages=["queued", "carried"], limit=3)
    some = [one for one in found if one.signature is not None]
    return (some[0] if some else None), (some[1] if len(some) > 1 else None)


def _theirs(promise: Promise | None) -> bytes:
    if promise is None or promise.signature is None:
        return b""
    r, vs = to_compact(promise.signature)
    return pay_data([pay_item(document_of(promise), r + vs)])


def _skip(ground: Ground, promise: Promise | None) -> bytes:
    """The ledger says of this payment that it was left out: a false signature is enough for that."""
    if promise is None:
        return b""
    forged = replace(document_of(promise), value=1)
    return item_of(ground.bench, forged, key_of("eve"), as_payer=forged.payer)


def _raw(ground: Ground, data: bytes) -> bytes:
    """A stranger's transaction, sent and better paid than ours."""
    key, fees = key_of("stranger"), ground.bench.node.fees()
    nonce = int(str(ground.bench.ask("eth_getTransactionCount", f"0x{key.address.hex()}", "pending")), 16)
    chain_id, to = ground.bench.chain.chain_id, ground.bench.cash.address
    raw = key.sign_transaction(Transaction(chain_id, nonce, to, data, 500_000, 50 * fees[0], 50 * fees[0]))
    ground.bench.node.send_raw(raw)
    return raw


def _sent(ground: Ground, raw: bytes) -> Receipt | None:
    ground.bench.node.send_raw(raw)
    return _receipt(ground, raw)


def _receipt(ground: Ground, raw: bytes) -> Receipt | None:
    """The receipt, once it is mined; None where it was not taken."""
    tx = Hash32(keccak256(raw))
    for _ in range(TRIES):
        receipt = ground.bench.node.receipt(tx)
        if receipt is not None:
            return receipt
        ground.bench.node.mine()
    return None
