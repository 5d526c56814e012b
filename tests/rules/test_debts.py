"""Debts of a bill are exact for debtors and creditors, and a set of them has one root."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chainwallet.errors import BadValue
from chainwallet.evm import Hash32, keccak256
from chainwallet.rules.canonical import canonical
from chainwallet.rules.debts import BillDebt, Debt, debts_of, debts_of_nets, ledger_root, nets_of
from chainwallet.rules.money import Money, currency_of
from chainwallet.rules.split import Equal, split_bill

EUR, JPY = currency_of("EUR"), currency_of("JPY")


def balanced(nets: dict[str, int]) -> dict[str, int]:
    return {**nets, "zz": -sum(nets.values())}


zero_sum_nets = st.dictionaries(
    st.text("abcdefgh", min_size=1, max_size=3), st.integers(-(10**6), 10**6) | st.integers(-3, 3), max_size=12
).map(balanced)


@given(zero_sum_nets)
def test_debts_are_exact_on_both_sides(nets: dict[str, int]) -> None:
    """Everyone's debts sum to their net, nobody both owes and is owed, and each debt is above zero."""
    debts = debts_of_nets(nets)
    assert nets_of(debts) == {person: nets[person] for person in sorted(nets) if nets[person]}
    assert not {debt.debtor for debt in debts} & {debt.creditor for debt in debts}
    assert all(debt.amount_minor > 0 for debt in debts)
    assert len({(debt.debtor, debt.creditor) for debt in debts}) == len(debts)
    assert list(debts) == sorted(debts)


@given(zero_sum_nets)
def test_debts_do_not_depend_on_order_or_sign(nets: dict[str, int]) -> None:
    """The order of people has no influence, and a reversal's debts are the same the other way round."""
    debts = debts_of_nets(nets)
    assert debts_of_nets(dict(reversed(nets.items()))) == debts
    undone = debts_of_nets({person: -net for person, net in nets.items()})
    assert sorted(Debt(debt.creditor, debt.debtor, debt.amount_minor) for debt in undone) == list(debts)


@settings(max_examples=50)
@given(st.lists(st.integers(1, 10**9), min_size=1, max_size=6), st.lists(st.integers(1, 99), min_size=1, max_size=6))
def test_debts_are_in_proportion(owed: list[int], weights: list[int]) -> None:
    """Each debt is within as many units of the exact proportion as there are rows."""
    whole = sum(owed)
    owing = [whole * weight // sum(weights) for weight in weights]
    owing[0] += whole - sum(owing)
    creditors = {f"c{index}": amount for index, amount in enumerate(owed)}
    debtors = {f"d{index}": -amount for index, amount in enumerate(owing)}
    for debt in debts_of_nets({**creditors, **debtors}):
        exact_times_whole = -debtors[debt.debtor] * creditors[debt.creditor]
        assert abs(debt.amount_minor * whole - exact_times_whole) < whole * min(len(owed), len(owing))


def test_debts_by_example() -> None:
    """Two who paid are owed by each of the others in proportion to what they are owed."""
    nets = {"ana": 3_000, "bob": 1_000, "eve": -2_000, "gus": -2_000, "ida": 0}
    assert debts_of_nets(nets) == (
        Debt("eve", "ana", 1_500),
        Debt("eve", "bob", 500),
        Debt("gus", "ana", 1_500),
        Debt("gus", "bob", 500),
    )
    total = Money(1_000, EUR)
    lines = split_bill(total, Equal(("ana", "bob")), {"bob": total}, b"")
    assert debts_of(lines) == (Debt("ana", "bob", 500),)
    assert debts_of(split_bill(total, Equal(("ana",)), {"ana": total}, b"")) == ()


def test_nets_that_do_not_sum_to_zero_make_no_debts() -> None:
    """Nets with a sum other than zero are refused with that sum."""
    with pytest.raises(BadValue) as refused:
        debts_of_nets({"ana": 5, "bob": -4})
    assert (refused.value.field, refused.value.value) == ("nets", 1)


FIRST = BillDebt("b1", Hash32(bytes(32)), Debt("ana", "bob", 1_240))
SECOND = BillDebt("b2", Hash32(b"\x01" * 32), Debt("bob", "ana", 5))


def test_the_ledger_root_stands_for_a_set_of_debts() -> None:
    """The root is the hash of a document that anybody can write: its debts sorted, with bill, terms and amount."""
    zeros, ones = "00" * 32, "01" * 32
    debts = [["b1", zeros, "ana", "bob", "12.40"], ["b2", ones, "bob", "ana", "0.05"]]
    document = {"kind": "chainwallet/debts/1", "group": "g", "currency": "EUR", "debts": debts}
    assert ledger_root("g", EUR, [SECOND, FIRST]) == ledger_root("g", EUR, [FIRST, SECOND])
    assert ledger_root("g", EUR, [FIRST, SECOND]) == keccak256(canonical(document))


def test_any_change_is_another_root() -> None:
    """Another group, currency, bill, version, person or amount is another root."""
    others = [
        BillDebt("b3", FIRST.terms_hash, FIRST.debt),
        BillDebt("b1", SECOND.terms_hash, FIRST.debt),
        BillDebt("b1", FIRST.terms_hash, Debt("ana", "eve", 1_240)),
        BillDebt("b1", FIRST.terms_hash, Debt("eve", "bob", 1_240)),
        BillDebt("b1", FIRST.terms_hash, Debt("ana", "bob", 1_241)),
    ]
    roots = [ledger_root("g", EUR, [each]) for each in (FIRST, *others)]
    roots += [ledger_root("h", EUR, [FIRST]), ledger_root("g", JPY, [FIRST]), ledger_root("g", EUR, [])]
    assert len(set(roots)) == len(roots)


def test_a_debt_is_in_a_root_once() -> None:
    """A debt that comes twice is refused."""
    with pytest.raises(BadValue) as refused:
        ledger_root("g", EUR, [FIRST, BillDebt("b1", FIRST.terms_hash, Debt("ana", "bob", 1))])
    assert refused.value.field == "debts"
