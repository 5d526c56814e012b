"""The verified history at the command line: followed, told of, compared with the chain, and its speed measured."""

import re
import signal

from chainwallet.evm import to_hex
from chainwallet.rpc import Node
from tests.cli.command import Command, note_of, wait_until


def test_the_history_is_followed_told_of_and_compared(house: Command) -> None:
    """`index run --once` goes to the head, `index status` says how far that is, `index check` finds no difference."""
    with Node(note_of(house.home)["url"]) as node:
        node.mine(2)  # what was there before, another test's command may have taken in
        head = node.block("latest")
    said = house.said("index", "run", "--once")
    assert re.search(rf"blocks \d+ to {head.number}: verified, \d+ events\n", said)
    (followed,) = house.json("index", "status")["followed"]
    assert (followed["block"], followed["hash"]) == (head.number, to_hex(head.hash))
    assert followed["waitsBecause"] is None
    assert house.said("index", "status") == f"{followed['token']}  block {head.number}, verified\n"
    (found,) = house.json("index", "check").values()
    assert (found["block"], found["mismatches"]) == (head.number, [])
    assert found["accounts"] > 3


def test_a_payment_made_meanwhile_is_taken_in(copy: Command) -> None:
    """`index run` holds nobody up: what is made beside it is verified a moment later, and an interruption ends it."""
    copy.said("chain", "up")
    running = copy.begin("index", "run")
    wait_until(lambda: copy.json("index", "status")["followed"] != [], "the first block")
    copy.said("pay", "Ana", "Björn", "1")  # which follows the chain itself, as far as its payment
    with Node(note_of(copy.home)["url"]) as node:
        node.mine(2)
        head = node.block_number()
    wait_until(lambda: copy.json("index", "status")["followed"][0]["block"] == head, "the blocks after the payment")
    running.send_signal(signal.SIGINT)
    said, complained = running.communicate(timeout=60)
    assert (running.returncode, complained) == (128 + signal.SIGINT, "")
    assert re.search(rf"^blocks \d+ to {head}: verified, ", said, re.MULTILINE)


def test_trouble_with_the_node_is_told_and_outlived(copy: Command) -> None:
    """While the node does not answer `index run` says why it waits; asked for the head alone it refuses."""
    copy.said("chain", "up")
    url = note_of(copy.home)["url"]
    copy.said("chain", "down")
    assert "unreachable" in copy.refusal("index", "run", "--once", "--rpc", url)


def test_before_anything_is_followed_that_is_said(command: Command) -> None:
    """A home that follows nothing says how to begin."""
    assert command.said("index", "status") == "nothing is followed yet; begin with `chainwallet index run`\n"
    assert command.json("index", "status") == {"followed": [], "quarantined": []}


def test_the_speed_is_measured(command: Command) -> None:
    """`bench index` prints the medians of its runs, on a chain of its own, and leaves nothing behind."""
    found = command.json("bench", "index", "--events", "150", "--per-block", "40", "--runs", "1")
    assert found.keys() == {
        *("seconds_verified", "seconds_plain", "raw_fetch_seconds", "events", "peak_rss_mb", "runs", "per_block")
    }
    assert found["events"] >= 150
    assert found["raw_fetch_seconds"] > 0
    assert 0 < found["seconds_verified"] < 30
    assert 30 < found["peak_rss_mb"] < 150
    assert not command.home.exists()
