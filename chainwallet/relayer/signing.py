"""Signing: a queued submission is simulated, priced and signed; its bytes are stored in the step that takes the nonce.

Nothing is sent here. What can be known beforehand to fail is not signed, and takes no nonce.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from chainwallet.abi.calls import reason_of
from chainwallet.errors import FeeAboveCap, InsufficientFunds, Reverted
from chainwallet.evm import Address, Block, Hash32, Transaction, checksum, keccak256
from chainwallet.relayer.lanes import Lanes
from chainwallet.relayer.simulating import Trial, try_out
from chainwallet.relayer.taking import batch_data, give_back
from chainwallet.relayer.tools import Tools
from chainwallet.rules.fees import AboveCap, Fees, Market, bumped_fees, first_fees
from chainwallet.rules.nonces import next_lane_nonce
from chainwallet.rules.packing import MAX_TRANSACTION_GAS, pay_gas_limit
from chainwallet.rules.promise import WasReturned
from chainwallet.rules.submission import Attempt, Submission, WasRefused, WasSigned
from chainwallet.rules.window import is_window
from chainwallet.store import database, items, promises, submissions
from chainwallet.store.items import Item

GAS_MARGIN_PERCENT = 20  # above the node's estimate: state may change before the transaction runs
FIRST_PAUSE_S, LONGEST_PAUSE_S = 2, 300
"""How long a payment that would fail now waits for its next turn; twice as long each time, up to the longest."""


class Signing:
    """Signs what this process's lanes have waiting."""

    def __init__(self, tools: Tools, lanes: Lanes) -> None:
        self._tools = tools
        self._lanes = lanes

    def bump(self, submission: Submission, market: Market) -> AboveCap | None:
        """Stores a further attempt with the same nonce and higher fees, unless they would be above the cap."""
        last = submission.attempts[-1]
        offered = Fees(last.max_fee_per_gas_wei, last.max_priority_fee_per_gas_wei)
        fees = bumped_fees(offered, market, self._tools.fee_cap_wei)
        if isinstance(fees, AboveCap):
            return fees
        assert submission.nonce is not None  # noqa: S101 - it was signed before
        signed = self._attempt(submission, submission.nonce, submission.data, last.gas_limit, fees)
        self._store([(_Ready(submission, submission.data, last.gas_limit), signed)])
        return None

    def sign_call(self, submission: Submission, head: Block, market: Market) -> bool:
        """Signs a queued call, or says why not; whether it moved."""
        try:
            estimate = self._tools.node.estimate_gas(submission.sender, submission.to, submission.data)
        except Reverted as refusal:
            return self._refuse(submission, _words(refusal))
        most_gas = min(MAX_TRANSACTION_GAS, head.gas_limit)
        if estimate > most_gas:
            return self._refuse(submission, f"it needs {estimate:,} gas, a transaction may have {most_gas:,}")
        gas_limit = min(estimate + estimate * GAS_MARGIN_PERCENT // 100, most_gas)
        return self._sign_with(submission.sender, [_Ready(submission, submission.data, gas_limit)], market) > 0

    # ------------------------------------------------------------------------------------------------ batches

    def sign_batches(self, some: Sequence[Submission], head: Block, market: Market) -> int:
        """Signs queued batches of one sender, in the order of its lane, or says why not; how many moved.

        All bytes are stored in one transaction, or none.
        """
        with self._tools.database.read() as tx:
            carried = [items.of_submission(tx, submission.id) for submission in some]
        ready, moved = [], 0
        for submission, batch in zip(some, carried, strict=True):
            data, now_s = batch_data(batch) if batch else b"", self._tools.now_s()
            if not batch:
                moved += self._refuse(submission, "nothing is left in it to be carried")
                continue
            trial = try_out(self._tools.node, submission.sender, submission.to, batch, data, head, now_s)
            kept = [item for item in batch if item.number not in trial.reasons]
            if not kept:
                moved += self._set_all_aside(submission, trial)
                continue
            gas_limit = pay_gas_limit(len(kept), is_wide=not is_window(kept[0].nonce))
            data = batch_data(kept) if trial.reasons else data
            ready.append(_Ready(submission, data, gas_limit, _Batch(kept, trial)))
        return moved + (self._sign_with(some[0].sender, ready, market) if ready else 0)

    def _set_all_aside(self, submission: Submission, trial: Trial) -> bool:
        reasons = sorted(set(trial.reasons.values()))
        with self._tools.database.transaction() as tx:
            self._lanes.require(tx, [submission.sender])
            if not submissions.move(tx, submission, WasRefused("; ".join(reasons)), self._tools.now_s()):
                return False
            self._set_aside(tx, submission.id, trial)
            give_back(self._tools, tx, submission.id, "the others of its batch would fail")
        return True

    def _set_aside(self, tx: database.Transaction, submission_id: int, trial: Trial) -> None:
        now_s = self._tools.now_s()
        for promise in promises.held_of_submission(tx, submission_id) if trial.reasons else ():
            reason = trial.reasons.get(promise.number)
            if reason is not None:
                promises.move(tx, promise, WasReturned(reason), now_s, now_s + pause_s(promise.setbacks))

    # ------------------------------------------------------------------------------------------------ both

    def _sign_with(self, sender: Address, ready: Sequence["_Ready"], market: Market) -> int:
        """Signs what is ready, with nonces in its order, and stores all bytes in one transaction; how many."""
        fees = first_fees(market, self._tools.fee_cap_wei)
        if isinstance(fees, AboveCap):
            self._lanes.troubles[sender] = FeeAboveCap(fees.asked_wei, fees.cap_wei)
            return 0
        lacking = self._gas_money(sender, max(one.gas_limit for one in ready) * fees.max_fee_per_gas_wei)
        if lacking is not None:
            self._lanes.troubles[sender] = lacking
            return 0
        on_chain = self._tools.node.transaction_count(sender)
        with self._tools.database.read() as tx:
            stored = submissions.highest_nonce(tx, self._tools.chain.key, sender)
            is_ours = submissions.is_nonce_signed(tx, self._tools.chain.key, sender, on_chain)
        signed = []
        for one in ready:
            nonce = next_lane_nonce(stored, on_chain, is_ours=is_ours)
            stored, is_ours = max(nonce, -1 if stored is None else stored), is_ours or nonce == on_chain
            signed.append((one, self._attempt(one.submission, nonce, one.data, one.gas_limit, fees)))
        return len(signed) if self._store(signed) else 0

    def _gas_money(self, sender: Address, required_wei: int) -> InsufficientFunds | None:
        # Asked before a nonce is taken: a transaction that cannot be paid for would hold up all later ones.
        available_wei = self._tools.node.balance_wei(sender)
        if available_wei >= required_wei:
            return None
        return InsufficientFunds(checksum(sender), _ether(available_wei), _ether(required_wei))

    def _attempt(self, submission: Submission, nonce: int, data: bytes, gas_limit: int, fees: Fees) -> WasSigned:
        raw = self._tools.senders[submission.sender].sign_transaction(
            Transaction(
                chain_id=self._tools.chain.chain_id,
                nonce=nonce,
                to=submission.to,
                data=data,
                gas_limit=gas_limit,
                max_fee_per_gas_wei=fees.max_fee_per_gas_wei,
                max_priority_fee_per_gas_wei=fees.max_priority_fee_per_gas_wei,
            )
        )
        tx = Hash32(keccak256(raw))
        offered = (gas_limit, fees.max_fee_per_gas_wei, fees.max_priority_fee_per_gas_wei)
        return WasSigned(nonce, Attempt(tx, raw, *offered, self._tools.now_s()))

    def _store(self, signed: Sequence[tuple["_Ready", WasSigned]]) -> bool:
        """Stores all the bytes if all is as it was when they were signed; otherwise all are forgotten, unsent."""
        try:
            with self._tools.database.transaction() as tx:
                self._lanes.require(tx, [one.submission.sender for one, _ in signed])
                for one, what in signed:
                    self._store_one(tx, one, what)
        except _Changed:
            return False
        return True

    def _store_one(self, tx: database.Transaction, one: "_Ready", what: WasSigned) -> None:
        if not submissions.move(tx, one.submission, what, self._tools.now_s(), one.data):
            raise _Changed
        if one.batch is not None:
            self._set_aside(tx, one.submission.id, one.batch.trial)
            if promises.carried_by(tx, one.submission.id) != {item.number: item.signature for item in one.batch.kept}:
                raise _Changed

    def _refuse(self, submission: Submission, reason: str) -> bool:
        with self._tools.database.transaction() as tx:
            self._lanes.require(tx, [submission.sender])
            if not submissions.move(tx, submission, WasRefused(reason), self._tools.now_s()):
                return False
            give_back(self._tools, tx, submission.id, reason)
        return True


@dataclass(frozen=True)
class _Batch:
    """What a transaction carries, and what its trial set aside."""

    kept: list[Item]
    trial: Trial


@dataclass(frozen=True)
class _Ready:
    """What a submission's transaction will be, but for its nonce and fees."""

    submission: Submission
    data: bytes
    gas_limit: int
    batch: _Batch | None = None


class _Changed(Exception):
    """Somebody moved a submission while it was signed, or a payment of its batch was withdrawn, renewed or ended."""


def pause_s(setbacks: int) -> int:
    """How long a payment that was set back so often waits for its next turn."""
    return min(FIRST_PAUSE_S << min(setbacks, 16), LONGEST_PAUSE_S)


def _words(refusal: Reverted) -> str:
    return reason_of(refusal.data) if refusal.data else refusal.reason


def _ether(wei: int) -> str:
    return f"{wei // 10**18}.{wei % 10**18:018d} ETH"
