"""The service under simulation: the product's own rules, between a store that forgets nothing and a node that fails.

Each ``yield`` is a place where the process may die: what was stored stays, what it knew by heart is gone. The store is
plain rows; every decision is made by ``chainwallet.rules``.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from random import Random

from chainwallet.evm import Address, BlockNumber, Hash32, keccak256
from chainwallet.rules import fees, following, nonces, packing, promise, submission, window
from chainwallet.rules.submission import Attempt, Submission
from tests.simulation.chain import BASE_FEE_WEI, Document, Event, ModelBlock, ModelChain, Tx

CONFIRMATIONS = 2
LIFETIME_S = 600
PATIENCE = submission.Patience(CONFIRMATIONS, 6, 45)
CAP_WEI = 100 * BASE_FEE_WEI
BATCHES = packing.BatchLimits(items=4, gas=2**24)
RELAYER = Address(b"relayer".ljust(20, b"\0"))


class Lost(Exception):
    """A question or an answer was lost on the way."""


@dataclass
class Node:
    """The way to the chain, with what gets lost on it."""

    chain: ModelChain
    dice: Random
    is_faulty: bool = True
    counts: dict[str, int] = field(default_factory=dict)

    def _hit(self, name: str, share: float) -> bool:
        is_hit = self.is_faulty and self.dice.random() < share
        if is_hit:
            self.counts[name] = self.counts.get(name, 0) + 1
        return is_hit

    def look(self) -> int:
        """The head's number, perhaps an old one; later questions are about it."""
        if self._hit("lost questions", 0.04):
            raise Lost
        behind = self.dice.randint(1, 3) if self._hit("stale heads", 0.05) else 0
        return max(0, self.chain.head.number - behind)

    def send(self, tx: Tx) -> str:
        if self._hit("lost sends", 0.05):
            raise Lost
        answer = self.chain.send(tx)
        if self._hit("duplicates", 0.05):
            answer = self.chain.send(tx)
        if self._hit("lost answers", 0.08):
            raise Lost
        return answer


@dataclass
class Row:
    """A promise in the store."""

    number: int
    id: str
    document: Document
    is_signed: bool
    stage: promise.Stage = promise.Offered()  # noqa: RUF009 - frozen and without fields
    submission_id: int = 0
    setbacks: int = 0
    due_at_s: int = 0
    was_executed: bool = False
    was_final: bool = False
    is_withdrawn: bool = False


@dataclass
class Store:
    """What survives a crash: one database. ``signed`` are the transactions whose bytes are stored."""

    rows: dict[int, Row] = field(default_factory=dict)
    submissions: dict[int, Submission] = field(default_factory=dict)
    signed: dict[Hash32, Tx] = field(default_factory=dict)
    cursor: following.Cursor = field(default_factory=lambda: following.Cursor(BlockNumber(0), None))
    blocks: list[tuple[following.Point, int, tuple[Event, ...]]] = field(default_factory=list)
    blocked_until_s: int = 0
    known_count: int = 0

    def copy(self) -> "Store":
        rows = {number: replace(row) for number, row in self.rows.items()}
        kept = (dict(self.submissions), dict(self.signed), self.cursor, list(self.blocks))
        return Store(rows, *kept, self.blocked_until_s, self.known_count)


def ref_of(payer: Address, payment_id: str) -> Hash32:
    return Hash32(keccak256(payer + payment_id.encode()))


@dataclass
class Service:
    """One process: a desk, a relayer and an indexer on one store."""

    store: Store
    node: Node
    clock_skew_s: int = 0
    overtaken: dict[int, int] = field(default_factory=dict)
    """By heart: how often a submission was seen overtaken."""

    @property
    def now_s(self) -> int:
        return self.node.chain.now_s + self.clock_skew_s

    # -------------------------------------------------------------------------------------------- the desk

    def accept(self, payment_id: str, payer: Address, payee: Address, value: int, *, signs: bool) -> Row | None:
        """The payment with this id: the stored one, or a new one; None where it is refused."""
        known = self.find(payer, payment_id)
        if known is not None:
            return self.renewed_if_expired(known, signs=signs)
        executed = self._paid().get((ref_of(payer, payment_id), payer, payee, value))
        number = len(self.store.rows) + 1
        time_s = self._time_s()
        if executed is not None:
            nonce, execution = executed
            document = Document(payer, payee, value, ref_of(payer, payment_id), nonce, 0)
            self.store.rows[number] = Row(number, payment_id, document, False, promise.Executed(execution))
            self.store.rows[number].was_executed = True
            return self.store.rows[number]
        if self.is_blocked() or self._available(payer) < value:
            return None
        given = nonces.next_window_nonce(self.nonces_of(payer))
        nonce = nonces.wide_nonce(ref_of(payer, payment_id)) if given is None else given
        ref = ref_of(payer, payment_id)
        row = Row(number, payment_id, Document(payer, payee, value, ref, nonce, time_s + LIFETIME_S), False)
        self.store.rows[number] = row
        if signs:
            self.sign(row)
        return row

    def renewed_if_expired(self, row: Row, *, signs: bool) -> Row:
        is_waiting = isinstance(row.stage, promise.Offered | promise.Queued | promise.Expired)
        known = self.nonces_of(row.document.payer)
        can = not isinstance(row.stage, promise.Expired) or nonces.can_be_renewed(row.document.nonce, known)
        if is_waiting and can and self._time_s() >= row.document.valid_before and not self.is_blocked():
            is_covered = not isinstance(row.stage, promise.Expired) or (
                self._available(row.document.payer) >= row.document.value
            )
            if is_covered:
                self._renew(row)
        if signs and row.stage == promise.Offered():
            self.sign(row)
        return row

    def _renew(self, row: Row) -> None:
        row.document = renewal(row, self._time_s() + LIFETIME_S)
        row.is_signed = False
        self._move(row, promise.WasRenewed("expired"))

    def sign(self, row: Row) -> None:
        if self.is_blocked():
            return
        row.is_signed = True
        self._move(row, promise.WasSigned())

    def cancel(self, row: Row) -> None:
        if isinstance(row.stage, promise.OPEN) and not isinstance(row.stage, promise.Canceling):
            self._move(row, promise.WasWithdrawn())
            row.is_withdrawn = True
            self._put("call")
            made = max(self.store.submissions)
            self.store.submissions[made] = replace(
                self.store.submissions[made], key=f"cancel:{row.number}", data=row.number.to_bytes(4, "big")
            )

    def find(self, payer: Address, payment_id: str) -> Row | None:
        same = (row for row in self.store.rows.values() if (row.document.payer, row.id) == (payer, payment_id))
        return next(same, None)

    def nonces_of(self, payer: Address) -> nonces.PayerNonces:
        seen = [
            event.nonce
            for _, _, events in self.store.blocks
            for event in events
            if event.payer == payer and event.kind != "Skipped" and event.nonce < window.NONCE_END
        ]
        unused = max(seen, default=-1) + 1
        rows = [row for row in self.store.rows.values() if row.document.payer == payer]
        own = [row for row in rows if window.is_window(row.document.nonce)]
        promised = max((row.document.nonce for row in own), default=None)
        live = min((row.document.nonce for row in own if isinstance(row.stage, promise.LIVE)), default=None)
        return nonces.PayerNonces(max(0, unused - window.WIDTH), unused, promised, live)

    def _available(self, payer: Address) -> int:
        held = self.node.chain.blocks[0].state.balances.get(payer, 0)
        for _, _, events in self.store.blocks:
            for event in events:
                if event.kind == "Paid":
                    held += event.value * ((event.payee == payer) - (event.payer == payer))
        mine = (row for row in self.store.rows.values() if row.document.payer == payer)
        return held - sum(row.document.value for row in mine if isinstance(row.stage, promise.OPEN))

    def _time_s(self) -> int:
        return max(self.now_s, self.store.blocks[-1][1] if self.store.blocks else 0)

    def _move(self, row: Row, happening: promise.Happening) -> None:
        row.stage = promise.after(row.stage, happening)
        if isinstance(happening, promise.WasReturned):
            row.setbacks += 1
            row.due_at_s = self.now_s + 2
        row.was_executed |= isinstance(row.stage, promise.Executed | promise.Final)
        row.was_final |= isinstance(row.stage, promise.Final)
        if isinstance(happening, promise.WasTakenUp):
            row.submission_id = happening.submission_id

    # -------------------------------------------------------------------------------------------- recovery

    def is_blocked(self) -> bool:
        return self._final()[1] < self.store.blocked_until_s

    def recover(self, head: ModelBlock) -> None:
        """Where the chain knows more than the store, nothing is signed until all that may be under way is dead."""
        chain = self.node.chain
        pending = [nonce + 1 for sender, nonce in chain.pool if sender == RELAYER]
        count = max([head.state.counts.get(RELAYER, 0), *pending])
        known = {(row.document.payer, row.document.nonce) for row in self.store.rows.values()}
        paid = [event for _, _, events in self.store.blocks for event in events if event.kind == "Paid"]
        is_unknown = any((event.payer, event.nonce) not in known for event in paid) and not self.store.blocked_until_s
        highest = self._highest()
        if count > max(0 if highest is None else highest + 1, self.store.known_count) or is_unknown:
            self.store.known_count = max(count, self.store.known_count)
            self.store.blocked_until_s = max(head.timestamp_s, self.now_s) + LIFETIME_S

    def _highest(self) -> int | None:
        return max((one.nonce for one in self.store.submissions.values() if one.nonce is not None), default=None)

    # -------------------------------------------------------------------------------------------- the indexer

    def index(self) -> Iterator[None]:
        chain = self.node.chain
        seen = self.node.look()
        store, head = self.store, chain.blocks[seen]
        at = store.cursor.at
        there = chain.blocks[at.number].hash if at is not None and at.number <= seen else None
        is_beginning = at is not None and seen < at.number and store.blocks[seen][0].hash == head.hash
        point = following.Point(BlockNumber(head.number), head.hash)
        match following.plan(store.cursor, following.Sight(point, there, is_beginning)):
            case following.Read(first, last):
                read = chain.blocks[first : last + 1]
                yield
                if chain.blocks[: last + 1][first:] != read:
                    return
                store.blocks += [
                    (following.Point(BlockNumber(one.number), one.hash), one.timestamp_s, one.events) for one in read
                ]
                store.cursor = following.Cursor(BlockNumber(0), store.blocks[-1][0])
            case following.Rewind():
                search = following.Search.among([point for point, _, _ in store.blocks])
                while probes := search.probes():
                    search = search.narrowed(
                        {p.number: chain.blocks[p.number].hash if p.number <= seen else None for p in probes}
                    )
                yield
                to = search.last_in_common
                del store.blocks[0 if to is None else to.number + 1 :]
                store.cursor = following.Cursor(BlockNumber(0), to)
            case following.Wait():
                pass

    # -------------------------------------------------------------------------------------------- judging

    def _final(self) -> tuple[int, int]:
        at = len(self.store.blocks) - CONFIRMATIONS
        return (at, self.store.blocks[at][1]) if at >= 0 else (-1, 0)

    def _paid(self) -> dict[tuple[Hash32, Address, Address, int], tuple[int, promise.Execution]]:
        return {
            (event.ref, event.payer, event.payee, event.value): (
                event.nonce,
                promise.Execution(event.tx, point.number, point.hash),
            )
            for point, _, events in self.store.blocks
            for event in events
            if event.kind == "Paid"
        }

    def judge(self) -> None:
        paid = self._paid()
        final_block, final_s = self._final()
        used: dict[tuple[Address, int], str] = {}
        highest: dict[Address, int] = {}
        for point, _, events in self.store.blocks[: final_block + 1]:
            for event in events:
                if event.kind != "Skipped":
                    used[event.payer, event.nonce] = f"{event.kind} in block {point.number}"
                    if window.is_window(event.nonce):
                        highest[event.payer] = max(highest.get(event.payer, -1), event.nonce)
        for row in self.store.rows.values():
            document = row.document
            found = paid.get((document.ref, document.payer, document.payee, document.value))
            execution = found[1] if found is not None and found[0] == document.nonce else None
            gone = used.get((document.payer, document.nonce), "") if execution is None else ""
            if not gone and execution is None and window.is_window(document.nonce):
                is_dead = highest.get(document.payer, -1) >= window.dies_by_use_of(document.nonce)
                gone = "overtaken" if is_dead else ""
            evidence = promise.Evidence(execution, gone, BlockNumber(final_block), final_s)
            self._judge_one(row, evidence)

    def _judge_one(self, row: Row, evidence: promise.Evidence) -> None:
        for _ in range(4):
            happening = promise.verdict(row.stage, row.document.valid_before, evidence)
            carrier = self.store.submissions.get(row.submission_id)
            if happening is None and isinstance(row.stage, promise.Carried) and carrier is not None:
                happening = self._left_out(carrier)
            if happening is None:
                return
            is_outlived = isinstance(happening, promise.WasOutlived)
            if is_outlived and row.was_executed and not row.is_withdrawn:
                if isinstance(row.stage, promise.Carried):
                    self._move(row, promise.WasReturned("expired"))
                if row.stage == promise.Offered() and self._time_s() < row.document.valid_before:
                    return
                self._renew(row)
                self.sign(row)
                return
            was_canceled = isinstance(row.stage, promise.Canceled)
            self._move(row, happening)
            if isinstance(happening, promise.WasUndone):
                if was_canceled or row.is_withdrawn:
                    self._move(row, promise.WasWithdrawn())
                elif not row.is_signed or self._time_s() >= row.document.valid_before:
                    self._renew(row)
                    self.sign(row)
                elif carrier is not None and carrier.is_under_way:
                    self._move(row, promise.WasTakenUp(carrier.id))

    def _left_out(self, carrier: Submission) -> promise.WasReturned | None:
        match carrier.stage:
            case submission.Final(block=block) if len(self.store.blocks) > block:
                return promise.WasReturned("our transaction went through without it")
            case submission.Failed(reason=reason) | submission.Conflict(reason=reason):
                return promise.WasReturned(reason)
        return None

    # -------------------------------------------------------------------------------------------- the relayer

    def relay(self) -> Iterator[None]:
        seen = self.node.look()
        head = self.node.chain.blocks[seen]
        self.recover(head)
        yield
        self.judge()
        yield
        self._watch(seen)
        if not self.is_blocked():
            self._take_up()
        yield
        for one in [one for one in self.store.submissions.values() if isinstance(one.stage, submission.UNFINISHED)]:
            yield from self._step(one, seen)
        yield from self._close_gap()

    def _close_gap(self) -> Iterator[None]:
        """What is below the nonces that hang goes first: bytes of ours with that nonce again, or a filler."""
        hanging = [one.nonce for one in self.store.submissions.values() if isinstance(one.stage, submission.Sent)]
        on_chain = self.node.chain.head.state.counts.get(RELAYER, 0)
        if not hanging or on_chain >= min(nonce for nonce in hanging if nonce is not None):
            return
        ours = [tx for tx in self.store.signed.values() if tx.nonce == on_chain]
        filler = Tx(Hash32(keccak256(f"fill {on_chain}".encode())), RELAYER, on_chain, 10**9)
        self.node.send(ours[-1] if ours else filler)
        self.node.counts["gaps"] = self.node.counts.get("gaps", 0) + 1
        yield

    def _watch(self, seen: int) -> None:
        for one in list(self.store.submissions.values()):
            if isinstance(one.stage, submission.Final) and one.stage.block <= seen:
                there = self.node.chain.blocks[one.stage.block].hash
                if there != one.stage.block_hash:
                    self._happen(one, submission.WasReorged("a deeper reorg"))

    def _take_up(self) -> None:
        due = [
            packing.Waiting(row.number, "eur", not window.is_window(row.document.nonce), row.due_at_s)
            for row in self.store.rows.values()
            if row.stage == promise.Queued() and row.is_signed and row.due_at_s <= self.now_s
        ]
        unfinished = sum(isinstance(one.stage, submission.UNFINISHED) for one in self.store.submissions.values())
        for batch in packing.batches(due, BATCHES, self.now_s)[: max(0, 4 - unfinished)]:
            made = self._put("payments")
            for one in batch:
                self._move(self.store.rows[one.promise], promise.WasTakenUp(made))

    def _put(self, kind: submission.Kind) -> int:
        made = len(self.store.submissions) + 1
        self.store.submissions[made] = Submission(
            made, "model", f"{kind} {made}", kind, RELAYER, RELAYER, b"", submission.Queued()
        )
        return made

    def _happen(self, one: Submission, happening: submission.Happening) -> Submission:
        moved = replace(one, stage=submission.after(one.stage, happening))
        if isinstance(happening, submission.WasSigned):
            moved = replace(moved, nonce=happening.nonce, attempts=(*one.attempts, happening.attempt))
        if isinstance(happening, submission.WasSent):
            moved = replace(moved, sent_at_s=self.now_s)
        self.store.submissions[one.id] = moved
        if isinstance(moved.stage, submission.Failed | submission.Conflict):
            for row in self._carried(one.id):
                self._move(row, promise.WasReturned(moved.stage.reason))
        return moved

    def _carried(self, submission_id: int) -> list[Row]:
        return [row for row in self.store.rows.values() if row.stage == promise.Carried(submission_id)]

    def _step(self, one: Submission, seen: int) -> Iterator[None]:
        match submission.next_step(one, self._facts(one, seen), PATIENCE):
            case submission.Sign():
                yield from self._sign_first(one)
            case submission.Send(attempt):
                yield from self._send(one, attempt)
            case submission.Bump(attempt):
                yield from self._bump(one, attempt)
            case submission.Look(receipt):
                self._happen(one, submission.WasMined(receipt, ""))
                yield
                self._skipped(one, receipt.tx)
            case submission.Note(happening):
                self._happen(one, happening)
            case submission.Wait() | submission.Rest():
                pass

    def _facts(self, one: Submission, seen: int) -> submission.Facts:
        chain = self.node.chain
        deep = seen - CONFIRMATIONS + 1
        spent = chain.blocks[deep].state.counts.get(one.sender, 0) if deep >= 0 else 0
        receipts = [found for a in one.attempts if (found := chain.receipt(a.tx, seen)) is not None]
        there = None
        if isinstance(one.stage, submission.Mined) and one.stage.block <= seen:
            there = chain.blocks[one.stage.block].hash
        is_over = one.nonce is not None and spent > one.nonce and not receipts
        self.overtaken[one.id] = self.overtaken.get(one.id, 0) + 1 if is_over else 0
        believed = spent if self.overtaken[one.id] > 2 else 0
        return submission.Facts(self.now_s, BlockNumber(seen), believed, receipts[0] if receipts else None, there)

    def _sign_first(self, one: Submission) -> Iterator[None]:
        is_cancel = one.is_cancel
        if self.is_blocked() and not is_cancel:
            return
        rows = [row for row in self._carried(one.id) if self.now_s < row.document.valid_before]
        if not rows and not is_cancel:
            self._happen(one, submission.WasRefused("nothing is left in it"))
            return
        for row in self._carried(one.id):
            if row not in rows:
                self._move(row, promise.WasReturned("expired"))
        offered = fees.first_fees(fees.Market(self.node.chain.base_fee_wei, (1,)), CAP_WEI)
        if isinstance(offered, fees.AboveCap):
            return
        on_chain = self.node.chain.head.state.counts.get(RELAYER, 0)
        is_ours = any(other.nonce == on_chain for other in self.store.submissions.values())
        nonce = nonces.next_lane_nonce(self._highest(), on_chain, is_ours=is_ours)
        yield from self._store_signed(one, nonce, offered, tuple(row.document for row in rows))

    def _bump(self, one: Submission, last: Attempt) -> Iterator[None]:
        before = fees.Fees(last.max_fee_per_gas_wei, last.max_priority_fee_per_gas_wei)
        bumped = fees.bumped_fees(before, fees.Market(self.node.chain.base_fee_wei, (1,)), CAP_WEI)
        if isinstance(bumped, fees.AboveCap):
            yield from self._send(one, last)
            return
        assert one.nonce is not None
        yield from self._store_signed(one, one.nonce, bumped, self.store.signed[last.tx].items)

    def _store_signed(
        self, one: Submission, nonce: int, offered: fees.Fees, items: tuple[Document, ...]
    ) -> Iterator[None]:
        cancels = None
        if one.is_cancel:
            document = self.store.rows[int.from_bytes(one.data, "big")].document
            cancels = document.payer, document.nonce
        name = f"{nonce} {offered.max_fee_per_gas_wei} {items} {cancels}"
        tx = Tx(Hash32(keccak256(name.encode())), RELAYER, nonce, offered.max_fee_per_gas_wei, items, cancels)
        attempt = Attempt(
            tx.hash, b"", 1, offered.max_fee_per_gas_wei, offered.max_priority_fee_per_gas_wei, self.now_s
        )
        self.store.signed[tx.hash] = tx
        moved = self._happen(one, submission.WasSigned(nonce, attempt))
        yield
        yield from self._send(moved, attempt)

    def _send(self, one: Submission, attempt: Attempt) -> Iterator[None]:
        answer = self.node.send(self.store.signed[attempt.tx])
        yield
        self._happen(one, submission.WasSent(answer))

    def _skipped(self, one: Submission, tx: Hash32) -> None:
        """Hints of our own transaction: what it left out goes back to the queue."""
        for block in self.node.chain.blocks:
            for event in block.events:
                if event.tx != tx or event.kind != "Skipped":
                    continue
                for row in self._carried(one.id):
                    if (row.document.payer, row.document.nonce) == (event.payer, event.nonce):
                        self._move(row, after_skip())


def renewal(row: Row, valid_before: int) -> Document:
    """Rule 1: the same nonce."""
    return replace(row.document, valid_before=valid_before)


def after_skip() -> promise.Happening:
    """Rule 3: a hint."""
    return promise.WasReturned("our transaction left it out")
