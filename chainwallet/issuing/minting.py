"""Minting: how one mint is queued, and several at once, seen through to the end by a command that waits for it."""

from chainwallet.abi.calls import bank_ref as chain_ref
from chainwallet.abi.calls import call_data
from chainwallet.errors import BadValue
from chainwallet.evm import Address, Hash32
from chainwallet.rules.cash import Cash
from chainwallet.rules.issue import mint_key
from chainwallet.rules.money import Money
from chainwallet.rules.submission import Deliver, Final
from chainwallet.store import submissions
from chainwallet.store.database import Database, Transaction


def top_up(
    database: Database,
    deliver: Deliver,
    issuer: Address,
    cash: Cash,
    amounts: dict[Address, Money],
    bank_ref: str,
    now_s: int,
) -> tuple[Final, ...]:
    """Mints ``amounts`` against the bank's ``bank_ref``; the same reference again is the same top-up.

    Answers with the transactions by address of the payee.

    What the chain accepts once is the Keccak-256 of the reference's hash and the payee's place (from 0, by address).
    Raises ``BadValue`` for an amount that is not positive or a reference that stood for another top-up, and what
    ``deliver`` raises: a quota that is used up, a reference the chain has seen.
    """
    if not bank_ref:
        raise BadValue("bank reference", bank_ref, "at least 1 character")
    for amount in amounts.values():
        if amount.amount_minor <= 0 or amount.currency != cash.currency:
            raise BadValue("amount", str(amount), f"more than 0 {cash.currency}")
    ids, known = [], []
    with database.transaction() as tx:
        for place, (payee, amount) in enumerate(sorted(amounts.items())):
            ref = chain_ref(bank_ref, place)
            known.append(submissions.by_key(tx, cash.chain.key, mint_key(cash.address, ref)) is not None)
            queued = queue_mint(tx, cash, issuer, payee, amount.token_units, ref, now_s)
            if queued is None:
                raise BadValue("bank reference", bank_ref, "a reference that no other top-up used")
            ids.append(queued)
        if any(known) and not all(known):
            raise BadValue("bank reference", bank_ref, "a reference that no other top-up used")
    return deliver(ids)


def queue_mint(
    tx: Transaction, cash: Cash, issuer: Address, payee: Address, value: int, ref: Hash32, now_s: int
) -> int | None:
    """The submission that makes ``value`` token units for ``payee`` under ``ref``, queued unless it is there already.

    None where ``ref`` stands for another mint that had, or may have, an effect.
    """
    data = call_data("mint(address,uint256,bytes32)", payee, value, ref)
    chain, key = cash.chain.key, mint_key(cash.address, ref)
    found = submissions.by_key(tx, chain, key)
    if found is not None and found.data != data and not isinstance(found.stage, submissions.ENDED_WITHOUT_EFFECT):
        return None
    return submissions.put(tx, chain, key, issuer, cash.address, data, now_s)
