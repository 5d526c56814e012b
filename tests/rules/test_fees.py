"""Fees: enough for the market, above the last attempt by what nodes ask, never above the cap."""

from hypothesis import given
from hypothesis import strategies as st

from chainwallet.errors import FeeAboveCap
from chainwallet.rules.fees import AboveCap, Fees, Market, bumped_fees, first_fees, gwei_text

WEI = st.integers(1, 10**13)
MARKETS = st.builds(Market, WEI, st.lists(st.integers(0, 10**11), max_size=10).map(tuple))


@given(MARKETS, WEI)
def test_a_first_attempt_is_good_for_the_next_block(market: Market, cap_wei: int) -> None:
    """A first attempt covers the next block's base fee and a tip, and stays under the cap; else the cap is too low."""
    fees = first_fees(market, cap_wei)
    if isinstance(fees, AboveCap):
        assert market.base_fee_wei + 1 > cap_wei
        assert fees.asked_wei > fees.cap_wei == cap_wei
        return
    assert market.base_fee_wei < fees.max_fee_per_gas_wei <= cap_wei
    assert 1 <= fees.max_priority_fee_per_gas_wei <= fees.max_fee_per_gas_wei


def test_the_middle_of_the_tips_that_were_paid() -> None:
    """The tip is the middle of those that were paid: empty blocks say nothing about it."""
    assert Market(100, (0, 0, 7, 0, 3, 9)).tip_wei == 7
    assert Market(100, (0, 0)).tip_wei == Market(100, ()).tip_wei == 1
    assert first_fees(Market(100, (7,)), 10**9) == Fees(207, 7)


@given(WEI, WEI, MARKETS, st.integers(1, 10**14))
def test_a_bump_is_an_eighth_above_the_last(fee: int, tip: int, market: Market, cap_wei: int) -> None:
    """Both fees of a bump are at least 12.5 % and one wei above the last attempt's, and never above the cap."""
    last = Fees(max(fee, tip), min(fee, tip))
    fees = bumped_fees(last, market, cap_wei)
    if isinstance(fees, AboveCap):
        assert last.max_fee_per_gas_wei * 9 > cap_wei * 8 or last.max_fee_per_gas_wei + 1 > cap_wei
        return
    assert fees.max_fee_per_gas_wei <= cap_wei
    assert fees.max_priority_fee_per_gas_wei <= fees.max_fee_per_gas_wei
    for new, old in zip(
        (fees.max_fee_per_gas_wei, fees.max_priority_fee_per_gas_wei),
        (last.max_fee_per_gas_wei, last.max_priority_fee_per_gas_wei),
        strict=True,
    ):
        assert new * 8 >= old * 9
        assert new > old


def test_a_bump_follows_the_market() -> None:
    """Where the market has risen by more than an eighth, a bump asks what the market asks."""
    assert bumped_fees(Fees(100, 10), Market(1_000, (50,)), 10**9) == Fees(2_050, 50)
    assert bumped_fees(Fees(100, 10), Market(1_000, (50,)), 900) == Fees(900, 50)


def test_a_cap_is_told_with_both_figures() -> None:
    """What is above the cap says what the chain asks and what the cap is, in gwei and exactly."""
    told = first_fees(Market(30_000_000_000, (1,)), 20_500_000_000)
    assert str(told) == "fee above your cap: the chain asks 30.000000001 gwei, your cap is 20.5 gwei"
    assert isinstance(told, AboveCap)
    assert str(FeeAboveCap(told.asked_wei, told.cap_wei)) == str(told)
    assert gwei_text(10**9) == "1 gwei"
