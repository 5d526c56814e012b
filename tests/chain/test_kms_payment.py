"""A payment whose payer's key is in a key service, on the real chain."""

from dataclasses import replace
from decimal import Decimal
from pathlib import Path

from chainwallet import issuing
from chainwallet.keys.kms import KmsSigner, account_of
from tests.chain.bench import ROLES, Bench, key_of
from tests.keys.local_kms import LocalKms


def test_a_key_services_key_pays(bench: Bench, tmp_path: Path) -> None:
    """A payer whose key never leaves the key service pays: its signatures, high s or low, are good to the contract."""
    kms = LocalKms(tmp_path / "kms")
    address, key = account_of(kms, kms.create_key("payer"))
    issuing.top_up(
        bench.database,
        bench.relayer().deliver,
        ROLES.issuer,
        bench.cash,
        {address: bench.money("10")},
        "kms",
        bench.now_s,
    )
    signer = KmsSigner(kms, key, address)
    before = bench.balance("ben")
    for number in range(4):
        order = replace(bench.order("ana", "ben", "1.25", id=f"kms {number}"), payer=address)
        receipt = bench.pay(order, signer)
        assert receipt.gas_used > 0
    assert kms.calls == ["GetPublicKey"] + ["Sign"] * 4
    assert Decimal(bench.balance("ben")[0]) - Decimal(before[0]) == 5
    assert bench.rebuilt_balances()[address] == 5_000_000
    assert key_of("ben").address != address
