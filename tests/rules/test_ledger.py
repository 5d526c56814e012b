"""The ledger that an auditor folds from transfers, against simple arithmetic."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chainwallet.errors import HistoryMismatch
from chainwallet.evm import ZERO_ADDRESS, Address, ChainName, Hash32, checksum
from chainwallet.rules.cash import Cash
from chainwallet.rules.ledger import Ledger, differences
from chainwallet.rules.money import currency_of

PEOPLE = [Address(bytes([n]) * 20) for n in range(1, 5)]
ANA, BEN, CLEO, _ = PEOPLE

Transfer = tuple[Address, Address, int]


@st.composite
def histories(draw: st.DrawFn) -> list[Transfer]:
    """Transfers as a chain would have them: nobody pays what they do not hold."""
    held: Counter[Address] = Counter()
    history: list[Transfer] = []
    for _ in range(draw(st.integers(0, 25))):
        payer = draw(st.sampled_from([ZERO_ADDRESS, *PEOPLE]))
        payee = draw(st.sampled_from([*PEOPLE, *([] if payer == ZERO_ADDRESS else [ZERO_ADDRESS])]))
        value = draw(st.integers(0, 10**9 if payer == ZERO_ADDRESS else held[payer]))
        held[payer] -= value
        held[payee] += value
        history.append((payer, payee, value))
    return history


def folded(history: list[Transfer]) -> Ledger:
    ledger = Ledger()
    for payer, payee, value in history:
        ledger.apply(payer, payee, value)
    return ledger


@given(histories())
def test_the_fold_is_what_came_in_less_what_went_out(history: list[Transfer]) -> None:
    """Each balance is what came in less what went out, and the supply is what was minted less what was burned."""
    ledger = folded(history)
    for person in PEOPLE:
        came = sum(value for _, payee, value in history if payee == person)
        went = sum(value for payer, _, value in history if payer == person)
        assert ledger.balances.get(person, 0) == came - went >= 0
    minted = sum(value for payer, _, value in history if payer == ZERO_ADDRESS)
    burned = sum(value for _, payee, value in history if payee == ZERO_ADDRESS)
    assert ledger.supply == minted - burned == sum(ledger.balances.values())
    assert ZERO_ADDRESS not in ledger.balances


@given(histories())
def test_a_true_chain_shows_no_difference(history: list[Transfer]) -> None:
    """A ledger folded from all transfers differs in nothing from balances and supply that they made."""
    ledger = folded(history)
    assert list(differences(ledger, dict(ledger.balances), ledger.supply)) == []
    assert list(differences(ledger, {**dict.fromkeys(PEOPLE, 0), **ledger.balances}, ledger.supply)) == []


@given(histories(), st.sampled_from(PEOPLE), st.integers(1, 10**9))
def test_a_balance_that_the_events_do_not_explain_is_named(history: list[Transfer], person: Address, more: int) -> None:
    """A balance on the chain that the events do not give is reported with the account and both figures."""
    ledger = folded(history)
    found = ledger.balances.get(person, 0)
    (difference,) = differences(ledger, {**ledger.balances, person: found + more}, ledger.supply)
    assert checksum(person) in difference.what
    assert (difference.expected, difference.found) == (str(found + more), str(found))


def test_every_kind_of_difference_is_told() -> None:
    """A wrong supply, a holder nobody asked about and balances that do not sum to the supply are each reported."""
    ledger = folded([(ZERO_ADDRESS, ANA, 10), (ANA, BEN, 4)])
    assert [d.what for d in differences(ledger, {ANA: 6, BEN: 4}, 11)] == ["total supply by events"]
    assert [checksum(BEN) in d.what for d in differences(ledger, {ANA: 6}, 10)] == [True]
    broken = Ledger({ANA: 6, BEN: 5}, 10)
    assert [d.what for d in differences(broken, {ANA: 6, BEN: 5}, 10)] == ["sum of balances by events"]


def test_a_payer_below_zero_is_a_gap_in_the_history() -> None:
    """Transfers of money that never came show that the history has a gap, with the account and its balance."""
    ledger = folded([(ZERO_ADDRESS, ANA, 10)])
    with pytest.raises(HistoryMismatch) as gap:
        ledger.apply(ANA, CLEO, 11)
    assert checksum(ANA) in gap.value.what
    assert gap.value.found == "-1"


def test_paying_oneself_needs_the_money_and_changes_nothing() -> None:
    """A transfer to oneself leaves the balance as it is, and still shows a gap when the money is not there."""
    ledger = folded([(ZERO_ADDRESS, ANA, 10), (ANA, ANA, 10)])
    assert ledger.balances == {ANA: 10}
    with pytest.raises(HistoryMismatch):
        ledger.apply(ANA, ANA, 11)


def test_cash_of_two_chains_have_two_names() -> None:
    """The name under which promises are kept tells chains apart that share an id, and contracts of one chain."""
    eur = currency_of("EUR")
    chains = [ChainName(7, Hash32(bytes([n]) * 32)) for n in (1, 2)]
    names = {Cash(chain, eur, address).token for chain in chains for address in (ANA, BEN)}
    assert names == {f"7-{d}/{checksum(a)}" for d in ("01010101", "02020202") for a in (ANA, BEN)}
