"""What all parts of the accounts work with."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from chainwallet.rules.password import Blocklist
from chainwallet.store.database import Database

SERVICE_NAMES = ("chainwallet", "chain wallet")
"""What the service is called, which is no password."""

ID_BYTES = 8


class Hasher(Protocol):
    """Makes of a password what may be stored, in PHC string format, at a cost that is the same for all."""

    def hash(self, password: str, salt: bytes) -> str:
        """The hash of ``password``."""

    def is_of(self, stored: str | None, password: str) -> bool:
        """Whether ``stored`` is the hash of ``password``; None is nobody's, and costs as much to find out."""

    def is_outdated(self, stored: str) -> bool:
        """Whether ``stored`` was made at another cost than hashes are made at now."""


@dataclass(frozen=True)
class Accounts:
    """The accounts of one database. ``clock_s`` gives seconds since 1970, ``random`` so many unguessable bytes."""

    database: Database
    hasher: Hasher
    blocklist: Blocklist
    clock_s: Callable[[], float]
    random: Callable[[int], bytes]

    @property
    def now_s(self) -> int:
        """Whole seconds since 1970."""
        return int(self.clock_s())

    def new_id(self) -> str:
        """An id that nothing else has."""
        return self.random(ID_BYTES).hex()
