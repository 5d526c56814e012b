"""Settings, read once at the start and frozen. ``settings`` reads them from flags, environment and file."""

from dataclasses import dataclass, fields
from pathlib import Path

from chainwallet.errors import BadValue

HOME_LOCK_WAIT_S = 30  # how long a command waits for another one that changes the same home
GAS_MONEY_WEI = 10**21  # what a service address gets on a local chain, where ETH is free

LONGEST_LIFETIME_S = 86_400
"""Of any document that anybody may deliver: so long after a loss of the database nothing that was signed is good.

A group's plan may be good for longer: nobody but our relayer can deliver it (docs/decisions/0016).
"""


@dataclass(frozen=True)
class Limits:
    """What bounds the relayer. ``_s`` are seconds, gwei are 10^9 wei for each unit of gas."""

    confirmations: int | None = None
    """Blocks from the one with a transaction to the head, both counted, until it counts as final.

    None: 1 on a chain for development that mines on demand, 5 on every other.
    """
    fee_cap_gwei: int = 500
    """The most that a transaction offers for a unit of gas."""
    batch_items: int = 250
    """Most payments in one transaction; gas may allow fewer."""
    batch_wait_s: int = 0
    """How long a payment waits for others to fill a transaction with."""
    in_flight: int = 16
    """Most transactions of one sender that have not ended."""
    resend_after_s: int = 6
    """After this time without receipt the same bytes are sent again."""
    bump_after_s: int = 45
    """After this time without receipt the fees are raised."""
    lease_s: int = 30
    """How long a relayer that died keeps others from its senders."""
    poll_ms: int = 250
    """Between two looks at the chain while nothing moves."""
    lifetime_s: int = LONGEST_LIFETIME_S
    """How long a document is good after it was made, at most a day; one that was not delivered by then is dead."""

    def __post_init__(self) -> None:
        for limit in fields(self):
            value, least = getattr(self, limit.name), 0 if limit.name == "batch_wait_s" else 1
            if value is not None and value < least:
                raise BadValue(limit.name, value, f"at least {least}")
        if self.lifetime_s > LONGEST_LIFETIME_S:
            raise BadValue("lifetime_s", self.lifetime_s, f"at most {LONGEST_LIFETIME_S}")


@dataclass(frozen=True)
class ApiLimits:
    """What bounds the callers of the HTTP service; ``_per_minute`` are rates, and as many may come at once."""

    body_bytes: int = 65_536
    """Most bytes in the body of a request."""
    address_per_minute: int = 6_000
    """Requests of one client address, signed in or not."""
    account_per_minute: int = 6_000
    """Requests of one account, all its sessions and keys together."""
    sign_up_per_minute: int = 10
    """New accounts from one client address."""
    sign_in_per_minute: int = 30
    """Attempts to sign in from one client address."""

    def __post_init__(self) -> None:
        for limit in fields(self):
            value = getattr(self, limit.name)
            if value < 1:
                raise BadValue(limit.name, value, "at least 1")


@dataclass(frozen=True)
class Config:
    """Where this installation keeps its things and what it talks to.

    ``rpc`` lists nodes with commas between; None means the local chain of the home. ``anvil`` and ``kek_file`` None
    mean: found, and kept in the home.
    The deployer's key comes from ``keystore``, from ``deployer_key`` (hex, from the environment only) or from
    ``signer_command``; none of them means the home's own deployer, which serves the local chain.
    """

    home: Path
    rpc: str | None = None
    anvil: Path | None = None
    kek_file: Path | None = None
    kek_kms_key: str | None = None
    """The key service's key that wraps data keys, by its id or ARN. None: the file's."""
    kms: str | None = None
    """How the key service is reached: ``aws``, or ``MODULE:FUNCTION``, which gives a client as boto3 does."""
    keystore: Path | None = None
    signer_command: str | None = None
    deployer_key: str | None = None
    passphrase: str | None = None
    database: str | None = None
    """The path of an SQLite file or a ``postgresql://`` URL, which may hold a password. None: SQLite in the home."""
    relayers: int = 1
    """How many senders carry payments side by side."""
    service_fee_minor: int = 0
    """What the service takes for a payment, in minor units of its currency. Only 0, because no document that a payer
    signs names a fee (docs/decisions/0015)."""
    host: str = "127.0.0.1"
    """The address that the service listens at."""
    port: int = 8420
    """The port that the service listens at; 0 for any free one."""
    public_url: str | None = None
    """Where people reach the service (``https://wallet.example``), as it stands in texts that they sign.

    None: where it listens.
    """
    limits: Limits = Limits()
    api_limits: ApiLimits = ApiLimits()
    cors_origins: tuple[str, ...] = ()
    """Origins (``https://shop.example``) whose pages may call the HTTP service from a browser."""
    trusted_proxies: tuple[str, ...] = ()
    """Networks (``10.0.0.0/8``) of proxies whose ``X-Forwarded-For`` is believed."""

    def __repr__(self) -> str:
        return f"Config(home={str(self.home)!r}, ...)"  # it may hold secrets
