"""What ``Cash`` promises, as dictionaries: written from ``ICash``, without a line of the product's rules."""

import copy
from collections.abc import Sequence
from dataclasses import dataclass, field

WIDTH, MAX_SLIDE, WINDOW_END = 64, 1_024, 2**56  # ICash
EXPIRED, UNAVAILABLE, PAYER_FROZEN, PAYEE_FROZEN, SHORT, UNSIGNED = 1, 2, 4, 5, 6, 7  # ICash.SkipReason
PAID = 0


@dataclass(frozen=True)
class Item:
    """A payment as it is delivered; ``is_signed`` says whether the payer signed exactly this."""

    payer: str
    payee: str
    value: int
    nonce: int
    valid_before: int
    is_signed: bool


@dataclass
class Account:
    """One account."""

    balance: int
    base: int = 0
    used: set[int] = field(default_factory=set)
    is_frozen: bool = False

    def is_good(self, nonce: int) -> bool:
        """Whether a document with this nonce can be carried out."""
        is_near = nonce >= WINDOW_END or self.base <= nonce <= self.base + WIDTH - 1 + MAX_SLIDE
        return is_near and nonce not in self.used

    def use(self, nonce: int) -> None:
        """The nonce is used up, by a payment, a consent or a cancel; the window follows the highest."""
        self.used.add(nonce)
        if nonce < WINDOW_END:
            self.base = max(self.base, nonce - (WIDTH - 1))

    @property
    def window(self) -> int:
        """A bit for each used nonce of the window."""
        return sum(1 << at for at in range(WIDTH) if self.base + at in self.used)


@dataclass
class Ledger:
    """The whole ledger."""

    accounts: dict[str, Account]
    is_paused: bool = False
    bank_refs: set[int] = field(default_factory=set)

    def copy(self) -> "Ledger":
        """The same state, which changes on its own."""
        return copy.deepcopy(self)

    def pay(self, items: Sequence[Item], time_s: int) -> list[int] | None:
        """What becomes of each item: ``PAID`` or a reason; None where the whole call reverts."""
        return None if self.is_paused else [self._pay_one(item, time_s) for item in items]

    def _pay_one(self, item: Item, time_s: int) -> int:
        payer, payee = self.accounts[item.payer], self.accounts[item.payee]
        reasons = (
            (time_s >= item.valid_before, EXPIRED),
            (not payer.is_good(item.nonce), UNAVAILABLE),
            (payer.is_frozen, PAYER_FROZEN),
            (payee.is_frozen, PAYEE_FROZEN),
            (item.value > payer.balance, SHORT),
            (not item.is_signed, UNSIGNED),
        )
        reason = next((reason for holds, reason in reasons if holds), PAID)
        if reason == PAID:
            payer.use(item.nonce)
            payer.balance -= item.value
            payee.balance += item.value
        return reason

    def settle(self, debits: dict[str, tuple[int, int]], credits_: dict[str, int], valid_before: int, now: int) -> bool:
        """Carries out all legs or none; each debit is an amount and a nonce. Whether it did."""
        parties = [self.accounts[name] for name in (*debits, *credits_)]
        is_possible = (
            not self.is_paused
            and now < valid_before
            and not any(party.is_frozen for party in parties)
            and all(self.accounts[name].is_good(nonce) for name, (_, nonce) in debits.items())
            and all(self.accounts[name].balance >= amount for name, (amount, _) in debits.items())
        )
        if is_possible:
            for name, (amount, nonce) in debits.items():
                self.accounts[name].use(nonce)
                self.accounts[name].balance -= amount
            for name, amount in credits_.items():
                self.accounts[name].balance += amount
        return is_possible

    def cancel(self, name: str, nonce: int) -> bool:
        """One nonce is used up without a payment; whether it could be. A pause or a freeze keeps nobody from it."""
        account = self.accounts[name]
        is_possible = account.is_good(nonce)
        if is_possible:
            account.use(nonce)
        return is_possible

    def cancel_below(self, name: str, up_to: int) -> bool:
        """Every window nonce below ``up_to`` is dead, as it may be already; whether that is one step."""
        account = self.accounts[name]
        is_possible = up_to - account.base <= MAX_SLIDE
        if is_possible:
            account.base = max(account.base, up_to)
        return is_possible

    def mint(self, name: str, value: int, bank_ref: int) -> bool:
        """Money comes in, once for each bank reference; whether it did."""
        is_possible = not self.is_paused and not self.accounts[name].is_frozen and bank_ref not in self.bank_refs
        if is_possible:
            self.bank_refs.add(bank_ref)
            self.accounts[name].balance += value
        return is_possible
