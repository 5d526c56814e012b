"""Lanes: one for each sender. A process signs for a sender only while it holds the lease of its lane."""

import secrets
from collections.abc import Iterable, Mapping

from chainwallet.errors import ChainwalletError, LeaseLost
from chainwallet.evm import Address
from chainwallet.relayer.tools import Tools
from chainwallet.store import lanes, leases, submissions
from chainwallet.store.database import Transaction
from chainwallet.store.leases import Lease

RENEWALS = 3  # in the time that a lease lasts
RETRY_S = 0.5  # between two looks whether another process has let go of a lane


class Lanes:
    """The lanes of one process, which is their leases' ``holder``; a process that starts again is another holder."""

    def __init__(self, tools: Tools, holder: str | None = None) -> None:
        self.holder = holder or secrets.token_hex(8)
        self.troubles: dict[Address, ChainwalletError] = {}
        """Why a lane signs nothing now, for who waits for it."""
        self._tools = tools
        self._held: dict[Address, Lease] = {}
        self._renewed_at_s: float | None = None
        self._said: dict[Address, str] = {}

    def held(self) -> Mapping[Address, Lease]:
        """The leases that this process has now: renewed in time, those that are free acquired.

        Signed bytes of a sender whose key is not here are carried on too, while nobody does who has it: such a lease is
        not renewed, and taken only when the last one has been over for as long as it lasts.
        """
        tools = self._tools
        with tools.database.read() as tx:
            wanted = tools.senders.keys() | set(submissions.senders_under_way(tx, tools.chain.key))
        pause_s = tools.limits.lease_s / RENEWALS
        if not wanted <= self._held.keys():
            pause_s = min(pause_s, RETRY_S)
        if self._renewed_at_s is not None and tools.monotonic_s() - self._renewed_at_s < pause_s:
            return self._held
        asked_at_s = tools.monotonic_s()
        with tools.database.transaction() as tx:
            for sender in sorted(wanted):
                if sender not in tools.senders and not self._may_stand_in(tx, sender):
                    continue
                lasts_s = tools.limits.lease_s
                lease = leases.acquire(tx, tools.chain.key, sender, self.holder, lasts_s, tools.now_s())
                if lease is None:
                    self._held.pop(sender, None)
                else:
                    self._held[sender] = lease
        self._renewed_at_s = asked_at_s
        return self._held

    def _may_stand_in(self, tx: Transaction, sender: Address) -> bool:
        """Whether the lane of a sender whose key is not here has been free for a while: who has the key comes first."""
        last, lasts_s = leases.find(tx, self._tools.chain.key, sender), self._tools.limits.lease_s
        if last is None:
            return True
        free_for_s = leases.clock_s(tx, self._tools.now_s()) - last.expires_at_s
        if last.holder != self.holder or free_for_s >= 0:
            self._held.pop(sender, None)
        return free_for_s >= lasts_s

    def require(self, tx: Transaction, senders: Iterable[Address]) -> None:
        """Raises ``LeaseLost`` unless all of ``senders`` are ours until ``tx`` ends; then we let go of all."""
        for sender in sorted(set(senders)):
            lease = self._held.get(sender)
            if lease is None:
                raise LeaseLost(f"the lane of 0x{sender.hex()}", self.holder)
            try:
                leases.require_held(tx, lease, self._tools.now_s())
            except LeaseLost:
                self.forget()
                raise

    def forget(self) -> None:
        """Acts as if no lease were held, until ``held`` is asked again."""
        self._held.clear()
        self._renewed_at_s = None

    def release(self) -> None:
        """Gives all leases up, so that the next process need not wait."""
        with self._tools.database.transaction() as tx:
            for lease in self._held.values():
                leases.release(tx, lease)
        self.forget()

    def says(self, senders: Iterable[Address], waits: str) -> bool:
        """Stores what the lanes of ``senders`` wait for; whether that is news of any of them."""
        tools = self._tools
        changed = [sender for sender in senders if self._said.get(sender) != waits]
        if not changed:
            return False
        with tools.database.transaction() as tx:
            news = [lanes.note(tx, tools.chain.key, sender, waits, tools.now_s()) for sender in changed]
        self._said |= dict.fromkeys(changed, waits)
        return any(news)
