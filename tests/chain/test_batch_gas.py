"""The gas that a batch asks for is enough in the worst case, measured on the real contract."""

from collections.abc import Callable

import pytest

from chainwallet.abi.calls import pay_data, pay_item
from chainwallet.abi.domain import domain_of
from chainwallet.abi.typed_data import Payment
from chainwallet.evm import Address, Hash32, Transaction, keccak256
from chainwallet.keys.signer import LocalSigner, to_compact
from chainwallet.rules.packing import MAX_DATA_BYTES, MAX_TRANSACTION_GAS, BatchLimits, most_items, pay_gas_limit
from tests.chain.bench import Bench, key_of, wait_for

PAYERS = 12
"""Each a cold account that pays a payee who never had money, with a nonce in a fresh slot and bytes without zeros."""
FULL = Hash32(b"\xff" * 32)


def key(number: int) -> LocalSigner:
    return key_of(f"payer {number}")


def window(_: int) -> int:
    return 63


def wide(number: int) -> int:
    return int.from_bytes(keccak256(b"wide %d" % number), "big") | 1 << 255


def batch(bench: Bench, nonce_of: Callable[[int], int], value: int) -> bytes:
    items = []
    for number in range(PAYERS):
        payee = Address(keccak256(b"payee %d" % number)[:20])
        payment = Payment(key(number).address, payee, value, FULL, nonce_of(number), 2**40 - 1)
        r, vs = to_compact(key(number).sign(payment, domain_of(bench.cash)))
        items.append(pay_item(payment, r + vs))
    return pay_data(items)


def gas_used(bench: Bench, data: bytes, gas_limit: int) -> tuple[int, int]:
    """Gas used, and how many events there were, when the batch runs with ``gas_limit``."""
    relayer = key_of("relayer")
    fees = bench.node.fees()
    transaction = Transaction(bench.chain.chain_id, bench.count(), bench.cash.address, data, gas_limit, *fees)
    raw = relayer.sign_transaction(transaction)
    bench.node.send_raw(raw)
    tx = Hash32(keccak256(raw))
    wait_for(lambda: bench.node.receipt(tx) is not None)
    receipt = bench.node.receipt(tx)
    assert receipt is not None
    assert receipt.succeeded
    return receipt.gas_used, len(receipt.logs)


@pytest.mark.parametrize(("nonce_of", "is_wide"), [(window, False), (wide, True)], ids=["window", "wide"])
@pytest.mark.parametrize("value", [1, 10**9], ids=["carried out", "left out"])
def test_the_worst_batch_fits_its_gas_limit(
    bench: Bench, nonce_of: Callable[[int], int], is_wide: bool, value: int
) -> None:
    """A batch of the dearest items runs within the gas that is asked for it, and less than twice of that is asked."""
    bench.top_up("1", *(f"payer {number}" for number in range(PAYERS)), bank_ref=f"{is_wide} {value}")
    limit = pay_gas_limit(PAYERS, is_wide=is_wide)
    used, events = gas_used(bench, batch(bench, nonce_of, value), limit)
    assert events == (2 * PAYERS if value == 1 else PAYERS)
    assert used <= limit
    assert value != 1 or limit < 1.3 * used


def test_full_batches_are_within_what_nodes_take() -> None:
    """The largest batches of both kinds stay below the largest transaction by gas (EIP-7825) and by bytes."""
    limits = BatchLimits(10_000, MAX_TRANSACTION_GAS)
    for is_wide, size in ((False, 160), (True, 185)):
        items = most_items(limits, is_wide=is_wide)
        assert pay_gas_limit(items, is_wide=is_wide) <= MAX_TRANSACTION_GAS
        assert items * size <= MAX_DATA_BYTES
