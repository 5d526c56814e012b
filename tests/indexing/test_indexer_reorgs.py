"""Following a real chain: forward, back over reorgs of any depth, and on after every kind of trouble."""

import pytest

from chainwallet.errors import WrongChain
from chainwallet.evm import ChainName, Hash32
from chainwallet.indexer import Indexer, StoodStill, TookIn, WentBack
from chainwallet.rpc import Blocks
from chainwallet.store import facts
from tests.indexing.town import Town
from tests.postgres import on_both

pytestmark = on_both


def test_a_chain_is_followed_from_the_contracts_block(town: Town) -> None:
    """Every event since the contract's creation is a fact, and balances, supply and order are the chain's."""
    town.live(blocks=5, payments=3)
    town.indexer().catch_up()
    town.check()
    with town.database.read() as tx:
        followed = facts.head(tx, town.chain)
        kinds = {row[6] for row in facts.canonical_rows(tx, town.token)}
    assert followed is not None
    assert kinds >= {"Transfer", "Minted", "RoleGranted", "QuotaSet"}


def test_a_tick_at_the_head_does_nothing(town: Town) -> None:
    """Where nothing is new, a tick stands still; a new block is taken in by the next one."""
    indexer = town.indexer()
    indexer.catch_up()
    assert indexer.tick() == StoodStill(None)
    town.pay()
    head = town.node.block_number()
    assert indexer.tick() == TookIn(head, head, 1)
    town.check()


@pytest.mark.parametrize("depth", [1, 3, 20, 64])
@pytest.mark.parametrize("replaced", [False, True])
def test_a_reorg_is_followed_back_and_on(town: Town, depth: int, replaced: bool) -> None:
    """However deep a reorg goes, with new payments in it or none, the facts become the new chain's and the old stay."""
    town.live(blocks=70)
    indexer = town.indexer()
    indexer.catch_up()
    before = town.rows()
    with town.database.read() as tx:
        known_before = facts.rebuilt(tx, town.token, 10**9)
    town.now_s += 100
    town.reorg(depth, [(0, 1, 77), (2, 3, 78)] if replaced else [])
    steps = [indexer.tick()]
    while not isinstance(steps[-1], StoodStill):
        steps.append(indexer.tick())
    went_back = steps[0]
    assert isinstance(went_back, WentBack)
    assert went_back.to is not None
    assert (went_back.to.number, went_back.orphaned) == (town.node.block_number() - depth, depth)
    town.check()
    assert town.rows()[: len(before) - depth] == before[:-depth]
    assert len(town.rows()) == len(before) - depth + (2 if replaced else 0)
    with town.database.read() as tx:
        assert facts.rebuilt(tx, town.token, 10**9, known_at_s=town.now_s - 1) == known_before
        assert facts.rebuilt(tx, town.token, 10**9) != known_before


def test_a_whole_chain_is_replaced(town: Town) -> None:
    """A reorg down to the first block takes everything back; the contract is followed again when it is there again."""
    town.live(blocks=3)
    indexer = town.indexer()
    indexer.catch_up()
    everything = len(town.rows())
    town.reorg(town.node.block_number())
    went_back = indexer.tick()
    assert went_back == WentBack(None, everything)
    indexer.catch_up()
    assert town.rows() == []
    with town.database.read() as tx:
        assert set(facts.balances(tx, town.token).values()) == {0}
        assert facts.supply(tx, town.token) == 0


def test_another_chain_is_refused(town: Town) -> None:
    """A node of another chain is not followed: nothing is taken in or back, and the reason is kept until it is over."""
    town.indexer().catch_up()
    before = town.rows()
    elsewhere = ChainName(town.cash.chain.chain_id, Hash32(b"\x07" * 32))
    stranger = Indexer(town.database, Blocks(town.node), elsewhere, [town.source], lambda: 1, lambda: 1.0)
    with pytest.raises(WrongChain):
        stranger.tick()
    assert town.rows() == before
