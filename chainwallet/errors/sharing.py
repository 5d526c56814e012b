"""What groups and bills refuse."""

from dataclasses import dataclass

from chainwallet.errors.kinds import Refused


@dataclass(eq=False)
class StaleVersion(Refused):
    """The ``bill`` is at version ``current`` where ``given`` was named."""

    bill: str
    given: int
    current: int

    def __str__(self) -> str:
        return f"version: got {self.given}, the bill {self.bill} is at version {self.current}; look at that first"


@dataclass(eq=False)
class BillDisputed(Refused):
    """The ``bill`` is disputed by the members ``by``: it is paid and cleared only when that is resolved."""

    bill: str
    by: tuple[str, ...]

    def __str__(self) -> str:
        return f"bill {self.bill}: disputed by {', '.join(self.by)} until it is amended, withdrawn or accepted"


@dataclass(eq=False)
class BillLocked(Refused):
    """Debts of the ``bill`` are in a plan (``locked``) or a payment (``paying``) under way; ``what`` was asked for."""

    bill: str
    what: str
    why: str

    def __str__(self) -> str:
        under_way = "a payment" if self.why == "paying" else "a plan"
        return f"bill {self.bill}: cannot be {self.what} while {under_way} with its debts is under way"


@dataclass(eq=False)
class BillSettled(Refused):
    """Debts of the ``bill`` are paid or cleared; ``what`` was asked for. Settled is never undone by an edit."""

    bill: str
    what: str

    def __str__(self) -> str:
        return f"bill {self.bill}: cannot be {self.what}, debts of it are settled; make a reversal bill"


@dataclass(eq=False)
class MustStay(Refused):
    """``who`` cannot leave the group ``group`` (its name) yet, for ``reason``."""

    who: str
    group: str
    reason: str

    def __str__(self) -> str:
        return f"{self.who} cannot leave {self.group!r} yet: {self.reason}"
