"""Batches, against a real Anvil and against real servers that treat them as nodes do: differently."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from eth_account.signers.local import LocalAccount

from chainwallet.errors import MethodMissing, NodeUnreachable
from chainwallet.evm import Address, Hash32, keccak256
from chainwallet.rpc import Call, Garbled, NoAnswer, Node, Result, SendAnswer
from tests.edges.answering import Reply, answering, failure, result
from tests.edges.transfers import ETHER, RECIPIENT, mine, signed


def numbered(count: int) -> list[Call]:
    """Questions that tell themselves apart."""
    return [("eth_getBalance", (hex(number), "latest")) for number in range(count)]


def echo(_: str, params: list[Any]) -> Reply:
    return result(params[0])


def echoed(count: int) -> tuple[Result, ...]:
    return tuple(Result(hex(number)) for number in range(count))


def told(calls: list[Any]) -> list[dict[str, Any]]:
    """The right answers to a batch."""
    return [{"jsonrpc": "2.0", "id": call["id"], "result": call["params"][0]} for call in calls]


def as_reply(answers: object, status: int = 200) -> Reply:
    return Reply(status, json.dumps(answers).encode())


# ------------------------------------------------------------------------------------------------ a real node


def test_many_questions_are_one_request_to_a_real_node(chain: Node, rich: LocalAccount) -> None:
    """Receipts, balances and nonces of many come in one batch, each at its own place."""
    sender = Address(bytes.fromhex(rich.address[2:]))
    raw = signed(chain, rich)
    mine(chain, raw)
    tx, nobody = keccak256(raw), Hash32(b"\x01" * 32)
    found = chain.receipts([nobody, tx, nobody])
    assert found == (None, chain.receipt(tx), None)
    assert found[1] is not None
    assert found[1].index == 0
    assert chain.transaction_counts([sender, RECIPIENT, sender]) == (1, 0, 1)
    assert chain.balances_wei([RECIPIENT, sender]) == (1, chain.balance_wei(sender))
    assert chain.balances_wei([]) == ()
    before = chain.block_number() - 1
    assert chain.balances_wei([sender, RECIPIENT], before) == (ETHER, 0)


def test_signed_bytes_go_out_in_one_batch(chain: Node, rich: LocalAccount) -> None:
    """Each of many signed transactions has a meaning of its own, whatever the others have."""
    raws = [signed(chain, rich, nonce=nonce) for nonce in range(3)]
    sent = chain.send_raw_many([raws[0], raws[1], b"\x12\x34", raws[2]])
    taken = SendAnswer.ACCEPTED
    assert [one.answer for one in sent] == [taken, taken, SendAnswer.REFUSED, taken]
    assert sent[1].reason == "0x" + keccak256(raws[1]).hex()
    assert chain.send_raw_many([]) == ()


# ------------------------------------------------------------------------------------------------ what a batch is


def test_answers_are_matched_by_id() -> None:
    """The answers of a batch may come in any order, with strangers among them; one that came twice is none."""

    def whole(calls: list[Any]) -> Reply:
        answers = told(calls)
        stranger = {"jsonrpc": "2.0", "id": 10**9, "result": "0xdead"}
        return as_reply([*reversed(answers), answers[1], stranger, {"id": "1", "result": "0xdead"}, 7, None])

    with answering(echo, whole=whole) as url, Node(url) as node:
        first, second, third = node.ask_many(numbered(3))
    assert (first, third) == (Result("0x0"), Result("0x2"))
    assert second == Garbled(0, "answered twice")


def test_a_batch_is_bounded_by_count_and_by_size() -> None:
    """A batch has at most 100 questions and about 2 MiB; what is more goes into the next request."""
    counts: list[int] = []

    def whole(calls: list[Any]) -> None:
        counts.append(len(calls))

    with answering(echo, whole=whole) as url, Node(url) as node:
        assert node.ask_many(numbered(250)) == echoed(250)
        assert counts == [100, 100, 50]
        counts.clear()
        heavy = [("eth_getBalance", ("0x" + "ab" * 250_000, "latest")) for _ in range(10)]
        assert len(node.ask_many(heavy)) == 10
        assert counts == [4, 4, 2]


def test_an_answer_that_is_left_out_is_asked_for_again() -> None:
    """A question whose answer the batch leaves out is asked again, and is without an answer when that does not help."""
    asked: list[int] = []

    def whole(calls: list[Any]) -> Reply:
        asked.append(len(calls))
        return as_reply([answer for answer in told(calls) if answer["result"] not in ("0x1", "0x2")])

    def alone(*_: object) -> Reply:
        asked.append(1)
        return Reply(503, b"")

    with answering(alone, whole=whole) as url, Node(url, attempts=3) as node:
        answers = node.ask_many(numbered(4))
    assert (answers[0], answers[3]) == (Result("0x0"), Result("0x3"))
    assert answers[1] == answers[2] == NoAnswer("the batch's answer leaves it out", never_sent=False)
    assert asked == [4, 2, 2]


def test_busy_questions_alone_are_asked_again() -> None:
    """Of a batch only the questions that the node had no time for are asked again."""
    seen: list[str] = []

    def sometimes(_: str, params: list[Any]) -> Reply:
        seen.append(params[0])
        is_busy = params[0] == "0x1" and seen.count("0x1") < 3
        return failure(-32005, "rate limit exceeded") if is_busy else result(params[0])

    with answering(sometimes) as url, Node(url, attempts=3) as node:
        assert node.ask_many(numbered(3)) == echoed(3)
    assert sorted(seen) == ["0x0", "0x1", "0x1", "0x1", "0x2"]


def test_the_first_failure_of_many_reads_is_raised() -> None:
    """Reads of the same kind give all their values, or raise what the first that failed says."""

    def some(_: str, params: list[Any]) -> Reply:
        return (
            result(params[0]) if params[0] == "0x0" else failure(-32601, "the method does not exist/is not available")
        )

    with answering(some) as url, Node(url) as node:
        assert node.read_many("eth_getBalance", [("0x0", "latest")], str) == ["0x0"]
        with pytest.raises(MethodMissing, match="node refused eth_getBalance: the method does not exist"):
            node.read_many("eth_getBalance", [("0x0", "latest"), ("0x1", "latest")], str)


# ------------------------------------------------------------------------------------------------ nodes that take less


NOT_TAKEN = {"code": -32600, "message": "batch requests are not supported"}


def refusal(call: Any, message: str) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": call["id"], "error": {"code": -32600, "message": message}}


REFUSALS: dict[str, Callable[[list[Any]], Reply]] = {
    "a single error": lambda _: as_reply({"jsonrpc": "2.0", "id": None, "error": NOT_TAKEN}),
    "a single error below HTTP 400": lambda _: as_reply({"jsonrpc": "2.0", "id": None, "error": NOT_TAKEN}, 400),
    "a result that answers nothing": lambda _: as_reply({"jsonrpc": "2.0", "id": 1, "result": "0x1"}),
    "HTML": lambda _: Reply(200, b"<html>"),
    "HTTP 413": lambda _: Reply(413, b"too large"),
    "geth: an error for the first": lambda calls: as_reply([refusal(calls[0], "batch too large")]),
    "an error for each": lambda calls: as_reply([refusal(call, "Batch of more than 3 requests") for call in calls]),
    "Erigon: the connection cut": lambda _: Reply(0, b""),
}


@pytest.mark.parametrize("most", [0, 10], ids=["no batches", "batches of ten"])
@pytest.mark.parametrize("how", REFUSALS)
def test_a_node_that_takes_no_long_batches_is_asked_in_short_ones(how: str, most: int) -> None:
    """Whatever way a node refuses a batch, each question is answered, in shorter batches or one by one."""
    counts: list[int] = []

    def whole(calls: list[Any]) -> Reply | None:
        counts.append(len(calls))
        return REFUSALS[how](calls) if len(calls) > most else None

    with answering(echo, whole=whole) as url, Node(url) as node:
        assert node.ask_many(numbered(25)) == echoed(25)
        assert counts[:2] == [25, 10]
        counts.clear()
        assert node.ask_many(numbered(25)) == echoed(25)
        assert counts == ([10, 10, 5] if most else [])  # it remembers


def test_an_answer_too_large_is_asked_for_in_halves() -> None:
    """A batch whose answer is longer than the bound is asked for in halves, and what fits is asked for once."""
    counts: list[int] = []

    def whole(calls: list[Any]) -> Reply | None:
        counts.append(len(calls))
        return Reply(200, b"[", {"Content-Length": str(10**12)}) if len(calls) > 3 else None

    with answering(echo, whole=whole) as url, Node(url) as node:
        assert node.ask_many(numbered(12)) == echoed(12)
    assert counts == [12, 6, 3, 3, 6, 3, 3]


def test_what_did_not_fit_into_the_answer_is_asked_for_again() -> None:
    """Where a node answers a batch as far as it has room, only the rest is asked for again."""
    counts: list[int] = []

    def whole(calls: list[Any]) -> Reply:
        counts.append(len(calls))
        answers = told(calls)
        for answer in answers[4:]:
            answer["error"] = {"code": -32003, "message": "response too large"}
            del answer["result"]
        return as_reply(answers)

    with answering(echo, whole=whole) as url, Node(url) as node:
        assert node.ask_many(numbered(10)) == echoed(10)
    assert counts == [10, 5]


# ------------------------------------------------------------------------------------------------ signed bytes


def test_signed_bytes_that_a_batch_leaves_open_are_of_unknown_fate() -> None:
    """Signed bytes that a batch's answer leaves out, or answers wrongly, are UNKNOWN and not offered again."""
    asked: list[int] = []

    def whole(calls: list[Any]) -> Reply:
        asked.append(len(calls))
        answers = told(calls)
        answers[0]["result"] = "0x" + keccak256(b"\x02\x01").hex()
        answers[2] = {"jsonrpc": "2.0", "id": calls[2]["id"], "error": {"code": -32000, "message": "nonce too low"}}
        return as_reply([answers[0], *answers[2:]])

    with answering(echo, whole=whole) as url, Node(url) as node:
        sent = node.send_raw_many([b"\x02\x01", b"\x02\x02", b"\x02\x03", b"\x02\x04"])
    unknown = SendAnswer.UNKNOWN
    assert [one.answer for one in sent] == [SendAnswer.ACCEPTED, unknown, SendAnswer.NONCE_TOO_LOW, unknown]
    assert asked == [4]


def test_signed_bytes_of_a_refused_batch_are_offered_one_by_one() -> None:
    """A node that takes no batches gets the same signed bytes one by one."""
    got: list[str] = []

    def take(_: str, params: list[Any]) -> Reply:
        got.append(params[0])
        return result("0x" + keccak256(bytes.fromhex(params[0][2:])).hex())

    raws = [bytes([2, number]) for number in range(3)]
    with answering(take, whole=REFUSALS["a single error"]) as url, Node(url) as node:
        assert [one.answer for one in node.send_raw_many(raws)] == [SendAnswer.ACCEPTED] * 3
    assert got == ["0x" + raw.hex() for raw in raws]


def test_signed_bytes_that_nobody_got_are_told_apart() -> None:
    """Where no connection was made nothing was sent, and that is said by an error, not by an unknown fate."""
    with pytest.raises(NodeUnreachable, match="connection refused"):
        Node("http://127.0.0.1:9", attempts=1).send_raw_many([b"\x02", b"\x03"])


def test_where_some_bytes_were_sent_none_are_said_to_be_unsent() -> None:
    """Where the first request of many signed bytes was sent and the second was not, the fate of all is unknown."""
    greetings: list[str] = []

    def greet_once(method: str, _: list[Any]) -> Reply:
        greetings.append(method)
        return Reply(503, b"") if len(greetings) > 2 else result("0x7" if method == "eth_chainId" else None)

    requests: list[int] = []

    def whole(calls: list[Any]) -> Reply:
        requests.append(len(calls))
        return Reply(0, b"")

    raws = [bytes([2, number]) for number in range(120)]
    with answering(greet_once, chain=None, whole=whole) as url, Node(url, attempts=1) as node:
        sent = node.send_raw_many(raws)
    assert requests == [100]
    assert [one.answer for one in sent] == [SendAnswer.UNKNOWN] * 120
    assert [sent[99].reason, sent[100].reason] == ["the connection broke", "HTTP 503 Service Unavailable"]
