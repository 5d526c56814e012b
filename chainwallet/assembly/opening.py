"""A home, opened: its database, its keys and its wallets."""

import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from functools import cached_property

from chainwallet.accounts import Accounts, Argon2id, load_blocklist
from chainwallet.config import HOME_LOCK_WAIT_S, Config
from chainwallet.home import Home
from chainwallet.keys.kek import HomeKeks, RememberingKey
from chainwallet.keys.kms import KmsClient, KmsKey, client_of
from chainwallet.keys.sealed import SealedKeys, no_key_service
from chainwallet.store.database import Database
from chainwallet.store.wallets import Wallet
from chainwallet.wallets import SERVICE_NAMES, Wallets

SERVICES = ("deployer", "issuer", "pauser", "compliance", "relayer")
SENDERS = ("deployer", "issuer", "relayer")  # the services that send transactions and need ETH


@dataclass(frozen=True)
class Rotation:
    """A rotation: by key-encryption key, how many data keys were under it before and are now; how many changed."""

    before: dict[str, int]
    after: dict[str, int]
    changed: int


class OpenHome:
    """One home, held by this process: its database, keys and wallets."""

    def __init__(self, config: Config, home: Home) -> None:
        self.config = config
        self.home = home

    @cached_property
    def database(self) -> Database:
        """The configured database, or the home's own, migrated to this version."""
        return Database.open(self.config.database or self.home.database)

    @cached_property
    def keys(self) -> SealedKeys:
        """The home's sealed keys; the key that seals them is made at first use.

        Where that key is missing and others wait for it, what needs it raises ``NotFound``.
        """
        return SealedKeys(self.home.keys, self.keks, lambda: self.kms)

    @cached_property
    def keks(self) -> HomeKeks:
        """The key-encryption keys: the file's, and the key service's."""
        wanted = self.config.kek_kms_key
        return HomeKeks(
            self.config.kek_file or self.home.keys / "kek",
            self._service_key,
            None if wanted is None else HomeKeks.SERVICE_PREFIX + wanted,
            may_create=not any(self.home.keys.glob("0x*.json")),
        )

    @cached_property
    def kms(self) -> KmsClient:
        """The configured key service; raises ``BadValue`` where none is."""
        return no_key_service() if self.config.kms is None else client_of(self.config.kms)

    def rotate(self, away_from: str | None) -> Rotation:
        """Puts all data keys under a new key-encryption key: a new file, or the configured key service's key.

        ``away_from`` is the id of the key that must not be used any more: where none is under it, nothing is changed.
        An interrupted rotation is finished by the next.
        """
        before = self.keys.key_ids()
        if away_from is not None and away_from not in before and not self.keks.is_rotating:
            return Rotation(before, before, 0)
        changed = self.keys.rotate(self.keks, self.keks.begin)
        self.keks.finish()
        return Rotation(before, self.keys.key_ids(), changed)

    def _service_key(self, key_id: str) -> RememberingKey:
        key = KmsKey(self.kms, key_id.removeprefix(HomeKeks.SERVICE_PREFIX))
        return RememberingKey(key, time.monotonic)

    @cached_property
    def wallets(self) -> Wallets:
        """The home's wallets."""
        return Wallets(self.database, self.keys)

    @cached_property
    def accounts(self) -> Accounts:
        """The accounts of the home's people."""
        return Accounts(self.database, Argon2id(), load_blocklist(), time.time, secrets.token_bytes)

    def service(self, name: str) -> Wallet:
        """The service wallet called ``name``, made at first use."""
        return self.wallets.find_or_create(SERVICE_NAMES + name, now_s(), "service")

    def close(self) -> None:
        """Closes the database, if it was opened."""
        if "database" in self.__dict__:
            self.database.close()


@contextmanager
def open_home(config: Config, *, alone: bool = True) -> Iterator[OpenHome]:
    """The configured home, locked against other processes. Raises ``HomeInUse``.

    Not ``alone``, it is not locked: for those who do nothing there but in its database.
    """
    home = Home(config.home)
    if not alone:
        home.create()
    with home.locked(HOME_LOCK_WAIT_S) if alone else nullcontext():
        opened = OpenHome(config, home)
        try:
            yield opened
        finally:
            opened.close()


def make_services(config: Config) -> None:
    """Sees to it that the home has the wallets of all its services; alone while keys are made."""
    wanted = (*SERVICES, *carriers(config)[1:])
    with open_home(config, alone=False) as opened:
        known = {wallet.name for wallet in opened.wallets.every("service")}
    if all(SERVICE_NAMES + name in known for name in wanted):
        return
    with open_home(config) as opened:
        for name in wanted:
            opened.service(name)


def now_s() -> int:
    """Seconds since 1970."""
    return int(time.time())


def carriers(config: Config) -> tuple[str, ...]:
    """The names of the services that carry payments, one for each lane."""
    return ("relayer", *(f"relayer {number}" for number in range(2, config.relayers + 1)))
