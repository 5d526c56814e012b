"""Every error this package raises, as one tree. The first level answers: whose fault, and may I try again?

ChainwalletError
|-- Refused            the caller's input; nothing was changed or sent; change it and ask again
|   |-- BadValue             a field holds a value outside what is stated
|   |-- BadRow               a file's row, column and value, and what was expected
|   |-- UnknownCurrency      not an ISO 4217 currency with minor units
|   |-- CurrencyMismatch     two currencies in one sum
|   |-- TooPrecise           more decimals than the currency has
|   |-- InsufficientFunds    available and required
|   |-- QuotaExceeded        more money than the issuer may make now
|   |-- FeeAboveCap          the chain asks more for gas than the cap allows
|   |-- Expired              a document whose time is over
|   |-- TooLate              what can no longer be changed
|   |-- StaleVersion         a version of a bill that is not the current one
|   |-- BillDisputed         a bill that somebody disputes; it is in no plan until that is resolved
|   |-- BillLocked           a bill with debts in a plan or payment under way
|   |-- BillSettled          a bill with debts that are paid; a reversal bill corrects it
|   |-- NotPaid              a payment that ended without being paid
|   |-- Recovering           the chain knows more than this database; nothing is signed until that is waited out
|   |-- WrongPassphrase      a keystore or sealed key does not open
|   |-- BadSignature         a signature that is not the named signer's
|   |-- NotFound             a named thing that this home does not have
|   |-- AlreadyExists        a name that is taken
|   |-- KeyReused            an Idempotency-Key that came with another request
|   |-- TooMany              more than a rate allows; wait and ask again
|   |-- MustStay             who cannot leave a group yet, and why
|   `-- NotAllowed           who asks may not do this, or not now
|       |-- NotSignedIn          no session or API key, or one that is not good any more
|       |-- WrongPassword        handle and password do not belong together
|       |-- Forbidden            signed in, without the scope that this needs
|       |-- TooManyTries         tried too often; when it may be tried again
|       `-- ClosedToStrangers    too many wrong passwords for a handle; good where its owner signed in before
|-- NodeTrouble        the node or the way to it; trying again is safe
|   |-- NodeUnreachable      no answer
|   |-- NodeRefused          a JSON-RPC error
|   |   |-- MethodMissing        a method that the node does not offer
|   |   `-- StateMissing         a block or state that the node does not have
|   |-- OutcomeUnknown       sent, not yet seen; ask the chain again
|   |-- NotYetPaid           a payment that waits, and for what
|   |-- Reverted             the chain executed the transaction and it failed
|   |-- HistoryBehind        the verified history is not, or not yet, that of the node's chain
|   |-- FalseProof           a proof that does not lead to the root it was given for
|   `-- UnverifiedBlock      a block whose parts are not what its hash commits to; another node may tell the truth
|-- StoreTrouble       the database, or the way to it; trying again is safe
|   |-- DatabaseUnreachable  no connection to the server, or it was lost
|   |-- DatabaseBusy         a lock, a connection or a statement took too long
|   `-- LeaseLost            another process does this work now
|-- KeyServiceTrouble  the key service, or the way to it; trying again is safe
|   `-- KeyServiceUnreachable no answer, or too many questions at once
|-- ChainMismatch      another chain or other code than the one this home knows; a person must look
|   |-- WrongChain           chain id or genesis differs from the manifest
|   |-- WrongCode            the code at an address is not ours
|   |-- NonceConflict        a sender's nonce was used by a transaction that is not ours
|   `-- HistoryMismatch      events and state disagree
`-- Installation       this machine or home; a person must repair it
    |-- MissingTool          a program that is not installed
    |-- LocalChainDied       the Anvil child ended by itself
    |-- HomeInUse            another process holds the home
    |-- DamagedHome          a file of the home does not read back
    |-- HomeNotWritable      a file of the home cannot be written
    |-- KeyServiceRefused    the key service will not do what is needed: permission, a disabled key, one of another kind
    |-- DatabaseRefused      the database server is there and will not
    |-- NewerDatabase        the database was written by a newer version
    `-- ServiceFailed        a process of the service does not start
"""

from dataclasses import dataclass


class ChainwalletError(Exception):
    """Base of all errors of this package; ``str()`` of each is one line for a person."""


class Refused(ChainwalletError):
    """The caller's input was refused; nothing was changed or sent."""


class NodeTrouble(ChainwalletError):
    """The node, or the way to it, failed; trying again is safe."""


class StoreTrouble(ChainwalletError):
    """The database, or the way to it, failed; trying again is safe.

    Where a connection is lost while a transaction is being committed, it may have been stored or not: what is asked
    for again under the same id finds out.
    """


class KeyServiceTrouble(ChainwalletError):
    """The key service, or the way to it, failed; trying again is safe."""


class ChainMismatch(ChainwalletError):
    """The chain is not the one this home was set up for."""


class Installation(ChainwalletError):
    """This machine or home is not as it must be."""


@dataclass(eq=False)
class BadValue(Refused):
    """``field`` holds ``value`` where ``expected`` is required."""

    field: str
    value: object
    expected: str

    def __str__(self) -> str:
        return f"{self.field}: got {self.value!r}, expected {self.expected}"


@dataclass(eq=False)
class BadRow(Refused):
    """A row of an imported file does not read: ``row`` counts lines from 1, ``field`` is the column's heading."""

    source: str
    row: int
    field: str
    value: str
    expected: str

    def __str__(self) -> str:
        return f"{self.source}, row {self.row}, {self.field}: got {self.value!r}, expected {self.expected}"


@dataclass(eq=False)
class UnknownCurrency(Refused):
    """``code`` is not an ISO 4217 alphabetic code of a currency with minor units."""

    code: str

    def __str__(self) -> str:
        return f"currency: got {self.code!r}, expected an ISO 4217 code of a currency with minor units, such as EUR"


@dataclass(eq=False)
class CurrencyMismatch(Refused):
    """Two currencies met in one sum or comparison."""

    left: str
    right: str

    def __str__(self) -> str:
        return f"currency: cannot mix {self.left} and {self.right}"


@dataclass(eq=False)
class TooPrecise(Refused):
    """``value`` of ``field`` has more than ``decimals`` decimals."""

    field: str
    value: str
    currency: str
    decimals: int

    def __str__(self) -> str:
        return f"{self.field}: got {self.value!r}, expected at most {self.decimals} decimals for {self.currency}"


@dataclass(eq=False)
class InsufficientFunds(Refused):
    """``who`` has ``available`` where ``required`` is needed (both as decimal strings with their currency)."""

    who: str
    available: str
    required: str

    def __str__(self) -> str:
        return f"amount: {self.who} has {self.available} available, required {self.required}"


@dataclass(eq=False)
class QuotaExceeded(Refused):
    """``issuer`` may make ``available`` now where ``required`` is asked for (decimal strings with their currency).

    The quota fills up again by ``refill`` a day, up to ``capacity``.
    """

    issuer: str
    available: str
    required: str
    capacity: str
    refill: str

    def __str__(self) -> str:
        return (
            f"amount: the issuer {self.issuer} may make {self.available} now, required {self.required}; its quota of "
            f"{self.capacity} fills up again by {self.refill} a day"
        )


@dataclass(eq=False)
class FeeAboveCap(Refused):
    """The chain asks ``asked_wei`` for each unit of gas where ``cap_wei`` is the most that may be offered."""

    asked_wei: int
    cap_wei: int

    def __str__(self) -> str:
        return f"fee above your cap: the chain asks {_gwei(self.asked_wei)}, your cap is {_gwei(self.cap_wei)}"


@dataclass(eq=False)
class Expired(Refused):
    """``what`` was good until ``valid_before`` (seconds since 1970); it is ``now_s``."""

    what: str
    valid_before: int
    now_s: int

    def __str__(self) -> str:
        return f"{self.what}: expired at {self.valid_before}, it is {self.now_s}"


@dataclass(eq=False)
class TooLate(Refused):
    """``what`` can no longer be changed, for ``reason``."""

    what: str
    reason: str

    def __str__(self) -> str:
        return f"{self.what}: too late, {self.reason}"


@dataclass(eq=False)
class StaleVersion(Refused):
    """The ``bill`` is at version ``current`` where ``given`` was named."""

    bill: str
    given: int
    current: int

    def __str__(self) -> str:
        return f"version: got {self.given}, the bill {self.bill} is at version {self.current}; look at that first"


@dataclass(eq=False)
class BillDisputed(Refused):
    """The ``bill`` is disputed by the members ``by``: it is paid and cleared only when that is resolved."""

    bill: str
    by: tuple[str, ...]

    def __str__(self) -> str:
        return f"bill {self.bill}: disputed by {', '.join(self.by)} until it is amended, withdrawn or accepted"


@dataclass(eq=False)
class BillLocked(Refused):
    """Debts of the ``bill`` are in a plan (``locked``) or a payment (``paying``) under way; ``what`` was asked for."""

    bill: str
    what: str
    why: str

    def __str__(self) -> str:
        under_way = "a payment" if self.why == "paying" else "a plan"
        return f"bill {self.bill}: cannot be {self.what} while {under_way} with its debts is under way"


@dataclass(eq=False)
class BillSettled(Refused):
    """Debts of the ``bill`` are paid or cleared; ``what`` was asked for. Settled is never undone by an edit."""

    bill: str
    what: str

    def __str__(self) -> str:
        return f"bill {self.bill}: cannot be {self.what}, debts of it are settled; make a reversal bill"


@dataclass(eq=False)
class NotPaid(Refused):
    """The payment ``id`` ended without being paid, as the chain proves: ``reason`` says how."""

    id: str
    reason: str

    def __str__(self) -> str:
        return f"payment {self.id}: {self.reason}"


@dataclass(eq=False)
class Recovering(Refused):
    """The chain ``knows`` what this database does not, as after a loss or an old backup.

    Nothing is signed until a final block is past ``until_s`` (chain time; it is ``now_s``), or all documents that may
    be under way are cancelled.
    """

    chain: str
    knows: str
    until_s: int
    now_s: int

    def __str__(self) -> str:
        wait_s = max(0, self.until_s - self.now_s)
        return (
            f"recovery on chain {self.chain}: {self.knows}; nothing is signed for another {wait_s} s of chain time, "
            "because documents that this database has forgotten may be under way (`chainwallet relayer recover` "
            "cancels them)"
        )


@dataclass(eq=False)
class WrongPassphrase(Refused):
    """The passphrase does not open ``what``."""

    what: str

    def __str__(self) -> str:
        return f"passphrase: does not open {self.what}"


@dataclass(eq=False)
class BadSignature(Refused):
    """The signature was made by ``recovered`` (or by nobody) where ``expected`` must sign."""

    expected: str
    recovered: str

    def __str__(self) -> str:
        return f"signature: made by {self.recovered}, expected {self.expected}"


@dataclass(eq=False)
class NotFound(Refused):
    """There is no ``kind`` called ``name``; ``hint`` says what there is or how to make one."""

    kind: str
    name: str
    hint: str

    def __str__(self) -> str:
        return f"{self.kind}: no {self.name!r} here; {self.hint}"


@dataclass(eq=False)
class AlreadyExists(Refused):
    """There is a ``kind`` called ``name`` already."""

    kind: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind}: {self.name!r} exists already"


class NotAllowed(Refused):
    """Who asks may not do this, or not now."""


@dataclass(eq=False)
class NotSignedIn(NotAllowed):
    """Nobody is signed in by what was given, for ``reason``."""

    reason: str

    def __str__(self) -> str:
        return f"not signed in: {self.reason}"


@dataclass(eq=False)
class WrongPassword(NotAllowed):
    """There is no account ``handle`` with this password; which of the two is wrong is not said."""

    handle: str

    def __str__(self) -> str:
        return f"sign-in: there is no account {self.handle} with this password"


@dataclass(eq=False)
class Forbidden(NotAllowed):
    """``who`` is signed in and may not do what needs ``needed``, a scope or a kind of sign-in."""

    who: str
    needed: str

    def __str__(self) -> str:
        return f"not allowed: {self.who} has no {self.needed}"


@dataclass(eq=False)
class TooManyTries(NotAllowed):
    """``what`` was tried too often; it may be tried again after ``retry_after_s`` seconds."""

    what: str
    retry_after_s: int

    def __str__(self) -> str:
        return f"{self.what}: tried too often; try again in {self.retry_after_s} s"


@dataclass(eq=False)
class ClosedToStrangers(NotAllowed):
    """``handle`` had ``tries`` wrong passwords in a row: it is open only to where its owner signed in before."""

    handle: str
    tries: int

    def __str__(self) -> str:
        return (
            f"sign-in: {self.handle} had {self.tries} wrong passwords in a row; sign in from where you did so before, "
            "with a session you had, or ask the operator"
        )


@dataclass(eq=False)
class KeyReused(Refused):
    """The idempotency key ``value`` came before, with another request."""

    field: str
    value: str

    def __str__(self) -> str:
        return f"{self.field}: {self.value!r} came before with another request, expected a new key for a new request"


@dataclass(eq=False)
class TooMany(Refused):
    """More of ``what`` than the rate ``limit`` allows; there is room again in ``wait_s`` seconds."""

    what: str
    limit: str
    wait_s: int

    def __str__(self) -> str:
        return f"too many {self.what}: the limit is {self.limit}; wait {self.wait_s} s"


@dataclass(eq=False)
class MustStay(Refused):
    """``who`` cannot leave the group ``group`` (its name) yet, for ``reason``."""

    who: str
    group: str
    reason: str

    def __str__(self) -> str:
        return f"{self.who} cannot leave {self.group!r} yet: {self.reason}"


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
class DatabaseUnreachable(StoreTrouble):
    """No answer from the database server at ``where`` since ``since`` (UTC); ``where`` never holds a password."""

    where: str
    since: str
    reason: str

    def __str__(self) -> str:
        return f"database {self.where}: unreachable since {self.since} ({self.reason})"


@dataclass(eq=False)
class DatabaseBusy(StoreTrouble):
    """The database at ``where`` did not come to an end in time, for ``reason``; nothing was changed."""

    where: str
    reason: str

    def __str__(self) -> str:
        return f"database {self.where}: busy ({self.reason}); try again"


@dataclass(eq=False)
class LeaseLost(StoreTrouble):
    """``holder`` may no longer do ``work``: its lease expired or was taken over; nothing was changed."""

    work: str
    holder: str

    def __str__(self) -> str:
        return f"lease of {self.work}: no longer held by {self.holder}"


@dataclass(eq=False)
class KeyServiceUnreachable(KeyServiceTrouble):
    """No answer from the key service about ``key``, for ``reason``."""

    key: str
    reason: str

    def __str__(self) -> str:
        return f"key service, key {self.key}: no answer ({self.reason}); try again"


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


@dataclass(eq=False)
class MissingTool(Installation):
    """``tool`` is not installed; ``hint`` says how to get it."""

    tool: str
    hint: str

    def __str__(self) -> str:
        return f"{self.tool}: not found; {self.hint}"


@dataclass(eq=False)
class LocalChainDied(Installation):
    """The Anvil child ended by itself."""

    exit_status: int
    log_tail: str

    def __str__(self) -> str:
        return f"local chain: Anvil ended by itself with status {self.exit_status}: {self.log_tail or 'no output'}"


@dataclass(eq=False)
class HomeInUse(Installation):
    """Another process holds ``path``."""

    path: str
    holder: str

    def __str__(self) -> str:
        return f"home {self.path}: in use by {self.holder}"


@dataclass(eq=False)
class DamagedHome(Installation):
    """``path`` does not read back as ``expected``."""

    path: str
    expected: str

    def __str__(self) -> str:
        return f"file {self.path}: damaged, expected {self.expected}"


@dataclass(eq=False)
class HomeNotWritable(Installation):
    """``path`` cannot be written: no room, no permission."""

    path: str
    reason: str

    def __str__(self) -> str:
        return f"file {self.path}: cannot be written ({self.reason})"


@dataclass(eq=False)
class KeyServiceRefused(Installation):
    """The key service will not do with ``key`` what is needed, for ``reason``."""

    key: str
    reason: str

    def __str__(self) -> str:
        return f"key service, key {self.key}: refused ({self.reason})"


@dataclass(eq=False)
class DatabaseRefused(Installation):
    """The database server at ``where`` will not do what is needed: permission, room, tables that are not ours."""

    where: str
    reason: str

    def __str__(self) -> str:
        return f"database {self.where}: refused ({self.reason})"


@dataclass(eq=False)
class NewerDatabase(Installation):
    """The database holds schema ``found``; this version knows up to ``known``."""

    path: str
    found: str
    known: str

    def __str__(self) -> str:
        return f"database {self.path}: schema {self.found} is newer than {self.known}; use a newer chainwallet"


@dataclass(eq=False)
class ServiceFailed(Installation):
    """The service's process ``name`` ended with ``status`` before the service was ready; it said why on stderr."""

    name: str
    status: int

    def __str__(self) -> str:
        return f"service: its process {self.name} ended with status {self.status} at the start; it said why above"


def _gwei(wei: int) -> str:
    whole, part = divmod(wei, 10**9)
    return f"{whole}.{part:09d}".rstrip("0").rstrip(".") + " gwei"
