"""What auditors ask without trusting anybody: balances of the past, the supply, and the state beside the facts."""

import time

import pytest

from chainwallet.errors import BadValue, HistoryBehind
from chainwallet.evm import ZERO_ADDRESS
from chainwallet.history import Audit
from chainwallet.rpc import Node
from chainwallet.store import verified
from tests.indexing.test_statements import chronicle_of
from tests.indexing.town import PEOPLE, Town
from tests.postgres import on_both

pytestmark = on_both

ANA, BEN, CLEO = PEOPLE[:3]


def audit_of(town: Town, confirmations: int = 1) -> Audit:
    return Audit(chronicle_of(town, confirmations), town.node)


def far() -> int:
    """A time when all blocks of the tests have been."""
    return int(time.time()) + 10**7


def test_a_balance_at_any_block_is_the_chains(town: Town) -> None:
    """At every block since the ledger's first, the facts and the state that the node has there are one."""
    town.live(blocks=6, payments=2)
    town.node.mine(2)
    town.indexer().catch_up()
    audit = audit_of(town, confirmations=3)
    head = town.node.block_number()
    for block in range(town.source.first, head + 1):
        for owner in (ANA, BEN):
            found = audit.balance_at_block(town.cash, owner, block, compare=True)
            assert found.units == town.held(owner, hex(block))
            assert found.agrees is True
            assert found.at.is_final is (block <= head - 2)
            told = town.node.block(block)
            assert (found.at.hash, found.at.timestamp_s) == (told.hash, told.timestamp_s)
    now = audit.balance_at_block(town.cash, ANA, None)
    assert (now.units, now.at.block, now.standing.head, now.agrees) == (town.held(ANA), head, head, None)


def test_a_balance_at_a_date_names_its_block(town: Town) -> None:
    """A date stands for the last block that is not later, and the answer says which that is."""
    town.live(blocks=3)
    for seconds in (100, 50, 700):
        town.ask("evm_increaseTime", seconds)
        town.pay(0, 1, 5)
    town.indexer().catch_up()
    audit, head = audit_of(town), town.node.block_number()
    blocks = [town.node.block(number) for number in range(town.source.first, head + 1)]
    for block in blocks:
        last = max((one for one in blocks if one.timestamp_s <= block.timestamp_s), key=lambda one: one.number)
        found = audit.balance_as_of(town.cash, ANA, block.timestamp_s, far(), compare=True)
        assert (found.at.block, found.at.hash, found.units) == (
            last.number,
            last.hash,
            town.held(ANA, hex(last.number)),
        )
        assert found.agrees is True
    between = audit.balance_as_of(town.cash, ANA, blocks[-1].timestamp_s - 1, far())
    assert between.at.block == head - 1
    assert audit.balance_as_of(town.cash, ANA, blocks[-1].timestamp_s + 5, far()).at.block == head


def test_a_date_before_the_ledger_or_to_come_is_refused(town: Town) -> None:
    """There is no balance before the ledger began, and none in the future: both are refused with what there is."""
    town.pay(0, 1, 5)
    town.indexer().catch_up()
    audit, began_s = audit_of(town), town.node.block(town.source.first).timestamp_s
    assert audit.balance_as_of(town.cash, ANA, began_s, far()).at.block >= town.source.first
    with pytest.raises(BadValue, match=r"at: got .* expected a time from .* on, when the ledger began"):
        audit.balance_as_of(town.cash, ANA, began_s - 1, far())
    with pytest.raises(BadValue, match="expected a time that has been"):
        audit.balance_as_of(town.cash, ANA, began_s + 1, began_s)


def test_a_block_that_is_not_verified_is_refused(town: Town) -> None:
    """A block before the ledger's first or above the last verified one is refused with the bounds."""
    town.pay(0, 1, 5)
    town.indexer().catch_up()
    audit, head = audit_of(town), town.node.block_number()
    town.node.mine()
    for block in (-1, town.source.first - 1, head + 1, 2**63, 10**30):
        with pytest.raises(BadValue, match=f"from {town.source.first}, the ledger's first, to {head}, the last"):
            audit.balance_at_block(town.cash, ANA, block)
    with pytest.raises(BadValue, match="the supply"):
        audit.balance_at_block(town.cash, ZERO_ADDRESS, head)


def test_a_block_whose_header_was_let_go_is_answered(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of an old block without facts the balance is known; its hash is asked of the node and checked by its header."""
    monkeypatch.setattr("chainwallet.store.following.KEPT_BLOCKS", 4)
    town.pay(0, 1, 5)
    old = town.node.block_number() + 2
    town.node.mine(20)
    town.indexer(span=5).catch_up()
    found = audit_of(town).balance_at_block(town.cash, ANA, old, compare=True)
    assert (found.at.hash, found.at.timestamp_s) == (None, None)
    assert found.units == town.held(ANA, hex(old))
    assert found.compared is not None
    assert (found.compared.block_hash, found.agrees) == (town.node.block(old).hash, True)
    at_s = town.node.block(old).timestamp_s
    with town.database.read() as tx:
        kept = verified.kept_as_of(tx, town.chain, town.source.first, town.node.block_number(), at_s)
    assert kept is not None
    assert kept.timestamp_s <= at_s


def test_a_node_without_the_state_is_told_so(town: Town) -> None:
    """Where the node cannot tell the state, the facts answer alone and say why nothing is beside them."""
    town.pay(0, 1, 5)
    town.indexer().catch_up()
    with Node("http://127.0.0.1:9", attempts=1) as away:
        audit = Audit(chronicle_of(town), away)
        found = audit.balance_at_block(town.cash, ANA, None, compare=True)
        supply = audit.supply(town.cash)
    assert found.units == town.held(ANA)
    assert found.agrees is None
    assert found.compared is not None
    assert "unreachable" in found.compared.why_not
    assert (supply.minted, supply.is_conserved) == (town.supply(), None)


def test_money_is_conserved(town: Town) -> None:
    """What was minted and not burnt, the sum of all balances, and the contract's own supply are one, at one block."""
    town.live(blocks=3, payments=3)
    town.indexer().catch_up()
    audit = audit_of(town)
    supply = audit.supply(town.cash)
    assert (supply.minted, supply.held, supply.compared.units) == (town.supply(),) * 3
    assert supply.is_conserved is True
    assert supply.holders == len(PEOPLE)
    head = town.node.block("latest")
    assert (supply.standing.block, supply.compared.block_hash) == (head.number, head.hash)
    town.pay(0, 1, 5)
    town.indexer().catch_up()
    assert audit.supply(town.cash).standing.block == head.number + 1


def test_money_that_comes_from_nowhere_is_seen(town: Town) -> None:
    """A supply in the state that no event explains is told as not conserved, with both figures."""
    town.indexer().catch_up()
    units = town.supply()
    slots = [hex(place) for place in range(12)]
    (slot,) = [each for each in slots if int(town.storage(each), 16) & (2**96 - 1) == units]
    word = int(town.storage(slot), 16)
    town.ask("anvil_setStorageAt", "0x" + town.cash.address.hex(), slot, "0x" + f"{word + 1:064x}")
    town.node.mine()
    town.indexer().catch_up()
    supply = audit_of(town).supply(town.cash)
    assert (supply.minted, supply.compared.units, supply.is_conserved) == (units, units + 1, False)


def test_auditors_are_not_told_of_a_chain_that_is_no_more(town: Town) -> None:
    """While a reorg is not taken in, auditors get no answer either, not even of older blocks."""
    town.live(blocks=6)
    town.indexer().catch_up()
    audit, head = audit_of(town), town.node.block_number()
    audit.balance_at_block(town.cash, ANA, head - 4)
    town.reorg(5, [(0, 1, 77)])
    for ask in (
        lambda: audit.balance_at_block(town.cash, ANA, head - 4),
        lambda: audit.balance_as_of(town.cash, ANA, far(), far()),
        lambda: audit.supply(town.cash),
        lambda: audit.chronicle.movements_of(ANA, None, 5),
    ):
        with pytest.raises(HistoryBehind, match="a reorg is being taken in"):
            ask()
    town.indexer().catch_up()
    assert audit.balance_at_block(town.cash, ANA, head - 4, compare=True).agrees is True
    assert audit.supply(town.cash).is_conserved is True
