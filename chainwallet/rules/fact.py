"""A fact: what one event of a ``Cash`` says happened, at its place on the chain."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from chainwallet.evm import Address, BlockNumber, Hash32

Kind = Literal[
    "Transfer",
    "Paid",
    "Settled",
    "Consented",
    "Skipped",
    "Minted",
    "Burned",
    "NoncesCanceled",
    "AuthorizationUsed",
    "AuthorizationCanceled",
    "Approval",
    "Approved",
    "AllowanceSpent",
    "QuotaSet",
    "Frozen",
    "Unfrozen",
    "Paused",
    "Unpaused",
    "RoleGranted",
    "RoleRevoked",
    "Other",
]
"""The event's name; ``Consented`` is one debtor's part in a ``Settled``, ``Other`` an event of the administration."""

Cause = Literal["payment", "settlement", "authorization", "allowance", "mint", "burn", "transfer", "approve", "permit"]
"""Why a ``Transfer`` moved money or an ``Approval`` was given; ``transfer``, ``approve``: by its owner's own call."""


@dataclass(frozen=True)
class Place:
    """Where on the chain a fact stands. ``log_index`` counts all logs of the block."""

    block: BlockNumber
    block_hash: Hash32
    tx: Hash32
    log_index: int
    happened_at_s: int
    """The block's timestamp, seconds since 1970."""


@dataclass(frozen=True)
class Fact:
    """One event, its fields under names that all kinds share; what a kind does not have is None.

    | kind | payer | payee | value | ref | nonce |
    |---|---|---|---|---|---|
    | Transfer | from | to | token units | its cause's reference | - |
    | Paid | payer of the Transfer before | its payee | its value | paymentRef | the payment's |
    | Settled | - | - | sum moved | settlement hash | - |
    | Consented | debtor | - | what the debtor paid | settlement hash | the consent's |
    | Skipped (a hint) | payer | - | the reason's number | - | the payment's |
    | Minted, Burned | issuer | payee, - | token units | bank reference | - |
    | NoncesCanceled | account | - | - | - | up to which, not included |
    | AuthorizationUsed, ...Canceled | authorizer | - | - | ERC-3009 number | the nonce it uses up, if any |
    | Approval, AllowanceSpent | owner | spender | allowed, spent | - | - |
    | Approved | owner | - | - | - | - |
    | Frozen, Unfrozen | account | officer | - | reason | - |
    | RoleGranted, RoleRevoked | account | sender | - | role | - |
    | QuotaSet | issuer | - | capacity | - | - |
    | Paused, Unpaused | pauser | - | - | - | - |
    """

    kind: Kind
    place: Place
    part: int = 0
    """0, or which debtor (from 1) of a ``Settled``."""
    payer: Address | None = None
    payee: Address | None = None
    value: int | None = None
    ref: Hash32 | None = None
    nonce: int | None = None
    cause: Cause | None = None
    """Of a ``Transfer`` or an ``Approval``; None for other kinds."""
    detail: Mapping[str, str] = field(default_factory=dict)
    """What has no name above: a ``Settled``'s context, a quota's refill and level, the raw words of an ``Other``."""
