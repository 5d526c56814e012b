"""What a transaction offers for its gas: enough for the next blocks, above the last attempt, never above the cap.

All fees are wei for each unit of gas (EIP-1559).
"""

from dataclasses import dataclass
from statistics import median_low

BASE_FEE_ROOM = 2  # six full blocks in a row, each raising the base fee by 1/8 (EIP-1559)
MIN_TIP_WEI = 1  # geth txpool pricelimit
MIN_REPLACEMENT = (9, 8)  # 12.5 %, the highest that a node asks (OpenEthereum); geth's txpool pricebump is 10 %
WEI_PER_GWEI = 10**9


@dataclass(frozen=True)
class Fees:
    """What one attempt offers."""

    max_fee_per_gas_wei: int
    max_priority_fee_per_gas_wei: int


@dataclass(frozen=True)
class Market:
    """What the chain asks: the next block's base fee, and the tips paid in the latest blocks."""

    base_fee_wei: int
    tips_wei: tuple[int, ...]

    @property
    def tip_wei(self) -> int:
        """The middle of the tips that were paid; 0 stands for a block without transactions."""
        paid = [tip for tip in self.tips_wei if tip > 0]
        return max(MIN_TIP_WEI, median_low(paid)) if paid else MIN_TIP_WEI


@dataclass(frozen=True)
class AboveCap:
    """The chain asks more than the cap allows."""

    asked_wei: int
    cap_wei: int

    def __str__(self) -> str:
        return f"fee above your cap: the chain asks {gwei_text(self.asked_wei)}, your cap is {gwei_text(self.cap_wei)}"


def first_fees(market: Market, cap_wei: int) -> Fees | AboveCap:
    """The fees of a first attempt: they stay acceptable while the base fee at most doubles, or up to the cap."""
    tip_wei = market.tip_wei
    if market.base_fee_wei + tip_wei > cap_wei:
        if market.base_fee_wei + MIN_TIP_WEI > cap_wei:
            return AboveCap(market.base_fee_wei + MIN_TIP_WEI, cap_wei)
        tip_wei = cap_wei - market.base_fee_wei
    return Fees(min(BASE_FEE_ROOM * market.base_fee_wei + tip_wei, cap_wei), tip_wei)


def bumped_fees(last: Fees, market: Market, cap_wei: int) -> Fees | AboveCap:
    """The fees of an attempt that takes the place of one with the fees ``last``: both at least an eighth higher.

    ``AboveCap`` where that does not fit under the cap: then the same bytes are sent again.
    """
    least_fee_wei, least_tip_wei = _replacing(last.max_fee_per_gas_wei), _replacing(last.max_priority_fee_per_gas_wei)
    if least_fee_wei > cap_wei:
        return AboveCap(least_fee_wei, cap_wei)
    tip_wei = max(least_tip_wei, market.tip_wei)
    fee_wei = min(max(least_fee_wei, BASE_FEE_ROOM * market.base_fee_wei + tip_wei), cap_wei)
    return Fees(fee_wei, min(tip_wei, fee_wei))


def _replacing(fee_wei: int) -> int:
    numerator, denominator = MIN_REPLACEMENT
    return max(-(-fee_wei * numerator // denominator), fee_wei + 1)


def gwei_text(wei: int) -> str:
    """``wei`` in gwei, exactly."""
    whole, part = divmod(wei, WEI_PER_GWEI)
    return f"{whole}.{part:09d}".rstrip("0").rstrip(".") + " gwei"
