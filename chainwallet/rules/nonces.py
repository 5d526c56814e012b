"""Which nonce a new document gets, and which one a relayer's next transaction.

A payer's documents live in a window 64 wide: using a nonce 64 above an unused one kills it. So a window nonce is
handed out only where its use could kill no live document; otherwise the new document gets a wide nonce, which costs
one more storage slot and kills nothing.
"""

from dataclasses import dataclass

from chainwallet.evm import Hash32, keccak256
from chainwallet.rules.window import MAX_SLIDE, NONCE_END, WIDTH, is_tagged, is_window


@dataclass(frozen=True)
class PayerNonces:
    """What is known of a payer's window nonces on one token, by the facts and by what was promised.

    ``base`` is the window's, ``unused`` the lowest above all that the facts show used or cancelled, ``promised`` the
    highest ever promised here, ``live`` the lowest of a live document (None where there is none).
    """

    base: int
    unused: int
    promised: int | None
    live: int | None


def next_window_nonce(known: PayerNonces) -> int | None:
    """The payer's next window nonce; None where none can be handed out now.

    It is above all that were ever used or promised, no live document is 64 or more below it, and the contract would
    slide the window to it in one step.
    """
    nonce = known.unused if known.promised is None else max(known.unused, known.promised + 1)
    kills_a_live_one = known.live is not None and known.live <= nonce - WIDTH
    is_too_far = nonce - (known.base + WIDTH - 1) > MAX_SLIDE
    return None if kills_a_live_one or is_too_far or not is_window(nonce) else nonce


def wide_nonce(reference: Hash32) -> int:
    """The wide nonce of the promise that ``reference`` stands for; never one that ERC-3009 takes for a window nonce.

    It follows from the reference alone: a service that lost its database gives a repeated promise the same wide nonce
    again, so that the two documents can never both be carried out.
    """
    number = int.from_bytes(keccak256(b"chainwallet.wide-nonce" + reference), "big")
    while number < NONCE_END or is_tagged(number):
        number = int.from_bytes(keccak256(number.to_bytes(32, "big")), "big")
    return number


def can_be_renewed(nonce: int, known: PayerNonces) -> bool:
    """Whether a document with ``nonce`` may be made again: nothing promised since could kill it when it is used."""
    if not is_window(nonce):
        return True
    return nonce >= known.base and (known.promised is None or known.promised - WIDTH < nonce)


def next_lane_nonce(stored: int | None, on_chain: int, *, is_ours: bool) -> int:
    """The nonce for a sender's next transaction: above every stored one, and never one the chain has seen.

    ``stored`` is the highest nonce in stored signed bytes, ``on_chain`` the account's transaction count at the head,
    ``is_ours`` whether bytes with that very nonce are stored. Where they are not, somebody else had used it and a reorg
    took that back: it comes first, because all later ones wait for it. A signed nonce is never given to another
    transaction, whatever became of the first.
    """
    if stored is None or not is_ours:
        return on_chain
    return max(stored + 1, on_chain)
