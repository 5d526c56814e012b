"""What happens to submissions in the tests of the store."""

from typing import Any

from chainwallet.evm import Address, BlockNumber, Hash32, Receipt
from chainwallet.rules.submission import Attempt, WasMined, WasSigned


def tx_of(number: int) -> Hash32:
    return Hash32(number.to_bytes(32, "big"))


def attempt(nonce: int, number: int | None = None, **changes: Any) -> Attempt:
    usual: dict[str, Any] = {
        "tx": tx_of(nonce if number is None else number),
        "raw": b"raw %d" % nonce,
        "gas_limit": 50_000,
        "max_fee_per_gas_wei": 80,
        "max_priority_fee_per_gas_wei": 8,
        "signed_at_s": 6,
    }
    return Attempt(**{**usual, **changes})


def was_signed(nonce: int, number: int | None = None, **changes: Any) -> WasSigned:
    return WasSigned(nonce, attempt(nonce, number, **changes))


def was_mined(number: int, *, reason: str = "", contract: Address | None = None) -> WasMined:
    receipt = Receipt(tx_of(number), BlockNumber(8), tx_of(88), not reason, 21_000, 1, contract, (), 0)
    return WasMined(receipt, reason)
