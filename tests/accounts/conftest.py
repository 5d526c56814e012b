"""Accounts whose clock, randomness and passwords a test holds in its hands."""

import hashlib
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from itertools import count

import pytest

from chainwallet import accounts
from chainwallet.accounts import Accounts, Argon2id, Caller, MadeKey, SignedIn, load_blocklist
from chainwallet.evm import Address
from chainwallet.rules.sign_in_message import Site
from chainwallet.store.accounts import Account
from chainwallet.store.database import Database

NOW_S = 1_800_000_000
PASSWORD = "seven geese walk to Porto"
HOME = "192.0.2.1"
SITE = Site("wallet.example", "https://wallet.example/v1", 31_337)


@dataclass
class Clock:
    """A clock that stands still until it is told to go on."""

    time_s: int = NOW_S

    def __call__(self) -> float:
        return self.time_s


@dataclass
class CountingHasher:
    """Real Argon2id at the lowest cost, which notes what it was asked for."""

    argon2id: Argon2id = field(default_factory=lambda: Argon2id(time_cost=1, memory_cost_kib=8, parallelism=1))
    hashed: int = 0
    compared: int = 0

    def hash(self, password: str, salt: bytes) -> str:
        self.hashed += 1
        return self.argon2id.hash(password, salt)

    def is_of(self, stored: str | None, password: str) -> bool:
        self.compared += 1
        return self.argon2id.is_of(stored, password)

    def is_outdated(self, stored: str) -> bool:
        return self.argon2id.is_outdated(stored)


@dataclass
class Town:
    """Accounts, and short words for what people do with them."""

    accounts: Accounts
    clock: Clock
    hasher: CountingHasher
    new_key: Callable[[], Address]

    def sign_up(self, handle: str = "ana", place: str = HOME) -> Account:
        return accounts.sign_up(self.accounts, handle, PASSWORD, place, self.new_key)

    def sign_in(
        self, handle: str = "ana", password: str = PASSWORD, place: str = HOME, earlier: str | None = None
    ) -> SignedIn:
        return accounts.sign_in(self.accounts, handle, password, place, earlier)

    def caller(self, token: str) -> Caller:
        return accounts.caller(self.accounts, token)

    def make_key(self, caller: Caller, name: str, scopes: Collection[str], expires_at_s: int | None = None) -> MadeKey:
        return self.accounts.database.write(accounts.new_key(self.accounts, caller, name, scopes, expires_at_s))

    def signed_in(self, handle: str = "ana") -> Caller:
        """A new account of ``handle``, signed in."""
        self.sign_up(handle)
        return self.caller(self.sign_in(handle).token)


def made_up(seed: str) -> Callable[[int], bytes]:
    """Bytes that are other ones each time, and the same in each run."""
    numbers = count()
    return lambda size: hashlib.shake_256(f"{seed} {next(numbers)}".encode()).digest(size)


@pytest.fixture
def town(database: Database) -> Town:
    clock, hasher, keys = Clock(), CountingHasher(), made_up("keys")
    made = Accounts(database, hasher, load_blocklist(), clock, made_up("accounts"))
    return Town(made, clock, hasher, lambda: Address(keys(20)))
