"""A local chain: the native Anvil as a managed child, its state saved crash-safely and reloaded.

``RunningChain`` runs it within one process; ``up``, ``status`` and ``down`` keep a supervisor process that runs
``supervise``; ``open_chain`` takes whichever there is. Each gets the way to ask a node as ``connect``.
"""

from chainwallet.anvil.binary import find_anvil
from chainwallet.anvil.chain import OpenChain, RunningChain, draw_chain_id
from chainwallet.anvil.child import Connect, LocalNode
from chainwallet.anvil.directory import Identity, Purpose
from chainwallet.anvil.supervisor import (
    Died,
    Running,
    Starting,
    Status,
    Stopped,
    SupervisedChain,
    down,
    open_chain,
    status,
    supervise,
    up,
)

__all__ = [
    "Connect",
    "Died",
    "Identity",
    "LocalNode",
    "OpenChain",
    "Purpose",
    "Running",
    "RunningChain",
    "Starting",
    "Status",
    "Stopped",
    "SupervisedChain",
    "down",
    "draw_chain_id",
    "find_anvil",
    "open_chain",
    "status",
    "supervise",
    "up",
]
