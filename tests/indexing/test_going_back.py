"""A head that moved back, a chain that was reset, a node that lags: recovered without help, and never in silence."""

import os
import shutil
import signal
import time
from contextlib import suppress
from pathlib import Path

import pytest

from chainwallet.anvil import RunningChain
from chainwallet.errors import LocalChainDied
from chainwallet.evm import BlockNumber
from chainwallet.indexer import Source, StoodStill, WentBack
from chainwallet.manifest import Manifest
from chainwallet.rpc import Node
from chainwallet.store import facts
from chainwallet.store.database import Database
from tests.indexing.town import Town
from tests.postgres import on_both


def waits_because(town: Town) -> str | None:
    with town.database.read() as tx:
        followed = facts.head(tx, town.chain)
    assert followed is not None
    return followed.waits_because


@on_both
@pytest.mark.parametrize("depth", [1, 20])
def test_a_chain_that_was_rolled_back_is_followed_back(town: Town, depth: int) -> None:
    """After a rollback the facts above are taken back, and what is mined then is taken in."""
    town.live(blocks=25)
    indexer = town.indexer()
    indexer.catch_up()
    town.ask("anvil_rollback", depth)
    assert isinstance(indexer.tick(), WentBack)
    town.check()
    town.live(blocks=2)
    indexer.catch_up()
    town.check()


def test_a_node_that_lags_is_given_time(town: Town) -> None:
    """While a node has only a beginning of the verified chain nothing is taken back, and the reason is told."""
    town.live(blocks=3)
    indexer = town.indexer(patience_s=60.0)
    indexer.catch_up()
    before, head = town.rows(), town.node.block_number()
    town.ask("anvil_rollback", 2)
    reason = f"the node's head is block {head - 2}, below the verified {head}"
    assert indexer.tick() == StoodStill(reason)
    town.now_s += 5
    assert indexer.tick() == StoodStill(reason)
    assert (town.rows(), waits_because(town)) == (before, reason)
    with town.database.read() as tx:
        assert facts.waiting(tx, town.chain) == (reason, town.now_s - 5)


def test_patience_ends(town: Town) -> None:
    """A node that has only a beginning for too long is believed: its chain was rolled back."""
    now_s = 0.0
    town.live(blocks=3)
    indexer = town.indexer(patience_s=30.0, monotonic_s=lambda: now_s)
    indexer.catch_up()
    town.ask("anvil_rollback", 2)
    assert isinstance(indexer.tick(), StoodStill)
    now_s = 29.0
    assert isinstance(indexer.tick(), StoodStill)
    now_s = 31.0
    assert isinstance(indexer.tick(), WentBack)
    town.check()


def test_a_shorter_chain_that_went_another_way_is_followed_at_once(town: Town) -> None:
    """One new block after a rollback proves that the old ones are gone: nobody waits for a node to come up."""
    town.live(blocks=10)
    indexer = town.indexer(patience_s=3_600.0)
    indexer.catch_up()
    town.ask("anvil_rollback", 5)
    town.pay(1, 2, 3)
    assert isinstance(indexer.tick(), WentBack)
    indexer.catch_up()
    town.check()


@on_both
def test_a_chain_killed_and_reloaded_from_an_older_state_is_followed(
    founded: tuple[Path, Manifest], database: Database, anvil_binary: Path, tmp_path: Path
) -> None:
    """After kill -9 of the chain, which comes back without its last blocks, the facts are the chain's again."""
    first, again = tmp_path / "chain", tmp_path / "saved"
    shutil.copytree(founded[0], first)
    with suppress(LocalChainDied), RunningChain.start(first, anvil_binary, Node) as chain, Node(chain.url) as node:
        town = Town(chain.url, database, founded[1], node)
        town.live(blocks=4)
        chain.save()
        shutil.copytree(first, again)
        town.live(blocks=6)
        town.indexer().catch_up()
        before = town.rows()
        os.kill(chain._child.pid, signal.SIGKILL)
    with RunningChain.start(again, anvil_binary, Node) as chain, Node(chain.url) as node:
        reborn = Town(chain.url, database, founded[1], node)
        indexer = reborn.indexer()
        indexer.catch_up()
        reborn.check()
        assert reborn.rows() == before[:-6]
        reborn.live(blocks=8)
        indexer.catch_up()
        reborn.check()


@on_both
def test_a_contract_that_is_followed_since_lately_comes_up_to_the_others(town: Town) -> None:
    """A token that is followed later is taken in from its own first block, and the head is that of the hindmost."""
    town.live(blocks=12)
    town.indexer().catch_up()
    late = Source(f"{town.chain}/late", town.cash.address, BlockNumber(town.source.first + 1))
    both = town.indexer(span=4)
    both._sources[late.token] = late
    head = town.node.block_number()
    both.tick()
    with town.database.read() as tx:
        hindmost, foremost = facts.head(tx, town.chain), facts.followed(tx, town.token)
    assert hindmost is not None
    assert foremost is not None
    assert (hindmost.number, foremost.number) == (late.first + 3, head)
    town.reorg(3, [(0, 1, 5)])
    both.catch_up()
    town.check()
    with town.database.read() as tx:
        theirs = [row[1:] for row in facts.canonical_rows(tx, late.token)]
        ours = [row[1:] for row in facts.canonical_rows(tx, town.token) if int(str(row[1])) >= late.first]
    assert theirs == ours


def test_balances_are_the_chains_within_3_seconds_of_the_next_block(town: Town) -> None:
    """After the deepest reorg of the checks, one block and three seconds later everything is as the chain says."""
    town.live(blocks=70)
    indexer = town.indexer()
    indexer.catch_up()
    town.reorg(64, [(0, 1, 7)])
    town.pay(2, 3, 9)
    began_s = time.monotonic()
    indexer.catch_up()
    assert time.monotonic() - began_s < 3.0
    town.check()
