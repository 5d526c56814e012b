"""What a payer asks for, checked as far as that needs neither database nor chain."""

from dataclasses import dataclass

from chainwallet.errors import BadValue
from chainwallet.evm import ZERO_ADDRESS, Address, Hash32, checksum, keccak256
from chainwallet.rules.cash import Cash
from chainwallet.rules.money import Money

MAX_MEMO_CHARS = 280
MAX_ID_CHARS = 100


@dataclass(frozen=True)
class Order:
    """What the payer asks for. ``id`` is the client's idempotency key; the memo never leaves the database."""

    id: str
    payer: Address
    payee: Address
    amount: Money
    memo: str | None

    def checked(self, cash: Cash) -> "Order":
        """This order; raises ``BadValue`` for what no payment on ``cash`` can be."""
        if not 0 < len(self.id) <= MAX_ID_CHARS:
            raise BadValue("id", self.id, f"1 to {MAX_ID_CHARS} characters")
        if self.amount.amount_minor <= 0:
            raise BadValue("amount", str(self.amount), f"more than 0 {self.amount.currency}")
        if self.amount.currency != cash.currency:
            raise BadValue("amount", str(self.amount), f"an amount in {cash.currency}")
        if self.payee in (ZERO_ADDRESS, cash.address):
            raise BadValue("payee", checksum(self.payee), "an account that can spend again")
        if self.payee == self.payer:
            raise BadValue("payee", checksum(self.payee), "somebody else than the payer")
        if self.memo is not None and len(self.memo) > MAX_MEMO_CHARS:
            raise BadValue("memo", f"{len(self.memo)} characters", f"at most {MAX_MEMO_CHARS} characters")
        for field, text in (("id", self.id), ("memo", self.memo or "")):
            if any("\ud800" <= char <= "\udfff" for char in text):
                raise BadValue(field, text, "a text that UTF-8 can write")
            if "\0" in text:  # PostgreSQL cannot store it
                raise BadValue(field, text, "a text without the character NUL")
        return self

    @property
    def content_hash(self) -> Hash32:
        """Stands for payee, amount and memo: the same id with another hash is another payment."""
        parts = (checksum(self.payee), str(self.amount), self.memo or "")
        return keccak256(b"".join(len(part.encode()).to_bytes(4, "big") + part.encode() for part in parts))
