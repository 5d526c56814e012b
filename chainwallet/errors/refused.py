"""What is wrong with what was asked for."""

from dataclasses import dataclass

from chainwallet.errors.kinds import Refused


@dataclass(eq=False)
class BadValue(Refused):
    """``field`` holds ``value`` where ``expected`` is required."""

    field: str
    value: object
    expected: str

    def __str__(self) -> str:
        return f"{self.field}: got {self.value!r}, expected {self.expected}"


@dataclass(eq=False)
class BadRow(Refused):
    """A row of an imported file does not read: ``row`` counts lines from 1, ``field`` is the column's heading."""

    source: str
    row: int
    field: str
    value: str
    expected: str

    def __str__(self) -> str:
        return f"{self.source}, row {self.row}, {self.field}: got {self.value!r}, expected {self.expected}"


@dataclass(eq=False)
class UnknownCurrency(Refused):
    """``code`` is not an ISO 4217 alphabetic code of a currency with minor units."""

    code: str

    def __str__(self) -> str:
        return f"currency: got {self.code!r}, expected an ISO 4217 code of a currency with minor units, such as EUR"


@dataclass(eq=False)
class CurrencyMismatch(Refused):
    """Two currencies met in one sum or comparison."""

    left: str
    right: str

    def __str__(self) -> str:
        return f"currency: cannot mix {self.left} and {self.right}"


@dataclass(eq=False)
class TooPrecise(Refused):
    """``value`` of ``field`` has more than ``decimals`` decimals."""

    field: str
    value: str
    currency: str
    decimals: int

    def __str__(self) -> str:
        return f"{self.field}: got {self.value!r}, expected at most {self.decimals} decimals for {self.currency}"


@dataclass(eq=False)
class InsufficientFunds(Refused):
    """``who`` has ``available`` where ``required`` is needed (both as decimal strings with their currency)."""

    who: str
    available: str
    required: str

    def __str__(self) -> str:
        return f"amount: {self.who} has {self.available} available, required {self.required}"


@dataclass(eq=False)
class QuotaExceeded(Refused):
    """``issuer`` may make ``available`` now where ``required`` is asked for (decimal strings with their currency).

    The quota fills up again by ``refill`` a day, up to ``capacity``.
    """

    issuer: str
    available: str
    required: str
    capacity: str
    refill: str

    def __str__(self) -> str:
        return (
            f"amount: the issuer {self.issuer} may make {self.available} now, required {self.required}; its quota of "
            f"{self.capacity} fills up again by {self.refill} a day"
        )


@dataclass(eq=False)
class FeeAboveCap(Refused):
    """The chain asks ``asked_wei`` for each unit of gas where ``cap_wei`` is the most that may be offered."""

    asked_wei: int
    cap_wei: int

    def __str__(self) -> str:
        return f"fee above your cap: the chain asks {_gwei(self.asked_wei)}, your cap is {_gwei(self.cap_wei)}"


@dataclass(eq=False)
class Expired(Refused):
    """``what`` was good until ``valid_before`` (seconds since 1970); it is ``now_s``."""

    what: str
    valid_before: int
    now_s: int

    def __str__(self) -> str:
        return f"{self.what}: expired at {self.valid_before}, it is {self.now_s}"


@dataclass(eq=False)
class TooLate(Refused):
    """``what`` can no longer be changed, for ``reason``."""

    what: str
    reason: str

    def __str__(self) -> str:
        return f"{self.what}: too late, {self.reason}"


@dataclass(eq=False)
class NotPaid(Refused):
    """The payment ``id`` ended without being paid, as the chain proves: ``reason`` says how."""

    id: str
    reason: str

    def __str__(self) -> str:
        return f"payment {self.id}: {self.reason}"


@dataclass(eq=False)
class Recovering(Refused):
    """The chain ``knows`` what this database does not, as after a loss or an old backup.

    Nothing is signed until a final block is past ``until_s`` (chain time; it is ``now_s``), or all documents that may
    be under way are cancelled.
    """

    chain: str
    knows: str
    until_s: int
    now_s: int

    def __str__(self) -> str:
        wait_s = max(0, self.until_s - self.now_s)
        return (
            f"recovery on chain {self.chain}: {self.knows}; nothing is signed for another {wait_s} s of chain time, "
            "because documents that this database has forgotten may be under way (`chainwallet relayer recover` "
            "cancels them)"
        )


@dataclass(eq=False)
class WrongPassphrase(Refused):
    """The passphrase does not open ``what``."""

    what: str

    def __str__(self) -> str:
        return f"passphrase: does not open {self.what}"


@dataclass(eq=False)
class BadSignature(Refused):
    """The signature was made by ``recovered`` (or by nobody) where ``expected`` must sign."""

    expected: str
    recovered: str

    def __str__(self) -> str:
        return f"signature: made by {self.recovered}, expected {self.expected}"


@dataclass(eq=False)
class NotFound(Refused):
    """There is no ``kind`` called ``name``; ``hint`` says what there is or how to make one."""

    kind: str
    name: str
    hint: str

    def __str__(self) -> str:
        return f"{self.kind}: no {self.name!r} here; {self.hint}"


@dataclass(eq=False)
class AlreadyExists(Refused):
    """There is a ``kind`` called ``name`` already."""

    kind: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind}: {self.name!r} exists already"


@dataclass(eq=False)
class KeyReused(Refused):
    """The idempotency key ``value`` came before, with another request."""

    field: str
    value: str

    def __str__(self) -> str:
        return f"{self.field}: {self.value!r} came before with another request, expected a new key for a new request"


@dataclass(eq=False)
class TooMany(Refused):
    """More of ``what`` than the rate ``limit`` allows; there is room again in ``wait_s`` seconds."""

    what: str
    limit: str
    wait_s: int

    def __str__(self) -> str:
        return f"too many {self.what}: the limit is {self.limit}; wait {self.wait_s} s"


def _gwei(wei: int) -> str:
    whole, part = divmod(wei, 10**9)
    return f"{whole}.{part:09d}".rstrip("0").rstrip(".") + " gwei"
