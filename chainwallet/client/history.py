"""What the verified history of the chain says: your movements and balances, and what anybody may check."""

from dataclasses import dataclass
from datetime import datetime

from chainwallet.client.documents import Amount


@dataclass(frozen=True)
class VerifiedUpTo:
    """The block that an answer stands on; ``head_block`` None: the node does not answer."""

    block: int
    block_hash: str
    time: datetime
    confirmations: int
    final_block: int
    head_block: int | None
    waiting: bool


@dataclass(frozen=True)
class Place:
    """Where on the chain a movement stands."""

    block: int
    block_hash: str
    time: datetime
    transaction: str
    log_index: int
    final: bool


@dataclass(frozen=True)
class Party:
    """An address, and the handle of the account that has it; None: of nobody here."""

    address: str
    handle: str | None


@dataclass(frozen=True)
class Movement:
    """Money that came to one of your wallets (``in``), left it (``out``), or went from it to itself (``self``)."""

    direction: str
    amount: Amount
    wallet: str
    counterparty: Party
    cause: str | None
    payment_id: str | None
    memo: str | None
    reference: str | None
    place: Place


@dataclass(frozen=True)
class Movements:
    """A page of movements, the newest first."""

    movements: tuple[Movement, ...]
    next_cursor: str | None
    verified_up_to: VerifiedUpTo


@dataclass(frozen=True)
class Balance:
    """What one of your wallets has in one currency: ``available`` is ``held`` less ``reserved``."""

    wallet: str
    held: Amount
    reserved: Amount
    available: Amount


@dataclass(frozen=True)
class Balances:
    """What your wallets have."""

    balances: tuple[Balance, ...]
    verified_up_to: VerifiedUpTo


# ------------------------------------------------------------------------------------------------ for everybody


@dataclass(frozen=True)
class PublicMovement:
    """A movement as the chain shows it to everybody."""

    direction: str
    amount: Amount
    counterparty: str
    cause: str | None
    reference: str | None
    place: Place


@dataclass(frozen=True)
class PublicMovements:
    """A page of an address's movements, the newest first."""

    address: str
    movements: tuple[PublicMovement, ...]
    next_cursor: str | None
    verified_up_to: VerifiedUpTo


@dataclass(frozen=True)
class State:
    """What the node's own state says at the same block; ``amount`` None: it could not tell, and why not."""

    amount: Amount | None
    block_hash: str | None
    agrees: bool | None
    why_not: str | None


@dataclass(frozen=True)
class Moment:
    """The block that was taken: the answer is true just after it."""

    block: int
    block_hash: str | None
    time: datetime | None
    final: bool


@dataclass(frozen=True)
class PastBalance:
    """What an address held in one currency."""

    amount: Amount
    at: Moment
    state: State | None


@dataclass(frozen=True)
class PastBalances:
    """What an address held, by its events."""

    address: str
    balances: tuple[PastBalance, ...]
    verified_up_to: VerifiedUpTo


@dataclass(frozen=True)
class Supply:
    """All money of one currency, three ways that must agree; ``conserved`` None: the node could not tell."""

    issued: Amount
    held: Amount
    holders: int
    state: State
    conserved: bool | None
    verified_up_to: VerifiedUpTo


@dataclass(frozen=True)
class Supplies:
    """The supply of each currency."""

    supplies: tuple[Supply, ...]
