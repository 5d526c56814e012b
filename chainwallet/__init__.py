"""chainwallet: a wallet ledger whose money lives in smart contracts.

Importing this package does nothing: no settings are read, no connection or key is made. ``chainwallet.assembly`` builds
a running wallet from a ``Config``; ``chainwallet.cli`` holds the verbs for a person.
"""

__version__ = "0.1.0"
