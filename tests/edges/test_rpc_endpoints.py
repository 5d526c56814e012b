"""Several nodes for one chain: who is asked, who is set aside, and what is never believed."""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from eth_account.signers.local import LocalAccount

from chainwallet.anvil import RunningChain
from chainwallet.errors import MethodMissing, NodeUnreachable, StateMissing, WrongChain
from chainwallet.evm import ChainName, Hash32, keccak256
from chainwallet.rpc import Node, SendAnswer, Sent, endpoints
from tests.chain.fault_proxy import FaultProxy, answer_lost, server_error
from tests.edges.answering import CHAIN, Reply, answering, failure, result
from tests.edges.transfers import signed

NOBODY = "http://127.0.0.1:9"
RAW = b"\x02\x01"
TAKEN = result("0x" + keccak256(RAW).hex())
OTHER_ID, OTHER_GENESIS = replace(CHAIN, chain_id=8), replace(CHAIN, genesis=Hash32(b"\x08" * 32))


def header(number: int, timestamp_s: int) -> Reply:
    word = "0x" + "01" * 32
    return result(
        {
            "number": hex(number),
            "hash": word,
            "parentHash": word,
            "timestamp": hex(timestamp_s),
            "baseFeePerGas": "0x1",
            "gasLimit": "0x1",
        }
    )


@dataclass
class Stand:
    """A node of a test: what it answers, and what it was asked apart from its head and its chain."""

    answer: Callable[[str, list[Any]], Reply]
    chain: ChainName = CHAIN
    head_s: int = 1_800_000_000
    asked: list[str] = field(default_factory=list)
    url: str = ""

    def __call__(self, method: str, params: list[Any]) -> Reply:
        if (method, params[:1]) == ("eth_getBlockByNumber", ["latest"]):
            return header(5, self.head_s)
        self.asked.append(method)
        return self.answer(method, params)


@contextmanager
def standing(*stands: Stand) -> Iterator[list[str]]:
    """The addresses of servers for ``stands``."""
    with ExitStack() as stack:
        for stand in stands:
            stand.url = stack.enter_context(answering(stand, stand.chain))
        yield [stand.url for stand in stands]


def seven() -> Stand:
    return Stand(lambda *_: result("0x7"))


def silent(_method: str, _params: list[Any]) -> Reply:
    time.sleep(1.2)
    return Reply(0, b"")


SICK: dict[str, Callable[[str, list[Any]], Reply]] = {
    "cut": lambda *_: Reply(0, b""),
    "silent": silent,
    "HTTP 503": lambda *_: Reply(503, b"busy"),
    "no key": lambda *_: Reply(401, b"who are you"),
    "HTML": lambda *_: Reply(200, b"<html>"),
    "rate limit": lambda *_: failure(-32005, "rate limit exceeded"),
}


@pytest.mark.parametrize("how", SICK)
def test_the_next_node_answers_for_a_sick_one(how: str) -> None:
    """A node that does not answer sensibly is set aside, and the next one is asked, at once and from then on."""
    first, second = Stand(SICK[how]), seven()
    with standing(first, second) as urls, Node(urls, timeout_s=1.0) as node:
        assert [node.block_number() for _ in range(3)] == [7, 7, 7]
    assert len(first.asked) == 1
    assert len(second.asked) == 3


def test_a_node_that_is_not_there_is_passed_over() -> None:
    """The error of nodes that do not answer names each without its secrets; one that answers is enough."""
    stand = seven()
    with standing(stand) as urls, Node(f"{NOBODY}/KEY, {urls[0]}") as node:
        assert node.block_number() == 7
    with Node([NOBODY + "/KEY", "http://127.0.0.1:10/KEY"], attempts=1) as node, pytest.raises(NodeUnreachable) as none:
        node.block_number()
    assert str(none.value) == (
        "node http://127.0.0.1:9/..., http://127.0.0.1:10/...: unreachable"
        " (http://127.0.0.1:9/...: connection refused; http://127.0.0.1:10/...: connection refused)"
    )


def test_a_node_is_set_aside_for_a_while_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """A node that is well again is preferred again, after a time that grows and is bounded."""
    monkeypatch.setattr(endpoints, "SET_ASIDE_S", 0.1)
    answers = [Reply(503, b""), Reply(503, b"")]
    first, second = Stand(lambda *_: answers.pop() if answers else result("0x8")), seven()
    with standing(first, second) as urls, Node(urls) as node:
        started_s = time.monotonic()
        while node.block_number() != 8:
            assert time.monotonic() - started_s < 10
        assert time.monotonic() - started_s >= 0.3  # twice as long the second time
        assert len(first.asked) == 3
        assert node.block_number() == 8


def test_nodes_that_are_set_aside_are_better_than_none() -> None:
    """Where all nodes are set aside they are asked all the same."""
    answers = [Reply(503, b""), Reply(503, b"")]
    stand = Stand(lambda *_: answers.pop() if answers else result("0x7"))
    with standing(stand) as urls, Node([NOBODY, *urls], attempts=3) as node:
        assert node.block_number() == 7


def test_a_node_that_lags_behind_is_asked_last() -> None:
    """A node whose head is much older than another's is set aside; a little is no reason."""
    for lag_s, expected in ((29, 8), (31, 7)):
        behind, ahead = Stand(lambda *_: result("0x8"), head_s=1_800_000_000 - lag_s), seven()
        with standing(behind, ahead) as urls, Node(urls) as node:
            assert node.block_number() == expected


@pytest.mark.parametrize(
    ("refusal", "error"),
    [
        (failure(-32601, "the method eth_blockNumber does not exist/is not available"), MethodMissing),
        (failure(-32000, "missing trie node 00 (path )"), StateMissing),
    ],
    ids=["method", "state"],
)
def test_what_one_node_does_not_have_another_may(refusal: Reply, error: type[Exception]) -> None:
    """A node without a method or an old state is no worse for the rest; the next one is asked for that alone."""
    first, second = Stand(lambda *_: refusal), seven()
    with standing(first, second) as urls:
        with Node(urls) as node:
            assert [node.block_number() for _ in range(2)] == [7, 7]
        assert len(first.asked) == 2
        with Node([first.url, first.url]) as node, pytest.raises(error):
            node.block_number()


def test_a_batch_goes_on_at_the_next_node() -> None:
    """Of a batch only what the first node left open is asked of the next one."""
    first = Stand(lambda _, params: result(params[0]) if params[0] == "0x1" else Reply(200, b"{}"))
    second = Stand(lambda _, params: result(params[0]))
    with standing(first, second) as urls, Node(urls) as node:
        found = node.read_many("eth_getBalance", [(hex(number), "latest") for number in range(3)], str)
    assert found == ["0x0", "0x1", "0x2"]
    assert len(second.asked) == 2


# ------------------------------------------------------------------------------------------------ which chain


@pytest.mark.parametrize(("other", "named"), [(OTHER_ID, "chain id"), (OTHER_GENESIS, "genesis")])
def test_a_node_of_another_chain_is_never_asked(other: ChainName, named: str) -> None:
    """A node with another chain id or genesis than expected gets no question and no signed bytes."""
    stranger, ours = Stand(lambda *_: result("0x8"), other), seven()
    with standing(stranger, ours) as urls:
        with Node(urls, chain=CHAIN) as node:
            assert node.block_number() == 7
        with Node(stranger.url, chain=CHAIN) as node:
            for ask in (node.block_number, lambda: node.send_raw(RAW), node.mine):
                with pytest.raises(WrongChain) as wrong:
                    ask()
                assert wrong.value.field == named
    assert stranger.asked == []


def test_the_first_connection_says_which_chain_it_is() -> None:
    """Without a named chain, the first node that answers names it, and the others must serve the same one."""
    first, stranger = seven(), Stand(lambda *_: result("0x8"), OTHER_ID)
    with standing(first, stranger) as urls, Node(urls) as node:
        assert node.block_number() == 7
        first.answer = SICK["cut"]
        with pytest.raises(WrongChain, match="chain id: the node serves 8, expected 7"):
            node.block_number()
    assert stranger.asked == []


@pytest.fixture
def proxy(local_chain: RunningChain) -> Iterator[FaultProxy]:
    with FaultProxy(local_chain.url) as running:
        yield running


def test_a_chain_that_changes_under_us_is_noticed(chain: Node, rich: LocalAccount, proxy: FaultProxy) -> None:
    """When another chain answers at the same address, the next question after the interruption says so."""
    raw = signed(chain, rich)
    with Node(proxy.url, attempts=1) as node:
        assert node.chain_id() == chain.chain_id()
        proxy.alter("eth_chainId", lambda _, __: "0x7b")
        proxy.next("eth_blockNumber", server_error(forwarded=False))
        with pytest.raises(NodeUnreachable):
            node.block_number()
        for ask in (node.block_number, lambda: node.send_raw(raw)):
            with pytest.raises(WrongChain, match=f"chain id: the node serves 123, expected {chain.chain_id()}"):
                ask()
        assert proxy.sent == []
        proxy.heal()
        assert node.send_raw(raw).answer is SendAnswer.ACCEPTED


def test_a_restarted_chain_with_another_id_is_noticed(anvil_binary: Any, tmp_path: Any) -> None:
    """A local chain that begins anew has another id: a node that was told to expect the old one refuses it."""
    with RunningChain.start(tmp_path / "old", anvil_binary, Node) as old, Node(old.url) as node:
        expected = ChainName(node.chain_id(), node.genesis_hash())
    with (
        RunningChain.start(tmp_path / "new", anvil_binary, Node) as new,
        Node(new.url, chain=expected) as node,
        pytest.raises(WrongChain),
    ):
        node.block_number()


# ------------------------------------------------------------------------------------------------ signed bytes

UNKNOWN, REFUSED = SendAnswer.UNKNOWN, SendAnswer.REFUSED
LACKING = failure(-32000, "insufficient funds for gas * price + value")
SENDS: dict[str, tuple[list[Reply | None], SendAnswer, str]] = {
    "the first took it": ([TAKEN, LACKING], SendAnswer.ACCEPTED, "0x"),
    "the first refuses it": ([LACKING, TAKEN], SendAnswer.INSUFFICIENT_GAS_FUNDS, "insufficient funds"),
    "the first is not there": ([None, LACKING], SendAnswer.INSUFFICIENT_GAS_FUNDS, "insufficient funds"),
    "open, then taken": ([Reply(0, b""), TAKEN], SendAnswer.ACCEPTED, "0x"),
    "open, then known": ([Reply(0, b""), failure(-32000, "already known")], SendAnswer.ALREADY_KNOWN, "already known"),
    "open, then mined": ([Reply(0, b""), failure(-32000, "nonce too low")], SendAnswer.NONCE_TOO_LOW, "nonce too low"),
    "open, then refused": ([Reply(0, b""), LACKING], UNKNOWN, "the connection broke; insufficient funds for gas"),
    "open, then not there": ([Reply(0, b""), None], UNKNOWN, "the connection broke; connection refused"),
    "both open": ([Reply(502, b""), Reply(0, b"")], UNKNOWN, "HTTP 502 Bad Gateway; the connection broke"),
    "new words, then refused": ([failure(-32000, "new"), LACKING], UNKNOWN, "new (code -32000); insufficient funds"),
    "busy, then taken": ([failure(-32005, "rate limit"), TAKEN], SendAnswer.ACCEPTED, "0x"),
}


@pytest.mark.parametrize("how", SENDS)
def test_unknown_stays_unknown_whatever_another_node_refuses(how: str) -> None:
    """Signed bytes that one node may have taken are never counted as unsent because another one refuses them."""
    replies, meaning, reason = SENDS[how]
    stands = [Stand(lambda *_, reply=reply: reply) for reply in replies if reply is not None]
    with standing(*stands) as urls:
        places = iter(urls)
        with Node([NOBODY if reply is None else next(places) for reply in replies], attempts=1) as node:
            sent = node.send_raw(RAW)
    assert sent.answer is meaning
    assert sent.reason.startswith(reason)


def test_the_same_bytes_at_two_nodes_are_one_transaction(chain: Node, rich: LocalAccount, proxy: FaultProxy) -> None:
    """Bytes whose answer got lost go to the next node as they are: one transaction, and its meaning is known."""
    raw = signed(chain, rich, nonce=1)
    with FaultProxy(proxy.target) as second, Node([proxy.url, second.url]) as node:
        proxy.next("eth_sendRawTransaction", answer_lost())
        assert node.send_raw(raw) == Sent(SendAnswer.ALREADY_KNOWN, "transaction already imported (code -32003)")
        assert proxy.sent == second.sent == ["0x" + raw.hex()]


# ------------------------------------------------------------------------------------------------ since when


def test_a_node_remembers_since_when_it_is_unreachable(proxy: FaultProxy) -> None:
    """The moment of the first question without an answer is remembered until one is answered, refusals included."""
    with Node(proxy.url, attempts=1) as node:

        def since_s() -> float | None:
            return node.unreachable_since_s

        assert since_s() is None
        node.block_number()
        assert since_s() is None
        proxy.die_after(0, forward=False)
        before_s = time.time()
        with pytest.raises(NodeUnreachable):
            node.block_number()
        first_s = since_s()
        assert first_s is not None
        assert before_s <= first_s <= time.time()
        for ask in (lambda: node.send_raw(RAW), node.chain_id):
            with pytest.raises(NodeUnreachable):
                ask()
            assert since_s() == first_s
        proxy.heal()
        assert node.send_raw(b"\x12\x34").answer is SendAnswer.REFUSED
        assert since_s() is None
