"""Settings, read once at the start and frozen. ``assembly`` reads them from flags, environment and file."""

from dataclasses import dataclass
from pathlib import Path

HOME_LOCK_WAIT_S = 30  # how long a command waits for another one that changes the same home
GAS_MONEY_WEI = 10**21  # what a service address gets on a local chain, where ETH is free


@dataclass(frozen=True)
class Config:
    """Where this installation keeps its things and what it talks to.

    ``rpc`` None means the local chain of the home. ``anvil`` and ``kek_file`` None mean: found, and kept in the home.
    The deployer's key comes from ``keystore``, from ``deployer_key`` (hex, from the environment only) or from
    ``signer_command``; none of them means the home's own deployer, which serves the local chain.
    """

    home: Path
    rpc: str | None = None
    anvil: Path | None = None
    kek_file: Path | None = None
    keystore: Path | None = None
    signer_command: str | None = None
    deployer_key: str | None = None
    passphrase: str | None = None
    database: str | None = None
    """The path of an SQLite file or a ``postgresql://`` URL, which may hold a password. None: SQLite in the home."""

    def __repr__(self) -> str:
        return f"Config(home={str(self.home)!r}, ...)"  # it may hold secrets
