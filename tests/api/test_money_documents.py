"""Amounts as documents: decimal texts with a currency, and nothing else."""

import json
from collections.abc import Iterator

import pytest

from chainwallet.api.app import make_app
from chainwallet.api.parts import Parts
from chainwallet.api.routing import Router
from chainwallet.api.schemas.money import Amount, ShownAmount
from chainwallet.rules.money import currency_of
from tests.api.service import Asking

EUR, JPY = currency_of("EUR"), currency_of("JPY")
router = Router(tags=["tests"])


@router.post("/amounts")
async def amounts(amount: Amount) -> ShownAmount:
    return ShownAmount.of(amount.money())


@pytest.fixture
def asking(parts: Parts) -> Iterator[Asking]:
    with Asking(make_app(parts, routers=(router,))) as client:
        yield client


@pytest.mark.parametrize(
    ("amount", "currency", "shown"),
    [("12.40", "EUR", "12.40"), ("12.4", "EUR", "12.40"), ("0.01", "EUR", "0.01"), ("7", "JPY", "7")],
)
def test_an_amount_comes_back_as_it_is(asking: Asking, amount: str, currency: str, shown: str) -> None:
    """A plain decimal text with at most the currency's decimals is an amount."""
    answer = asking.post("/amounts", json={"amount": amount, "currency": currency})
    assert (answer.status_code, answer.json()) == (200, {"amount": shown, "currency": currency})


@pytest.mark.parametrize(
    "amount",
    ['"1e3"', '"-0"', '"-1"', '"+1"', '"0"', '"0.00"', '"01"', '".5"', '"1."', '"1,5"', '"NaN"', '"\\u0663"', '" 1"',
     '"1\\n"', '"' + "9" * 40 + '"', '"' + "9" * 60_000 + '"', '""', "12.4", "12", "true", "null", '["1"]'],
    ids=lambda text: text[:12],
)  # fmt: skip
def test_what_is_no_amount_is_refused(asking: Asking, amount: str) -> None:
    """Exponents, signs, nothing, numbers instead of texts and what is too long are refused, and the field is named."""
    body = f'{{"amount": {amount}, "currency": "EUR"}}'
    answer = asking.post("/amounts", content=body, headers={"Content-Type": "application/json"})
    told = answer.json()
    assert (answer.status_code, told["type"], told["field"]) == (422, "/problems/invalid-request", "amount")


@pytest.mark.parametrize("number", ["9007199254740993", "1" + "0" * 400])
def test_a_number_that_readers_round_is_refused(asking: Asking, number: str) -> None:
    """A JSON number beyond 2^53 is refused wherever it stands, because programs read it differently."""
    body = f'{{"amount": {number}, "currency": "EUR"}}'
    answer = asking.post("/amounts", content=body, headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.json()["type"]) == (400, "/problems/broken-json")


@pytest.mark.parametrize(
    ("amount", "currency", "kind"),
    [
        ("0.0000001", "EUR", "too-precise"),
        ("0.001", "EUR", "too-precise"),
        ("0.5", "JPY", "too-precise"),
        ("9" * 30, "EUR", "invalid-value"),
        ("1", "XAU", "unknown-currency"),
        ("1", "QQQ", "unknown-currency"),
    ],
)
def test_amounts_that_there_cannot_be_are_refused(asking: Asking, amount: str, currency: str, kind: str) -> None:
    """More decimals than the currency has, more than a token can hold, and unknown currencies are told apart."""
    answer = asking.post("/amounts", json={"amount": amount, "currency": currency})
    assert (answer.status_code, answer.json()["type"]) == (422, f"/problems/{kind}")


def test_parts_of_the_smallest_unit_are_shown() -> None:
    """What foreign wallets moved in parts of a cent is shown with all 6 decimals, and never rounded."""
    told = [json.loads(ShownAmount.of_units(units, EUR).model_dump_json()) for units in (12_400_000, 1, -5)]
    assert [one["amount"] for one in told] == ["12.40", "0.000001", "-0.000005"]
