"""What happened to promises and submissions, and where they stand, in words for a person.

The words are stored with the event, so that a story told years later is the one that was true then.
"""

from typing import assert_never

from chainwallet.evm import to_hex
from chainwallet.rules import promise, submission
from chainwallet.rules.fees import gwei_text


def told_of_promise(happening: promise.Happening) -> str:
    """What happened to a promise."""
    match happening:
        case promise.WasSigned():
            return "signed by the payer; waits for a transaction"
        case promise.WasTakenUp(submission_id):
            return f"taken up by submission {submission_id}"
        case promise.WasReturned(reason):
            return f"back in the queue: {reason}"
        case promise.WasRenewed(reason):
            return f"document made again under the same nonce: {reason}"
        case promise.WasWithdrawn():
            return "the payer asked for a cancel; no transaction takes it up any more"
        case promise.WasExecuted(execution):
            return f"paid in block {execution.block} by transaction {to_hex(execution.tx)}; waits for confirmations"
        case promise.WasConfirmed():
            return "final"
        case promise.WasCanceled(reason):
            return f"ended, not paid: {reason}"
        case promise.WasOutlived(reason):
            return f"ended, not paid: {reason}"
        case promise.WasUndone(reason):
            return f"undone: {reason}; delivered again"
    assert_never(happening)


def told_of_submission(happening: submission.Happening) -> str:
    """What happened to a submission."""
    match happening:
        case submission.WasSigned(nonce, attempt):
            fee, tip = map(gwei_text, (attempt.max_fee_per_gas_wei, attempt.max_priority_fee_per_gas_wei))
            return f"signed as transaction {to_hex(attempt.tx)} with nonce {nonce} (at most {fee}, tip {tip})"
        case submission.WasSent(answer):
            return f"sent; the node says: {answer}"
        case submission.WasRefused(reason):
            return f"not signed: {reason}"
        case submission.WasMined(receipt, reason):
            how = f"reverted ({reason})" if not receipt.succeeded else f"{receipt.gas_used:,} gas"
            return f"transaction {to_hex(receipt.tx)} is in block {receipt.block} ({how})"
        case submission.WasConfirmed():
            return "confirmed as deep as was asked for"
        case submission.WasReorged(reason):
            return f"reorganised, sent again: {reason}"
        case submission.WasOvertaken(reason):
            return f"conflict: {reason}; its payments go back to the queue"
    assert_never(happening)


STAGES: dict[type[promise.Stage], str] = {
    promise.Offered: "waits for the payer's signature",
    promise.Queued: "waits for a transaction",
    promise.Carried: "in a transaction of ours",
    promise.Canceling: "being cancelled",
    promise.Executed: "paid, waits for confirmations",
    promise.Final: "paid, final",
    promise.Canceled: "cancelled, not paid",
    promise.Expired: "expired, not paid",
}
"""Where a promise stands."""
