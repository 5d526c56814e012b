"""Who asks: accounts, sessions, API keys and wallets."""

from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True)
class Account:
    """An account, and what the token that asks may do; ``scopes`` is empty where nobody was signed in."""

    handle: str
    roles: tuple[str, ...]
    made_at: datetime
    scopes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Session:
    """Somebody who signed in by handle and password; ``place`` is from where."""

    id: str
    place: str
    current: bool
    made_at: datetime
    last_used_at: datetime
    expires_at: datetime


@dataclass(frozen=True)
class SignedIn:
    """A new session with its token, which is told this once."""

    token: str = field(repr=False)
    session: Session


@dataclass(frozen=True)
class Key:
    """An API key, without its token; None: it was never used, it does not end."""

    id: str
    name: str
    scopes: tuple[str, ...]
    made_at: datetime
    last_used_at: datetime | None
    expires_at: datetime | None


@dataclass(frozen=True)
class MadeKey:
    """A new API key with its token, which is told this once."""

    token: str = field(repr=False)
    key: Key


@dataclass(frozen=True)
class Challenge:
    """What the owner of an address signs to add it: ``text``, exactly as it stands (ERC-4361, ``personal_sign``)."""

    nonce: str
    text: str
    expires_at: datetime


@dataclass(frozen=True)
class Wallet:
    """A wallet of an account; ``custody`` is ``managed``, or ``external`` where its owner signs elsewhere."""

    address: str
    name: str
    custody: str
    default: bool
    added_at: datetime


@dataclass(frozen=True)
class Sessions:
    """Sessions that are good, the latest used first."""

    sessions: tuple[Session, ...]


@dataclass(frozen=True)
class Keys:
    """API keys that are good, the newest first."""

    keys: tuple[Key, ...]


@dataclass(frozen=True)
class Wallets:
    """The wallets of an account, the default one first."""

    wallets: tuple[Wallet, ...]
