"""Recovery: where the chain knows more than the database, it was lost, or an old backup was restored.

Then documents may be under way that nobody here knows, and a payment asked for again could be signed a second time
under another nonce. So nothing is signed until each of those documents is dead: waited out, or cancelled. What was
carried out meanwhile is found by its reference when its id is asked for again.
"""

from chainwallet.config import LONGEST_LIFETIME_S
from chainwallet.errors import Recovering
from chainwallet.evm import Address, Block, BlockNumber, checksum
from chainwallet.relayer.tools import Tools
from chainwallet.store import evidence, following, recoveries, submissions
from chainwallet.store.database import Transaction


class Recovery:
    """Looks for what the chain knows and the database does not, and waits until that can do no harm."""

    def __init__(self, tools: Tools) -> None:
        self._tools = tools
        self._counted_at: Block | None = None
        self._looked_up_to: dict[str, int] = {}

    def look(self, head: Block) -> int:
        """Notes what is unknown here, and ends what is over; how much changed."""
        changed = self._senders(head) + self._payers(head)
        with self._tools.database.read() as tx:
            found = recoveries.open_ones(tx, self._tools.chain.key)
        return changed + (self._end(found, head) if found else 0)

    def blocks(self) -> Recovering | None:
        """Why nothing is signed on this chain now; None where something may be."""
        with self._tools.database.read() as tx:
            return recoveries.blocked(tx, self._tools.chain.key, None, self._final_time_s(tx))

    # ------------------------------------------------------------------------------------------------ what is unknown

    def _senders(self, head: Block) -> int:
        """A sender of ours with more transactions than were ever signed here."""
        if self._counted_at == head:
            return 0
        tools = self._tools
        own = sorted(tools.own & tools.senders.keys())
        counts = tools.node.transaction_counts(own, "pending") if own else ()
        changed = 0
        for sender, count in zip(own, counts, strict=True):
            with tools.database.read() as tx:
                stored = submissions.highest_nonce(tx, tools.chain.key, sender)
                known = recoveries.known_count(tx, tools.chain.key, sender)
            most = max(0 if stored is None else stored + 1, known)
            if count > most:
                why = f"{checksum(sender)} has sent {count} transactions, of which at most {most} are known here"
                changed += self._begin(sender, why, head, count)
        self._counted_at = head
        return changed

    def _payers(self, head: Block) -> int:
        """A payer of ours with documents on the chain that were not promised here."""
        tools = self._tools
        with tools.database.read() as tx:
            tokens = {token: cursor.next - 1 for token, cursor in following.followed(tx, tools.chain.key).items()}
        changed = 0
        for token, number in tokens.items():
            looked = self._looked_up_to.get(token, -1)
            if looked >= number:
                continue
            with tools.database.read() as tx:
                unknown = evidence.unknown_documents(tx, token, tools.managed(), looked)
                news = {
                    payer: block
                    for payer, block in unknown.items()
                    if block > recoveries.known_block(tx, tools.chain.key, payer)
                }
            for payer, block in news.items():
                why = f"block {block} carried out a document of {checksum(payer)} that was not promised here"
                changed += self._begin(payer, why, head, 0)
            self._looked_up_to[token] = number
        return changed

    def _begin(self, account: Address, why: str, head: Block, count: int) -> bool:
        now_s = self._tools.now_s()
        until_s = max(head.timestamp_s, now_s) + LONGEST_LIFETIME_S
        with self._tools.database.transaction() as tx:
            return recoveries.begin(tx, self._tools.chain.key, account, why, head.number, until_s, count, now_s)

    # ------------------------------------------------------------------------------------------------ what is over

    def _end(self, found: tuple[recoveries.Recovery, ...], head: Block) -> int:
        tools = self._tools
        with tools.database.read() as tx:
            final_s = self._final_time_s(tx)
        over = [one for one in found if final_s >= one.until_s]
        if over:
            end(tools, over, "waited out", head.number)
        return len(over)

    def _final_time_s(self, tx: Transaction) -> int:
        """The time of the last final block: by the facts of all followed tokens, or by the node where none is."""
        tools = self._tools
        horizons = [
            evidence.horizon(tx, token, tools.confirmations) for token in following.followed(tx, tools.chain.key)
        ]
        if horizons:
            return min(0 if one is None else one.final_timestamp_s for one in horizons)
        deep = tools.node.block_number() - tools.confirmations + 1
        return tools.node.block(BlockNumber(deep)).timestamp_s if deep >= 0 else 0


def end(tools: Tools, over: list[recoveries.Recovery], by: str, block: int) -> None:
    """Ends recoveries: from now on what the chain has of those accounts is known."""
    accounts = [one.account for one in over]
    counts = tools.node.transaction_counts(accounts, "pending")
    with tools.database.transaction() as tx:
        for one, count in zip(over, counts, strict=True):
            recoveries.end(tx, one, by, block, count, tools.now_s())
