"""Through a real proxy: nodes that lie, lack a method, fail or disagree. What they say is a fact only if proved."""

import random
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from typing import Any

import pytest

from chainwallet.abi.calls import pay_data
from chainwallet.errors import NodeRefused, NodeTrouble, NodeUnreachable, UnverifiedBlock
from chainwallet.indexer import StoodStill
from chainwallet.rpc import Node
from chainwallet.store import facts
from tests.chain.fault_proxy import FaultProxy, answer_lost, left_out, lost_on_the_way, refused, server_error
from tests.indexing.test_fates import payment
from tests.indexing.town import Town
from tests.postgres import on_both
from tests.proofs.changes import CHANGES, Change, flipped

RECEIPTS, BLOCK = "eth_getBlockReceipts", "eth_getBlockByNumber"


@pytest.fixture
def proxy(town: Town) -> Iterator[FaultProxy]:
    with FaultProxy(town.url) as running:
        yield running


@pytest.fixture
def lying(proxy: FaultProxy) -> Iterator[Node]:
    """A node behind the proxy, asked everything once."""
    with Node(proxy.url, attempts=1) as node:
        yield node


def in_block(block: Any, change: Callable[[Any], None]) -> Callable[[list[Any], Any], Any]:
    """Alters the receipts of one block."""

    def alter(params: list[Any], result: Any) -> Any:
        if params[0] == block["hash"]:
            change(result)
        return result

    return alter


@on_both
def test_a_lie_is_quarantined_named_and_healed(town: Town, proxy: FaultProxy, lying: Node) -> None:
    """A block whose receipts lack a log is named, nothing of it or above is served, and the truth heals it."""
    town.live(blocks=6, payments=3)
    block = town.ask(BLOCK, hex(town.node.block_number() - 2), False)
    number = int(block["number"], 16)
    proxy.alter(RECEIPTS, in_block(block, lambda receipts: receipts[1]["logs"].clear()))
    indexer = town.indexer(lying)
    for time_s in (2_000, 2_005):
        town.now_s = time_s
        with pytest.raises(UnverifiedBlock) as caught:
            indexer.catch_up()
        assert (caught.value.block, caught.value.what) == (number, "receipts root")
    with town.database.read() as tx:
        followed = facts.head(tx, town.chain)
        (lie,) = facts.quarantined(tx, town.chain)
        assert facts.waiting(tx, town.chain) == (str(caught.value), 2_000)
        served = {row[1] for row in facts.canonical_rows(tx, town.token)}
    assert followed is not None
    assert (followed.number, followed.waits_because) == (number - 1, str(caught.value))
    assert max(map(int, served)) == number - 1  # type: ignore[arg-type]
    assert (lie.block, lie.what, lie.found, lie.node) == (number, "receipts root", caught.value.found, proxy.url)
    assert (lie.times, lie.first_seen_at_s, lie.last_seen_at_s, lie.healed_at_s) == (2, 2_000, 2_005, None)
    proxy.heal()
    town.now_s = 2_010
    indexer.catch_up()
    town.check()
    with town.database.read() as tx:
        assert facts.quarantined(tx, town.chain) == ()
        (lie,) = facts.quarantined(tx, town.chain, healed=True)
    assert lie.healed_at_s == 2_010


def changed(change: Change, seed: int, receipts: Any) -> None:
    change(receipts, random.Random(seed))  # noqa: S311 - the same in every run


def test_every_kind_of_lie_about_receipts_is_caught_on_the_wire(town: Town, proxy: FaultProxy, lying: Node) -> None:
    """Whatever a node changes in one block's receipts, no fact and no balance comes of it."""
    town.indexer().catch_up()
    before = town.rows()
    with town.one_block():
        for first in (0, 2, 4):
            town.send(pay_data([town.item(payment(nonce)) for nonce in (first, first + 1)]))
    block = town.ask(BLOCK, "latest", False)
    for seed, change in enumerate(CHANGES):
        proxy.alter(RECEIPTS, in_block(block, partial(changed, change, seed)))
        with pytest.raises(UnverifiedBlock):
            town.indexer(lying).catch_up()
        assert town.rows() == before, change
    proxy.heal()
    town.indexer(lying).catch_up()
    town.check()


@pytest.mark.parametrize("name", ["parentHash", "stateRoot", "receiptsRoot", "logsBloom", "timestamp", "hash"])
def test_a_tampered_header_is_caught_on_the_wire(town: Town, proxy: FaultProxy, lying: Node, name: str) -> None:
    """A header with a changed field is not believed, were it only to hide that a block concerns us."""
    town.live(blocks=3, payments=2)
    number = town.node.block_number() - 1

    def tamper(params: list[Any], result: Any) -> Any:
        if params[0] == hex(number):
            result[name] = flipped(result[name], random.Random(1))  # noqa: S311 - any bit will do
        return result

    proxy.alter(BLOCK, tamper)
    with pytest.raises(UnverifiedBlock) as caught:
        town.indexer(lying).catch_up()
    assert caught.value.block == number
    assert max(int(str(row[1])) for row in town.rows()) == number - 1
    proxy.heal()
    town.indexer(lying).catch_up()
    town.check()


def test_blocks_that_do_not_fit_together_are_told_of_in_the_end(town: Town, proxy: FaultProxy, lying: Node) -> None:
    """A true block that is not the child of the one before may come of a reorg between two questions; not for ever."""
    town.node.mine(4)
    head = town.node.block_number()
    former = town.ask(BLOCK, hex(head - 1), False)
    town.reorg(2)
    proxy.alter(BLOCK, lambda params, result: former if params[0] == former["number"] else result)
    indexer = town.indexer(lying)
    with pytest.raises(UnverifiedBlock) as caught:
        indexer.catch_up()
    assert (caught.value.block, caught.value.what, caught.value.expected) == (head, "parent", former["hash"])
    proxy.heal()
    indexer.catch_up()
    town.check()


# ------------------------------------------------------------------------------------------------ other nodes


def test_another_endpoint_cures_a_lie(town: Town, proxy: FaultProxy) -> None:
    """With a second node that tells the truth, the next tick asks that one, and the history goes on."""
    town.live(blocks=4, payments=2)
    block = town.ask(BLOCK, hex(town.node.block_number() - 1), False)
    proxy.alter(RECEIPTS, in_block(block, lambda receipts: receipts.pop()))
    with Node([proxy.url, town.url]) as node:
        indexer = town.indexer(node)
        with pytest.raises(UnverifiedBlock):
            indexer.catch_up()
        indexer.catch_up()
    town.check()
    with town.database.read() as tx:
        (lie,) = facts.quarantined(tx, town.chain, healed=True)
    assert lie.node == proxy.url


@pytest.mark.parametrize("answer", [(-32601, "the method eth_getBlockReceipts does not exist/is not available"),
                                    (-32600, "Unsupported method: eth_getBlockReceipts")])  # fmt: skip
def test_a_provider_without_block_receipts_is_asked_receipt_by_receipt(
    town: Town, proxy: FaultProxy, lying: Node, answer: tuple[int, str]
) -> None:
    """A node without ``eth_getBlockReceipts`` is asked for each receipt, and they are proved all the same."""
    town.live(blocks=3, payments=5)
    proxy.next(RECEIPTS, *[refused(*answer)] * 100)
    indexer = town.indexer(lying)
    indexer.catch_up()
    town.check()
    assert proxy.methods.count("eth_getTransactionReceipt") >= 15
    asked = proxy.methods.count(RECEIPTS)
    town.pay()

    def drop(_params: list[Any], result: Any) -> Any:
        result["logs"].clear()
        return result

    proxy.alter("eth_getTransactionReceipt", drop)
    with pytest.raises(UnverifiedBlock):
        indexer.catch_up()
    proxy.heal()
    indexer.catch_up()
    town.check()
    assert proxy.methods.count(RECEIPTS) == asked


def test_receipts_are_asked_for_by_hash_alone(town: Town, proxy: FaultProxy, lying: Node) -> None:
    """No logs or receipts are asked for by a number, which may stand for another block a moment later."""
    asked: list[Any] = []

    def note(params: list[Any], result: Any) -> Any:
        asked.extend(params)
        return result

    proxy.alter(RECEIPTS, note)
    town.live(blocks=3, payments=2)
    town.indexer(lying).catch_up()
    assert asked
    assert all(len(name) == 66 for name in asked)
    assert not {"eth_getLogs", "eth_newFilter", "eth_getFilterChanges"} & set(proxy.methods)


FAULTS = [lost_on_the_way(), answer_lost(), left_out(), server_error(forwarded=True), refused(-32005, "rate limit")]


@pytest.mark.parametrize("fault", range(len(FAULTS)))
@pytest.mark.parametrize("method", [RECEIPTS, BLOCK])
def test_a_node_that_fails_now_and_then_costs_nothing_but_time(
    town: Town, proxy: FaultProxy, method: str, fault: int
) -> None:
    """Cut connections, lost answers and servers' errors leave no gap and no double behind."""
    town.live(blocks=5, payments=2)
    proxy.next(method, *[FAULTS[fault]] * 2)
    with Node(proxy.url, attempts=1) as node:
        indexer = town.indexer(node, span=2)
        for _ in range(10):
            with suppress(NodeTrouble):
                indexer.catch_up()
                break
    town.check()


def test_why_nothing_comes_in_is_told_and_since_when(town: Town) -> None:
    """While no node answers, the facts say so and since when; that ends with the trouble."""
    town.indexer().catch_up()
    with Node("http://127.0.0.1:9", attempts=1) as nowhere:
        indexer = town.indexer(nowhere)
        for time_s in (3_000, 3_060):
            town.now_s = time_s
            with pytest.raises(NodeUnreachable):
                indexer.tick()
    with town.database.read() as tx:
        reason = facts.waiting(tx, town.chain)
    assert reason == ("node http://127.0.0.1:9: unreachable (connection refused)", 3_000)
    assert town.indexer().tick() == StoodStill(None)
    town.check()


def test_a_block_whose_receipts_a_node_never_has_is_told(town: Town, proxy: FaultProxy, lying: Node) -> None:
    """A node without the receipts of a block that it has is asked again a few times, then told of."""
    town.live(blocks=2)
    block = town.ask(BLOCK, "latest", False)
    proxy.alter(RECEIPTS, lambda params, result: None if params[0] == block["hash"] else result)
    indexer = town.indexer(lying)
    with pytest.raises(NodeRefused, match="has no receipts of block"):
        indexer.catch_up()
    proxy.heal()
    indexer.catch_up()
    town.check()


@on_both
def test_a_hash_that_no_header_has_takes_nothing_back(town: Town, proxy: FaultProxy, lying: Node) -> None:
    """A node that names another hash of verified blocks is caught by their headers: no fact is orphaned by its word."""
    town.live(blocks=6, payments=3)
    indexer = town.indexer(lying)
    indexer.catch_up()
    before = town.rows()

    def other_hash(params: list[Any], result: Any) -> Any:
        is_numbered = params[0] not in ("latest", "0x0")
        return {**result, "hash": f"0x{int(result['hash'], 16) ^ 1:064x}"} if is_numbered else result

    proxy.alter(BLOCK, other_hash)
    town.live(blocks=1)
    with pytest.raises(UnverifiedBlock) as caught:
        indexer.tick()
    assert caught.value.what == "hash of the header"
    assert town.rows() == before
    proxy.heal()
    indexer.catch_up()
    town.check()
