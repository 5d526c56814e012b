"""The fault proxy and the strict pool in front of a real Anvil: what other tests rely on."""

from collections.abc import Iterator
from typing import Any

import pytest

from chainwallet.evm import Address, Transaction
from chainwallet.keys.signer import LocalSigner
from chainwallet.rpc import Failure, NoAnswer, Result, SendAnswer
from tests.chain.bench import ETHER, Bench, key_of
from tests.chain.fault_proxy import FaultProxy, left_out, refused
from tests.chain.strict_pool import StrictPool

HEADS = [("eth_getBlockByNumber", (hex(number), False)) for number in range(4)]


def test_each_call_of_a_batch_meets_its_own_fault(faulty: Bench, proxy: FaultProxy) -> None:
    """Inside a batch one answer is left out, one refused and one altered, and the rest is the node's own."""

    def nameless(params: list[Any], block: Any) -> Any:
        return {**block, "hash": params[0]} if params[0] == "0x3" else block

    faulty.node.mine(3)
    truth = faulty.node.ask_many(HEADS)
    proxy.alter("eth_getBlockByNumber", nameless)
    proxy.next("eth_getBlockByNumber", left_out(), refused(-32000, "no"))
    first, second, third, fourth = faulty.node.ask_many(HEADS)
    assert isinstance(first, NoAnswer)
    assert second == Failure(-32000, "no")
    assert third == truth[2]
    assert isinstance(fourth, Result)
    assert fourth.value["hash"] == "0x3"  # type: ignore[index]
    proxy.heal()
    proxy.reorders = True
    assert faulty.node.ask_many(HEADS) == truth
    proxy.takes_batches = False
    assert faulty.node.ask_many(HEADS) == truth


@pytest.fixture
def strict(bench: Bench, proxy: FaultProxy) -> Iterator[None]:
    """The proxy judges as geth does, and the chain mines when told to."""
    proxy.rule = StrictPool(bench.url)
    bench.ask("evm_setAutomine", False)
    yield
    bench.ask("evm_setAutomine", True)


def offer(bench: Bench, signer: LocalSigner, nonce: int, max_fee_wei: int, tip_wei: int) -> bytes:
    chain_id = bench.chain.chain_id
    return signer.sign_transaction(Transaction(chain_id, nonce, Address(bytes(20)), b"", 21_000, max_fee_wei, tip_wei))


@pytest.mark.usefixtures("strict")
def test_a_replacement_must_pay_ten_percent_more(faulty: Bench) -> None:
    """A replacement that pays less than 10 % more in either fee is refused; the first that pays it is mined."""
    signer = key_of("relayer")
    nonce, base = faulty.count(), 10 * 10**9
    first = offer(faulty, signer, nonce, base, 1000)
    assert faulty.node.send_raw(first).answer is SendAnswer.ACCEPTED
    assert faulty.node.send_raw(first).answer is SendAnswer.ALREADY_KNOWN
    for max_fee_wei, tip_wei in ((base + 1, 1001), (base * 11 // 10 - 1, 1100), (base * 11 // 10, 1099), (base, 2000)):
        refusal = faulty.node.send_raw(offer(faulty, signer, nonce, max_fee_wei, tip_wei))
        assert refusal.answer is SendAnswer.UNDERPRICED
    better = offer(faulty, signer, nonce, base * 11 // 10, 1100)
    assert faulty.node.send_raw(better).answer is SendAnswer.ACCEPTED
    faulty.ask("evm_mine")
    assert faulty.count() == nonce + 1
    assert faulty.node.send_raw(offer(faulty, signer, nonce, base, 1)).answer is SendAnswer.NONCE_TOO_LOW


@pytest.mark.usefixtures("strict")
def test_a_transaction_that_the_node_refused_is_no_offer(faulty: Bench) -> None:
    """What the node itself refused holds no place: a cheaper transaction with its nonce is taken."""
    signer = key_of("relayer")
    dear = offer(faulty, signer, faulty.count(), 100 * ETHER, 1000)
    assert faulty.node.send_raw(dear).answer is SendAnswer.INSUFFICIENT_GAS_FUNDS
    assert faulty.node.send_raw(offer(faulty, signer, faulty.count(), 10**10, 1)).answer is SendAnswer.ACCEPTED
    faulty.ask("evm_mine")
