"""The way to a node, against a real Anvil and a tiny real HTTP server that answers what we tell it."""

import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from eth_account import Account
from eth_account.signers.local import LocalAccount

from chainwallet.errors import BadValue, NodeRefused, NodeUnreachable, Reverted
from chainwallet.evm import Address, BlockNumber, Hash32, keccak256
from chainwallet.keys.transaction import encode_signed
from chainwallet.rpc import Node, SendAnswer, Sent
from chainwallet.rpc.answers import meaning_of_send

ETHER = 10**18
RECIPIENT = Address(b"\x22" * 20)

# Runtime code: stores the block's number, logs the call data's first word under topic 7, returns the number.
LOGGER = bytes.fromhex("435f555f355f52600760205fa1435f5260205ff3")
# Runtime code: reverts with the four bytes deadbeef and the word 7.
REVERTER = bytes.fromhex("63deadbeef60e01b5f526007600452602460" + "00fd")


def creation(runtime: bytes) -> bytes:
    """Code that deploys ``runtime``."""
    return bytes([0x60, len(runtime), 0x60, 0x0C, 0x60, 0, 0x39, 0x60, len(runtime), 0x60, 0, 0xF3]) + runtime


Answer = Callable[[str, list[object]], tuple[int, bytes]]
"""From method and parameters to HTTP status and body."""


@contextmanager
def answering(answer: Answer) -> Iterator[str]:
    """The address of a server that answers every POST by ``answer``."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1  # headers and body leave together

        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            status, body = answer(asked["method"], asked["params"])
            body = body.replace(b'"id": 0', b'"id": %d' % asked["id"])
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            if 300 <= status < 400:
                self.send_header("Location", "http://127.0.0.1:1/")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - http.server's name
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()


def result(value: object) -> tuple[int, bytes]:
    return 200, json.dumps({"jsonrpc": "2.0", "id": 0, "result": value}).encode()


def failure(code: int, message: str, data: object = None) -> tuple[int, bytes]:
    error = {"code": code, "message": message, "data": data}
    return 200, json.dumps({"jsonrpc": "2.0", "id": 0, "error": error}).encode()


def signed(node: Node, key: LocalAccount, **changes: Any) -> bytes:
    """A signed transfer of 1 wei with the next nonce, changed as told."""
    fields: dict[str, Any] = {
        "type": 2,
        "chainId": node.chain_id(),
        "nonce": node.transaction_count(Address(bytes.fromhex(key.address[2:]))),
        "to": RECIPIENT,
        "value": 1,
        "gas": 21_000,
        "maxFeePerGas": 10**10,
        "maxPriorityFeePerGas": 10**9,
        "data": b"",
        **changes,
    }
    if fields["to"] is None:
        del fields["to"]
    return bytes(key.sign_transaction(fields).raw_transaction)


def receipt_of(node: Node, raw: bytes) -> Address | None:
    """Wait until ``raw`` is mined; the contract it created."""
    give_up_at = time.monotonic() + 10
    while time.monotonic() < give_up_at:
        receipt = node.receipt(keccak256(raw))
        if receipt is not None:
            assert receipt.succeeded
            return receipt.contract
    raise AssertionError("not mined")


def deploy(node: Node, key: LocalAccount, runtime: bytes) -> Address:
    raw = signed(node, key, to=None, value=0, data=creation(runtime), gas=200_000)
    assert node.send_raw(raw).answer is SendAnswer.ACCEPTED
    contract = receipt_of(node, raw)
    assert contract is not None
    assert node.code(contract) == runtime
    return contract


@pytest.fixture
def rich(chain: Node) -> LocalAccount:
    """A key with one ETH."""
    key: LocalAccount = Account.create()
    chain.set_balance(Address(bytes.fromhex(key.address[2:])), ETHER)
    return key


def test_a_transfer_is_accepted_mined_and_read_back(chain: Node, rich: LocalAccount) -> None:
    """A signed transfer that the node takes has a receipt with its block, gas and effective price."""
    sender = Address(bytes.fromhex(rich.address[2:]))
    assert chain.balance_wei(sender) == ETHER
    fees = chain.fees()
    gas = chain.estimate_gas(sender, RECIPIENT, b"", 1)
    raw = signed(chain, rich, gas=gas, maxFeePerGas=fees[0], maxPriorityFeePerGas=fees[1])
    sent = chain.send_raw(raw)
    assert sent == Sent(SendAnswer.ACCEPTED, "0x" + keccak256(raw).hex())
    receipt_of(chain, raw)
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
        chain.send_raw(raw)
        receipt_of(chain, raw)
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


def test_a_mined_transaction_is_read_back_to_the_byte(chain: Node, rich: LocalAccount) -> None:
    """A transaction that the node tells is the very one that was signed; another kind, or none, reads as none."""
    raw = signed(chain, rich)
    chain.send_raw(raw)
    chain.mine()
    told = chain.transaction(keccak256(raw))
    assert told is not None
    assert encode_signed(*told) == raw
    legacy = rich.sign_transaction(
        {
            "chainId": chain.chain_id(),
            "nonce": chain.transaction_count(Address(bytes.fromhex(rich.address[2:]))),
            "to": RECIPIENT,
            "value": 1,
            "gas": 21_000,
            "gasPrice": 10**10,
        }
    )
    chain.send_raw(bytes(legacy.raw_transaction))
    chain.mine()
    assert chain.receipt(Hash32(bytes(legacy.hash))) is not None
    assert chain.transaction(Hash32(bytes(legacy.hash))) is None
    assert chain.transaction(Hash32(b"\x01" * 32)) is None


def test_a_block_is_told_by_number_tag_and_hash(chain: Node) -> None:
    """A block is told by number, tag and hash with all that its hash commits to, and hashes to what is told with it."""
    chain.mine(2)
    latest = chain.told_block("latest")
    assert latest.header.hash() == latest.hash == chain.block("latest").hash
    assert chain.told_block(latest.header.number) == chain.told_block(latest.hash) == latest
    for missing in (10**6, Hash32(b"\x02" * 32)):
        with pytest.raises(NodeRefused, match="there is no block 0x"):
            chain.told_block(missing)


@pytest.mark.parametrize(
    ("method", "answer"),
    [
        ("eth_getTransactionByHash", {"type": "0x2", "accessList": [], "v": "0x2"}),
        ("eth_getTransactionByHash", {"type": "0x2", "accessList": [], "v": "0x0", "chainId": "0x1"}),
        ("eth_getTransactionByHash", []),
        ("eth_getProof", {"accountProof": ["0x0"]}),
        ("eth_getProof", {"accountProof": "0x"}),
        ("eth_getProof", None),
        ("eth_getBlockByNumber", {"hash": "0x"}),
    ],
)
def test_a_transaction_proof_or_block_of_another_shape_is_refused(method: str, answer: object) -> None:
    """A transaction, proof or block that lacks a part or has one of another shape is refused, naming the method."""
    with answering(lambda *_: result(answer)) as url, Node(url) as node:
        ask: dict[str, Callable[[], object]] = {
            "eth_getTransactionByHash": lambda: node.transaction(Hash32(bytes(32))),
            "eth_getProof": lambda: node.account_proof(RECIPIENT, BlockNumber(1)),
            "eth_getBlockByNumber": lambda: node.told_block(1),
        }
        with pytest.raises(NodeRefused, match=method):
            ask[method]()


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
    first = signed(chain, rich)
    chain.send_raw(first)
    receipt_of(chain, first)
    assert chain.send_raw(signed(chain, rich, nonce=0, value=2)).answer is SendAnswer.NONCE_TOO_LOW


def test_anvil_refusals_have_their_meaning(chain: Node, rich: LocalAccount) -> None:
    """A real Anvil's refusals of other fees, funds, chain, gas and encoding each have their meaning."""
    poor: LocalAccount = Account.create()
    cases = {
        signed(chain, rich, maxFeePerGas=1, maxPriorityFeePerGas=1): SendAnswer.UNDERPRICED,
        signed(chain, poor): SendAnswer.INSUFFICIENT_GAS_FUNDS,
        signed(chain, rich, chainId=chain.chain_id() + 1): SendAnswer.REFUSED,
        signed(chain, rich, gas=20_000): SendAnswer.REFUSED,
        signed(chain, rich, gas=10**8): SendAnswer.REFUSED,
        signed(chain, rich, maxFeePerGas=10**9, maxPriorityFeePerGas=10**10): SendAnswer.REFUSED,
        signed(chain, rich, to=None, data=bytes(60_000), gas=10**7): SendAnswer.REFUSED,
        b"\x12\x34": SendAnswer.REFUSED,
        b"": SendAnswer.REFUSED,
    }
    assert {raw: chain.send_raw(raw).answer for raw in cases} == cases


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


def test_a_missing_block_is_refused(chain: Node) -> None:
    """A block that the node does not have is refused, not invented."""
    with pytest.raises(NodeRefused, match="expected an object"):
        chain.block(10**9)


RECORDED = [
    # Anvil 1.7.1
    ("transaction already imported", SendAnswer.ALREADY_KNOWN),
    ("nonce too low", SendAnswer.NONCE_TOO_LOW),
    ("replacement transaction underpriced", SendAnswer.UNDERPRICED),
    ("max fee per gas less than block base fee", SendAnswer.UNDERPRICED),
    ("Insufficient funds for gas * price + value", SendAnswer.INSUFFICIENT_GAS_FUNDS),
    ("invalid chain id for signer", SendAnswer.REFUSED),
    ("intrinsic gas too low", SendAnswer.REFUSED),
    ("intrinsic gas too high -- tx.gas_limit > env.block.gas_limit", SendAnswer.REFUSED),
    ("max priority fee per gas higher than max fee per gas", SendAnswer.REFUSED),
    ("max initcode size exceeded", SendAnswer.REFUSED),
    ("Failed to decode transaction", SendAnswer.REFUSED),
    ("Empty transaction data", SendAnswer.REFUSED),
    # go-ethereum, and what repeats it
    ("already known", SendAnswer.ALREADY_KNOWN),
    ("INTERNAL_ERROR: existing tx with same hash", SendAnswer.ALREADY_KNOWN),
    ("nonce too low: next nonce 5, tx nonce 3", SendAnswer.NONCE_TOO_LOW),
    ("nonce too low: address 0x00, tx: 3 state: 5", SendAnswer.NONCE_TOO_LOW),
    ("transaction underpriced: gas tip cap 0, minimum needed 1", SendAnswer.UNDERPRICED),
    ("max fee per gas less than block base fee: address 0x00, maxFeePerGas: 1, baseFee: 2", SendAnswer.UNDERPRICED),
    ("insufficient funds for gas * price + value: balance 0, tx cost 21000", SendAnswer.INSUFFICIENT_GAS_FUNDS),
    ("insufficient funds for transfer", SendAnswer.INSUFFICIENT_GAS_FUNDS),
    ("invalid chain id for signer: have 1 want 2", SendAnswer.REFUSED),
    ("intrinsic gas too low: gas 20000, minimum needed 21000", SendAnswer.REFUSED),
    ("exceeds block gas limit", SendAnswer.REFUSED),
    ("tx fee (1.20 ether) exceeds the configured cap (1.00 ether)", SendAnswer.REFUSED),
    ("invalid sender", SendAnswer.REFUSED),
    ("rlp: element is larger than containing list", SendAnswer.REFUSED),
    ("oversized data: transaction size 200000, limit 131072", SendAnswer.REFUSED),
    ("transaction type not supported", SendAnswer.REFUSED),
    ("txpool is full", SendAnswer.UNKNOWN),
    ("in-flight transaction limit reached for delegated accounts", SendAnswer.UNKNOWN),
    ("gapped-nonce tx from delegated accounts", SendAnswer.UNKNOWN),
    # Besu
    ("Known transaction", SendAnswer.ALREADY_KNOWN),
    ("Nonce too low", SendAnswer.NONCE_TOO_LOW),
    ("Replacement transaction underpriced", SendAnswer.UNDERPRICED),
    ("Gas price below configured minimum gas price", SendAnswer.UNDERPRICED),
    ("Gas price below current base fee", SendAnswer.UNDERPRICED),
    ("Upfront cost exceeds account balance", SendAnswer.INSUFFICIENT_GAS_FUNDS),
    ("Wrong chainId", SendAnswer.REFUSED),
    ("Intrinsic gas exceeds gas limit", SendAnswer.REFUSED),
    ("Transaction gas limit exceeds block gas limit", SendAnswer.REFUSED),
    ("Initial sync is still in progress", SendAnswer.UNKNOWN),
    # older Nethermind, OpenEthereum, Hardhat
    ("AlreadyKnown", SendAnswer.ALREADY_KNOWN),
    ("OldNonce, Current nonce: 5, nonce of rejected tx: 3", SendAnswer.NONCE_TOO_LOW),
    ("FeeTooLow, MaxFeePerGas too low", SendAnswer.UNDERPRICED),
    ("InsufficientFunds, Account balance: 0, cumulative cost: 21000", SendAnswer.INSUFFICIENT_GAS_FUNDS),
    ("Transaction with the same hash was already imported.", SendAnswer.ALREADY_KNOWN),
    ("Transaction nonce is too low. Try incrementing the nonce.", SendAnswer.NONCE_TOO_LOW),
    ("Known transaction: 0x00", SendAnswer.ALREADY_KNOWN),
    ("Sender doesn't have enough funds to send tx.", SendAnswer.INSUFFICIENT_GAS_FUNDS),
    # anything else
    ("", SendAnswer.UNKNOWN),
    ("internal error", SendAnswer.UNKNOWN),
    ("nonce too high", SendAnswer.UNKNOWN),
    ("429 too many requests", SendAnswer.UNKNOWN),
]


@pytest.mark.parametrize(("message", "meaning"), RECORDED)
def test_recorded_answers_to_a_send_have_their_meaning(message: str, meaning: SendAnswer) -> None:
    """Each recorded answer of a node to signed bytes has its meaning; what the table does not know is UNKNOWN."""
    assert meaning_of_send(message) is meaning


@pytest.mark.parametrize(
    "answer",
    [
        (200, b"<html>"),
        (200, b"[1, 2]"),
        (200, b'{"jsonrpc": "2.0"}'),
        (503, b"busy"),
        (404, b"nothing here"),
        (307, b""),
        result("0x" + "00" * 32),
        result(None),
        failure(-32603, "something new"),
    ],
    ids=["html", "list", "neither", "503", "404", "redirect", "other hash", "null", "other error"],
)
def test_a_send_that_nobody_understands_is_unknown(answer: tuple[int, bytes]) -> None:
    """An answer to signed bytes that is not understood is neither success nor failure, and is not sent twice."""
    asked = []
    with answering(lambda method, _: asked.append(method) or answer) as url, Node(url) as node:  # type: ignore[func-returns-value]
        assert node.send_raw(b"\x02").answer is SendAnswer.UNKNOWN
    assert asked == ["eth_sendRawTransaction"]


def test_a_send_without_an_answer_in_time_is_unknown() -> None:
    """Signed bytes that no answer comes to in time may have arrived: the outcome is UNKNOWN."""
    over = threading.Event()

    def silent(*_: object) -> tuple[int, bytes]:
        over.wait(10)
        return result(None)

    with answering(silent) as url, Node(url, timeout_s=0.05) as node:
        assert node.send_raw(b"\x02") == Sent(SendAnswer.UNKNOWN, "no answer within 0.05 s")
        over.set()


def test_an_error_below_an_http_error_is_read() -> None:
    """A JSON-RPC error that comes with an HTTP error status is understood all the same."""
    answer = (400, failure(-32000, "already known")[1])
    with answering(lambda *_: answer) as url, Node(url) as node:
        assert node.send_raw(b"\x02").answer is SendAnswer.ALREADY_KNOWN


@pytest.mark.parametrize(
    "answer",
    [
        (200, b"<html>"),
        (200, b"\xff\xfe"),
        (200, b"[]"),
        (401, b"who are you"),
        (302, b""),
        result(None),
        result(7),
        result("7"),
        result("0x"),
        result({"a": 1}),
        failure(-32601, "the method does not exist"),
    ],
)
def test_a_wrong_answer_to_a_read_is_refused(answer: tuple[int, bytes]) -> None:
    """An answer that is an error, not JSON or not of the method's shape is refused by the method's name."""
    with (
        answering(lambda *_: answer) as url,
        Node(url) as node,
        pytest.raises(NodeRefused, match="node refused eth_chainId: "),
    ):
        node.chain_id()


def test_a_read_is_asked_again_while_the_node_is_busy() -> None:
    """A read that meets a busy node is asked again, at most as often as stated."""
    answers = [(503, b"busy"), failure(-32005, "rate limit exceeded"), result("0x7")]
    with answering(lambda *_: answers.pop(0)) as url, Node(url, attempts=3) as node:
        assert node.chain_id() == 7
    with (
        answering(lambda *_: (503, b"busy")) as url,
        Node(url, attempts=2) as node,
        pytest.raises(NodeUnreachable, match="HTTP 503 Service Unavailable"),
    ):
        node.chain_id()


def test_a_wide_range_of_logs_is_asked_in_parts() -> None:
    """Logs of a range that the node finds too wide are asked in narrower ranges, each block exactly once."""
    taken: list[int] = []

    def narrow(_: str, params: list[object]) -> tuple[int, bytes]:
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
