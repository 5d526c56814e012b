"""The relayer: carries stored submissions to the chain, one step at a tick.

The signed bytes are stored before they are sent, so a crash between any two steps is continued by the next tick, and
no second transaction is ever signed for the same submission.
"""

from collections.abc import Callable, Mapping, Sequence

from chainwallet.abi.calls import reason_of
from chainwallet.errors import BadValue, NodeRefused, OutcomeUnknown, Reverted
from chainwallet.evm import Address, Hash32, Receipt, Transaction, checksum, keccak256, to_hex
from chainwallet.keys.signer import TransactionSigner
from chainwallet.rpc import Node, SendAnswer
from chainwallet.rules.submission import (
    AskReceipt,
    Broadcast,
    Failed,
    Happening,
    Mined,
    Rest,
    Sign,
    Submission,
    WasMined,
    WasRefused,
    WasSent,
    WasSigned,
    after,
    next_nonce,
    next_step,
)
from chainwallet.store import submissions
from chainwallet.store.database import Database

TICK_SUBMISSIONS = 64  # most submissions that one tick looks at
RECEIPT_TIMEOUT_S = 180  # how long ``deliver`` waits for one receipt
RECEIPT_POLL_S = 0.05
RECEIPT_POLL_MAX_S = 2.0
GAS_MARGIN_PERCENT = 20  # above the node's estimate: state may change before the transaction runs
MAX_TRANSACTION_GAS = 2**24  # EIP-7825

_WAIT_FOR_CHAIN = {SendAnswer.ACCEPTED, SendAnswer.ALREADY_KNOWN, SendAnswer.NONCE_TOO_LOW, SendAnswer.UNKNOWN}


class Relayer:
    """Carries the submissions of one chain, signing each with its sender's key.

    ``clock_s`` gives seconds since 1970, ``monotonic_s`` seconds that only grow, ``sleep_s`` waits.
    """

    def __init__(
        self,
        database: Database,
        node: Node,
        chain: str,
        chain_id: int,
        signers: Mapping[Address, TransactionSigner],
        clock_s: Callable[[], float],
        monotonic_s: Callable[[], float],
        sleep_s: Callable[[float], None],
    ) -> None:
        self._database = database
        self._node = node
        self._chain = chain
        self._chain_id = chain_id
        self._signers = signers
        self._clock_s = clock_s
        self._monotonic_s = monotonic_s
        self._sleep_s = sleep_s

    def tick(self) -> int:
        """Moves each open submission of the senders we sign for by one step; how many moved."""
        with self._database.transaction() as tx:
            waiting = submissions.unfinished(tx, self._chain, TICK_SUBMISSIONS)
        return sum(self._step(submission) for submission in waiting if submission.sender in self._signers)

    def deliver(self, ids: Sequence[int]) -> tuple[Mined, ...]:
        """Ticks until the submissions with these ids are mined.

        Raises ``Reverted`` where one failed, ``NodeRefused`` where the node will not take it as it is, and
        ``OutcomeUnknown`` where no receipt came in time: then the next run goes on with the stored bytes.
        """
        deadline_s = self._monotonic_s() + RECEIPT_TIMEOUT_S
        pause_s = RECEIPT_POLL_S
        while True:
            with self._database.transaction() as tx:
                found = [submissions.by_id(tx, submission_id) for submission_id in ids]
            present = [submission for submission in found if submission is not None]
            mined = tuple(submission.stage for submission in present if isinstance(submission.stage, Mined))
            if len(mined) == len(ids):
                return mined
            for submission in present:
                self._check_goes_on(submission, deadline_s)
            if self.tick():
                pause_s = RECEIPT_POLL_S
            else:
                if pause_s == RECEIPT_POLL_MAX_S:  # by now the node may have forgotten them: the same bytes are safe
                    self._send_again(present)
                self._sleep_s(pause_s)
                pause_s = min(2 * pause_s, RECEIPT_POLL_MAX_S)

    def _check_goes_on(self, submission: Submission, deadline_s: float) -> None:
        if isinstance(submission.stage, Failed):
            name = to_hex(submission.stage.tx) if submission.stage.tx else f"({submission.key}, not sent)"
            raise Reverted(name, submission.stage.reason)
        if submission.sender not in self._signers:
            raise BadValue("sender", checksum(submission.sender), "an address whose key this home can use")
        if self._monotonic_s() > deadline_s:
            step = next_step(submission.stage)
            raise OutcomeUnknown(to_hex(step.tx) if isinstance(step, AskReceipt | Broadcast) else "", RECEIPT_TIMEOUT_S)

    # ------------------------------------------------------------------------------------------------ steps

    def _step(self, submission: Submission) -> bool:
        step = next_step(submission.stage)
        match step:
            case Sign():
                self._record(submission, self._sign(submission))
            case Broadcast(_, raw):
                self._send(raw)
                self._record(submission, WasSent())
            case AskReceipt(tx, _):
                receipt = self._node.receipt(tx)
                if receipt is None:
                    return False
                self._record(submission, WasMined(receipt, self._reason(submission, receipt)))
            case Rest():
                return False
        return True

    def _record(self, submission: Submission, happening: Happening) -> None:
        with self._database.transaction() as tx:
            submissions.set_stage(tx, submission, after(submission.stage, happening), int(self._clock_s()))

    def _sign(self, submission: Submission) -> WasSigned | WasRefused:
        try:
            estimate = self._node.estimate_gas(submission.sender, submission.to, submission.data)
        except Reverted as refusal:
            return WasRefused(reason_of(refusal.data) if refusal.data else refusal.reason)
        with self._database.transaction() as tx:
            stored = submissions.highest_nonce(tx, self._chain, submission.sender)
        nonce = next_nonce(stored, self._node.transaction_count(submission.sender, "pending"))
        fees = self._node.fees()
        signer = self._signers[submission.sender]
        raw = signer.sign_transaction(
            Transaction(
                chain_id=self._chain_id,
                nonce=nonce,
                to=submission.to,
                data=submission.data,
                gas_limit=min(estimate + estimate * GAS_MARGIN_PERCENT // 100, MAX_TRANSACTION_GAS),
                max_fee_per_gas_wei=fees.max_fee_per_gas_wei,
                max_priority_fee_per_gas_wei=fees.max_priority_fee_per_gas_wei,
            )
        )
        return WasSigned(nonce, Hash32(keccak256(raw)), raw)

    def _send(self, raw: bytes) -> None:
        sent = self._node.send_raw(raw)
        if sent.answer not in _WAIT_FOR_CHAIN:
            raise NodeRefused("eth_sendRawTransaction", 0, sent.reason)

    def _send_again(self, waiting: Sequence[Submission]) -> None:
        for submission in waiting:
            step = next_step(submission.stage)
            if isinstance(step, AskReceipt):
                self._send(step.raw)

    def _reason(self, submission: Submission, receipt: Receipt) -> str:
        """Why a mined transaction reverted: the same call, asked at its block."""
        if receipt.succeeded:
            return ""
        try:
            self._node.call(submission.to, submission.data, submission.sender, receipt.block)
        except Reverted as refusal:
            return reason_of(refusal.data) if refusal.data else refusal.reason
        return "no reason that a later call repeats, out of gas for example"
