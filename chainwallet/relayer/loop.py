"""The relayer's loop: one tick does one step of everything that waits."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from chainwallet.errors import (
    BadValue,
    ChainwalletError,
    FeeAboveCap,
    InsufficientFunds,
    LeaseLost,
    NodeTrouble,
    NodeUnreachable,
    NonceConflict,
    NotFound,
    OutcomeUnknown,
    Recovering,
    Reverted,
    WrongChain,
)
from chainwallet.evm import Address, checksum, to_hex
from chainwallet.relayer import burning, taking
from chainwallet.relayer.carrying import Carrying
from chainwallet.relayer.judging import Judging
from chainwallet.relayer.lanes import Lanes
from chainwallet.relayer.recovery import Recovery
from chainwallet.relayer.tools import Tools
from chainwallet.relayer.watching import Watching
from chainwallet.rules.fees import AboveCap, Market, first_fees
from chainwallet.rules.submission import Conflict, Failed, Final, Mined, Queued, Submission
from chainwallet.store import submissions

RECEIPT_TIMEOUT_S = 180  # how long ``deliver`` waits while nothing moves
POLL_S = 0.05
POLL_MAX_S = 2.0


class Relayer:
    """Carries the submissions of one chain, signing each with its sender's key.

    ``holder`` names it among those that share the database; without one it is a new name.
    """

    def __init__(self, tools: Tools, holder: str | None = None) -> None:
        self._tools = tools
        self._lanes = Lanes(tools, holder)
        self._carrying = Carrying(tools, self._lanes)
        self._judging = Judging(tools)
        self._watching = Watching(tools, self._lanes)
        self._recovery = Recovery(tools)
        self._unreachable_since_s: int | None = None

    def tick(self) -> int:
        """Moves what can be moved by one step; how much moved.

        Raises ``NodeTrouble`` where the node is out of reach or answers what it should not, ``WrongChain`` where it
        serves another chain, and what the store raises. Whatever it is, the next tick goes on.
        """
        try:
            moved = self._tick()
        except LeaseLost:  # another process carries this sender now; what was signed is forgotten, unsent
            return 0
        except NodeTrouble as trouble:
            self._lanes.says(self._tools.senders, self._told(trouble))
            raise
        self._unreachable_since_s = None
        return moved

    @property
    def holder(self) -> str:
        """Its name among those that share the database."""
        return self._lanes.holder

    @property
    def troubles(self) -> Mapping[Address, ChainwalletError]:
        """By sender, what kept it from signing or sending at the last tick."""
        return self._lanes.troubles

    def catch_up(self) -> int:
        """Looks whether the chain knows more than the database, and says what the facts made of the promises.

        Whoever accepts payments calls it first: nothing may be accepted that a recovery forbids. How much moved.
        """
        return self._recovery.look(self._tools.node.block("latest")) + self._judging.judge()

    def check_fees(self) -> None:
        """Raises ``FeeAboveCap`` where the chain asks more for gas now than the cap allows."""
        history = self._tools.node.fee_history()
        market = Market(history.next_base_fee_per_gas_wei, history.tips_per_gas_wei)
        fees = first_fees(market, self._tools.fee_cap_wei)
        if isinstance(fees, AboveCap):
            raise FeeAboveCap(fees.asked_wei, fees.cap_wei)

    def close(self) -> None:
        """Lets go of the lanes, so that the next process need not wait."""
        self._lanes.release()

    # ------------------------------------------------------------------------------------------------ a tick

    def _tick(self) -> int:
        tools = self._tools
        found = tools.blocks.chain()
        if found != tools.chain:
            raise WrongChain("chain", tools.chain.key, found.key)
        head = tools.node.block("latest")
        self._lanes.troubles.clear()
        moved = self._recovery.look(head)
        blocked = self._recovery.blocks()
        self._lanes.held()
        moved += self._judging.judge()
        leases = self._lanes.held()  # again, and below: a tick with much to do may outlast a lease
        moved += self._watching.look(leases, head)
        if blocked is None:
            moved += burning.queue_burns(tools)
            moved += taking.return_left_behind(tools)
            moved += taking.take_up(tools, self._lanes, leases, head)
        else:
            self._lanes.troubles |= dict.fromkeys(tools.senders, blocked)
        moved += self._carrying.step(self._lanes.held(), head)
        self._tell()
        return moved

    def _tell(self) -> None:
        for sender in self._tools.senders:
            trouble = self._lanes.troubles.get(sender)
            words = "" if trouble is None else str(trouble)
            if isinstance(trouble, InsufficientFunds):
                words = f"relayer out of gas: {checksum(sender)} has {trouble.available}, needs {trouble.required}"
            self._lanes.says([sender], words)

    def _told(self, trouble: NodeTrouble) -> str:
        if not isinstance(trouble, NodeUnreachable):
            return str(trouble)
        if self._unreachable_since_s is None:
            self._unreachable_since_s = self._tools.now_s()
        since = datetime.fromtimestamp(self._unreachable_since_s, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
        return f"node unreachable since {since} ({trouble.reason})"

    # ------------------------------------------------------------------------------------------------ to the end

    def deliver(self, ids: Sequence[int]) -> tuple[Final, ...]:
        """Ticks until the submissions with these ids are all final.

        Raises ``Reverted`` where one failed, ``NonceConflict`` where somebody else used its nonce, ``NodeRefused``
        where the node will not take it as it is, ``InsufficientFunds`` where its sender's ETH is short,
        ``FeeAboveCap``, ``Recovering``, ``BadValue`` where it is not signed and its sender's key is not ours,
        ``NotFound`` for an id that this chain does not have, and ``OutcomeUnknown`` where nothing moved in time: then
        the next run goes on with the stored bytes.
        """
        pause_s, seen, patience_until_s = POLL_S, None, 0.0
        while True:
            found = self._find(ids)
            waiting = [one for one in found if not isinstance(one.stage, Final | Failed | Conflict)]
            if not waiting:
                return tuple(map(_final, found))
            reached = [submission.progress for submission in found]
            if reached != seen:
                seen, patience_until_s = reached, self._tools.monotonic_s() + RECEIPT_TIMEOUT_S
            self._check_goes_on(waiting, patience_until_s)
            if self.tick():
                pause_s = POLL_S
            else:
                self._tools.sleep_s(pause_s)
                pause_s = min(2 * pause_s, POLL_MAX_S)
            self._raise_trouble(waiting)

    def _find(self, ids: Sequence[int]) -> list[Submission]:
        with self._tools.database.read() as tx:
            found = {one.id: one for one in submissions.every(tx, ids) if one.chain == self._tools.chain.key}
        if not found.keys() >= set(ids):
            raise NotFound("submission", str(list(ids)), f"each was stored for chain {self._tools.chain.key}")
        return [found[submission_id] for submission_id in ids]

    def _check_goes_on(self, waiting: Sequence[Submission], until_s: float) -> None:
        for submission in waiting:
            if isinstance(submission.stage, Queued) and submission.sender not in self._tools.senders:
                raise BadValue("sender", checksum(submission.sender), "an address whose key this home can use")
        if self._tools.monotonic_s() > until_s:
            first = waiting[0]
            name = to_hex(first.attempts[-1].tx) if first.attempts else f"({first.key}, not signed)"
            raise OutcomeUnknown(name, RECEIPT_TIMEOUT_S)

    def _raise_trouble(self, waiting: Sequence[Submission]) -> None:
        """Raises what keeps a lane from signing or sending: whoever waits for it is told at once."""
        for submission in waiting:
            trouble = self._lanes.troubles.get(submission.sender)
            if isinstance(trouble, Recovering) and submission.is_cancel:
                continue  # the way out of a recovery
            if trouble is not None and not isinstance(submission.stage, Mined):
                raise trouble


def _final(submission: Submission) -> Final:
    stage = submission.stage
    if isinstance(stage, Failed):
        raise Reverted(to_hex(stage.tx) if stage.tx else f"({submission.key}, not sent)", stage.reason)
    if isinstance(stage, Conflict):
        raise NonceConflict(submission.key, stage.reason)
    assert isinstance(stage, Final)  # noqa: S101 - the caller waited for it
    return stage
