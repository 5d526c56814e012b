"""What a node means by the error it answers: two tables, tested against the recorded answers of ``tests``.

Codes alone do not tell (-32000 and -32003 stand for nearly everything), so the tables read messages; capitals do not
matter and the first row that matches counts. A message that no row knows means that the outcome is unknown and the
chain must be asked: never success, never failure.

Sources: Anvil 1.7.1 (recorded); go-ethereum ``core/txpool/errors.go``, ``core/error.go``, ``rpc/errors.go`` and
``internal/ethapi/errors.go``, which reth, Erigon, newer Nethermind and hosted providers repeat; Besu ``RpcErrorType``;
older Nethermind ``AcceptTxResult``; OpenEthereum; Hardhat; what Alchemy, Infura and QuickNode were seen to answer.
"""

import re
from dataclasses import dataclass
from enum import Enum
from typing import TypeVar


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


class ReadAnswer(Enum):
    """What a node's error to any other question means."""

    REVERTED = "reverted"
    """An ``eth_call`` or ``eth_estimateGas`` that the chain executed and that failed."""
    BUSY = "busy"
    """The node has no time now; the same question may be asked again."""
    TOO_MUCH = "too much"
    """More than the node gives at once; a narrower range of blocks, or fewer questions in a batch, cures it."""
    BATCH_REFUSED = "batch refused"
    """A batch that the node does not take: none at all, or none of this length."""
    NO_METHOD = "no method"
    """A method that this node does not offer."""
    NO_STATE = "no state"
    """A block, or the state at a block, that this node does not have: not yet, not any more, or never."""
    UNKNOWN = "unknown"
    """Anything else."""


@dataclass(frozen=True)
class Sent:
    """The meaning of a node's answer to signed bytes, and the words it used."""

    answer: SendAnswer
    reason: str


SEND_ANSWERS: tuple[tuple[str, SendAnswer], ...] = (
    (r"already known|already imported|^known transaction|same hash|^alreadyknown", SendAnswer.ALREADY_KNOWN),
    (r"authority nonce", SendAnswer.UNKNOWN),  # EIP-7702: another account's nonce
    (r"nonce (is )?too low|^oldnonce", SendAnswer.NONCE_TOO_LOW),
    (r"replacement (transaction )?(underpriced|fee too low)|^replacementnotallowed", SendAnswer.UNDERPRICED),
    (r"transaction underpriced|gas price supplied is too low|^feetoolow", SendAnswer.UNDERPRICED),
    (r"fee per gas less than block base fee|is too low for the next block", SendAnswer.UNDERPRICED),
    (r"gas price below (configured minimum|current base fee)", SendAnswer.UNDERPRICED),
    (r"insufficient (funds|balance) for|^insufficientfunds", SendAnswer.INSUFFICIENT_GAS_FUNDS),
    (r"doesn't have enough funds|upfront cost exceeds account balance", SendAnswer.INSUFFICIENT_GAS_FUNDS),
    (r"invalid chain id|wrong chainid|chainid not supported|incorrect chain ?id", SendAnswer.REFUSED),
    (r"only replay-protected", SendAnswer.REFUSED),
    (r"intrinsic gas|floor data gas|exceeds block gas limit|gas limit (is )?too high", SendAnswer.REFUSED),
    (r"gas uint64 overflow|nonce has max value|higher than 2\^256-1|negative value", SendAnswer.REFUSED),
    (r"priority fee per gas (higher than|exceeds) max fee per gas", SendAnswer.REFUSED),
    (r"exceeds the configured cap|fee cap exceeded", SendAnswer.REFUSED),
    (r"max initcode size exceeded|oversized data|oversized transaction", SendAnswer.REFUSED),
    (r"transaction type not supported|invalid transaction type", SendAnswer.REFUSED),
    (r"invalid sender|invalid signature|invalid transaction v, r, s|sender not an eoa", SendAnswer.REFUSED),
    (r"^rlp: |failed to decode (signed )?transaction|empty transaction data", SendAnswer.REFUSED),
    (r"expected a valid hex string|invalid argument 0: .*hex", SendAnswer.REFUSED),
)
"""(pattern in the message, its meaning)"""

READ_ANSWERS: tuple[tuple[str, ReadAnswer], ...] = (
    (r"^execution reverted|^evm error|^vm (exception|execution error)", ReadAnswer.REVERTED),  # a free reason follows
    (r"^revert|^error: .*revert", ReadAnswer.REVERTED),
    (r"^out of gas|gas required exceeds allowance|^invalid (opcode|jump)|^stack (under|over)flow", ReadAnswer.REVERTED),
    (r"rate limit|too many requests|compute units|capacity (limit )?exceeded|capacity limit", ReadAnswer.BUSY),
    (r"request (rate|limit|count) (exceeded|reached)|(daily|monthly) .*(limit|count)", ReadAnswer.BUSY),
    (r"transaction indexing is in progress|server (is )?busy|(temporarily|service) unavailable", ReadAnswer.BUSY),
    (r"batch (request )?(was )?(too large|size|limit|of more)|(maximum|max) batch", ReadAnswer.BATCH_REFUSED),
    (r"requests in batch|too many .*batch", ReadAnswer.BATCH_REFUSED),
    (r"batch(es|ed|ing)?\b.*\b(not (supported|allowed)|unsupported|disabled)", ReadAnswer.BATCH_REFUSED),
    (r"query returned more than|response (size|is too|too large)|too many (logs|results)", ReadAnswer.TOO_MUCH),
    (r"query timeout|request timed out|block range|rpc range limit|max(imum)? .*range", ReadAnswer.TOO_MUCH),
    (r"range (is )?too (large|wide)|range [0-9]+ (exceeds|is bigger)|is limited to a [0-9,]+ ", ReadAnswer.TOO_MUCH),
    (r"method .*(not (found|exist|available|supported|allowed|whitelisted)|disabled)", ReadAnswer.NO_METHOD),
    (r"(unsupported|unknown) method", ReadAnswer.NO_METHOD),
    (r"missing trie node|header (for hash )?not found|(block|header) not found|unknown block", ReadAnswer.NO_STATE),
    (r"(state|history|block) .*(not available|unavailable)|no state|\bpruned\b|archive", ReadAnswer.NO_STATE),
    (r"blockoutofrange|world ?state|distance to target block exceeds", ReadAnswer.NO_STATE),
)
"""(pattern in the message, its meaning)"""

READ_CODES = {
    3: ReadAnswer.REVERTED,  # go-ethereum, and every node since
    429: ReadAnswer.BUSY,  # Alchemy puts the HTTP status there
    4444: ReadAnswer.NO_STATE,  # EIP-4444: pruned history
    -32601: ReadAnswer.NO_METHOD,  # JSON-RPC 2.0, section 5.1
}
"""Codes that tell by themselves, whatever the message says."""

READ_CODES_ELSE = {
    -32005: ReadAnswer.BUSY,  # EIP-1474: limit exceeded
    -32004: ReadAnswer.NO_METHOD,  # EIP-1474: method not supported
    -32001: ReadAnswer.NO_STATE,  # EIP-1474: resource not found
    -39001: ReadAnswer.NO_STATE,  # execution-apis: unknown block
}
"""What a code means where no row knows the message."""


def meaning_of_send(message: str) -> SendAnswer:
    """What the error ``message`` to signed bytes means; ``UNKNOWN`` when no row of the table knows it."""
    return _first(SEND_ANSWERS, message) or SendAnswer.UNKNOWN


def meaning_of_read(code: int, message: str) -> ReadAnswer:
    """What the error to another question means; ``UNKNOWN`` when neither table knows it."""
    return READ_CODES.get(code) or _first(READ_ANSWERS, message) or READ_CODES_ELSE.get(code) or ReadAnswer.UNKNOWN


M = TypeVar("M", SendAnswer, ReadAnswer)


def _first(table: tuple[tuple[str, M], ...], message: str) -> M | None:
    words = message.strip().lower()
    return next((meaning for pattern, meaning in table if re.search(pattern, words)), None)
