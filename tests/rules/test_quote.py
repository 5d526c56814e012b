"""What a payment costs before it is made: exact, never less than it is, and never money that nobody takes."""

from chainwallet.rules.fees import Market
from chainwallet.rules.money import Money, currency_of
from chainwallet.rules.packing import PAY_GAS, WIDE_ITEM_GAS, WINDOW_ITEM_GAS
from chainwallet.rules.quote import Carried, Quote, relayer_cost

MARKET = Market(base_fee_wei=100, tips_wei=(0, 7))
EUR = currency_of("EUR")


def test_before_anything_was_carried_the_limit_is_told() -> None:
    """Without a batch to measure, a quote tells the most that a payment alone may use, and says so."""
    cost = relayer_cost(MARKET, None)
    assert (cost.basis, cost.gas, cost.gas_at_most) == ("limit", PAY_GAS + WINDOW_ITEM_GAS, PAY_GAS + WIDE_ITEM_GAS)
    assert cost.cost_wei == (PAY_GAS + WINDOW_ITEM_GAS) * 107


def test_what_was_carried_is_shared_and_rounded_up() -> None:
    """One payment's share of what the latest batches used is rounded up, never down."""
    cost = relayer_cost(MARKET, Carried(gas=100_001, payments=4))
    assert (cost.basis, cost.gas, cost.cost_wei) == ("measured", 25_001, 25_001 * 107)


def test_the_payer_pays_amount_and_service_fee_and_no_gas() -> None:
    """What leaves the payer's account is the amount and the service fee."""
    quote = Quote(Money(1234, EUR), Money(5, EUR), relayer_cost(MARKET, None), 60)
    assert quote.total == Money(1239, EUR)
