"""What events say of every account, beside what the chain's state says: the two must be one."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from chainwallet.errors import HistoryMismatch
from chainwallet.evm import Address, checksum
from chainwallet.rules.fact import Fact
from chainwallet.rules.window import Window, is_window


@dataclass(frozen=True)
class Account:
    """An account of ``Cash``; ``balance`` is in token units."""

    balance: int = 0
    window: Window = field(default_factory=Window)
    permit_nonce: int = 0
    is_frozen: bool = False


def accounts_of(balances: Mapping[Address, int], facts: Iterable[Fact]) -> dict[Address, Account]:
    """The accounts that ``balances`` and the ``facts`` about nonces, permits and freezes, in their order, make.

    Raises ``HistoryMismatch`` where a fact says that a nonce was used or cancelled that was not good then.
    """
    accounts = {owner: Account(balance) for owner, balance in balances.items()}
    for fact in facts:
        if fact.payer is None:
            continue
        account = accounts.get(fact.payer, Account())
        if fact.kind in ("Frozen", "Unfrozen"):
            accounts[fact.payer] = replace(account, is_frozen=fact.kind == "Frozen")
        elif fact.kind == "Approval":
            accounts[fact.payer] = replace(account, permit_nonce=account.permit_nonce + (fact.cause == "permit"))
        elif fact.nonce is not None and is_window(fact.nonce):
            is_cancel = fact.kind == "NoncesCanceled"
            after = account.window.after_cancel(fact.nonce) if is_cancel else account.window.after_use(fact.nonce)
            if after is None:
                what = f"nonce {fact.nonce} of {checksum(fact.payer)} by events"
                raise HistoryMismatch(what, "one that was good", f"{fact.kind} in block {fact.place.block}")
            accounts[fact.payer] = replace(account, window=after)
    return accounts


def mismatches(by_facts: Mapping[Address, Account], by_state: Mapping[Address, Account]) -> Iterator[HistoryMismatch]:
    """Every figure in which the chain's state differs from the facts, account by account."""
    for address in sorted({*by_facts, *by_state}):
        ours, theirs = by_facts.get(address, Account()), by_state.get(address, Account())
        who = checksum(address)
        if ours.balance != theirs.balance:
            yield HistoryMismatch(f"balance of {who} by events", str(theirs.balance), str(ours.balance))
        if ours.window != theirs.window:
            yield HistoryMismatch(f"nonces of {who} by events", _shown(theirs.window), _shown(ours.window))
        if ours.permit_nonce != theirs.permit_nonce:
            yield HistoryMismatch(f"permit nonce of {who} by events", str(theirs.permit_nonce), str(ours.permit_nonce))
        if ours.is_frozen != theirs.is_frozen:
            yield HistoryMismatch(f"freeze of {who} by events", str(theirs.is_frozen), str(ours.is_frozen))


def _shown(window: Window) -> str:
    return f"base {window.base}, used {window.bits:#x}"
