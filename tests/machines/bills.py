"""A machine that drives the bills of a group, and a simple model that says what must come of it.

The model knows lines, answers, tombstones and what was paid, and nothing of how that is stored. Whatever is done, by
whoever, ends as the model says: in the same refusal, or in the same states, balances and ledger.
"""

import itertools
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from hypothesis import strategies as st
from hypothesis.stateful import Bundle, MultipleResults, RuleBasedStateMachine, invariant, multiple, rule

from chainwallet.bills import SeenBill, clearable
from chainwallet.errors import (
    AlreadyExists,
    BadValue,
    BillDisputed,
    BillSettled,
    ChainwalletError,
    Forbidden,
    MustStay,
    NotFound,
    StaleVersion,
    TooLate,
)
from chainwallet.groups import Groups
from chainwallet.rules.bill import Accepted, Answer, Proposed, Rejected, Withdrawn
from chainwallet.rules.money import Money
from chainwallet.rules.split import Exact
from chainwallet.rules.terms import Terms, people_of
from chainwallet.store.bills import Wanted
from chainwallet.store.database import Database
from tests.bills.trip import DAY, EUR, Trip, settle_in

MEMBERS = ("ana", "bo", "cy", "dan")
WHO = st.sampled_from([*MEMBERS, *MEMBERS, "dee", "eve"])
PEOPLE = st.lists(st.sampled_from([*MEMBERS, "gus"]), min_size=1, max_size=4, unique=True)
WITHOUT_A_WALLET = "gus"
Error = type[ChainwalletError]
Pair = tuple[str, str]


@dataclass
class ModelBill:
    """What the model knows of a bill."""

    terms: Terms
    author: str
    version: int = 1
    answers: dict[str, Answer] = field(default_factory=dict)
    is_deleted: bool = False
    paid: set[Pair] = field(default_factory=set)
    reverses: str | None = None

    @property
    def nets(self) -> dict[str, int]:
        """What everybody is owed, who is owed or owes something."""
        assert isinstance(self.terms.split, Exact)
        nets = {member: paid.amount_minor for member, paid in self.terms.payers.items()}
        for member, share in self.terms.split.amounts.items():
            nets[member] = nets.get(member, 0) - share.amount_minor
        return {member: net for member, net in nets.items() if net}

    @property
    def charged(self) -> set[str]:
        return {member for member, net in self.nets.items() if net < 0}

    @property
    def state(self) -> str:
        answers = [self.answers.get(member, Withdrawn()) for member in self.charged]
        if any(isinstance(answer, Rejected | Proposed) for answer in answers):
            return "disputed"
        return "accepted" if all(isinstance(answer, Accepted) for answer in answers) else "open"

    def is_silent(self, member: str) -> bool:
        return isinstance(self.answers.get(member, Withdrawn()), Withdrawn)

    def is_changed_by(self, who: str) -> bool:
        return who in ("ana", self.author) or self.nets.get(who, 0) > 0


def cut(total: int, people: list[str], weights: list[int]) -> dict[str, Money]:
    """Whole parts of ``total``, all of its sign, that sum to it."""
    sign, size = (-1, -total) if total < 0 else (1, total)
    marks = [size * sum(weights[: at + 1]) // max(1, sum(weights[: len(people)])) for at in range(len(people))]
    marks[-1] = size
    parts = [mark - before for before, mark in itertools.pairwise([0, *marks])]
    return {one: Money(sign * part, EUR) for one, part in zip(people, parts, strict=True)}


@st.composite
def written(draw: st.DrawFn) -> Terms:
    """Terms that can be, with some of the group's people."""
    total = draw(st.integers(0, 50))
    people, payers = draw(PEOPLE), draw(PEOPLE)
    weights = draw(st.lists(st.integers(0, 3), min_size=8, max_size=8))
    shares, paid = cut(total, people, weights[:4]), cut(total, payers, weights[4:])
    return Terms(draw(st.sampled_from(["Dinner", "Taxi"])), "", DAY, Money(total, EUR), Exact(shares), paid)


class BillsMachine(RuleBasedStateMachine):
    """The product on one side, the model on the other."""

    template: Path
    place: Path
    runs = 0
    bills: Bundle[str] = Bundle("bills")

    def __init__(self) -> None:
        super().__init__()
        type(self).runs += 1
        path = self.place / f"{self.runs}.db"
        path.write_bytes(self.template.read_bytes())
        self.database = Database(path)
        self.trip: Trip = settle_in(self.database)
        self.groups = Groups(self.database, self.trip.bills.now_s, self.trip.bills.random)
        self.model: dict[str, ModelBill] = {}
        self.gone: set[str] = set()

    def teardown(self) -> None:
        self.database.close()

    # ------------------------------------------------------------------------------------------------ doing

    def _does(self, expected: Error | None, work: Callable[[], SeenBill]) -> SeenBill | None:
        """What comes of ``work``, which ends as the model said."""
        found: SeenBill | ChainwalletError
        try:
            found = work()
        except ChainwalletError as refused:
            found = refused
        if isinstance(found, ChainwalletError):
            assert type(found) is expected, f"{found!r}, expected {expected}"
            return None
        assert expected is None, f"nothing was refused, expected {expected}"
        return found

    def _stands(self, who: str) -> Error | None:
        if who == "eve" or who in self.gone:
            return NotFound
        return Forbidden if who == "dee" else None

    def _are_here(self, people: set[str]) -> bool:
        return not people & self.gone

    @rule(target=bills, who=WHO, terms=written())
    def add(self, who: str, terms: Terms) -> MultipleResults[str] | str:
        is_right = terms.total.amount_minor != 0 and self._are_here(set(terms.people))
        expected = self._stands(who) or (None if is_right else BadValue)
        seen = self._does(expected, lambda: self.trip.add(who, terms))
        return multiple() if seen is None else self._added(seen, ModelBill(terms, who))

    def _added(self, seen: SeenBill, bill: ModelBill) -> str:
        bill.answers = {bill.author: Accepted()} if bill.author in bill.charged else {}
        self.model[seen.record.bill.id] = bill
        return seen.record.bill.id

    @rule(who=WHO, name=bills, terms=written(), back=st.sampled_from([0, 0, 0, 1]), is_cosmetic=st.booleans())
    def amend(self, who: str, name: str, terms: Terms, back: int, is_cosmetic: bool) -> None:
        bill = self.model[name]
        if is_cosmetic:
            terms = Terms(terms.title, "", DAY, bill.terms.total, bill.terms.split, bill.terms.payers)
        after = ModelBill(terms, who)
        keeps = after.nets == bill.nets
        known = set(bill.terms.people) if keeps else set()
        version = bill.version - back
        is_same = terms == bill.terms and back <= 1
        expected = self._stands(who)
        if expected is None and not is_same:
            if not bill.is_changed_by(who):
                expected = Forbidden
            elif bill.is_deleted:
                expected = TooLate
            elif back:
                expected = StaleVersion
            elif terms.total.amount_minor == 0 or not self._are_here(set(terms.people) - known):
                expected = BadValue
            elif not keeps and bill.paid:
                expected = BillSettled
        self._does(expected, lambda: self.trip.amend(who, name, version, terms))
        if expected is None and not is_same:
            answers = {
                member: Accepted()
                for member, net in after.nets.items()
                if net < 0
                and (member == who or (bill.answers.get(member) == Accepted() and bill.nets.get(member) == net))
            }
            bill.terms, bill.version, bill.answers = terms, bill.version + 1, dict(answers)

    @rule(
        who=WHO,
        name=bills,
        back=st.sampled_from([0, 0, 0, 0, 1]),
        kind=st.sampled_from(["accept", "accept", "accept", "reject", "withdraw", "propose"]),
        people=PEOPLE,
        weights=st.lists(st.integers(0, 3), min_size=4, max_size=4),
    )
    def answer(self, who: str, name: str, back: int, kind: str, people: list[str], weights: list[int]) -> None:
        bill = self.model[name]
        split = Exact(cut(bill.terms.total.amount_minor, people, weights))
        answers: dict[str, Answer] = {
            "accept": Accepted(),
            "reject": Rejected("no"),
            "withdraw": Withdrawn(),
            "propose": Proposed(split, "so"),
        }
        given = answers[kind]
        expected = self._stands(who) or self._refused(bill, who, back, given)
        is_same = bill.answers.get(who) == given and kind != "withdraw"
        self._does(expected, lambda: self.trip.respond(who, name, bill.version - back, given))
        if expected is None and not is_same:
            bill.answers[who] = given

    def _refused(self, bill: ModelBill, who: str, back: int, given: Answer) -> Error | None:
        if bill.is_deleted:
            return TooLate
        if back:
            return StaleVersion
        if bill.answers.get(who) == given and not isinstance(given, Withdrawn):
            return None
        disputes = isinstance(bill.answers.get(who), Rejected | Proposed)
        if who not in bill.charged or (isinstance(given, Withdrawn) and not disputes):
            return BadValue
        if isinstance(given, Proposed):
            other = ModelBill(Terms("t", "", DAY, bill.terms.total, given.split, bill.terms.payers), who)
            if other.nets == bill.nets:
                return BadValue
        if isinstance(given, Rejected | Proposed) and any(debtor == who for debtor, _ in bill.paid):
            return BillSettled
        if isinstance(given, Proposed) and not self._are_here(set(people_of(given.split)) - set(bill.terms.people)):
            return BadValue
        return None

    @rule(who=st.sampled_from(MEMBERS))
    def accept_all(self, who: str) -> None:
        if self._stands(who) is not None:
            return
        self.trip.write(lambda tx: self.trip.bills.accept_all(tx, self.trip.caller(who), "g"))
        for bill in self.model.values():
            if not bill.is_deleted and who in bill.charged and bill.is_silent(who):
                bill.answers[who] = Accepted()

    @rule(who=WHO, name=bills, is_deleted=st.booleans())
    def delete_or_restore(self, who: str, name: str, is_deleted: bool) -> None:
        bill, caller = self.model[name], self.trip.caller(who)
        expected = self._stands(who) or (None if bill.is_changed_by(who) else Forbidden)
        if expected is None and is_deleted != bill.is_deleted:
            if is_deleted and bill.paid:
                expected = BillSettled
            elif not is_deleted and not self._are_here(set(bill.nets)):
                expected = TooLate
        work = self.trip.bills.delete if is_deleted else self.trip.bills.restore
        self._does(expected, lambda: self.trip.write(lambda tx: work(tx, caller, "g", name)))
        if expected is None:
            bill.is_deleted = is_deleted

    @rule(target=bills, who=WHO, name=bills)
    def reverse(self, who: str, name: str) -> MultipleResults[str] | str:
        bill, caller = self.model[name], self.trip.caller(who)
        undone = any(one.reverses == name and not one.is_deleted for one in self.model.values())
        expected = self._stands(who)
        if expected is None:
            if not bill.is_changed_by(who):
                expected = Forbidden
            elif bill.is_deleted:
                expected = TooLate
            elif undone:
                expected = AlreadyExists
            elif not self._are_here(set(bill.terms.people)):
                expected = BadValue
        seen = self._does(expected, lambda: self.trip.write(lambda tx: self.trip.bills.reverse(tx, caller, "g", name)))
        if seen is None:
            return multiple()
        made = ModelBill(seen.record.terms, who, reverses=name)
        assert made.nets == {member: -net for member, net in bill.nets.items()}
        return self._added(seen, made)

    @rule(who=WHO, name=bills, debtor=st.sampled_from([*MEMBERS, "gus"]))
    def say_paid_elsewhere(self, who: str, name: str, debtor: str) -> None:
        bill, caller = self.model[name], self.trip.caller(who)
        owed = (debtor, who) in self._debts(name)
        expected = self._stands(who)
        if expected is None:
            if not owed:
                expected = BadValue
            elif bill.is_deleted:
                expected = TooLate
            elif bill.state == "disputed":
                expected = BillDisputed
            elif (debtor, who) in bill.paid:
                expected = BillSettled
        say = self.trip.bills.say_paid_elsewhere
        self._does(expected, lambda: self.trip.write(lambda tx: say(tx, caller, "g", name, bill.version, [debtor])))
        if expected is None:
            bill.paid.add((debtor, who))

    @rule()
    def dan_leaves(self) -> None:
        if "dan" in self.gone:
            return
        is_held = any(
            "dan" in pair and pair not in bill.paid
            for name, bill in self.model.items()
            if not bill.is_deleted
            for pair in self._debts(name)
        )
        try:
            self.trip.write(lambda tx: self.groups.remove(tx, self.trip.caller("dan"), "g", "dan"))
        except MustStay:
            assert is_held
            return
        assert not is_held
        self.gone.add("dan")

    # ------------------------------------------------------------------------------------------------ what must hold

    def _debts(self, name: str) -> dict[Pair, int]:
        return {(debtor, creditor): amount for debtor, creditor, amount, _ in self.trip.debts(name)}

    @invariant()
    def all_is_as_the_model_says(self) -> None:
        """State, version, answers and debts of every bill, the balances and the ledger."""
        ana = self.trip.caller("ana")
        every = (Wanted(), Wanted(state="deleted"))
        found = [seen for wanted in every for seen in self.trip.bills.listed(ana, "g", wanted, None, 1_000)]
        assert {seen.record.bill.id for seen in found} == self.model.keys()
        nets: dict[str, int] = {}
        free: set[tuple[str, str, str]] = set()
        for seen in found:
            name = seen.record.bill.id
            bill = self.model[name]
            self._stands_as(seen, bill)
            own: dict[str, int] = {}
            for debt in seen.record.debts:
                pair = (debt.debtor, debt.creditor)
                assert (debt.state == "settled") == (pair in bill.paid)
                counts = not bill.is_deleted and bill.state == "accepted" and pair not in bill.paid
                for sums in (own, nets) if counts else (own,):
                    sums[debt.debtor] = sums.get(debt.debtor, 0) - debt.amount_minor
                    sums[debt.creditor] = sums.get(debt.creditor, 0) + debt.amount_minor
                if counts and WITHOUT_A_WALLET not in pair:
                    free.add((name, *pair))
            assert own == bill.nets, "every debtor owes and every creditor is owed their net"
            assert bill.paid <= {(debt.debtor, debt.creditor) for debt in seen.record.debts}, "settled is for good"
        shown = [one for each in self.trip.balances("ana") for one in each.nets]
        assert {member.id: net.amount_minor for member, net in shown} == nets
        with self.database.read() as tx:
            assert {(one.bill_id, one.debtor, one.creditor) for one in clearable(tx, "g", EUR)} == free

    def _stands_as(self, seen: SeenBill, bill: ModelBill) -> None:
        record, silent = seen.record, {one for one in bill.charged if bill.is_silent(one)}
        assert seen.standing.state == ("deleted" if bill.is_deleted else bill.state)
        assert record.bill.state == bill.state
        assert (record.bill.version, record.terms) == (bill.version, bill.terms)
        assert set(seen.standing.asked) == silent
