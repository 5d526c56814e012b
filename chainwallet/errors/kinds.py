"""The first level of the tree: whose fault it is, and whether trying again helps."""


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
