"""A plan: what everyone of a group pays or receives so that the group is even, in one atomic settlement.

The token's ``settle`` executes a plan as it is: debits and credits, each person at most once and on one side only.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from chainwallet.errors import BadValue
from chainwallet.rules.money import Currency, Money

MAX_LEGS = 256  # Cash.settle: at most 256 legs


@dataclass(frozen=True, order=True)
class PlanLeg:
    """``person`` pays (a debit) or receives (a credit) ``amount_minor``, always above 0."""

    person: str
    amount_minor: int


@dataclass(frozen=True)
class Plan:
    """Debits and credits in minor units of ``currency``, each side sorted by person; without legs when all is even.

    Raises ``BadValue``: ``people`` for more than ``MAX_LEGS`` legs, or for a side that is not sorted or a person who
    comes twice; ``debits.<person>`` or ``credits.<person>`` for an amount not above 0; ``credits`` for sides whose
    sums differ.
    """

    currency: Currency
    debits: tuple[PlanLeg, ...]
    credits: tuple[PlanLeg, ...]

    def __post_init__(self) -> None:
        legs = len(self.debits) + len(self.credits)
        if legs > MAX_LEGS:
            raise BadValue("people", legs, f"at most {MAX_LEGS} people with an open amount in one settlement")
        for side, side_legs in (("debits", self.debits), ("credits", self.credits)):
            people = [leg.person for leg in side_legs]
            if people != sorted(set(people)):
                raise BadValue("people", people, f"{side} sorted by person, each person once")
            for leg in side_legs:
                if leg.amount_minor <= 0:
                    raise BadValue(f"{side}.{leg.person}", leg.amount_minor, "an amount above 0")
        on_both = sorted({leg.person for leg in self.debits} & {leg.person for leg in self.credits})
        if on_both:
            raise BadValue("people", on_both, "each person on one side only")
        debited, credited = (sum(leg.amount_minor for leg in side) for side in (self.debits, self.credits))
        if debited != credited:
            raise BadValue("credits", str(Money(credited, self.currency)), f"{self.total}, the sum of the debits")

    @property
    def is_even(self) -> bool:
        """Nobody has anything to pay."""
        return not self.debits

    @property
    def total(self) -> Money:
        """The money that the plan moves: the sum of its debits."""
        return Money(sum(leg.amount_minor for leg in self.debits), self.currency)


def plan_of(nets_minor: Mapping[str, int], currency: Currency) -> Plan:
    """The plan that takes everyone from their net to zero; the order of ``nets_minor`` has no influence.

    ``nets_minor`` holds minor units of ``currency``: who has a negative net pays it, who has a positive net receives
    it, and who has zero is not in the plan. Raises ``BadValue`` for nets that do not sum to zero (``nets``) and for
    more than ``MAX_LEGS`` people with a net other than zero (``people``).
    """
    if sum(nets_minor.values()) != 0:
        raise BadValue("nets", str(Money(sum(nets_minor.values()), currency)), "a sum of 0")
    legs = [(person, nets_minor[person]) for person in sorted(nets_minor)]
    return Plan(
        currency,
        debits=tuple(PlanLeg(person, -net) for person, net in legs if net < 0),
        credits=tuple(PlanLeg(person, net) for person, net in legs if net > 0),
    )
