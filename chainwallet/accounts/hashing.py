"""Argon2id (RFC 9106), of which only so many are computed at a time as there is memory for."""

import base64
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from argon2 import PasswordHasher, Type
from argon2.exceptions import InvalidHashError, VerificationError, VerifyMismatchError

from chainwallet.errors import TooManyTries

# RFC 9106, section 4, the second recommended option, for where memory is scarce.
TIME_COST = 3
MEMORY_COST_KIB = 65_536
PARALLELISM = 4
SALT_BYTES = 16
HASH_BYTES = 32

MOST_AT_ONCE = 2  # of MEMORY_COST_KIB each
MOST_WAIT_S = 5.0  # for one's turn
RETRY_AFTER_S = 5


class Argon2id:
    """Hashes passwords; the cost can be lowered for tests and machines that have less memory."""

    def __init__(
        self,
        time_cost: int = TIME_COST,
        memory_cost_kib: int = MEMORY_COST_KIB,
        parallelism: int = PARALLELISM,
        most_at_once: int = MOST_AT_ONCE,
        most_wait_s: float = MOST_WAIT_S,
    ) -> None:
        self._hasher = PasswordHasher(
            time_cost, memory_cost_kib, parallelism, hash_len=HASH_BYTES, salt_len=SALT_BYTES, type=Type.ID
        )
        self._turns = threading.BoundedSemaphore(most_at_once)
        self._most_wait_s = most_wait_s
        salt, nothing = (base64.b64encode(bytes(size)).rstrip(b"=").decode() for size in (SALT_BYTES, HASH_BYTES))
        self._nobodys = f"$argon2id$v=19$m={memory_cost_kib},t={time_cost},p={parallelism}${salt}${nothing}"

    def hash(self, password: str, salt: bytes) -> str:
        """The hash of ``password``. Raises ``TooManyTries`` where too many others wait for theirs."""
        with self._turn():
            return self._hasher.hash(password, salt=salt)

    def is_of(self, stored: str | None, password: str) -> bool:
        """Whether ``stored`` is the hash of ``password``; None is nobody's, and costs as much to find out.

        Raises as ``hash``.
        """
        with self._turn():
            try:
                return self._hasher.verify(stored or self._nobodys, password) and stored is not None
            except VerifyMismatchError:
                return False
            except (VerificationError, InvalidHashError) as error:
                raise AssertionError("a stored hash that argon2id did not make") from error

    def is_outdated(self, stored: str) -> bool:
        """Whether ``stored`` was made at another cost than this one."""
        return self._hasher.check_needs_rehash(stored)

    @contextmanager
    def _turn(self) -> Iterator[None]:
        if not self._turns.acquire(timeout=self._most_wait_s):
            raise TooManyTries("sign-in and sign-up by all people here", RETRY_AFTER_S)
        try:
            yield
        finally:
            self._turns.release()
