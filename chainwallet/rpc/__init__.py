"""The only JSON-RPC and web3: a node's answers as this package's nouns, bounded in time and attempts.

``Node`` asks; ``answers`` is the one table that says what a node means; ``wire`` moves JSON; ``shapes`` reads it.
"""

from chainwallet.rpc.answers import SendAnswer, Sent
from chainwallet.rpc.blocks import Blocks, Receipts
from chainwallet.rpc.node import BlockTag, Fees, Node

__all__ = ["BlockTag", "Blocks", "Fees", "Node", "Receipts", "SendAnswer", "Sent"]
