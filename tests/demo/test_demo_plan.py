"""What the demo decides before anything is started."""

from fractions import Fraction

import pytest

from chainwallet.demo import jobs_of, ledger_root, top_up_amount, top_ups_of
from chainwallet.errors import BadValue
from chainwallet.formats.splitwise import GroupHistory, read_splitwise
from chainwallet.rules.money import MAX_TOKEN_UNITS, Currency, Money, amount_text, currency_of
from chainwallet.rules.plan import Plan, plan_of

EUR, JPY, KWD = map(currency_of, ("EUR", "JPY", "KWD"))
HEADER = "Date,Description,Category,Cost,Currency,Ana,Ben,Cem"
LUNCH = "2026-01-01,Lunch,Dining out,10.00,EUR,6.00,-6.00,0.00"
MOST = MAX_TOKEN_UNITS // 10_000  # cents of EUR


def group(*rows: str, header: str = HEADER) -> GroupHistory:
    return read_splitwise("\n".join((header, *rows)).encode(), "group.csv")


def plan(*nets_minor: int) -> Plan:
    return plan_of(dict(zip("ABCDEFGH", nets_minor, strict=False)), EUR)


@pytest.mark.parametrize(
    ("largest", "amount"), [(1, 1), (9, 9), (10, 10), (11, 20), (99, 100), (100, 100), (101, 200), (73_938, 80_000)]
)
def test_everybody_gets_a_round_amount(largest: int, amount: int) -> None:
    """The top-up is the largest debit, rounded up to one leading digit: enough for everyone, and easy to read."""
    assert top_up_amount(plan(largest, 1, -largest, -1)) == Money(amount, EUR)
    assert top_ups_of(plan(largest, -largest), ["A", "B", "C"]) == dict.fromkeys("ABC", Money(amount, EUR))


def test_nobody_is_topped_up_where_nobody_owes() -> None:
    """An even group needs no money."""
    assert top_ups_of(plan(0, 0), ["A", "B"]) == {}


def test_near_the_limit_only_debtors_are_topped_up() -> None:
    """Where the ledger cannot hold a round amount for everyone, each debtor gets exactly what they owe."""
    assert top_ups_of(plan(MOST, -(MOST - 1), -1), ["A", "B", "C"]) == {"B": Money(MOST - 1, EUR), "C": Money(1, EUR)}


@pytest.mark.parametrize("nets", [(MOST + 1, -MOST - 1), (MOST + 1, -MOST, -1), (10**36, -(10**36))])
def test_more_than_the_ledger_can_hold_is_refused(nets: tuple[int, ...]) -> None:
    """A group that owes more than the ledger can hold is refused before anything is started."""
    with pytest.raises(
        BadValue, match=r"amount: got '\d+\.\d\d EUR', expected at most 79228162514264337593543\.950335 EUR"
    ):
        top_ups_of(plan(*nets), list("ABC"))


def test_the_root_stands_for_every_figure_of_its_currency() -> None:
    """Any other person, row or figure in a currency makes another ledger root; rows in other currencies do not."""
    root = ledger_root(group(LUNCH), EUR)
    changed = [
        group(LUNCH.replace("Lunch", "Dinner")),
        group(LUNCH.replace("2026-01-01", "2026-01-02")),
        group(LUNCH.replace("Dining out", "General")),
        group(LUNCH.replace("10.00", "10.01")),
        group(LUNCH.replace("6.00", "6.01")),
        group(LUNCH, header=HEADER.replace("Cem", "Cemal")),
        group(LUNCH, LUNCH),
        group(LUNCH, "2026-01-01,Nothing,General,0.00,EUR,0.00,0.00,0.00"),
    ]
    assert len({root, *(ledger_root(other, EUR) for other in changed)}) == len(changed) + 1
    assert ledger_root(group(LUNCH, LUNCH.replace("EUR", "USD")), EUR) == root


def test_the_root_does_not_depend_on_how_the_file_is_written() -> None:
    """The same history with other line ends, a byte order mark, blank lines and a total row has the same root."""
    total = "2026-02-01,Total balance, , ,EUR,6.00,-6.00,0.00"
    other = read_splitwise(b"\xef\xbb\xbf" + f"{HEADER}\r\n\r\n{LUNCH}\r\n,,,,,,,\r\n{total}\r\n".encode(), "other.csv")
    assert ledger_root(other, EUR) == ledger_root(group(LUNCH), EUR)


def test_there_is_one_job_for_each_currency() -> None:
    """Each currency of the group is a job of its own, an even one with nothing to do."""
    even = ("2026-01-01,A,General,2.00,USD,1.00,-1.00,0.00", "2026-01-02,B,General,2.00,USD,-1.00,1.00,0.00")
    eur, usd = jobs_of(group(LUNCH, *even))
    assert (eur.currency.code, usd.currency.code) == ("EUR", "USD")
    assert [(leg.person, leg.amount_minor) for leg in eur.plan.debits] == [("Ben", 600)]
    assert (usd.plan.is_even, usd.by_hand, usd.top_ups) == (True, (), {})
    assert jobs_of(group()) == ()


def test_parts_of_a_cent_are_rounded_once() -> None:
    """Cells with parts of a cent are summed exactly, and each person's net is rounded at the end, to a sum of zero."""
    (job,) = jobs_of(group("2026-01-01,Gas,General,1.00,EUR,0.667,-0.3335,-0.3335"))
    assert sum(net.net_minor for net in job.nets.values()) == 0
    assert {person: net.exact_minor for person, net in job.nets.items()} == {
        "Ana": Fraction(667, 10),
        "Ben": Fraction(-667, 20),
        "Cem": Fraction(-667, 20),
    }
    assert all(abs(net.difference) < 1 for net in job.nets.values())


@pytest.mark.parametrize(
    ("units", "currency", "text"),
    [
        (1_230_000, EUR, "1.23"),
        (5_000_000, JPY, "5"),
        (-1_234_000, KWD, "-1.234"),
        (1_230_001, EUR, "1.230001"),
        (0, EUR, "0.00"),
    ],
)
def test_amounts_have_the_currencys_decimals(units: int, currency: Currency, text: str) -> None:
    """An amount has its currency's decimals; only where the chain has a part of a minor unit are all six shown."""
    assert amount_text(units, currency) == text
