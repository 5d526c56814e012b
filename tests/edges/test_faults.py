"""The product's fault proxy in front of a real Anvil: each fault as a client meets it, and how often."""

import http.client
import json
from collections import Counter
from random import Random
from urllib.parse import urlsplit

import pytest

from chainwallet.anvil import RunningChain
from chainwallet.errors import BadValue
from chainwallet.faults import FAULTS, FaultName, Faults, Rates, Second, parse_rate
from chainwallet.faults.fate import MILLION, fate
from chainwallet.faults.view import answer_at, question_at
from chainwallet.rpc import Node
from tests.conftest import ask

ALWAYS = MILLION


def post(url: str, body: object) -> tuple[int, bytes]:
    """Status and body of one request on a connection of its own."""
    place = urlsplit(url)
    connection = http.client.HTTPConnection(str(place.hostname), place.port, timeout=10)
    try:
        connection.request("POST", "/", json.dumps(body), {"Content-Type": "application/json"})
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def call(method: str, *params: object, number: int = 1) -> dict[str, object]:
    return {"jsonrpc": "2.0", "id": number, "method": method, "params": list(params)}


@pytest.mark.parametrize(
    ("text", "parts"), [("5%", 50_000), ("0.25%", 2_500), ("100%", MILLION), ("0%", 0), ("0.0001%", 1)]
)
def test_a_rate_is_read_exactly(text: str, parts: int) -> None:
    """A share in per cent is parts per million without rounding."""
    assert parse_rate("cut", text) == parts


@pytest.mark.parametrize("text", ["", "5", "5 %", "-1%", "101%", "0.00001%", "five%", "100.1%"])
def test_a_rate_that_is_none_is_refused_by_its_name(text: str) -> None:
    """Anything else than a share up to 100% is refused with the name of the option."""
    with pytest.raises(BadValue, match=r"^cut: "):
        parse_rate("cut", text)


def test_rates_that_exclude_each_other_fit_into_one() -> None:
    """Faults that exclude each other are refused where they are more than all requests together."""
    with pytest.raises(BadValue, match="at most 100%"):
        Rates(drop_requests=600_000, cuts=500_000)


def test_each_fault_is_as_often_as_its_rate() -> None:
    """Over many requests every fault comes as often as asked for, within five standard deviations."""
    rates = Rates(100_000, 50_000, 20_000, 30_000, 40_000, 60_000, 250_000)
    dice, count = Random(7), 40_000  # noqa: S311 - a fixed sequence
    fates = [fate(rates, dice, 500) for _ in range(count)]
    met = Counter(one.fault for one in fates)
    met["delays"] = sum(one.delay_ms > 0 for one in fates)
    for name in ("drop_requests", "drop_replies", "cuts", "server_errors", "too_many", "duplicates", "delays"):
        share = getattr(rates, name)
        expected, variance = count * share / MILLION, count * share * (MILLION - share) / MILLION**2
        assert abs(met[name] - expected) < 5 * variance**0.5
    assert {one.delay_ms for one in fates} == set(range(501))
    assert {one.status for one in fates} == {200, 429, 500, 502, 503, 504}
    assert {one.times_forwarded for one in fates if one.fault == "server_errors"} == {0, 1}


def test_the_same_seed_gives_the_same_fates() -> None:
    """The n-th request of a seed has the same fate in every run, also with other rates beside it."""
    first, second = (Random("seed") for _ in range(2))  # noqa: S311 - a fixed sequence
    fewer, more = Rates(drop_requests=100_000), Rates(drop_requests=100_000, delays=500_000)
    for _ in range(1_000):
        assert fate(fewer, first, 100).fault == fate(more, second, 100).fault


@pytest.mark.parametrize(
    ("rates", "fault", "reaches"),
    [
        (Rates(drop_requests=ALWAYS), "drop_requests", 0),
        (Rates(drop_replies=ALWAYS), "drop_replies", 1),
        (Rates(cuts=ALWAYS), "cuts", 1),
        (Rates(too_many=ALWAYS), "too_many", 0),
        (Rates(duplicates=ALWAYS), "duplicates", 2),
    ],
)
def test_a_fault_is_what_its_name_says(
    chain: Node, local_chain: RunningChain, rates: Rates, fault: FaultName, reaches: int
) -> None:
    """Of each fault the client sees what it should, and the node was reached as often as is said."""
    before = chain.block_number()
    with Faults(local_chain.url, rates, 1) as proxy:
        question = call("evm_mine")
        match fault:
            case "drop_requests" | "drop_replies":
                with pytest.raises((http.client.RemoteDisconnected, ConnectionError)):
                    post(proxy.url, question)
            case "cuts":
                with pytest.raises(http.client.IncompleteRead):
                    post(proxy.url, question)
            case "too_many":
                assert post(proxy.url, question) == (429, b"")
            case _:
                assert post(proxy.url, question)[0] == 200
        assert proxy.counts == {name: int(name == fault) for name in FAULTS}
    assert chain.block_number() == before + reaches


def test_server_errors_come_before_and_after_the_node(chain: Node, local_chain: RunningChain) -> None:
    """An HTTP 5xx says nothing about whether the node got the request: both happen."""
    before, reached = chain.block_number(), set()
    with Faults(local_chain.url, Rates(server_errors=ALWAYS), 3) as proxy:
        for _ in range(20):
            status, body = post(proxy.url, call("evm_mine"))
            assert status in (500, 502, 503, 504)
            assert body == b""
            reached.add(chain.block_number() - before)
            before = chain.block_number()
    assert reached == {0, 1}


def test_a_stale_head_is_one_chain_some_blocks_ago(chain: Node, local_chain: RunningChain) -> None:
    """A stale answer fits to one older head: no later block, no receipt of one, and states as they were then."""
    chain.mine(5)
    head = chain.block_number()
    with Faults(local_chain.url, Rates(stale_heads=ALWAYS), 1, stale_blocks=3) as proxy:
        assert ask(proxy.url, "eth_blockNumber") == hex(head - 3)
        latest = ask(proxy.url, "eth_getBlockByNumber", "latest", False)
        assert isinstance(latest, dict)
        assert latest["number"] == hex(head - 3)
        assert ask(proxy.url, "eth_getBlockByNumber", hex(head), False) is None
        assert ask(proxy.url, "eth_getBlockByNumber", hex(head - 3), False) == latest
        batch = [call("eth_blockNumber", number=1), call("eth_getBlockByNumber", hex(head - 2), False, number=2)]
        answers = {one["id"]: one["result"] for one in json.loads(post(proxy.url, batch)[1])}
        assert answers == {1: hex(head - 3), 2: None}
        assert proxy.counts["stale_heads"] == 5


def test_what_a_node_behind_cannot_have_is_left_out() -> None:
    """Receipts, transactions and logs above the older head are not there, and nothing else is changed."""
    receipt = {"id": 1, "result": {"blockNumber": "0x9", "transactionHash": "0x1"}}
    question = call("eth_getTransactionReceipt", "0x1")
    assert answer_at(question, receipt, 8)["result"] is None
    assert answer_at(question, receipt, 9) is receipt
    assert question_at(question, 8) is question
    balance = call("eth_getBalance", "0x2")
    assert question_at(balance, 8)["params"] == ["0x2", "0x8"]
    assert question_at(call("eth_getBalance", "0x2", "0x3"), 8)["params"] == ["0x2", "0x3"]
    logs = question_at(call("eth_getLogs", {"fromBlock": "0x1", "toBlock": "latest"}), 8)["params"]
    assert logs == [{"fromBlock": "0x1", "toBlock": "0x8"}]


def test_two_addresses_of_one_node_disagree(chain: Node, local_chain: RunningChain) -> None:
    """The second address is behind the first, and names another hash of a block that both have."""
    chain.mine(4)
    head = chain.block_number()
    second = Second(behind=2, disagreements=ALWAYS)
    with Faults(local_chain.url, Rates(), 1, second=second) as proxy:
        assert proxy.second_url is not None
        assert ask(proxy.url, "eth_blockNumber") == hex(head)
        assert ask(proxy.second_url, "eth_blockNumber") == hex(head - 2)
        one, other = (ask(url, "eth_getBlockByNumber", hex(head - 3), False) for url in (proxy.url, proxy.second_url))
        assert isinstance(one, dict)
        assert isinstance(other, dict)
        assert one["hash"] != other["hash"]
        assert {**one, "hash": ""} == {**other, "hash": ""}
        assert (proxy.counts["behind"], proxy.counts["disagreements"]) == (1, 1)


def test_only_the_methods_that_are_named_are_hit(chain: Node, local_chain: RunningChain) -> None:
    """With ``only``, other questions are forwarded as they are, and a batch with a named one is hit."""
    with Faults(local_chain.url, Rates(too_many=ALWAYS), 1, only=["eth_gasPrice"]) as proxy:
        assert ask(proxy.url, "eth_blockNumber") == hex(chain.block_number())
        assert post(proxy.url, call("eth_gasPrice"))[0] == 429
        assert post(proxy.url, [call("eth_blockNumber"), call("eth_gasPrice")])[0] == 429
        assert proxy.counts["too_many"] == 2


def test_a_node_that_retries_gets_through(chain: Node, local_chain: RunningChain) -> None:
    """A client that asks again gets every answer through a proxy that fails every third request."""
    chain.mine(3)
    head = chain.block("latest")
    rates = Rates(drop_replies=80_000, cuts=80_000, server_errors=80_000, too_many=30_000, duplicates=60_000)
    with Faults(local_chain.url, rates, 5) as proxy, Node(proxy.url, attempts=12) as node:
        for _ in range(20):
            assert node.block("latest") == head
        assert sum(proxy.counts.values()) > 0


def test_a_node_that_is_away_is_a_bad_gateway() -> None:
    """Where nothing answers upstream, the client is told so, and no fault is counted."""
    with Faults("http://127.0.0.1:9", Rates(), 1) as proxy:
        assert post(proxy.url, call("eth_blockNumber")) == (502, b"")
        assert sum(proxy.counts.values()) == 0
