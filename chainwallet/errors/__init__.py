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

from chainwallet.errors.callers import (
    ClosedToStrangers,
    Forbidden,
    NotAllowed,
    NotSignedIn,
    TooManyTries,
    WrongPassword,
)
from chainwallet.errors.kinds import (
    ChainMismatch,
    ChainwalletError,
    Installation,
    KeyServiceTrouble,
    NodeTrouble,
    Refused,
    StoreTrouble,
)
from chainwallet.errors.node import (
    FalseProof,
    HistoryBehind,
    HistoryMismatch,
    MethodMissing,
    NodeRefused,
    NodeUnreachable,
    NonceConflict,
    NotYetPaid,
    OutcomeUnknown,
    Reverted,
    StateMissing,
    UnverifiedBlock,
    WrongChain,
    WrongCode,
)
from chainwallet.errors.places import (
    DamagedHome,
    DatabaseBusy,
    DatabaseRefused,
    DatabaseUnreachable,
    HomeInUse,
    HomeNotWritable,
    KeyServiceRefused,
    KeyServiceUnreachable,
    LeaseLost,
    LocalChainDied,
    MissingTool,
    NewerDatabase,
    ServiceFailed,
)
from chainwallet.errors.refused import (
    AlreadyExists,
    BadRow,
    BadSignature,
    BadValue,
    CurrencyMismatch,
    Expired,
    FeeAboveCap,
    InsufficientFunds,
    KeyReused,
    NotFound,
    NotPaid,
    QuotaExceeded,
    Recovering,
    TooLate,
    TooMany,
    TooPrecise,
    UnknownCurrency,
    WrongPassphrase,
)
from chainwallet.errors.sharing import (
    BillDisputed,
    BillLocked,
    BillSettled,
    MustStay,
    StaleVersion,
)

__all__ = [
    "AlreadyExists",
    "BadRow",
    "BadSignature",
    "BadValue",
    "BillDisputed",
    "BillLocked",
    "BillSettled",
    "ChainMismatch",
    "ChainwalletError",
    "ClosedToStrangers",
    "CurrencyMismatch",
    "DamagedHome",
    "DatabaseBusy",
    "DatabaseRefused",
    "DatabaseUnreachable",
    "Expired",
    "FalseProof",
    "FeeAboveCap",
    "Forbidden",
    "HistoryBehind",
    "HistoryMismatch",
    "HomeInUse",
    "HomeNotWritable",
    "Installation",
    "InsufficientFunds",
    "KeyReused",
    "KeyServiceRefused",
    "KeyServiceTrouble",
    "KeyServiceUnreachable",
    "LeaseLost",
    "LocalChainDied",
    "MethodMissing",
    "MissingTool",
    "MustStay",
    "NewerDatabase",
    "NodeRefused",
    "NodeTrouble",
    "NodeUnreachable",
    "NonceConflict",
    "NotAllowed",
    "NotFound",
    "NotPaid",
    "NotSignedIn",
    "NotYetPaid",
    "OutcomeUnknown",
    "QuotaExceeded",
    "Recovering",
    "Refused",
    "Reverted",
    "ServiceFailed",
    "StaleVersion",
    "StateMissing",
    "StoreTrouble",
    "TooLate",
    "TooMany",
    "TooManyTries",
    "TooPrecise",
    "UnknownCurrency",
    "UnverifiedBlock",
    "WrongChain",
    "WrongCode",
    "WrongPassphrase",
    "WrongPassword",
]
