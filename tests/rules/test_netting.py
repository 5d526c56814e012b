"""A group gets even with the fewest transfers."""

from random import Random
from time import perf_counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chainwallet.errors import BadValue
from chainwallet.rules.netting import MAX_EXACT_PEOPLE, Transfer, transfers_of

names = st.text(max_size=5)


def balanced(nets: dict[str, int]) -> dict[str, int]:
    return {**nets, "the last one": -sum(nets.values())}


def nets_of(max_size: int, limit: int) -> st.SearchStrategy[dict[str, int]]:
    nets = st.integers(min_value=-limit, max_value=limit)
    return st.dictionaries(names, nets, max_size=max_size - 1).map(balanced)


def after(nets: dict[str, int], transfers: tuple[Transfer, ...]) -> dict[str, int]:
    left = dict(nets)
    for transfer in transfers:
        left[transfer.payer] += transfer.amount_minor
        left[transfer.payee] -= transfer.amount_minor
    return left


def fewest(nets: tuple[int, ...]) -> int:
    """The fewest transfers, by trying every partner for the first open person (no subsets, no shared code)."""
    if not nets:
        return 0
    first, rest = nets[0], nets[1:]
    if first == 0:
        return fewest(rest)
    partners = [index for index, net in enumerate(rest) if net * first < 0]
    return 1 + min(fewest((*rest[:index], rest[index] + first, *rest[index + 1 :])) for index in partners)


@given(nets_of(max_size=40, limit=10**12))
def test_paying_all_transfers_leaves_everyone_at_zero(nets: dict[str, int]) -> None:
    """Once all transfers are paid everyone is at exactly zero, and there are fewer transfers than people."""
    transfers = transfers_of(nets)
    assert set(after(nets, transfers).values()) <= {0}
    assert all(transfer.amount_minor > 0 for transfer in transfers)
    assert len(transfers) <= max(0, sum(net != 0 for net in nets.values()) - 1)


@given(nets_of(max_size=40, limit=30))
def test_nobody_both_pays_and_is_paid(nets: dict[str, int]) -> None:
    """Debtors only pay, creditors are only paid, whoever is even is left alone, and no two people meet twice."""
    transfers = transfers_of(nets)
    assert {transfer.payer for transfer in transfers} == {person for person, net in nets.items() if net < 0}
    assert {transfer.payee for transfer in transfers} == {person for person, net in nets.items() if net > 0}
    assert len({(transfer.payer, transfer.payee) for transfer in transfers}) == len(transfers)


@settings(deadline=None)
@given(nets_of(max_size=7, limit=8))
def test_few_people_make_the_fewest_transfers(nets: dict[str, int]) -> None:
    """For few people no other list of transfers is shorter, by an independent search of all of them."""
    assert len(transfers_of(nets)) == fewest(tuple(nets.values()))


@settings(max_examples=60, deadline=None)
@given(st.lists(st.lists(st.integers(1, 10**6), min_size=3, max_size=4), min_size=2, max_size=3), st.randoms())
def test_hidden_groups_are_found(groups: list[list[int]], random: Random) -> None:
    """Up to fifteen people who consist of groups that are even in themselves need no transfer between the groups."""
    nets = [net for group in groups for net in (*group, -sum(group))]
    shuffled = sorted(nets, key=lambda _: random.random())
    people = {f"person {index}": net for index, net in enumerate(shuffled)}
    assert len(transfers_of(people)) <= len(nets) - len(groups)


@pytest.mark.parametrize("limit", [3, 30, 10**9])
def test_the_order_has_no_influence(limit: int) -> None:
    """The same nets in another order give the same list of transfers."""

    @settings(max_examples=50, deadline=None)
    @given(nets_of(max_size=30, limit=limit), st.randoms())
    def holds(nets: dict[str, int], random: Random) -> None:
        shuffled = sorted(nets, key=lambda _: random.random())
        assert transfers_of({person: nets[person] for person in shuffled}) == transfers_of(nets)

    holds()


def test_a_dinner_by_example() -> None:
    """Two groups that are even in themselves stay apart, and nobody pays across them."""
    nets = {"Ana": 500, "Bob": -300, "Cleo": -200, "Dan": 451, "Eve": -250, "Finn": -201, "Gus": 0}
    assert transfers_of(nets) == (
        Transfer("Bob", "Ana", 300),
        Transfer("Cleo", "Ana", 200),
        Transfer("Eve", "Dan", 250),
        Transfer("Finn", "Dan", 201),
    )


def test_an_even_group_needs_no_transfer() -> None:
    """A group that is even, or empty, needs no transfer."""
    assert transfers_of({}) == ()
    assert transfers_of({"Ana": 0, "Bob": 0}) == ()


def test_opposite_nets_meet_in_one_transfer() -> None:
    """In a large group everyone with an exact counterpart pays or is paid once, whatever the others owe."""
    nets = {"Ana": 334, "Bob": 333, "Cleo": 334, "Dan": -500, "Eve": -501}
    nets |= {f"debtor {index}": -400 - index for index in range(20)}
    nets |= {f"payee {index}": 400 + index for index in range(20)}
    transfers = transfers_of(nets)
    assert {Transfer(f"debtor {index}", f"payee {index}", 400 + index) for index in range(20)} <= set(transfers)
    assert len(transfers) == 20 + 4


def test_even_triples_of_a_large_group_stay_apart() -> None:
    """In a large group three people who are even among themselves settle with two transfers."""
    nets: dict[str, int] = {}
    for index in range(20):
        first, second = pow(3, index, 1009), pow(7, index, 1013)
        nets |= {f"a{index}": first * 10**4, f"b{index}": second, f"c{index}": -first * 10**4 - second}
    assert len(transfers_of(nets)) == 40


def test_equal_nets_are_taken_by_name() -> None:
    """Among people with the same net the names decide who pays whom, so that every run gives the same list."""
    nets = {f"payee {index:02}": 1 for index in range(20)} | {f"debtor {index:02}": -2 for index in range(10)}
    expected = tuple(Transfer(f"debtor {index // 2:02}", f"payee {index:02}", 1) for index in range(20))
    assert transfers_of(nets) == transfers_of(dict(reversed(nets.items()))) == expected


def test_fifteen_people_take_well_under_a_second() -> None:
    """The fewest transfers of fifteen people, the hardest case of the exact search, are found within a second."""
    nets = balanced({f"person {index}": 3**index for index in range(MAX_EXACT_PEOPLE - 1)})
    start = perf_counter()
    transfers = transfers_of(nets)
    assert perf_counter() - start < 1
    assert len(transfers) == MAX_EXACT_PEOPLE - 1


def test_nets_that_do_not_sum_to_zero_are_refused() -> None:
    """Nets with a sum other than zero are refused with that sum."""
    with pytest.raises(BadValue) as refused:
        transfers_of({"Ana": 5, "Bob": -4})
    assert (refused.value.field, refused.value.value) == ("nets", 1)
