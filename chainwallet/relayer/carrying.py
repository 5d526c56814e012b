"""Carrying: what was signed is sent, followed to its confirmations, sent again, bumped, or found to be overtaken."""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import groupby

from chainwallet.abi.calls import reason_of
from chainwallet.abi.events import SKIPPED_TOPIC
from chainwallet.errors import NodeRefused, Recovering, Reverted
from chainwallet.evm import ZERO_HASH, Address, Block, BlockNumber, Hash32, Receipt, checksum
from chainwallet.relayer.lanes import Lanes
from chainwallet.relayer.signing import Signing, pause_s
from chainwallet.relayer.simulating import skipped_in
from chainwallet.relayer.taking import give_back
from chainwallet.relayer.tools import Tools
from chainwallet.rpc import SendAnswer
from chainwallet.rpc import Sent as Answer
from chainwallet.rules.fees import Market
from chainwallet.rules.promise import WasReturned
from chainwallet.rules.submission import (
    Attempt,
    Bump,
    Conflict,
    Facts,
    Failed,
    Happening,
    Look,
    Mined,
    Note,
    Rest,
    Send,
    Sent,
    Sign,
    Signed,
    Step,
    Submission,
    Wait,
    WasMined,
    WasSent,
    after,
    next_step,
)
from chainwallet.store import attempts, promises, submissions
from chainwallet.store.database import Transaction
from chainwallet.store.leases import Lease

TICK_SUBMISSIONS = 64  # most submissions that one tick looks at
OVERTAKEN_S = 3.0  # how long a nonce must be past a submission without receipt until that is believed
BEHIND_S = 30.0  # how long a node may lack the block of a mined submission before that is taken for a rollback

_REFUSALS = {SendAnswer.REFUSED, SendAnswer.INSUFFICIENT_GAS_FUNDS}


@dataclass(frozen=True)
class Sight:
    """What one look at the chain shows."""

    head: Block
    spent: Mapping[Address, int]
    receipts: Mapping[Hash32, Receipt]
    hashes: Mapping[BlockNumber, Hash32 | None]


class Carrying:
    """Moves the submissions of this process's lanes."""

    def __init__(self, tools: Tools, lanes: Lanes) -> None:
        self._tools = tools
        self._lanes = lanes
        self._signing = Signing(tools, lanes)
        self._lacking_since_s: dict[BlockNumber, float] = {}
        self._overtaken_since_s: dict[int, float] = {}

    def step(self, leases: Mapping[Address, Lease], head: Block) -> int:
        """One step for each unfinished submission; how many moved."""
        with self._tools.database.read() as tx:
            found = submissions.unfinished(tx, self._tools.chain.key, leases, TICK_SUBMISSIONS)
        if not found:
            return 0
        sight = self._look(found, head)
        steps = [(one, next_step(one, self._facts(one, sight), self._tools.patience)) for one in found]
        moved = self._note(steps)
        sends = [(one, step.attempt) for one, step in steps if isinstance(step, Send)]
        sends += [(one, step.attempt) for one, step in steps if isinstance(step, Bump) and self._is_without_key(one)]
        moved += self._send(sends)
        self._close_gaps([one for one, _ in sends if isinstance(one.stage, Sent)])
        to_sign = [(one, step) for one, step in steps if isinstance(step, Sign | Bump)]
        return moved + (self._sign(to_sign, head) if to_sign else 0)

    def _is_without_key(self, hanging: Submission) -> bool:
        """Whether it cannot be bumped here, and is due: then the same bytes go out again."""
        is_due = self._tools.now_s() - hanging.sent_at_s >= self._tools.limits.resend_after_s
        return is_due and hanging.sender not in self._tools.senders

    # ------------------------------------------------------------------------------------------------ looking

    def _look(self, found: Sequence[Submission], head: Block) -> Sight:
        """The counts are asked before the receipts: a nonce that is used by then has its receipt by then."""
        node = self._tools.node
        sent = [one for one in found if isinstance(one.stage, Signed | Sent)]
        senders = sorted({one.sender for one in sent})
        spent: dict[Address, int] = {}
        deep = head.number - self._tools.confirmations + 1
        if senders and deep >= 0:
            with suppress(NodeRefused):  # a node that keeps no states proves nothing
                spent = dict(zip(senders, node.transaction_counts(senders, BlockNumber(deep)), strict=True))
        asked = [attempt.tx for one in sent for attempt in one.attempts]
        receipts = {one.tx: one for one in node.receipts(asked, SKIPPED_TOPIC) if one is not None} if asked else {}
        mined = sorted({one.stage.block for one in found if isinstance(one.stage, Mined)})
        hashes = self._tools.blocks.hashes(mined) if mined else {}
        return Sight(head, spent, receipts, hashes)

    def _facts(self, submission: Submission, sight: Sight) -> Facts:
        receipts = [sight.receipts[attempt.tx] for attempt in submission.attempts if attempt.tx in sight.receipts]
        there = None
        if isinstance(submission.stage, Mined):
            there = self._hash_at(submission.stage.block, sight.hashes.get(submission.stage.block))
        spent = sight.spent.get(submission.sender, 0)
        return Facts(
            self._tools.now_s(),
            sight.head.number,
            spent if self._is_overtaken(submission, spent) and not receipts else 0,
            receipts[0] if receipts else None,
            there,
        )

    def _is_overtaken(self, submission: Submission, spent: int) -> bool:
        """Whether the nonce has been past it for a while: a node may count a block whose receipts it does not show."""
        if submission.nonce is None or spent <= submission.nonce:
            self._overtaken_since_s.pop(submission.id, None)
            return False
        now_s = self._tools.monotonic_s()
        return now_s - self._overtaken_since_s.setdefault(submission.id, now_s) >= OVERTAKEN_S

    def _hash_at(self, block: BlockNumber, found: Hash32 | None) -> Hash32 | None:
        """The block's hash; another one than any block's where the node has had none for too long."""
        if found is not None:
            self._lacking_since_s.pop(block, None)
            return found
        now_s = self._tools.monotonic_s()
        since_s = self._lacking_since_s.setdefault(block, now_s)
        return ZERO_HASH if now_s - since_s >= BEHIND_S else None

    # ------------------------------------------------------------------------------------------------ noting

    def _note(self, steps: Sequence[tuple[Submission, Step]]) -> int:
        happened: list[tuple[Submission, Happening]] = []
        waits: list[tuple[Submission, str]] = []
        for submission, step in steps:
            match step:
                case Look(receipt):
                    happened.append((submission, WasMined(receipt, self._reason(submission, receipt))))
                case Note(happening):
                    happened.append((submission, happening))
                case Wait(why):
                    if submission.waits != why and not (submission.waits and isinstance(submission.stage, Sent)):
                        waits.append((submission, why))
                case Send() | Bump() | Sign() | Rest():
                    pass
        if not happened and not waits:
            return 0
        with self._tools.database.transaction() as tx:
            for submission, why in waits:
                submissions.wait(tx, submission.id, why)
            return self._store(tx, happened)

    def _store(self, tx: Transaction, happened: Iterable[tuple[Submission, Happening]]) -> int:
        happened = tuple(happened)
        self._lanes.require(tx, [submission.sender for submission, _ in happened])
        moved = 0
        for submission, happening in happened:
            if submissions.move(tx, submission, happening, self._tools.now_s()):
                moved += 1
                self._follow_up(tx, submission, happening)
        return moved

    def _follow_up(self, tx: Transaction, submission: Submission, happening: Happening) -> None:
        """What becomes of the payments: back to the queue what our transaction left out, or did not carry at all."""
        stage = after(submission.stage, happening)
        if isinstance(stage, Failed | Conflict):
            give_back(self._tools, tx, submission.id, stage.reason)
        elif isinstance(happening, WasMined) and submission.kind == "payments" and submission.to is not None:
            skipped = skipped_in(happening.receipt.logs, submission.to)
            for promise in promises.held_of_submission(tx, submission.id) if skipped else ():
                reason = skipped.get((promise.payer, promise.nonce))
                if reason is not None:
                    now_s = self._tools.now_s()
                    hint = WasReturned(f"our transaction left it out: {reason}")
                    promises.move(tx, promise, hint, now_s, now_s + pause_s(promise.setbacks))

    def _reason(self, submission: Submission, receipt: Receipt) -> str:
        """Why a mined transaction reverted: the same call, asked at its block."""
        if receipt.succeeded:
            return ""
        try:
            self._tools.node.call(submission.to, submission.data, submission.sender, receipt.block)
        except Reverted as refusal:
            return reason_of(refusal.data) if refusal.data else refusal.reason
        except NodeRefused:
            pass  # a node without that block's state
        return "no reason that a later call repeats, out of gas for example"

    # ------------------------------------------------------------------------------------------------ sending

    def _send(self, sends: Sequence[tuple[Submission, Attempt]]) -> int:
        if not sends:
            return 0
        answers = self._tools.node.send_raw_many([attempt.raw for _, attempt in sends])
        with self._tools.database.transaction() as tx:
            told = [(one, WasSent(_words(answer))) for (one, _), answer in zip(sends, answers, strict=True)]
            moved = self._store(tx, told)
            for (submission, _), answer in zip(sends, answers, strict=True):
                if answer.answer in _REFUSALS or answer.answer is SendAnswer.UNDERPRICED:
                    submissions.wait(tx, submission.id, f"the node refuses it: {answer.reason}")
        for (submission, _), answer in zip(sends, answers, strict=True):
            if answer.answer in _REFUSALS:
                self._lanes.troubles[submission.sender] = NodeRefused("eth_sendRawTransaction", 0, answer.reason)
        return moved

    def _close_gaps(self, hanging: Sequence[Submission]) -> None:
        """What is below the nonces that hang goes first: a reorg may have taken back what others did with our key.

        Bytes of ours with such a nonce, of a conflict for example, are sent again; for a nonce that we never signed a
        transaction that does nothing is queued, which `next_lane_nonce` gives that nonce.
        """
        lowest: dict[Address, int] = {}
        for one in hanging:
            assert one.nonce is not None  # noqa: S101 - it was sent
            lowest[one.sender] = min(one.nonce, lowest.get(one.sender, one.nonce))
        counts = self._tools.node.transaction_counts(sorted(lowest)) if lowest else ()
        for sender, count in zip(sorted(lowest), counts, strict=True):
            missing = range(count, min(lowest[sender], count + TICK_SUBMISSIONS))
            if not missing:
                continue
            with self._tools.database.transaction() as tx:
                ours = attempts.with_nonces(tx, self._tools.chain.key, sender, missing)
                if missing.start not in ours:
                    key = f"fill:{checksum(sender)}:{missing.start}"
                    submissions.put(tx, self._tools.chain.key, key, sender, sender, b"", self._tools.now_s())
            if ours:
                self._tools.node.send_raw_many([ours[nonce] for nonce in sorted(ours)])

    def _sign(self, steps: Sequence[tuple[Submission, Step]], head: Block) -> int:
        """In the order of each lane: where one cannot be signed now, the later ones of its sender wait for it."""
        history = self._tools.node.fee_history()
        market = Market(history.next_base_fee_per_gas_wei, history.tips_per_gas_wei)
        moved = 0
        for is_batch, alike in groupby(steps, _is_batch):
            for sender, some in groupby(alike, lambda each: each[0].sender):
                if is_batch:
                    moved += self._sign_batches(sender, [one for one, _ in some], head, market)
                else:
                    moved += sum(self._sign_one(one, step, head, market) for one, step in some)
        return moved

    def _sign_batches(self, sender: Address, some: Sequence[Submission], head: Block, market: Market) -> int:
        if sender in self._lanes.troubles or sender not in self._tools.senders:
            return 0
        return self._signing.sign_batches(some, head, market)

    def _sign_one(self, submission: Submission, step: Step, head: Block, market: Market) -> int:
        trouble = self._lanes.troubles.get(submission.sender)
        is_barred = isinstance(trouble, Recovering) and not submission.is_cancel
        if is_barred or submission.sender not in self._tools.senders:
            return 0
        if isinstance(step, Bump):
            return self._bump(submission, step.attempt, market)
        may_be_signed = trouble is None or isinstance(trouble, Recovering)
        return self._signing.sign_call(submission, head, market) if may_be_signed else 0

    def _bump(self, submission: Submission, last: Attempt, market: Market) -> int:
        """Signs with higher fees; at the cap the same bytes go out again, and it is said why."""
        above = self._signing.bump(submission, market)
        if above is None:
            return 1
        is_due = self._tools.now_s() - submission.sent_at_s >= self._tools.limits.resend_after_s
        moved = self._send([(submission, last)]) if is_due else 0
        with self._tools.database.transaction() as tx:
            submissions.wait(tx, submission.id, str(above))
        return moved


def _is_batch(step: tuple[Submission, Step]) -> bool:
    """Whether it is a batch of payments that is signed for the first time: several of them are signed together."""
    return step[0].kind == "payments" and isinstance(step[1], Sign)


def _words(answer: Answer) -> str:
    return "taken" if answer.answer is SendAnswer.ACCEPTED else answer.reason
