"""The only JSON-RPC and web3: a node's answers as this package's nouns, bounded in time and attempts.

``Node`` asks; ``answers`` is the one table that says what a node means; ``wire`` moves JSON; ``shapes`` reads it.
"""

from chainwallet.rpc.answers import ReadAnswer, SendAnswer, Sent, meaning_of_read
from chainwallet.rpc.blocks import Blocks, Receipts
from chainwallet.rpc.node import BlockTag, Fees, Node
from chainwallet.rpc.wire import Answer, Call, Failure, Garbled, NoAnswer, Result

__all__ = [
    "Answer",
    "BlockTag",
    "Blocks",
    "Call",
    "Failure",
    "Fees",
    "Garbled",
    "NoAnswer",
    "Node",
    "ReadAnswer",
    "Receipts",
    "Result",
    "SendAnswer",
    "Sent",
    "meaning_of_read",
]
