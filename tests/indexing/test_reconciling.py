"""The verified history against the chain's state: the same for every account, or named."""

import pytest

from chainwallet import history
from chainwallet.abi.calls import pay_data
from chainwallet.abi.generated import EVENTS
from chainwallet.abi.typed_data import Permit
from chainwallet.errors import HistoryMismatch, NotFound
from chainwallet.evm import Address, checksum, keccak256, to_hex
from chainwallet.store import facts
from tests.chain.bench import key_of
from tests.indexing.test_fates import payment
from tests.indexing.town import PEOPLE, Town

COMPLIANCE = key_of("compliance").address


def test_every_account_is_as_the_state_has_it(town: Town) -> None:
    """Balances, nonces, freezes and supply by facts are those of the state, for everybody who ever had any."""
    town.live(blocks=3, payments=4)
    town.send(pay_data([town.item(payment(70))]))
    town.call(PEOPLE[2], "cancelNonces(uint256)", 5)
    town.call(PEOPLE[5], "approve(address,uint256)", PEOPLE[6], 50)
    town.call(PEOPLE[6], "transferFrom(address,address,uint256)", PEOPLE[5], PEOPLE[7], 20)
    permit = Permit(PEOPLE[7], PEOPLE[6], 9, 0, 2**40)
    signature = town.sign(permit, PEOPLE[7])
    town.call(PEOPLE[6], "permit(address,address,uint256,uint256,bytes)", PEOPLE[7], PEOPLE[6], 9, 2**40, signature)
    town.call(COMPLIANCE, "freeze(address,bytes32)", PEOPLE[3], keccak256(b"reason"))
    town.call(COMPLIANCE, "freeze(address,bytes32)", PEOPLE[4], keccak256(b"reason"))
    town.call(COMPLIANCE, "unfreeze(address,bytes32)", PEOPLE[4], keccak256(b"reason"))
    town.indexer().catch_up()
    found = history.reconcile(town.node, town.database, town.cash)
    assert (found.block, found.block_hash) == (town.node.block_number(), town.node.block("latest").hash)
    never_payees = 3  # nobody, the ledger itself and its office are frozen from the beginning
    assert (found.accounts, found.mismatches) == (len(PEOPLE) + never_payees, ())


def test_a_state_without_an_event_is_found(town: Town) -> None:
    """An account whose state changed without an event is named with both figures."""
    town.indexer().catch_up()
    slot = next(slot for slot in map(town.holding_slot, range(20)) if int(town.storage(slot), 16))
    word = int(town.storage(slot), 16)
    town.ask("anvil_setStorageAt", to_hex(town.cash.address), slot, to_hex((word - 7).to_bytes(32, "big")))
    town.pay(1, 2)
    town.indexer().catch_up()
    (mismatch,) = history.reconcile(town.node, town.database, town.cash).mismatches
    assert mismatch.what == f"balance of {checksum(PEOPLE[0])} by events"
    assert int(mismatch.found) == int(mismatch.expected) + 7


def emitting(payer: Address, payee: Address, units: int) -> str:
    """Code that reports a transfer whenever it is called, and moves nothing."""
    topics = [EVENTS["Transfer(address,address,uint256)"], bytes(12) + payer, bytes(12) + payee]
    pushed = "".join("7f" + topic.hex() for topic in reversed(topics))
    return "0x" + "7f" + units.to_bytes(32, "big").hex() + "5f52" + pushed + "60205fa300"


def test_a_transfer_that_is_reported_and_not_made_is_found(town: Town) -> None:
    """A contract that emits a Transfer without moving money is told from one that moves it."""
    code = town.ask("eth_getCode", to_hex(town.cash.address), "latest")
    town.ask("anvil_setCode", to_hex(town.cash.address), emitting(PEOPLE[0], PEOPLE[1], 5))
    town.send(b"")
    town.ask("anvil_setCode", to_hex(town.cash.address), code)
    town.node.mine()
    town.indexer().catch_up()
    found = history.reconcile(town.node, town.database, town.cash).mismatches
    assert {mismatch.what for mismatch in found} == {f"balance of {checksum(who)} by events" for who in PEOPLE[:2]}


def test_a_reported_transfer_of_more_than_there_is_stops_the_history(town: Town) -> None:
    """Where events take more from somebody than there was, nothing above is taken in, and the reason is told."""
    town.indexer().catch_up()
    before = town.rows()
    town.ask("anvil_setCode", to_hex(town.cash.address), emitting(PEOPLE[0], PEOPLE[1], 10**12))
    town.send(b"")
    with pytest.raises(HistoryMismatch, match="at least 0"):
        town.indexer().catch_up()
    assert town.rows() == before
    with town.database.read() as tx:
        reason = facts.waiting(tx, town.chain)
    assert reason is not None
    assert reason[0].startswith(f"balance of {checksum(PEOPLE[0])} by events: found -")


def test_nothing_is_reconciled_before_anything_is_verified(town: Town) -> None:
    """Without verified history there is nothing to compare, and that is said."""
    with pytest.raises(NotFound):
        history.reconcile(town.node, town.database, town.cash)
