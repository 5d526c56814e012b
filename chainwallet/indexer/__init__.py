"""The indexer: takes in what the chain says, block by verified block, and takes back what a reorg removed.

A header's hash and its link to the block before are checked; a block whose bloom filter excludes our contracts needs no
more. Of every other one all receipts are read, their root is rebuilt and compared with the header, and only then its
events become facts: facts, balances and cursor in one transaction. The indexer never changes a promise.

``reading`` asks for blocks and verifies them; ``loop`` decides what to read or take back, and writes.
"""

from chainwallet.indexer.loop import Indexer, Overtaken, Progress, StoodStill, TookIn, WentBack
from chainwallet.indexer.reading import Source

__all__ = ["Indexer", "Overtaken", "Progress", "Source", "StoodStill", "TookIn", "WentBack"]
