"""The facts in the logs of a ``Cash``: what each event says together with those beside it.

``ICash`` fixes who stands beside whom: a ``Paid`` follows its payment's ``Transfer`` at once, a ``Settled`` its
settlement's ``Transfer``s, an ``AllowanceSpent``, ``Minted`` or ``Burned`` its own; a ``Transfer`` follows its
``AuthorizationUsed``, and an ``Approved`` the ``Approval`` of an ``approve``.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from chainwallet.abi import events
from chainwallet.errors import NodeRefused
from chainwallet.evm import Address, Hash32, Log, to_hex
from chainwallet.rules.fact import Cause, Fact, Kind, Place
from chainwallet.rules.window import of_authorization


def facts_of(logs: Sequence[Log], happened_at_s: int) -> tuple[Fact, ...]:
    """The facts in ``logs``: all logs of one ``Cash`` in one block, in order, the block's timestamp beside them.

    Each log gives one fact, and a ``Settled`` one more for each debtor. A log that is none of the ledger's events is an
    ``Other``.
    """
    found: list[Fact] = []
    transfers: list[int] = []  # where in ``found`` the Transfers of this transaction are that nothing explains yet
    tx: Hash32 | None = None
    authorized: Fact | None = None  # the AuthorizationUsed just before
    for log in logs:
        if log.tx != tx:
            tx, authorized = log.tx, None
            transfers.clear()
        place = Place(log.block, log.block_hash, log.tx, log.index, happened_at_s)
        event = _event(log)
        match event:
            case events.Transfer(payer, payee, value):
                if authorized is None:
                    transfers.append(len(found))
                found.append(_transfer(place, payer, payee, value, authorized))
            case events.Paid(ref, nonce):
                found.append(_paid(found, transfers, place, ref, nonce))
            case events.Settled():
                found.extend(_settled(found, transfers, place, event))
            case events.Minted(ref, issuer, payee, value):
                _explain(found, transfers, "mint", ref)
                found.append(Fact("Minted", place, payer=issuer, payee=payee, value=value, ref=ref))
            case events.Burned(ref, issuer, value):
                _explain(found, transfers, "burn", ref)
                found.append(Fact("Burned", place, payer=issuer, value=value, ref=ref))
            case events.AllowanceSpent(spender):
                moved = _explain(found, transfers, "allowance", None)
                owner, spent = (moved.payer, moved.value) if moved else (None, None)
                found.append(Fact("AllowanceSpent", place, payer=owner, payee=spender, value=spent))
            case events.Approved():
                found.append(_approved(found, place))
            case None:
                found.append(_other(place, log))
            case _:
                found.append(_ALONE[type(event)](place, event))
        authorized = found[-1] if isinstance(event, events.AuthorizationUsed) else None
    return tuple(found)


def _event(log: Log) -> events.Event | None:
    try:
        return events.decode_event(log)
    except NodeRefused:  # the caller has proved that the contract emitted it, so the node is not to blame
        return None


# ------------------------------------------------------------------------------------------------ movements


def _transfer(place: Place, payer: Address, payee: Address, value: int, authorized: Fact | None) -> Fact:
    cause: Cause = "transfer" if authorized is None else "authorization"
    ref = None if authorized is None else authorized.ref
    return Fact("Transfer", place, payer=payer, payee=payee, value=value, ref=ref, cause=cause)


def _explain(found: list[Fact], transfers: list[int], cause: Cause, ref: Hash32 | None) -> Fact | None:
    """Notes why the last fact, an unexplained ``Transfer``, moved money; None where the last fact is none."""
    if not transfers or transfers[-1] != len(found) - 1:
        return None
    moved = replace(found[transfers.pop()], ref=ref, cause=cause)
    found[-1] = moved
    return moved


def _paid(found: list[Fact], transfers: list[int], place: Place, ref: Hash32, nonce: int) -> Fact:
    moved = _explain(found, transfers, "payment", ref)
    if moved is None:  # not in a ledger of ours: a payment without its movement executes nothing
        return Fact("Paid", place, ref=ref, nonce=nonce)
    return Fact("Paid", place, payer=moved.payer, payee=moved.payee, value=moved.value, ref=ref, nonce=nonce)


def _settled(found: list[Fact], transfers: list[int], place: Place, event: events.Settled) -> list[Fact]:
    """The settlement and its debtors' parts; going back, each other payer has the nonce before.

    A debtor's own plain transfer right before the settlement, in the same transaction and in the order of its legs,
    cannot be told from them.
    """
    ref, detail = event.settlement_hash, {"context": to_hex(event.context)}
    debtors: list[tuple[Address, int]] = []  # from the last to the first, with what each paid
    at = len(found) - 1
    while transfers and transfers[-1] == at:
        moved = found[at]
        assert moved.payer is not None and moved.value is not None  # noqa: S101, PT018 - a Transfer has both
        if at + 1 < len(found) and not _is_next_leg(moved, found[at + 1]):
            break
        if debtors and debtors[-1][0] == moved.payer:
            debtors[-1] = (moved.payer, debtors[-1][1] + moved.value)
        elif len(debtors) < len(event.nonces):
            debtors.append((moved.payer, moved.value))
        else:
            break
        found[at] = replace(moved, ref=ref, cause="settlement")
        transfers.pop()
        at -= 1
    parts = [
        Fact("Consented", place, part, payer=debtor, value=paid, ref=ref, nonce=nonce, detail=detail)
        for part, ((debtor, paid), nonce) in enumerate(zip(reversed(debtors), event.nonces, strict=False), 1)
    ]
    whole = Fact("Settled", place, value=sum(paid for _, paid in debtors), ref=ref, detail=detail)
    return [whole, *parts]


def _is_next_leg(one: Fact, other: Fact) -> bool:
    """Whether ``other`` may follow ``one`` in a settlement: debtors and creditors both ascend, one of them stays."""
    assert one.payer and one.payee and other.payer and other.payee  # noqa: S101, PT018 - a Transfer has both
    return (
        one.payer <= other.payer and one.payee <= other.payee and (one.payer, one.payee) != (other.payer, other.payee)
    )


# ------------------------------------------------------------------------------------------------ alone


def _approval(place: Place, event: events.Approval) -> Fact:
    return Fact("Approval", place, payer=event.owner, payee=event.spender, value=event.value, cause="permit")


def _approved(found: list[Fact], place: Place) -> Fact:
    """Notes that the last fact, an ``Approval``, was no permit's."""
    if not found or found[-1].kind != "Approval" or found[-1].place.tx != place.tx:
        return Fact("Approved", place)
    found[-1] = replace(found[-1], cause="approve")
    return Fact("Approved", place, payer=found[-1].payer)


def _authorization(kind: Kind, place: Place, event: events.AuthorizationUsed | events.AuthorizationCanceled) -> Fact:
    nonce = of_authorization(int.from_bytes(event.nonce, "big"))
    return Fact(kind, place, payer=event.authorizer, ref=event.nonce, nonce=nonce)


def _quota(event: events.QuotaSet) -> dict[str, str]:
    return {"refillPerSecond": str(event.refill_per_second), "level": str(event.level)}


_ALONE: dict[type, Callable[[Place, Any], Fact]] = {
    events.Skipped: lambda at, e: Fact("Skipped", at, payer=e.payer, value=e.reason, nonce=e.nonce),
    events.NoncesCanceled: lambda at, e: Fact("NoncesCanceled", at, payer=e.account, nonce=e.up_to),
    events.AuthorizationUsed: lambda at, e: _authorization("AuthorizationUsed", at, e),
    events.AuthorizationCanceled: lambda at, e: _authorization("AuthorizationCanceled", at, e),
    events.Approval: _approval,
    events.QuotaSet: lambda at, e: Fact("QuotaSet", at, payer=e.issuer, value=e.capacity, detail=_quota(e)),
    events.Frozen: lambda at, e: Fact("Frozen", at, payer=e.account, payee=e.officer, ref=e.reason),
    events.Unfrozen: lambda at, e: Fact("Unfrozen", at, payer=e.account, payee=e.officer, ref=e.reason),
    events.Paused: lambda at, e: Fact("Paused", at, payer=e.pauser),
    events.Unpaused: lambda at, e: Fact("Unpaused", at, payer=e.pauser),
    events.RoleGranted: lambda at, e: Fact("RoleGranted", at, payer=e.account, payee=e.sender, ref=e.role),
    events.RoleRevoked: lambda at, e: Fact("RoleRevoked", at, payer=e.account, payee=e.sender, ref=e.role),
}


def _other(place: Place, log: Log) -> Fact:
    topics = ",".join(map(to_hex, log.topics))
    return Fact("Other", place, detail={"topics": topics, "data": to_hex(log.data)})
