"""Rates: how often one account or client address may ask. Token buckets in bounded memory, one set for each process."""

import math
from collections import OrderedDict
from collections.abc import Callable

from fastapi import Request

from chainwallet.config import ApiLimits
from chainwallet.errors import TooMany

MOST_KEYS = 20_000
"""So many keys are remembered; the one that asked longest ago is forgotten first, which gives it a full bucket."""
MINUTE_S = 60


class Rate:
    """At most ``per_minute`` of ``what`` for each key, and as many at once. To be used on the event loop alone."""

    def __init__(self, what: str, per_minute: int, monotonic_s: Callable[[], float]) -> None:
        self._what = what
        self._per_minute = per_minute
        self._monotonic_s = monotonic_s
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()  # what is left, and when that was

    def take(self, key: str) -> None:
        """Takes one of ``key``'s; raises ``TooMany`` where none is left."""
        now_s = self._monotonic_s()
        left, then_s = self._buckets.get(key, (float(self._per_minute), now_s))
        left = min(float(self._per_minute), left + (now_s - then_s) * self._per_minute / MINUTE_S)
        if left < 1:
            wait_s = math.ceil((1 - left) * MINUTE_S / self._per_minute)
            raise TooMany(self._what, f"{self._per_minute} a minute", max(1, wait_s))
        self._buckets[key] = (left - 1, now_s)
        self._buckets.move_to_end(key)
        if len(self._buckets) > MOST_KEYS:
            self._buckets.popitem(last=False)

    def __len__(self) -> int:
        return len(self._buckets)


class Rates:
    """The rates of one service."""

    def __init__(self, limits: ApiLimits, monotonic_s: Callable[[], float]) -> None:
        self.address = Rate("requests from your address", limits.address_per_minute, monotonic_s)
        self.account = Rate("requests of your account", limits.account_per_minute, monotonic_s)
        self.sign_up = Rate("new accounts from your address", limits.sign_up_per_minute, monotonic_s)
        self.sign_in = Rate("attempts to sign in from your address", limits.sign_in_per_minute, monotonic_s)


async def limited_sign_up(request: Request) -> None:
    """A dependency of the route that makes accounts; raises ``TooMany``."""
    request.app.state.rates.sign_up.take(request.scope["state"]["client"])


async def limited_sign_in(request: Request) -> None:
    """A dependency of the routes that take passwords; raises ``TooMany``."""
    request.app.state.rates.sign_in.take(request.scope["state"]["client"])
