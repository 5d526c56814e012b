"""What is wrong with the node, the way to it, or what the chain says."""

from dataclasses import dataclass

from chainwallet.errors.kinds import ChainMismatch, NodeTrouble


@dataclass(eq=False)
class NodeUnreachable(NodeTrouble):
    """No answer from the node at ``url``."""

    url: str
    reason: str

    def __str__(self) -> str:
        return f"node {self.url}: unreachable ({self.reason})"


@dataclass(eq=False)
class NodeRefused(NodeTrouble):
    """The node answered ``method`` with a JSON-RPC error."""

    method: str
    code: int
    reason: str

    def __str__(self) -> str:
        return f"node refused {self.method}: {self.reason} (code {self.code})"


class MethodMissing(NodeRefused):
    """The node does not offer ``method``; another node may."""


class StateMissing(NodeRefused):
    """The node does not have the block that ``method`` names, or the state at it: not yet, not any more, or never."""


@dataclass(eq=False)
class OutcomeUnknown(NodeTrouble):
    """Transaction ``tx`` was sent and no receipt came within ``waited_s`` seconds. Its bytes are stored; ask again."""

    tx: str
    waited_s: int

    def __str__(self) -> str:
        return f"transaction {self.tx}: sent, no receipt after {self.waited_s} s; run the same command to ask again"


@dataclass(eq=False)
class NotYetPaid(NodeTrouble):
    """The payment ``id`` is not paid yet, for ``reason``; it stays as it is, and goes on when it can."""

    id: str
    reason: str

    def __str__(self) -> str:
        return f"payment {self.id}: not paid yet, {self.reason}"


@dataclass(eq=False)
class Reverted(NodeTrouble):
    """Transaction ``tx`` (or the call ``tx`` names) was executed and failed with ``reason``.

    ``data`` are the revert's raw bytes (a custom error's selector and words), empty when none are known.
    """

    tx: str
    reason: str
    data: bytes = b""

    def __str__(self) -> str:
        return f"transaction {self.tx}: reverted with {self.reason}"


@dataclass(eq=False)
class HistoryBehind(NodeTrouble):
    """What is verified is not, or not yet, the history of the node's chain, for ``reason``; nothing is answered."""

    reason: str

    def __str__(self) -> str:
        return f"history: {self.reason}; ask again when it has caught up"


@dataclass(eq=False)
class FalseProof(NodeTrouble):
    """A Merkle proof of ``what`` that does not lead where it must."""

    what: str
    expected: str
    found: str

    def __str__(self) -> str:
        return f"{self.what}: found {self.found}, expected {self.expected}"


@dataclass(eq=False)
class UnverifiedBlock(NodeTrouble):
    """``what`` of the block with number ``block`` is not what the block's hash, or its child's, commits to."""

    block: int
    what: str
    expected: str
    found: str

    def __str__(self) -> str:
        return f"block {self.block}, {self.what}: found {self.found}, expected {self.expected}"


@dataclass(eq=False)
class WrongChain(ChainMismatch):
    """The node serves ``found`` where the manifest names ``expected``."""

    field: str
    expected: str
    found: str

    def __str__(self) -> str:
        return f"{self.field}: the node serves {self.found}, expected {self.expected}"


@dataclass(eq=False)
class WrongCode(ChainMismatch):
    """The code at ``address`` is not the one ``contract``'s artefact gives."""

    contract: str
    address: str
    expected: str
    found: str

    def __str__(self) -> str:
        return f"code of {self.contract} at {self.address}: found {self.found}, expected {self.expected}"


@dataclass(eq=False)
class NonceConflict(ChainMismatch):
    """``submission`` can never be mined: its nonce was used by a transaction that is none of ours."""

    submission: str
    reason: str

    def __str__(self) -> str:
        return f"submission {self.submission}: {self.reason}; somebody else uses this sender's key"


@dataclass(eq=False)
class HistoryMismatch(ChainMismatch):
    """Two accounts of one figure disagree."""

    what: str
    expected: str
    found: str

    def __str__(self) -> str:
        return f"{self.what}: found {self.found}, expected {self.expected}"
