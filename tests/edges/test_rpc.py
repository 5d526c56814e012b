"""The way to a node, against a real Anvil and a tiny real HTTP server that answers what we tell it."""

import subprocess
import sys
import threading
from typing import Any

import pytest
from eth_account.signers.local import LocalAccount

from chainwallet.anvil import RunningChain
from chainwallet.errors import BadValue, NodeRefused, NodeUnreachable, Reverted, StateMissing
from chainwallet.evm import Address, BlockNumber, FeeHistory, Hash32, Simulation, keccak256
from chainwallet.rpc import Node, SendAnswer, Sent
from tests.chain.fault_proxy import FaultProxy, refused
from tests.edges.answering import CHAIN, Reply, answering, failure, result
from tests.edges.transfers import ETHER, LOGGER, RECIPIENT, REVERTER, deploy, mine, signed


def test_a_transfer_is_accepted_mined_and_read_back(chain: Node, rich: LocalAccount) -> None:
    """A signed transfer that the node takes has a receipt with its block, gas and effective price."""
    sender = Address(bytes.fromhex(rich.address[2:]))
    assert chain.balance_wei(sender) == ETHER
    fees = chain.fees()
    gas = chain.estimate_gas(sender, RECIPIENT, b"", 1)
    raw = signed(chain, rich, gas=gas, maxFeePerGas=fees[0], maxPriorityFeePerGas=fees[1])
    mine(chain, raw)
    receipt = chain.receipt(keccak256(raw))
    assert receipt is not None
    assert (receipt.gas_used, receipt.contract, receipt.logs) == (21_000, None, ())
    head = chain.block("latest")
    assert (receipt.block, receipt.block_hash) == (head.number, head.hash)
    assert head.base_fee_per_gas_wei < receipt.effective_gas_price_wei <= fees.max_fee_per_gas_wei
    assert chain.block(head.number - 1).hash == head.parent
    assert chain.balance_wei(sender) == ETHER - 1 - receipt.gas_used * receipt.effective_gas_price_wei
    assert chain.transaction_count(sender) == chain.transaction_count(sender, "pending") == 1


def test_logs_and_old_calls_are_read_from_their_blocks(chain: Node, rich: LocalAccount) -> None:
    """Logs come in order with their topics, filtered by topic, and a call at an old block sees the old state."""
    contract = deploy(chain, rich, LOGGER)
    blocks = []
    for word in (b"\x01" * 32, b"\x02" * 32):
        raw = signed(chain, rich, to=contract, value=0, data=word, gas=100_000)
        mine(chain, raw)
        blocks.append(chain.block_number())
    logs = chain.logs(contract, 0, blocks[-1])
    assert [(log.block, log.data[:1], log.topics) for log in logs] == [
        (blocks[0], b"\x01", (Hash32(bytes(31) + b"\x07"),)),
        (blocks[1], b"\x02", (Hash32(bytes(31) + b"\x07"),)),
    ]
    seven, eight = (Hash32(bytes(31) + bytes([number])) for number in (7, 8))
    assert chain.logs(contract, 0, blocks[-1], [[eight, seven]]) == logs
    assert chain.logs(contract, 0, blocks[-1], [eight]) == ()
    assert chain.logs(contract, blocks[1], blocks[1], [None]) == logs[1:]
    assert int.from_bytes(chain.call(contract, b"", at=blocks[0])) == blocks[0]


def test_identical_bytes_are_already_known(chain: Node, rich: LocalAccount) -> None:
    """A node that has the bytes in its pool answers ALREADY_KNOWN to the same bytes."""
    raw = signed(chain, rich, nonce=3)
    assert chain.send_raw(raw).answer is SendAnswer.ACCEPTED
    again = chain.send_raw(raw)
    assert again == Sent(SendAnswer.ALREADY_KNOWN, "transaction already imported (code -32003)")
    cheaper = chain.send_raw(signed(chain, rich, nonce=3, value=2))
    assert cheaper.answer is SendAnswer.UNDERPRICED


def test_a_used_nonce_is_too_low(chain: Node, rich: LocalAccount) -> None:
    """A second transaction with a mined nonce is answered NONCE_TOO_LOW."""
    mine(chain, signed(chain, rich))
    assert chain.send_raw(signed(chain, rich, nonce=0, value=2)).answer is SendAnswer.NONCE_TOO_LOW


def test_a_revert_carries_its_bytes(chain: Node, rich: LocalAccount) -> None:
    """A call or estimate that reverts raises Reverted with the custom error's selector and words."""
    contract = deploy(chain, rich, REVERTER)
    expected = bytes.fromhex("deadbeef") + bytes(31) + b"\x07"
    with pytest.raises(Reverted) as called:
        chain.call(contract, b"", sender=RECIPIENT)
    assert called.value.data == expected
    with pytest.raises(Reverted) as estimated:
        chain.estimate_gas(RECIPIENT, contract, b"")
    assert estimated.value.data == expected


@pytest.mark.parametrize(
    "data",
    ["0xdeadbeef", "Reverted 0xdeadbeef", {"data": "0xdeadbeef"}, {"result": "0xdeadbeef"}],
    ids=["geth", "parity", "hardhat", "ganache"],
)
def test_revert_data_is_found_where_each_node_puts_it(data: object) -> None:
    """The revert's bytes are found in the places where different nodes put them."""
    with answering(lambda *_: failure(-32000, "execution reverted", data)) as url, Node(url) as node:
        with pytest.raises(Reverted) as reverted:
            node.call(RECIPIENT, b"")
        assert reverted.value.data == bytes.fromhex("deadbeef")


# Runtime code: returns the block's time.
TIMER = bytes.fromhex("425f5260205ff3")


def test_a_simulation_tells_what_would_happen(chain: Node, rich: LocalAccount) -> None:
    """A simulation tells success, returned bytes, gas and logs, changes nothing, and can be set to a later time."""
    sender = Address(bytes.fromhex(rich.address[2:]))
    logger, reverter, timer = (deploy(chain, rich, code) for code in (LOGGER, REVERTER, TIMER))
    head = chain.block("latest")
    word = b"\x05" * 32
    simulated = chain.simulate(sender, logger, word)
    assert (simulated.succeeded, simulated.reason) == (True, "")
    assert simulated.logs is not None
    assert [(log.address, log.topics, log.data) for log in simulated.logs] == [
        (logger, (Hash32(bytes(31) + b"\x07"),), word)
    ]
    raw = signed(chain, rich, to=logger, value=0, data=word, gas=100_000)
    assert chain.block("latest") == head
    mine(chain, raw)
    receipt = chain.receipt(keccak256(raw))
    assert receipt is not None
    assert simulated.gas_used == receipt.gas_used

    refused = chain.simulate(sender, reverter, b"")
    assert not refused.succeeded
    assert refused.returned == bytes.fromhex("deadbeef") + bytes(31) + b"\x07"
    assert refused.logs == ()
    assert refused.reason

    assert int.from_bytes(chain.simulate(sender, timer, b"").returned) == chain.block("latest").timestamp_s
    later_s = head.timestamp_s + 1_000
    assert int.from_bytes(chain.simulate(sender, timer, b"", timestamp_s=later_s).returned) == later_s
    assert not chain.simulate(sender, logger, b"", gas_limit=22_000).succeeded
    with pytest.raises(StateMissing):
        chain.simulate(sender, logger, b"", at=head.number - 1_000 if head.number > 1_000 else 10**9)


def test_a_node_without_simulations_is_asked_by_a_call(
    chain: Node, local_chain: RunningChain, rich: LocalAccount
) -> None:
    """A node that does not offer eth_simulateV1 tells by eth_call whether it succeeds; gas and logs stay unknown."""
    logger, reverter = (deploy(chain, rich, code) for code in (LOGGER, REVERTER))
    with FaultProxy(local_chain.url) as proxy, Node(proxy.url) as node:
        missing = refused(-32601, "the method eth_simulateV1 does not exist/is not available")
        proxy.next("eth_simulateV1", missing, missing)
        good = node.simulate(RECIPIENT, logger, b"")
        assert good == Simulation(True, chain.call(logger, b""), "", None, None)
        bad = node.simulate(RECIPIENT, reverter, b"")
        assert (bad.succeeded, bad.gas_used, bad.logs) == (False, None, None)
        assert bad.returned == bytes.fromhex("deadbeef") + bytes(31) + b"\x07"
        assert proxy.methods[-4:] == ["eth_simulateV1", "eth_call"] * 2


def simulated(call: dict[str, object]) -> Reply:
    return result([{"number": "0x1", "calls": [call]}])


@pytest.mark.parametrize(
    "call",
    [
        {"status": "0x0", "returnData": "0xdeadbeef", "gasUsed": "0x1", "logs": [], "error": {"message": "reverted"}},
        {"status": "0x0", "returnData": "0x", "gasUsed": "0x1", "error": {"message": "reverted", "data": "0xdeadbeef"}},
    ],
    ids=["Anvil", "geth"],
)
def test_a_simulated_revert_is_found_where_each_node_puts_it(call: dict[str, object]) -> None:
    """The revert's bytes of a simulation are found in the places where different nodes put them."""
    with answering(lambda *_: simulated(call)) as url, Node(url) as node:
        found = node.simulate(RECIPIENT, RECIPIENT, b"")
    assert found == Simulation(False, bytes.fromhex("deadbeef"), "reverted", 1, ())


@pytest.mark.parametrize("value", [None, [], [{}], [{"calls": []}], [{"calls": [{"status": "0x1"}]}], [{}, {}]])
def test_a_simulation_of_another_shape_is_refused(value: object) -> None:
    """An answer to a simulation that is not one block with one call is refused by the method's name."""
    with (
        answering(lambda *_: result(value)) as url,
        Node(url) as node,
        pytest.raises(NodeRefused, match="node refused eth_simulateV1: answered"),
    ):
        node.simulate(RECIPIENT, RECIPIENT, b"")


def test_a_missing_block_is_refused(chain: Node) -> None:
    """A block that the node does not have is refused, not invented."""
    with pytest.raises(StateMissing, match="it has no block 1000000000"):
        chain.block(10**9)


@pytest.mark.parametrize(
    "answer",
    [
        Reply(200, b"<html>"),
        Reply(200, b"[1, 2]"),
        Reply(200, b'{"jsonrpc": "2.0"}'),
        Reply(503, b"busy"),
        Reply(404, b"nothing here"),
        Reply(307, b""),
        result("0x" + "00" * 32),
        result(None),
        failure(-32603, "something new"),
    ],
    ids=["html", "list", "neither", "503", "404", "redirect", "other hash", "null", "other error"],
)
def test_a_send_that_nobody_understands_is_unknown(answer: Reply) -> None:
    """An answer to signed bytes that is not understood is neither success nor failure, and is not sent twice."""
    asked = []
    with answering(lambda method, _: asked.append(method) or answer) as url, Node(url) as node:  # type: ignore[func-returns-value]
        assert node.send_raw(b"\x02").answer is SendAnswer.UNKNOWN
    assert asked == ["eth_sendRawTransaction"]


def test_a_send_without_an_answer_in_time_is_unknown() -> None:
    """Signed bytes that no answer comes to in time may have arrived: the outcome is UNKNOWN."""
    over = threading.Event()

    def silent(*_: object) -> Reply:
        over.wait(10)
        return result(None)

    with answering(silent) as url, Node(url, timeout_s=0.05) as node:
        assert node.send_raw(b"\x02") == Sent(SendAnswer.UNKNOWN, "no answer within 0.05 s")
        over.set()


def test_a_hurried_node_asks_once() -> None:
    """Another way to the same node, for who must not wait, asks a question once where the node asks thrice."""
    asked: list[str] = []

    def busy(method: str, _params: list[Any]) -> Reply:
        asked.append(method)
        return Reply(503, b"")

    with answering(busy) as url, Node(url, sleep_s=lambda _: None) as patient, patient.hurried(CHAIN, 5) as hurried:
        for node, times in ((patient, 3), (hurried, 1)):
            asked.clear()
            with pytest.raises(NodeUnreachable):
                node.block_number()
            assert len(asked) == times


def test_an_error_below_an_http_error_is_read() -> None:
    """A JSON-RPC error that comes with an HTTP error status is understood all the same."""
    answer = Reply(400, failure(-32000, "already known").body)
    with answering(lambda *_: answer) as url, Node(url) as node:
        assert node.send_raw(b"\x02").answer is SendAnswer.ALREADY_KNOWN


@pytest.mark.parametrize(
    "answer",
    [
        Reply(200, b"<html>"),
        Reply(200, b"\xff\xfe"),
        Reply(200, b"[]"),
        Reply(401, b"who are you"),
        Reply(302, b""),
        result(None),
        result(7),
        result("7"),
        result("0x"),
        result({"a": 1}),
        failure(-32601, "the method does not exist"),
    ],
)
def test_a_wrong_answer_to_a_read_is_refused(answer: Reply) -> None:
    """An answer that is an error, not JSON or not of the method's shape is refused by the method's name."""
    with (
        answering(lambda *_: answer) as url,
        Node(url) as node,
        pytest.raises(NodeRefused, match="node refused eth_blockNumber: "),
    ):
        node.block_number()


def test_a_read_is_asked_again_while_the_node_is_busy() -> None:
    """A read that meets a busy node is asked again, at most as often as stated."""
    answers = [Reply(503, b"busy"), failure(-32005, "rate limit exceeded"), result("0x7")]
    with answering(lambda *_: answers.pop(0)) as url, Node(url, attempts=3) as node:
        assert node.block_number() == 7
    with (
        answering(lambda *_: Reply(503, b"busy")) as url,
        Node(url, attempts=2) as node,
        pytest.raises(NodeUnreachable, match="HTTP 503 Service Unavailable"),
    ):
        node.block_number()


def test_a_wide_range_of_logs_is_asked_in_parts() -> None:
    """Logs of a range that the node finds too wide are asked in narrower ranges, each block exactly once."""
    taken: list[int] = []

    def narrow(_: str, params: list[object]) -> Reply:
        wanted = params[0]
        assert isinstance(wanted, dict)
        first, last = int(wanted["fromBlock"], 16), int(wanted["toBlock"], 16)
        if last - first >= 10:
            return failure(-32602, "range 100 exceeds limit of 10")
        taken.extend(range(first, last + 1))
        return result([])

    with answering(narrow) as url, Node(url) as node:
        assert node.logs(RECIPIENT, 5, 104) == ()
    assert taken == list(range(5, 105))


def test_logs_above_the_bound_are_asked_in_parts() -> None:
    """A range whose logs are more than the bound of any answer is asked in narrower ranges."""
    asked: list[int] = []

    def long(_: str, params: list[Any]) -> Reply:
        width = int(params[0]["toBlock"], 16) - int(params[0]["fromBlock"], 16) + 1
        asked.append(width)
        return Reply(200, b"[", {"Content-Length": str(10**12)}) if width > 25 else result([])

    with answering(long) as url, Node(url) as node:
        assert node.logs(RECIPIENT, 1, 100) == ()
    assert asked == [100, 50, 25, 25, 25, 25]


def test_one_block_with_too_many_logs_is_refused() -> None:
    """A single block whose logs the node will not give is refused, not skipped."""
    answer = failure(-32005, "query returned more than 10000 results")
    with answering(lambda *_: answer) as url, Node(url) as node, pytest.raises(NodeRefused, match="more than 10000"):
        node.logs(RECIPIENT, 0, 7)


def test_fees_follow_the_next_block_and_the_tips_paid() -> None:
    """Fees leave room for the base fee to double and pay the middle of the tips of blocks that paid any."""
    history = {
        "oldestBlock": "0x7",
        "baseFeePerGas": ["0x5", "0x5", "0x6", "0x5", "0x64"],
        "gasUsedRatio": [0, 0.5, 1.0, 0.0299],
        "reward": [["0x0"], ["0x3"], ["0x9"], ["0x4"]],
    }
    with answering(lambda *_: result(history)) as url, Node(url) as node:
        assert node.fees() == (204, 4)


def test_the_fees_of_past_blocks_are_exact(chain: Node, rich: LocalAccount) -> None:
    """The fee history has one base fee more than blocks, the tips that were paid, and whole thousandths of gas used."""
    raw = signed(chain, rich, gas=10**6, data=b"\x01" * 1_000)
    mine(chain, raw)
    head, receipt = chain.block("latest"), chain.receipt(keccak256(raw))
    assert receipt is not None
    history = chain.fee_history(2)
    assert history.oldest == head.number - 1
    assert len(history.base_fees_per_gas_wei) == 3
    assert history.base_fees_per_gas_wei[1] == head.base_fee_per_gas_wei
    assert history.next_base_fee_per_gas_wei == chain.block("pending").base_fee_per_gas_wei
    assert history.tips_per_gas_wei[1] == receipt.effective_gas_price_wei - head.base_fee_per_gas_wei == 10**9
    assert history.gas_used_permille[1] == receipt.gas_used * 1000 // head.gas_limit


@pytest.mark.parametrize(
    "changes",
    [
        {"baseFeePerGas": []},
        {"baseFeePerGas": ["0x1"]},
        {"reward": [["0x1", "0x2"]]},
        {"reward": []},
        {"gasUsedRatio": [1.5]},
        {"gasUsedRatio": ["0.5"]},
        {"gasUsedRatio": [True]},
        {"gasUsedRatio": [float("nan")]},
        {"oldestBlock": None},
    ],
)
def test_a_fee_history_that_does_not_fit_together_is_refused(changes: dict[str, object]) -> None:
    """A fee history whose lists have other lengths than its blocks, or hold other things, is refused."""
    good: dict[str, object] = {
        "oldestBlock": "0x1",
        "baseFeePerGas": ["0x1", "0x2"],
        "gasUsedRatio": [0.0299],
        "reward": [["0x5"]],
    }
    answers = [result(good), result({**good, **changes})]
    with answering(lambda *_: answers.pop(0)) as url, Node(url) as node:
        assert node.fee_history(1) == FeeHistory(BlockNumber(1), (1, 2), (5,), (29,))
        with pytest.raises(NodeRefused, match="node refused eth_feeHistory: answered"):
            node.fee_history(1)


def test_an_unreachable_node_is_named_without_its_secrets(chain: Node) -> None:
    """The error for a node that does not answer names the host, and neither password, path nor query."""
    assert "..." not in chain.shown_url
    node = Node("http://ana:pass@127.0.0.1:1/v3/KEY?token=KEY", attempts=2)
    for ask in (node.chain_id, lambda: node.send_raw(b"\x02")):
        with pytest.raises(NodeUnreachable) as unreachable:
            ask()
        assert str(unreachable.value) == "node http://127.0.0.1:1/...: unreachable (connection refused)"
        assert unreachable.value.__cause__ is None


@pytest.mark.parametrize(
    "url",
    [
        "",
        "ws://host/KEY",
        "host/v3/KEY",
        "http://",
        "https://:1/KEY",
        "http://[::1/KEY",
        "http://h:99999/KEY",
        "http://a b",
    ],
)
def test_an_address_that_is_not_http_is_bad(url: str) -> None:
    """An address of a node that is not http or https is refused by field before anything is sent."""
    with pytest.raises(BadValue, match=r"^rpc: .*expected an http:// or https:// address") as bad:
        Node(url)
    assert "KEY" not in str(bad.value)


def test_a_node_on_this_machine_is_asked_directly(chain: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy named by the environment never stands between us and a node on this machine."""
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    assert chain.chain_id() >= 1_000_000


def test_importing_the_rpc_edge_does_not_import_web3() -> None:
    """Importing the edge is fast: web3 is imported by the first question."""
    check = (
        "import sys, chainwallet.rpc, chainwallet.anvil; sys.exit('web3' in sys.modules or 'requests' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", check], check=False, timeout=60).returncode == 0
