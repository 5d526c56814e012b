"""What a payment costs before it is made: the service's fee, and what carrying it costs the relayer, in wei.

Nothing is converted into money of a currency: no rate between the two is known here.
"""

from dataclasses import dataclass
from typing import Literal

from chainwallet.rules.fees import Market
from chainwallet.rules.money import Money
from chainwallet.rules.packing import pay_gas_limit

GOOD_FOR_S = 60  # about five blocks of 12 s: the base fee changes by at most 1/8 from each to the next (EIP-1559)


@dataclass(frozen=True)
class Carried:
    """What the latest final batches really used: ``gas`` in all, for ``payments`` in all."""

    gas: int
    payments: int


@dataclass(frozen=True)
class RelayerCost:
    """What carrying one payment costs the relayer, in units of gas and wei.

    ``gas`` is one payment's share of a batch, by ``basis``: ``measured`` on the latest final batches, or ``limit``
    where there are none, the most that a payment alone may use. ``gas_at_most`` is that limit.
    """

    gas: int
    gas_at_most: int
    basis: Literal["measured", "limit"]
    fee_per_gas_wei: int

    @property
    def cost_wei(self) -> int:
        """Of one payment at the fee that the chain asks now."""
        return self.gas * self.fee_per_gas_wei


@dataclass(frozen=True)
class Quote:
    """What ``amount`` costs its payer: ``service_fee`` on top, and nothing else; the relayer's cost is the service's.

    Good until ``good_until_s`` (seconds since 1970): the service fee does not change before, the relayer's cost may.
    """

    amount: Money
    service_fee: Money
    relayer: RelayerCost
    good_until_s: int

    @property
    def total(self) -> Money:
        """What leaves the payer's account."""
        return self.amount + self.service_fee


def relayer_cost(market: Market, carried: Carried | None) -> RelayerCost:
    """What carrying one payment costs now, by what was carried lately."""
    at_most = pay_gas_limit(1, is_wide=True)
    fee_wei = market.base_fee_wei + market.tip_wei
    if carried is None or carried.payments == 0:
        return RelayerCost(pay_gas_limit(1, is_wide=False), at_most, "limit", fee_wei)
    return RelayerCost(-(-carried.gas // carried.payments), at_most, "measured", fee_wei)
