"""Nodes that lie: whatever they leave out or change is caught and named, and nothing of it becomes a fact."""

import copy
import random
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import pytest

from chainwallet.errors import UnverifiedBlock
from chainwallet.evm import BlockNumber
from chainwallet.indexer.reading import Reading
from chainwallet.rpc import Blocks, Node
from chainwallet.rules.following import Read
from tests.indexing.town import Town

T = TypeVar("T")
RUNS = 200


class Recorded(Node):
    """Tells again what a real node told of its blocks, but for the receipts of one."""

    def __init__(self, blocks: dict[str, Any], receipts: dict[str, Any]) -> None:
        super().__init__("http://127.0.0.1:1")
        self._blocks = blocks
        self._receipts = receipts
        self.changed: tuple[str, Any] = ("", None)

    def read_many(self, method: str, all_params: Sequence[Sequence[Any]], parse: Callable[[object], T]) -> list[T]:
        if method == "eth_getBlockByNumber":
            return [parse(self._blocks[params[0]]) for params in all_params]
        assert method == "eth_getBlockReceipts"
        name, lie = self.changed
        return [parse(lie if params[0] == name else self._receipts[params[0]]) for params in all_params]


@pytest.fixture
def recorded(town: Town) -> tuple[Recorded, Town, Read]:
    """Ten blocks with a thousand payments, told again."""
    first = town.node.block_number() + 1
    town.live(blocks=10, payments=100)
    step = Read(BlockNumber(first), town.node.block_number())
    blocks = {
        hex(number): town.ask("eth_getBlockByNumber", hex(number), False) for number in range(first, step.last + 1)
    }
    receipts = {block["hash"]: town.ask("eth_getBlockReceipts", block["hash"]) for block in blocks.values()}
    return Recorded(blocks, receipts), town, step


def one_log_dropped(receipts: Any, at: int) -> None:
    receipts[at]["logs"].clear()


def one_log_altered(receipts: Any, at: int) -> None:
    log = receipts[at]["logs"][0]
    log["data"] = hex(int(log["data"], 16) + 1).replace("0x", "0x" + "0" * (66 - len(hex(int(log["data"], 16) + 1))))


def test_a_lie_about_one_log_in_a_thousand_is_caught_in_200_of_200_runs(recorded: tuple[Recorded, Town, Read]) -> None:
    """A node that drops or alters one log in a thousand is caught every time, at its block; what is below is good."""
    node, town, step = recorded
    dice = random.Random(11)  # noqa: S311 - the same in every run
    names = list(node._receipts)
    with ThreadPoolExecutor(2) as pool:
        for number in range(RUNS):
            place = dice.randrange(1_000)
            name = names[place // 100]
            lie = copy.deepcopy(node._receipts[name])
            (one_log_dropped if number % 2 else one_log_altered)(lie, place % 100)
            node.changed = (name, lie)
            reading = Reading(Blocks(node), [town.source], None)
            verified = [block for part in reading.parts(step, pool) for block in part]
            assert isinstance(reading.trouble, UnverifiedBlock)
            assert (reading.trouble.block, reading.trouble.what) == (step.first + place // 100, "receipts root")
            assert [block.point.number for block in verified] == list(range(step.first, reading.trouble.block))
    node.changed = ("", None)
    with ThreadPoolExecutor(2) as pool:
        told = Reading(Blocks(node), [town.source], None)
        parts = list(told.parts(step, pool))
    assert told.trouble is None
    assert sum(len(some) for part in parts for block in part for some in block.facts.values()) == 1_000
