"""Who asks may not do this, or not now."""

from dataclasses import dataclass

from chainwallet.errors.kinds import Refused


class NotAllowed(Refused):
    """Who asks may not do this, or not now."""


@dataclass(eq=False)
class NotSignedIn(NotAllowed):
    """Nobody is signed in by what was given, for ``reason``."""

    reason: str

    def __str__(self) -> str:
        return f"not signed in: {self.reason}"


@dataclass(eq=False)
class WrongPassword(NotAllowed):
    """There is no account ``handle`` with this password; which of the two is wrong is not said."""

    handle: str

    def __str__(self) -> str:
        return f"sign-in: there is no account {self.handle} with this password"


@dataclass(eq=False)
class Forbidden(NotAllowed):
    """``who`` is signed in and may not do what needs ``needed``, a scope or a kind of sign-in."""

    who: str
    needed: str

    def __str__(self) -> str:
        return f"not allowed: {self.who} has no {self.needed}"


@dataclass(eq=False)
class TooManyTries(NotAllowed):
    """``what`` was tried too often; it may be tried again after ``retry_after_s`` seconds."""

    what: str
    retry_after_s: int

    def __str__(self) -> str:
        return f"{self.what}: tried too often; try again in {self.retry_after_s} s"


@dataclass(eq=False)
class ClosedToStrangers(NotAllowed):
    """``handle`` had ``tries`` wrong passwords in a row: it is open only to where its owner signed in before."""

    handle: str
    tries: int

    def __str__(self) -> str:
        return (
            f"sign-in: {self.handle} had {self.tries} wrong passwords in a row; sign in from where you did so before, "
            "with a session you had, or ask the operator"
        )
