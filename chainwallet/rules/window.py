"""Nonces of documents as ``ICash`` keeps them, and the fate of one: free, used by a fact, or dead by a fact.

A nonce below 2^56 is a window nonce: good while ``base <= nonce`` and its bit in the 64-wide window is clear. Using one
that is 64 or more above the base slides the window. All others are wide: each is used at most once, in any order.
"""

from dataclasses import dataclass

from chainwallet.evm import keccak256
from chainwallet.rules.fact import Fact

WIDTH = 64  # AccountWord.WINDOW_WIDTH
MAX_SLIDE = 1_024  # AccountWord.MAX_SLIDE
NONCE_END = 2**56  # AccountWord.WINDOW_NONCE_END: nonces below are window nonces
WIDE_END = 2**256
TAG = int.from_bytes(keccak256(b"chainwallet.window-nonce"), "big") >> 56  # Ledger.WINDOW_NONCE_TAG


@dataclass(frozen=True)
class Window:
    """An account's window: bit i of ``bits`` is set when nonce ``base + i`` was used or cancelled one by one."""

    base: int = 0
    bits: int = 0

    def is_good(self, nonce: int) -> bool:
        """Whether a document with this window nonce could be executed now, as far as the nonce goes."""
        return self.after_use(nonce) is not None

    def after_use(self, nonce: int) -> "Window | None":
        """The window after ``nonce`` was used; None where the contract would refuse it."""
        offset = nonce - self.base
        if offset < 0 or nonce >= NONCE_END:
            return None
        if offset < WIDTH:
            return None if self.bits >> offset & 1 else Window(self.base, self.bits | 1 << offset)
        slide = offset - (WIDTH - 1)
        if slide > MAX_SLIDE:
            return None
        return Window(self.base + slide, self.bits >> slide | 1 << (WIDTH - 1))

    def after_cancel(self, up_to: int) -> "Window | None":
        """The window after all nonces below ``up_to`` were cancelled; None where the contract refuses or ignores it."""
        step = up_to - self.base
        if not 0 < step <= MAX_SLIDE or up_to >= NONCE_END:
            return None
        return Window(up_to, self.bits >> step)


def is_window(nonce: int) -> bool:
    """Whether ``nonce`` is a window nonce."""
    return nonce < NONCE_END


def is_tagged(nonce: int) -> bool:
    """Whether a wide number names a window nonce in ERC-3009; no document of ours may have such a nonce."""
    return nonce >> 56 == TAG


def of_authorization(number: int) -> int | None:
    """The nonce of our documents that an ERC-3009 number uses up: a tagged one its window nonce, another itself.

    None for an untagged number below 2^56: ERC-3009 keeps it apart from the window nonce of the same number.
    """
    if is_tagged(number):
        return number & (NONCE_END - 1)
    return number if number >= NONCE_END else None


def dies_by_use_of(nonce: int) -> int:
    """The lowest window nonce whose use kills an unused window ``nonce``."""
    return nonce + WIDTH


# ------------------------------------------------------------------------------------------------ the fate of a nonce


@dataclass(frozen=True)
class Free:
    """Nothing on the chain used or killed the nonce: a document with it may be executed, now or later."""


@dataclass(frozen=True)
class Used:
    """``by`` used the nonce: ``Paid``, ``Consented`` or ``AuthorizationUsed``; or ``AuthorizationCanceled``."""

    by: Fact


@dataclass(frozen=True)
class Dead:
    """``by`` killed the unused nonce: ``NoncesCanceled``, or the use of a nonce that slid the window past it."""

    by: Fact


NonceFate = Free | Used | Dead
