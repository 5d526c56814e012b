"""How long somebody must wait before another try to sign in, decided from the tries that came before.

Three counts, each of tries since the last success. One of a handle from one place: it slows down who guesses there, and
nobody elsewhere. One of a place, for all handles: it slows down who tries many, but not those who have signed in from
that place before. And one of a handle from everywhere: where it is full, only places and devices from which its owner
has signed in before may try, so that nobody can lock the owner out by guessing.

A try counts before its password is looked at, so that many at once are not more than many in turn.
"""

import ipaddress
from dataclasses import dataclass

IPV6_PREFIX_BITS = 64  # one subscriber has all addresses below it (RFC 6177)
MOST_PLACE_CHARS = 64
MOST_IN_A_ROW = 100  # SP 800-63B-4, 3.2.2: consecutive failures on one account
DAY_S = 86_400


@dataclass(frozen=True)
class Tries:
    """So many tries since the last success, the last of them at ``last_at_s``."""

    count: int = 0
    last_at_s: int = 0


@dataclass(frozen=True)
class Backoff:
    """``free`` tries at once, then a pause before each that doubles from 1 s up to ``most_s``.

    After ``forgotten_after_s`` without a try all is as at the beginning.
    """

    free: int
    most_s: int
    forgotten_after_s: int

    def wait_s(self, tries: Tries, now_s: int) -> int:
        """How many seconds are left until the next try."""
        if tries.count < self.free or self._is_forgotten(tries, now_s):
            return 0
        pause_s = min(self.most_s, 1 << min(tries.count - self.free, 32))
        return min(pause_s, max(0, tries.last_at_s + pause_s - now_s))  # a clock that was set back does not lock out

    def after_try(self, tries: Tries, now_s: int) -> Tries:
        """The count with one more."""
        return Tries(1 if self._is_forgotten(tries, now_s) else tries.count + 1, now_s)

    def _is_forgotten(self, tries: Tries, now_s: int) -> bool:
        return now_s - tries.last_at_s >= self.forgotten_after_s


OF_BOTH = Backoff(free=5, most_s=3_600, forgotten_after_s=DAY_S)
OF_PLACE = Backoff(free=20, most_s=900, forgotten_after_s=3_600)
HANDLE_FORGOTTEN_AFTER_S = 365 * DAY_S
"""The count of a handle from everywhere holds for so long after its last try: guessers do not wait until it is over."""


@dataclass(frozen=True)
class Counts:
    """Tries of a handle from a place, of the place for all handles, and of the handle from everywhere."""

    of_both: Tries = Tries()
    of_place: Tries = Tries()
    of_handle: Tries = Tries()

    def after_try(self, now_s: int) -> "Counts":
        """The counts with one more."""
        return Counts(
            OF_BOTH.after_try(self.of_both, now_s),
            OF_PLACE.after_try(self.of_place, now_s),
            Tries(self.of_handle.count + 1, now_s),
        )


@dataclass(frozen=True)
class MayTry:
    """The password may be looked at."""


@dataclass(frozen=True)
class MustWait:
    """Not before ``wait_s`` seconds from now."""

    wait_s: int


@dataclass(frozen=True)
class IsClosed:
    """From nowhere but where the owner has signed in before."""


Verdict = MayTry | MustWait | IsClosed


def judge(counts: Counts, now_s: int, *, is_familiar: bool) -> Verdict:
    """Whether a try may be made now; ``is_familiar`` where the account's owner has signed in from there before."""
    wait_s = OF_BOTH.wait_s(counts.of_both, now_s)
    if not is_familiar:
        if counts.of_handle.count >= MOST_IN_A_ROW:
            return IsClosed()
        wait_s = max(wait_s, OF_PLACE.wait_s(counts.of_place, now_s))
    return MustWait(wait_s) if wait_s else MayTry()


def place_of(client_address: str) -> str:
    """What stands for the place of a client: its IPv4 address, or the network of its IPv6 address; else the text."""
    try:
        address = ipaddress.ip_address(client_address.partition("%")[0])
    except ValueError:
        return client_address[:MOST_PLACE_CHARS]
    if isinstance(address, ipaddress.IPv4Address):
        return str(address)
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(ipaddress.ip_network((address, IPV6_PREFIX_BITS), strict=False))
