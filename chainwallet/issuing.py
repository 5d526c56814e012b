"""Issuing: money enters the ledger against money at a bank, once for each bank reference."""

from chainwallet.abi.calls import call_data
from chainwallet.errors import BadValue
from chainwallet.evm import Address, keccak256
from chainwallet.rules.cash import Cash
from chainwallet.rules.money import Money
from chainwallet.rules.submission import Deliver, Mined
from chainwallet.store import submissions
from chainwallet.store.database import Database


def top_up(
    database: Database,
    deliver: Deliver,
    issuer: Address,
    cash: Cash,
    amounts: dict[Address, Money],
    bank_ref: str,
    now_s: int,
) -> tuple[Mined, ...]:
    """Mints ``amounts`` against the bank's ``bank_ref``, the same reference and payee at most once.

    Raises ``BadValue`` for an amount that is not positive, and what ``deliver`` raises: a quota that is used up, a
    reference the chain has seen.
    """
    ids = []
    with database.transaction() as tx:
        for payee, amount in amounts.items():
            if amount.amount_minor <= 0 or amount.currency != cash.currency:
                raise BadValue("amount", str(amount), f"more than 0 {cash.currency}")
            reference = keccak256(f"{bank_ref}/{payee.hex()}".encode())
            data = call_data("mint(address,uint256,bytes32)", payee, amount.token_units, reference)
            key = f"mint:{cash.currency}:{reference.hex()}"
            ids.append(submissions.put(tx, cash.chain.key, key, issuer, cash.address, data, now_s))
    return deliver(ids)
