"""The relayer: carries stored submissions to the chain, one step at a tick.

The signed bytes are stored before they are sent, so a crash between any two steps is continued by the next tick, and
no second transaction is ever stored or sent for the same submission, however many relayers work on it.
"""

from collections.abc import Callable, Collection, Mapping, Sequence

from chainwallet.abi.calls import reason_of
from chainwallet.errors import BadValue, InsufficientFunds, NodeRefused, NotFound, OutcomeUnknown, Reverted
from chainwallet.evm import Address, Hash32, Receipt, Transaction, checksum, keccak256, to_hex
from chainwallet.keys.signer import TransactionSigner
from chainwallet.rpc import Node, SendAnswer
from chainwallet.rules.submission import (
    AskReceipt,
    Broadcast,
    Failed,
    Happening,
    Mined,
    Queued,
    Rest,
    Sent,
    Sign,
    Submission,
    WasDisplaced,
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
RECEIPT_TIMEOUT_S = 180  # how long ``deliver`` waits while nothing moves
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
        return self._tick(self._signers)

    def deliver(self, ids: Sequence[int]) -> tuple[Mined, ...]:
        """Ticks for the senders of the submissions with these ids until all are mined or failed.

        Raises ``Reverted`` where one failed, ``NodeRefused`` where the node will not take it as it is,
        ``InsufficientFunds`` where its sender's ETH is short, ``BadValue`` where it is not signed and its sender's key
        is not ours, ``NotFound`` for an id that this chain does not have, and ``OutcomeUnknown`` where no receipt came
        in time: then the next run goes on with the stored bytes.
        """
        deadline_s = self._monotonic_s() + RECEIPT_TIMEOUT_S
        pause_s = RECEIPT_POLL_S
        while True:
            found = self._find(ids)
            waiting = [submission for submission in found if not isinstance(submission.stage, Mined | Failed)]
            if not waiting:
                return tuple(_mined(submission) for submission in found)
            self._check_goes_on(waiting, deadline_s)
            senders = {submission.sender for submission in waiting}
            if self._tick(senders):
                deadline_s = self._monotonic_s() + RECEIPT_TIMEOUT_S
                pause_s = RECEIPT_POLL_S
                continue
            if pause_s == RECEIPT_POLL_MAX_S:
                self._send_again(senders)
            self._sleep_s(pause_s)
            pause_s = min(2 * pause_s, RECEIPT_POLL_MAX_S)

    def _find(self, ids: Sequence[int]) -> list[Submission]:
        with self._database.transaction() as tx:
            found = [submissions.by_id(tx, submission_id) for submission_id in ids]
        ours = [submission for submission in found if submission is not None and submission.chain == self._chain]
        if len(ours) != len(ids):
            raise NotFound("submission", str(list(ids)), f"each was stored for chain {self._chain}")
        return ours

    def _check_goes_on(self, waiting: Sequence[Submission], deadline_s: float) -> None:
        for submission in waiting:
            if isinstance(submission.stage, Queued) and submission.sender not in self._signers:
                raise BadValue("sender", checksum(submission.sender), "an address whose key this home can use")
        if self._monotonic_s() > deadline_s:
            step = next_step(waiting[0].stage)
            name = to_hex(step.tx) if isinstance(step, AskReceipt | Broadcast) else f"({waiting[0].key}, not signed)"
            raise OutcomeUnknown(name, RECEIPT_TIMEOUT_S)

    # ------------------------------------------------------------------------------------------------ steps

    def _tick(self, senders: Collection[Address]) -> int:
        with self._database.transaction() as tx:
            waiting = submissions.unfinished(tx, self._chain, senders, TICK_SUBMISSIONS)
        return sum(self._step(submission) for submission in waiting)

    def _step(self, submission: Submission) -> bool:
        step = next_step(submission.stage)
        match step:
            case Sign():
                return self._take_up(submission)
            case Broadcast(_, raw):
                self._send(raw)
                return self._record(submission, WasSent())
            case AskReceipt(tx, _):
                receipt = self._node.receipt(tx)
                if receipt is None:
                    return False
                return self._record(submission, WasMined(receipt, self._reason(submission, receipt)))
            case Rest():
                return False

    def _record(self, submission: Submission, happening: Happening) -> bool:
        """Stores what happened; False where another process was faster and the store was left as it is."""
        with self._database.transaction() as tx:
            return submissions.move(tx, submission, after(submission.stage, happening), int(self._clock_s()))

    def _take_up(self, submission: Submission) -> bool:
        if submission.sender not in self._signers:
            return False
        try:
            happening = self._sign(submission)
        except InsufficientFunds as lacking:
            self._record(submission, WasRefused(str(lacking)))
            raise
        return self._record(submission, happening)

    def _sign(self, submission: Submission) -> WasSigned | WasRefused:
        sender = submission.sender
        try:
            estimate = self._node.estimate_gas(sender, submission.to, submission.data)
        except Reverted as refusal:
            return WasRefused(_words(refusal))
        most_gas = min(MAX_TRANSACTION_GAS, self._node.block("latest").gas_limit)
        if estimate > most_gas:
            return WasRefused(f"it needs {estimate:,} gas, a transaction may have {most_gas:,}")
        gas_limit = min(estimate + estimate * GAS_MARGIN_PERCENT // 100, most_gas)
        fees = self._node.fees()
        self._require_gas_money(sender, gas_limit * fees.max_fee_per_gas_wei)
        with self._database.transaction() as tx:
            stored = submissions.highest_nonce(tx, self._chain, sender)
        nonce = next_nonce(stored, self._node.transaction_count(sender, "pending"))
        raw = self._signers[sender].sign_transaction(
            Transaction(
                chain_id=self._chain_id,
                nonce=nonce,
                to=submission.to,
                data=submission.data,
                gas_limit=gas_limit,
                max_fee_per_gas_wei=fees.max_fee_per_gas_wei,
                max_priority_fee_per_gas_wei=fees.max_priority_fee_per_gas_wei,
            )
        )
        return WasSigned(nonce, Hash32(keccak256(raw)), raw)

    def _require_gas_money(self, sender: Address, required_wei: int) -> None:
        # Asked before a nonce is taken: a transaction that cannot be paid for would hold up all later ones.
        available_wei = self._node.balance_wei(sender)
        if available_wei < required_wei:
            raise InsufficientFunds(checksum(sender), _ether(available_wei), _ether(required_wei))

    def _send(self, raw: bytes) -> SendAnswer:
        sent = self._node.send_raw(raw)
        if sent.answer not in _WAIT_FOR_CHAIN:
            raise NodeRefused("eth_sendRawTransaction", 0, sent.reason)
        return sent.answer

    def _send_again(self, senders: Collection[Address]) -> None:
        """By now the node may have forgotten what was sent, also earlier nonces: the same bytes are safe."""
        with self._database.transaction() as tx:
            waiting = submissions.unfinished(tx, self._chain, senders, TICK_SUBMISSIONS)
        for submission in waiting:
            stage = submission.stage
            if isinstance(stage, Sent):
                answer = self._send(stage.raw)
                if answer is SendAnswer.NONCE_TOO_LOW and self._is_displaced(submission.sender, stage):
                    self._record(submission, WasDisplaced())

    def _is_displaced(self, sender: Address, stage: Sent) -> bool:
        try:
            final_count = self._node.transaction_count(sender, "finalized")
        except NodeRefused:
            return False  # a node that knows no finality proves nothing
        return final_count > stage.nonce and self._node.receipt(stage.tx) is None

    def _reason(self, submission: Submission, receipt: Receipt) -> str:
        """Why a mined transaction reverted: the same call, asked at its block."""
        if receipt.succeeded:
            return ""
        try:
            self._node.call(submission.to, submission.data, submission.sender, receipt.block)
        except Reverted as refusal:
            return _words(refusal)
        except NodeRefused:
            pass  # a node without that block's state
        return "no reason that a later call repeats, out of gas for example"


def _mined(submission: Submission) -> Mined:
    stage = submission.stage
    if isinstance(stage, Failed):
        raise Reverted(to_hex(stage.tx) if stage.tx else f"({submission.key}, not sent)", stage.reason)
    assert isinstance(stage, Mined)  # noqa: S101 - the caller waited for it
    return stage


def _words(refusal: Reverted) -> str:
    return reason_of(refusal.data) if refusal.data else refusal.reason


def _ether(wei: int) -> str:
    return f"{wei // 10**18}.{wei % 10**18:018d} ETH"
