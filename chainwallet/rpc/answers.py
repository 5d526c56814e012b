"""What a node means by the error it answers: one table, tested against recorded answers.

Codes do not tell (-32000 and -32003 stand for nearly everything), so the table reads messages. A message that no row
knows means that the outcome is unknown and the chain must be asked: never success, never failure.

Sources: Anvil 1.7.1 (recorded); go-ethereum ``core/txpool/errors.go`` and ``core/error.go``, which reth, Erigon, newer
Nethermind and hosted providers repeat; Besu ``RpcErrorType``; older Nethermind ``AcceptTxResult``; OpenEthereum;
Hardhat.
"""

import re
from dataclasses import dataclass
from enum import Enum


class SendAnswer(Enum):
    """What a node's answer to ``eth_sendRawTransaction`` means."""

    ACCEPTED = "accepted"
    """The node took the bytes and answered with their hash."""
    ALREADY_KNOWN = "already known"
    """The node has exactly these bytes already, which is as good."""
    NONCE_TOO_LOW = "nonce too low"
    """Some transaction with this nonce is mined; it may be this one."""
    UNDERPRICED = "underpriced"
    """The fees are below what the node takes now, or below what replaces the transaction it has."""
    INSUFFICIENT_GAS_FUNDS = "insufficient gas funds"
    """The sender's ETH does not cover the gas limit at the fee cap, plus the value."""
    REFUSED = "refused"
    """This node never takes these bytes as they are: another chain's id, a gas limit out of bounds, bad encoding."""
    UNKNOWN = "unknown"
    """Anything else, time-outs included: the bytes may have arrived. Ask the chain."""


@dataclass(frozen=True)
class Sent:
    """The meaning of a node's answer to signed bytes, and the words it used."""

    answer: SendAnswer
    reason: str


SEND_ANSWERS: tuple[tuple[str, SendAnswer], ...] = (
    (r"already known|already imported|^known transaction|same hash|^alreadyknown", SendAnswer.ALREADY_KNOWN),
    (r"nonce (is )?too low|^oldnonce", SendAnswer.NONCE_TOO_LOW),
    (r"replacement (transaction )?(underpriced|fee too low)|^replacementnotallowed", SendAnswer.UNDERPRICED),
    (r"transaction underpriced|gas price supplied is too low|^feetoolow", SendAnswer.UNDERPRICED),
    (r"fee per gas less than block base fee|is too low for the next block", SendAnswer.UNDERPRICED),
    (r"gas price below (configured minimum|current base fee)", SendAnswer.UNDERPRICED),
    (r"insufficient (funds|balance) for|^insufficientfunds", SendAnswer.INSUFFICIENT_GAS_FUNDS),
    (r"doesn't have enough funds|upfront cost exceeds account balance", SendAnswer.INSUFFICIENT_GAS_FUNDS),
    (r"invalid chain id|wrong chainid|chainid not supported|incorrect chain ?id", SendAnswer.REFUSED),
    (r"intrinsic gas|floor data gas|exceeds block gas limit|gas limit is too high", SendAnswer.REFUSED),
    (r"priority fee per gas (higher than|exceeds) max fee per gas", SendAnswer.REFUSED),
    (r"exceeds the configured cap|fee cap exceeded", SendAnswer.REFUSED),
    (r"max initcode size exceeded|oversized data|oversized transaction", SendAnswer.REFUSED),
    (r"transaction type not supported|invalid transaction type", SendAnswer.REFUSED),
    (r"invalid sender|invalid signature|invalid transaction v, r, s", SendAnswer.REFUSED),
    (r"^rlp: |failed to decode (signed )?transaction|empty transaction data", SendAnswer.REFUSED),
)
"""(pattern in the message, its meaning); capitals do not matter, the first row that matches counts."""

REVERTED = r"revert|^evm error|invalid opcode|invalid jump|out of gas|stack (under|over)flow|vm exception"
"""An ``eth_call`` or ``eth_estimateGas`` that the chain executed and that failed."""

NO_METHOD = (
    r"method .*(not (found|exist|available|supported|allowed|whitelisted)|disabled)|(unsupported|unknown) method"
)
"""A method that this node does not offer."""
NO_METHOD_CODE = -32601  # JSON-RPC 2.0, section 5.1

TOO_MANY_LOGS = (
    r"query returned more than|response (size|is too)|too many (logs|results)|query timeout|block range|rpc range limit"
    r"|range (is )?too (large|wide)|range [0-9]+ (exceeds|is bigger)|is limited to a [0-9,]+ "
)
"""An ``eth_getLogs`` that a narrower range cures."""

BATCH_REFUSED = (
    r"batch (size|limit|too|of more|request)|batch(es|ing)? (is |are )?(not|un)|too many .*batch|invalid request"
)
"""A batch that the node does not take: none at all, or not one of this length."""

ANSWER_TOO_LARGE = r"response too large|response size|request timed out"
"""What a node that took a batch answers to the questions that no room or time was left for."""

BUSY = r"rate limit|too many requests|compute units|request limit|capacity (limit )?exceeded"
"""A node that has no time now; a read may be asked again."""


def matches(pattern: str, message: str) -> bool:
    """Whether a node's ``message`` is one that ``pattern`` describes."""
    return re.search(pattern, message.strip().lower()) is not None


def meaning_of_send(message: str) -> SendAnswer:
    """What the error ``message`` to signed bytes means; ``UNKNOWN`` when no row of the table knows it."""
    for pattern, answer in SEND_ANSWERS:
        if matches(pattern, message):
            return answer
    return SendAnswer.UNKNOWN
