"""The tables of node answers, against every recorded answer; those of Anvil are provoked again from a real one."""

import json
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from eth_account import Account
from eth_account.signers.local import LocalAccount

from chainwallet.anvil import RunningChain
from chainwallet.evm import Address
from chainwallet.rpc import Failure, Node, ReadAnswer, SendAnswer
from chainwallet.rpc.answers import meaning_of_read, meaning_of_send
from tests.edges.answering import answering, failure
from tests.edges.transfers import REASONED, mine, signed

RECORDED = Path(__file__).parent / "recorded"


@dataclass(frozen=True)
class Recorded:
    """One recorded error: how it came about, what it answered ("send" or "read"), and what it means."""

    source: str
    how: str
    to: str
    code: int
    message: str
    means: str

    def __str__(self) -> str:
        return f"{self.source}: {self.message[:40]}"


def recorded(name: str) -> list[Recorded]:
    found = json.loads((RECORDED / f"{name}.json").read_text(encoding="utf-8"))
    return [Recorded(name, **answer) for answer in found["answers"]]


ALL = [answer for file in sorted(RECORDED.glob("*.json")) for answer in recorded(file.stem)]


@pytest.mark.parametrize("answer", ALL, ids=str)
def test_every_recorded_answer_has_its_meaning(answer: Recorded) -> None:
    """Each recorded answer of a node has its meaning; what the tables do not know is unknown."""
    if answer.to == "send":
        assert meaning_of_send(answer.message) is SendAnswer(answer.means)
    else:
        assert meaning_of_read(answer.code, answer.message) is ReadAnswer(answer.means)


def test_the_records_name_their_sources_and_every_meaning() -> None:
    """Each file of records says where they are from, and each meaning of both tables is recorded at least once."""
    for file in RECORDED.glob("*.json"):
        assert json.loads(file.read_text(encoding="utf-8"))["source"]
    sends = {SendAnswer(answer.means) for answer in ALL if answer.to == "send"}
    reads = {ReadAnswer(answer.means) for answer in ALL if answer.to == "read"}
    assert sends == set(SendAnswer) - {SendAnswer.ACCEPTED}  # no error
    assert reads == set(ReadAnswer)


# ------------------------------------------------------------------------------------------------ Anvil itself

Question = tuple[str, list[Any]]
NOBODY = "0x" + "22" * 20
HASH = "0x" + "11" * 32


def provocations(node: Node, key: LocalAccount) -> dict[str, Callable[[], Question]]:
    """For each of Anvil's recorded answers what makes it answer so."""

    def send(raw: bytes) -> Question:
        return "eth_sendRawTransaction", ["0x" + raw.hex()]

    def sign(**changes: Any) -> Question:
        return send(signed(node, key, **changes))

    def call(code: bytes, method: str = "eth_call") -> Question:
        contract = "0x" + "77" * 20
        node.ask_many([("anvil_setCode", [contract, "0x" + code.hex()])])
        return method, [{"to": contract}]

    mined, waiting = signed(node, key), signed(node, key, nonce=3)
    mine(node, mined)
    node.send_raw(waiting)
    unsigned = bytearray(signed(node, key))
    unsigned[-32:] = bytes(32)
    return {
        "the same bytes again, in the pool": lambda: send(waiting),
        "the same bytes again, mined": lambda: send(mined),
        "other bytes with a mined nonce": lambda: sign(nonce=0, value=2),
        "a replacement that pays the same": lambda: sign(nonce=3, value=2),
        "a fee below the base fee": lambda: sign(maxFeePerGas=1, maxPriorityFeePerGas=1),
        "a sender without ETH": lambda: send(signed(node, Account.create())),
        "another chain's id": lambda: sign(chainId=node.chain_id() + 1),
        "too little gas": lambda: sign(gas=20_000),
        "more gas than a block has": lambda: sign(gas=10**8),
        "a tip above the fee": lambda: sign(maxFeePerGas=10**9, maxPriorityFeePerGas=10**10),
        "too much code": lambda: sign(to=None, data=bytes(60_000), gas=10**7),
        "bytes that are no transaction": lambda: send(b"\x12\x34"),
        "a type that does not exist": lambda: send(b"\x09\xc0"),
        "a signature of zeros": lambda: send(bytes(unsigned)),
        "no bytes": lambda: send(b""),
        "no hex": lambda: ("eth_sendRawTransaction", ["0xzz"]),
        "a method that does not exist": lambda: ("eth_nope", []),
        "a balance at a block to come": lambda: ("eth_getBalance", [NOBODY, "0xffffff"]),
        "logs of a block hash that nobody knows": lambda: ("eth_getLogs", [{"blockHash": HASH}]),
        "a call that reverts": lambda: call(REASONED),
        "a call that runs out of gas": lambda: call(bytes.fromhex("5b5f56")),
        "an estimate that runs out of gas": lambda: call(bytes.fromhex("5b5f56"), "eth_estimateGas"),
        "a call of an invalid opcode": lambda: call(b"\xfe"),
        "a call that jumps nowhere": lambda: call(bytes.fromhex("600556")),
        "a call without parameters": lambda: ("eth_getBalance", []),
    }


def test_anvil_answers_as_recorded(chain: Node, rich: LocalAccount) -> None:
    """Anvil's recorded answers are what a real Anvil answers today, code and words."""
    known = {answer.how: answer for answer in recorded("anvil")}
    asked = provocations(chain, rich)
    assert set(known) - set(asked) == {"an empty batch"}
    head = f"block height is {chain.block_number()}"
    for how, ask in asked.items():
        (answer,) = chain.ask_many([ask()])
        assert isinstance(answer, Failure), how
        assert (answer.code, answer.message.replace(head, "block height is 0")) == (known[how].code, known[how].message)


def test_anvil_takes_what_stricter_nodes_refuse(chain: Node, rich: LocalAccount) -> None:
    """Anvil takes a replacement that pays one wei more, no tip, 16 ETH of fees and a nonce that leaves a gap."""
    chain.set_balance(Address(bytes.fromhex(rich.address[2:])), 10**20)
    first = signed(chain, rich, nonce=3)
    one_wei_more = signed(chain, rich, nonce=3, maxFeePerGas=10**10 + 1, maxPriorityFeePerGas=10**9 + 1)
    generous = signed(chain, rich, nonce=4, gas=16_000_000, maxFeePerGas=10**12)
    tipless = signed(chain, rich, nonce=5, maxPriorityFeePerGas=0)
    taken = [sent.answer for sent in chain.send_raw_many([first, one_wei_more, generous, tipless])]
    assert taken == [SendAnswer.ACCEPTED] * 4


def test_an_empty_batch_is_answered_as_recorded(local_chain: RunningChain) -> None:
    """Anvil answers a batch without calls by one error for the whole."""
    request = urllib.request.Request(local_chain.url, b"[]", {"Content-Type": "application/json"})  # noqa: S310 - our own
    with urllib.request.urlopen(request, timeout=10) as response:  # noqa: S310 - as above
        answer = json.load(response)
    (known,) = [answer for answer in recorded("anvil") if answer.how == "an empty batch"]
    assert answer["error"] == {"code": known.code, "message": known.message}


def test_anvil_knows_the_newest_final_block_by_number_alone(chain: Node) -> None:
    """Anvil's "safe" and "finalized" are the blocks 32 and 64 below the head, and block 0 while there are fewer."""
    for _ in range(2):
        head = chain.block_number()
        assert (chain.block("safe").number, chain.block("finalized").number) == (max(head - 32, 0), max(head - 64, 0))
        chain.mine(100)
    assert chain.block("pending").number == chain.block_number() + 1
    assert chain.block("earliest").number == 0


@pytest.mark.parametrize("how", ["no finality", "execution-apis: unknown block"])
def test_a_chain_without_finality_has_no_final_block(how: str) -> None:
    """A node that knows no final block is told apart from one that fails."""
    (answer,) = [answer for answer in recorded("geth") if answer.how == how]
    with answering(lambda *_: failure(answer.code, answer.message)) as url, Node(url) as node:
        assert node.find_block("finalized") is None
