"""The relayer: carries payments and other submissions to the chain, one step at a tick.

The signed bytes are stored before they are sent, so a crash between any two steps is continued by the next tick, here
or in another process. ``lanes`` says which senders this process may sign for, ``taking`` packs queued payments,
``signing`` simulates and signs, ``carrying`` sends, follows and bumps, ``judging`` says what the facts made of each
promise, ``burning`` queues what withdrawals have burned, ``recovery`` stops everything where the chain knows more than
the database. The facts themselves are the indexer's; the two meet in the store.
"""

from chainwallet.relayer.loop import Relayer
from chainwallet.relayer.tools import Tools

__all__ = ["Relayer", "Tools"]
