"""Judging: what the facts made of each promise. They alone say so, whoever's transaction it was.

A promise ends by proof and by nothing else; a reorg that takes a proof away returns it to delivery. A document that
expired meanwhile is signed again under the same nonce where its payer's key is here; another owner is asked.
"""

from collections.abc import Collection, Sequence
from contextlib import suppress

from chainwallet.errors import KeyServiceRefused, KeyServiceTrouble
from chainwallet.evm import ZERO_HASH, BlockNumber
from chainwallet.relayer.renewing import renewed, signed_again
from chainwallet.relayer.signing import pause_s
from chainwallet.relayer.tools import Tools
from chainwallet.rules.promise import (
    CARRIED_OUT,
    Canceled,
    Carried,
    Evidence,
    Happening,
    WasConfirmed,
    WasExecuted,
    WasOutlived,
    WasReturned,
    WasTakenUp,
    WasUndone,
    WasWithdrawn,
    after,
    verdict,
)
from chainwallet.rules.submission import Conflict, Failed, Final, Submission
from chainwallet.store import concerned, evidence, following, items, promises, submissions
from chainwallet.store.concerned import Seen
from chainwallet.store.database import Transaction
from chainwallet.store.evidence import Horizon, Paid
from chainwallet.store.items import Course
from chainwallet.store.promises import Promise

AT_ONCE = 500  # promises that are judged in one transaction
RARER_AT_ONCE = 50  # of those that were not simply carried out: each asks several questions, and others wait meanwhile
ALL_AGAIN_S = 300
"""So often all are looked at, whoever moved them meanwhile and whatever was missed."""
LOOKED_BACK_S = 300  # clocks of processes that share a database differ by less
NOTHING = Seen(Horizon(BlockNumber(-1), ZERO_HASH, 0, BlockNumber(-1), 0), 0)
STEPS = 4  # what happens to one promise at one look: undone, renewed, executed, confirmed


class Judging:
    """Compares promises with facts whenever the facts have moved on."""

    def __init__(self, tools: Tools) -> None:
        self._tools = tools
        self._seen: dict[str, Seen] = {}
        """By token, what has been judged."""
        self._orphans_since_s = 0
        """Facts that were orphaned before this have been judged."""
        self._all_since_s: float | None = None

    def judge(self) -> int:
        """Notes what became of every promise that the facts decide now; how many moved."""
        with self._tools.database.read() as tx:
            tokens = list(following.followed(tx, self._tools.chain.key))
        asked_at_s, now_s = self._tools.now_s(), self._tools.monotonic_s()
        is_due = self._all_since_s is None or now_s - self._all_since_s >= ALL_AGAIN_S
        moved = sum(self._judge_all(token) if is_due else self._judge_concerned(token) for token in tokens)
        self._orphans_since_s = asked_at_s - LOOKED_BACK_S
        self._all_since_s = now_s if is_due else self._all_since_s
        return moved + self._sign_again()

    def _judge_concerned(self, token: str) -> int:
        with self._tools.database.read() as tx:
            at = evidence.horizon(tx, token, self._tools.confirmations)
            if at is None:
                return 0
            before, seen = self._seen.get(token), concerned.seen_now(tx, token, at)
            numbers = concerned.ripe(tx, token, at)
            if before != seen:
                numbers |= concerned.set_aside(tx, token)
                numbers |= concerned.by_orphans(tx, token, self._orphans_since_s)
                numbers |= concerned.by_new_facts(tx, token, before or NOTHING, at)
                if before is None or at.final_timestamp_s < before.horizon.final_timestamp_s:
                    numbers |= concerned.expired_too_early(tx, token, at)
        moved = self._judge_each(token, numbers)
        self._seen[token] = seen
        return moved

    def _judge_all(self, token: str) -> int:
        """Every promise that has not ended for good, and what a reorg may have undone. Most stay as they are."""
        with self._tools.database.read() as tx:
            at = evidence.horizon(tx, token, self._tools.confirmations)
            if at is None:
                return 0
            seen = concerned.seen_now(tx, token, at)
            undone = concerned.by_orphans(tx, token, self._orphans_since_s)
            undone |= concerned.expired_too_early(tx, token, at)
        moved, above = self._judge_each(token, undone), 0
        while True:
            with self._tools.database.read() as tx:
                some = promises.live(tx, token, above, AT_ONCE)
                numbers = self._moving(tx, token, some)
            moved += self._judge_some(token, numbers)
            if len(some) < AT_ONCE:
                self._seen[token] = seen
                return moved
            above = some[-1].number

    def _judge_each(self, token: str, numbers: Collection[int]) -> int:
        order = sorted(numbers)
        return sum(self._judge_some(token, order[start : start + AT_ONCE]) for start in range(0, len(order), AT_ONCE))

    def _judge_some(self, token: str, numbers: Sequence[int]) -> int:
        if not numbers:
            return 0
        with self._tools.database.transaction() as tx:
            carried_out = self._note_executions(tx, token, numbers)
        left = [number for number in numbers if number not in carried_out]
        if left:
            with self._tools.database.read() as tx:
                left = self._moving(tx, token, promises.every(tx, left))
        moved = len(carried_out)
        for start in range(0, len(left), RARER_AT_ONCE):
            with self._tools.database.transaction() as tx:
                some = promises.held(tx, left[start : start + RARER_AT_ONCE])
                moved += sum(self._apply(tx, token, one) for one in some)
        return moved

    def _note_executions(self, tx: Transaction, token: str, numbers: Sequence[int]) -> Collection[int]:
        """What nearly all payments come to, noted for all of them together: executed, and confirmed. Which they were.

        Nothing else happens to one of them at the same look: the verdict on what was just noted is that it stands.
        """
        at = evidence.horizon(tx, token, self._tools.confirmations)
        if at is None:
            return ()
        courses = {}
        for one in evidence.paid(tx, numbers):
            course = _course(one, Evidence(one.execution, "", at.final_block, at.final_timestamp_s))
            if course is not None:
                courses[one.number] = course
        items.note(tx, self._tools.chain.key, courses, self._tools.now_s())
        return courses

    def _moving(self, tx: Transaction, token: str, some: Sequence[Promise]) -> list[int]:
        """Those of ``some`` about which the facts have something new to say now; asked for all of them together."""
        at = evidence.horizon(tx, token, self._tools.confirmations)
        if at is None or not some:
            return []
        found = evidence.of_promises(tx, token, some, at)
        carriers = {one.id: one for one in submissions.every(tx, {one.submission_id or 0 for one in some})}
        return [
            one.number
            for one in some
            if self._next(one, found[one.number], at, carriers.get(one.submission_id or 0)) is not None
        ]

    def _apply(self, tx: Transaction, token: str, promise: Promise) -> int:
        moved = 0
        for _ in range(STEPS):
            at = evidence.horizon(tx, token, self._tools.confirmations)
            carrier = submissions.by_id(tx, promise.submission_id) if promise.submission_id is not None else None
            if at is None:
                return moved
            found = evidence.of_promises(tx, token, [promise], at)[promise.number]
            happening = self._next(promise, found, at, carrier)
            if happening is None:
                return moved
            moved = 1
            promise = self._move(tx, promise, happening, at, carrier)
        return moved

    def _next(self, promise: Promise, found: Evidence, at: Horizon, carrier: Submission | None) -> Happening | None:
        happening = verdict(promise.stage, promise.valid_before, found)
        if happening is not None or not isinstance(promise.stage, Carried) or carrier is None:
            return happening
        match carrier.stage:  # its transaction has ended; the facts, which go further, do not have it
            case Final(block=block) if at.number >= block:
                return WasReturned("our transaction went through without it")
            case Failed(reason=reason) | Conflict(reason=reason):
                return WasReturned(reason)
        return None

    def _move(
        self, tx: Transaction, promise: Promise, happening: Happening, at: Horizon, carrier: Submission | None
    ) -> Promise:
        now_s = self._tools.now_s()
        if isinstance(happening, WasOutlived) and self._is_owed(promise):
            if isinstance(promise.stage, Carried):
                promise = promises.move(tx, promise, WasReturned("it expired while it was undone"), now_s)
            return self._renew(tx, promise, at)
        due_at_s = now_s + pause_s(promise.setbacks) if isinstance(happening, WasReturned) else None
        was_canceled = isinstance(promise.stage, Canceled)
        promise = promises.move(tx, promise, happening, now_s, due_at_s)
        if isinstance(happening, WasUndone):
            promise = self._on_its_way_again(tx, promise, at, carrier, was_canceled=was_canceled)
        return promise

    def _on_its_way_again(
        self, tx: Transaction, promise: Promise, at: Horizon, carrier: Submission | None, *, was_canceled: bool
    ) -> Promise:
        now_s = self._tools.now_s()
        if was_canceled or promise.withdrawn_at_s is not None:
            return promises.move(tx, promise, WasWithdrawn(), now_s)
        if promise.signature is None or promise.valid_before <= max(at.timestamp_s, now_s):
            return self._renew(tx, promise, at)
        if carrier is not None and carrier.is_under_way:
            return promises.move(tx, promise, WasTakenUp(carrier.id), now_s)
        return promise

    def _is_owed(self, promise: Promise) -> bool:
        """It was carried out once, and a reorg undid it: it is not let expire, but signed again."""
        return promise.was_executed and promise.kind == "payment" and promise.withdrawn_at_s is None

    def _renew(self, tx: Transaction, promise: Promise, at: Horizon) -> Promise:
        """A payment's document is made again. A consent's is its settlement's: it stays, and is proved expired."""
        if promise.kind != "payment":
            return promise
        valid_before = max(at.timestamp_s, self._tools.now_s()) + self._tools.limits.lifetime_s
        return renewed(tx, promise, valid_before, "its execution was undone after it expired", self._tools.now_s())

    def _sign_again(self) -> int:
        with self._tools.database.read() as tx:
            waiting = promises.undone_and_unsigned(tx, self._tools.chain.key, AT_ONCE)
        moved = 0
        for promise in waiting:
            with suppress(KeyServiceTrouble, KeyServiceRefused):  # one payer's key; the others go on, it is asked again
                signer = self._tools.payers(promise.payer)
                if signer is not None:
                    moved += signed_again(self._tools.database, promise, signer, self._tools.now_s())
        return moved


def _course(paid: Paid, found: Evidence) -> Course | None:
    """What happens to a payment that was carried out; None where nothing does, or something rarer."""
    stage = paid.stage
    happenings: list[Happening] = []
    while isinstance(what := verdict(stage, paid.valid_before, found), WasExecuted | WasConfirmed):
        happenings.append(what)
        stage = after(stage, what)
    return Course(happenings, stage) if happenings and isinstance(stage, CARRIED_OUT) else None
