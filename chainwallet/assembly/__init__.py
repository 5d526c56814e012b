"""Puts everything together: builds what a verb works with, as the settings say.

The only room that sees all others, and the only one that makes edges: nodes, databases, keys, local chains.
``opening`` opens a home; ``connecting`` puts an open home to work on a chain; ``books`` reads without one;
``paying`` makes what takes payments for the service, and ``sharing`` what its people share; ``fresh`` makes chains
that nobody has used; ``commands`` are those of our own other processes.
"""

from chainwallet.assembly.books import Books, books, reading_node
from chainwallet.assembly.commands import own_command, supervisor_command
from chainwallet.assembly.connecting import Connection, connect
from chainwallet.assembly.fresh import demo_tools, throwaway_chain
from chainwallet.assembly.opening import (
    SENDERS,
    SERVICES,
    OpenHome,
    Rotation,
    carriers,
    make_services,
    now_s,
    open_home,
)
from chainwallet.assembly.paying import gatherer, office, requests, teller
from chainwallet.assembly.sharing import bills, clearings, groups

__all__ = [
    "SENDERS",
    "SERVICES",
    "Books",
    "Connection",
    "OpenHome",
    "Rotation",
    "bills",
    "books",
    "carriers",
    "clearings",
    "connect",
    "demo_tools",
    "gatherer",
    "groups",
    "make_services",
    "now_s",
    "office",
    "open_home",
    "own_command",
    "reading_node",
    "requests",
    "supervisor_command",
    "teller",
    "throwaway_chain",
]
