"""Who pays whom, so that a group is even with few transfers.

A set of people whose nets sum to zero, and that splits no further, needs one transfer less than it has people. The
fewest transfers are therefore the people less the greatest number of disjoint zero-sum sets, which is NP-hard to find
in general and quick to find exactly for a group of friends. (Source: Verhoeff, "Settling multiple debts efficiently",
Informatics in Education 3, 2004.)
"""

from collections.abc import Mapping
from dataclasses import dataclass
from heapq import heapify, heappop, heappush

from chainwallet.errors import BadValue

MAX_EXACT_PEOPLE = 15  # 2**14 subsets: the fewest transfers in well under a second
MAX_TRIPLE_PEOPLE = 256  # pairs looked at in the search for zero-sum triples: 32,640

_Nets = dict[str, int]


@dataclass(frozen=True, order=True)
class Transfer:
    """``payer`` pays ``payee`` ``amount_minor`` (above 0) minor units."""

    payer: str
    payee: str
    amount_minor: int


def transfers_of(nets_minor: Mapping[str, int]) -> tuple[Transfer, ...]:
    """Transfers that leave everyone at zero, by payer and payee; the order of ``nets_minor`` has no influence.

    ``nets_minor`` holds minor units of one currency: positive is owed to the person, negative is owed by the person.
    Nobody both pays and is paid, and no two people meet twice. Up to ``MAX_EXACT_PEOPLE`` people with a net other
    than zero, there are no fewer transfers that do it. Beyond that there are fewer transfers than people, and exactly
    opposite nets always meet in one transfer.

    Raises ``BadValue`` (``nets``) when the nets do not sum to zero.
    """
    if sum(nets_minor.values()) != 0:
        raise BadValue("nets", sum(nets_minor.values()), "a sum of 0")
    open_nets = {person: nets_minor[person] for person in sorted(nets_minor) if nets_minor[person] != 0}
    groups = _take_pairs(open_nets)
    if MAX_EXACT_PEOPLE < len(open_nets) <= MAX_TRIPLE_PEOPLE:
        groups += _take_triples(open_nets)
    transfers = _pay_largest_first(open_nets, down_to=MAX_EXACT_PEOPLE)
    for group in groups + _zero_sum_groups(open_nets):
        transfers += _pay_largest_first(group, down_to=0)
    if _after(nets_minor, transfers) != dict.fromkeys(nets_minor, 0):
        raise AssertionError("the transfers do not leave everyone at zero")
    return tuple(sorted(transfers))


def _take_pairs(open_nets: _Nets) -> list[_Nets]:
    """Takes exactly opposite nets out of ``open_nets``.

    This never costs the optimum: where the two are in different sets of a best division, the pair and the union of
    what is left of both sets are as many sets.
    """
    people_with: dict[int, list[str]] = {}
    for person, net in open_nets.items():
        people_with.setdefault(net, []).append(person)
    groups = []
    for net in sorted(net for net in people_with if net > 0):
        for payee, payer in zip(people_with[net], people_with.get(-net, []), strict=False):
            groups.append({payee: open_nets.pop(payee), payer: open_nets.pop(payer)})
    return groups


def _take_triples(open_nets: _Nets) -> list[_Nets]:
    """Takes zero-sum triples out of ``open_nets`` (which has no opposite pairs), the first found first."""
    people = list(open_nets)
    people_with: dict[int, set[str]] = {}
    for person, net in open_nets.items():
        people_with.setdefault(net, set()).add(person)
    groups = []
    for index, first in enumerate(people):
        for second in people[index + 1 :]:
            if first not in open_nets:
                break
            if second not in open_nets:
                continue
            missing = -open_nets[first] - open_nets[second]
            thirds = people_with.get(missing, set()) - {first, second}
            if thirds:
                group = {person: open_nets.pop(person) for person in (first, second, min(thirds))}
                for person, net in group.items():
                    people_with[net].discard(person)
                groups.append(group)
    return groups


def _zero_sum_groups(open_nets: _Nets) -> list[_Nets]:
    """``open_nets`` (at most ``MAX_EXACT_PEOPLE``) divided into the greatest number of zero-sum sets.

    Dynamic programming over the subsets of all people but the last: ``most[subset]`` is the greatest number of
    zero-sum prefixes of any order in which the subset's people can be lined up. Every such prefix closes a set.
    """
    if not open_nets:
        return []
    *others, last = open_nets
    size = 1 << len(others)
    sums, most, newest = [0] * size, [0] * size, [0] * size
    for subset in range(1, size):
        best, best_index, bits = -1, 0, subset
        while bits:
            lowest = bits & -bits
            if most[subset ^ lowest] > best:
                best, best_index = most[subset ^ lowest], lowest.bit_length() - 1
            bits ^= lowest
        sums[subset] = sums[subset ^ 1 << best_index] + open_nets[others[best_index]]
        most[subset] = best + (sums[subset] == 0)
        newest[subset] = best_index

    groups: list[_Nets] = [{last: open_nets[last]}]
    subset = size - 1
    while subset:
        if sums[subset] == 0:
            groups.append({})
        person = others[newest[subset]]
        groups[-1][person] = open_nets[person]
        subset ^= 1 << newest[subset]
    return groups


def _pay_largest_first(open_nets: _Nets, down_to: int) -> list[Transfer]:
    """The largest debt pays the largest claim, until at most ``down_to`` people are left in ``open_nets``."""
    claims = [(-net, person) for person, net in open_nets.items() if net > 0]
    debts = [(net, person) for person, net in open_nets.items() if net < 0]
    heapify(claims)
    heapify(debts)
    transfers = []
    while len(open_nets) > down_to:
        (_, payee), (_, payer) = heappop(claims), heappop(debts)
        amount = min(open_nets[payee], -open_nets[payer])
        transfers.append(Transfer(payer, payee, amount))
        open_nets[payee] -= amount
        open_nets[payer] += amount
        if open_nets[payee]:
            heappush(claims, (-open_nets[payee], payee))
        if open_nets[payer]:
            heappush(debts, (open_nets[payer], payer))
        for person in (payee, payer):
            if open_nets[person] == 0:
                del open_nets[person]
    return transfers


def _after(nets_minor: Mapping[str, int], transfers: list[Transfer]) -> _Nets:
    after = dict(nets_minor)
    for transfer in transfers:
        after[transfer.payer] += transfer.amount_minor
        after[transfer.payee] -= transfer.amount_minor
    return after
