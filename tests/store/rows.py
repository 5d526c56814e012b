"""Promises and facts as the tests of what one says about the other store them."""

from typing import Any

from sqlalchemy import insert

from chainwallet.evm import Address, BlockNumber, Hash32, to_hex
from chainwallet.rules.promise import Execution, Stage
from chainwallet.store import promises
from chainwallet.store.database import Transaction
from chainwallet.store.evidence import Horizon
from chainwallet.store.promises import Promise
from chainwallet.store.schema import facts
from chainwallet.store.words import word

CHAIN = "7-0a0b0c0d"
ANA, BEN, SENDER = Address(b"\x0a" * 20), Address(b"\x0b" * 20), Address(b"\x0c" * 20)
CASH = f"{CHAIN}/0xCash"
AT = Horizon(BlockNumber(20), Hash32(bytes(32)), 1_000, BlockNumber(16), 900)
"""Blocks up to 20 are known, up to 16 final."""


def hash_of(block: int) -> Hash32:
    return Hash32(block.to_bytes(32, "big"))


def promise(tx: Transaction, nonce: int, stage: Stage, payer: Address = ANA, valid_before: int = 2_000) -> int:
    """The number of a new promise with this nonce, which is its id too."""
    made = Promise(
        token=CASH,
        payer=payer,
        kind="payment",
        id=str(nonce),
        nonce=nonce,
        content_hash=hash_of(1),
        document="{}",
        signature=b"s",
        memo=None,
        payee=BEN,
        value=10,
        ref=hash_of(nonce),
        valid_before=valid_before,
        made_at_block=BlockNumber(3),
        created_at_s=5,
        stage=stage,
    )
    return promises.add(tx, made).number


def executed(block: int) -> Execution:
    return Execution(hash_of(1_000 + block), BlockNumber(block), hash_of(block))


def fact(
    tx: Transaction, kind: str, block: int, nonce: int, payer: Address = ANA, orphaned_at_s: int | None = None
) -> int:
    """The number of a new fact of ``payer``."""
    place: dict[str, Any] = {"token": CASH, "block": block, "block_hash": to_hex(hash_of(block)), "tx": "0x01"}
    place |= {"log_index": nonce % 1_000, "part": 0, "happened_at_s": 5, "learned_at_s": 6}
    row = {**place, "kind": kind, "payer": to_hex(payer), "nonce": word(nonce), "orphaned_at_s": orphaned_at_s}
    return int(tx.execute(insert(facts).values(row).returning(facts.c.id)).scalar_one())
