"""A machine that drives a group's plans on a real chain, and a simple model that says what must come of them.

The model knows who owes whom, who signed what, and what everybody holds. People sign, are dropped, spend the money
behind the service's back, and the worker carries what all have signed.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from chainwallet.clearing import ShownPlan
from chainwallet.errors import AlreadyExists, BadValue, ChainwalletError, InsufficientFunds
from chainwallet.rules.money import parse_money
from chainwallet.store import debts, plans
from chainwallet.store.database import Database
from tests.chain.bench import ETHER, EUR, GROUP, Bench, key_of
from tests.chain.clearing.friends import TRIP, Friends, member

NAMES = {member(name): name for name in GROUP}
people = st.sampled_from(GROUP)
cents = st.sampled_from([1, 5_00, 20_00, 45_00, 70_00])


@dataclass
class Owed:
    """A debt by names; it is ``settled`` for good."""

    debtor: str
    creditor: str
    cents: int
    is_settled: bool = False


class ClearingsMachine(RuleBasedStateMachine):
    """The product with its chain on one side, the model on the other."""

    bench: Bench
    template: Path
    place: Path
    runs = 0

    def __init__(self) -> None:
        super().__init__()
        type(self).runs += 1
        self.snapshot = self.bench.ask("evm_snapshot")
        path = self.place / f"{self.runs}.db"
        path.write_bytes(self.template.read_bytes())
        self.database = Database(path)
        self.friends = Friends(replace(self.bench, database=self.database, where=str(path)), GROUP, ())
        self.worker = self.friends.worker()
        self.owed: dict[int, Owed] = {}
        self.held = dict.fromkeys(GROUP, 50_00)
        self.plan: str | None = None
        self.signed: set[str] = set()

    def teardown(self) -> None:
        """The chain is put back."""
        self.worker.relayer.close()
        self.database.close()
        assert self.bench.ask("evm_revert", self.snapshot) is True

    # ------------------------------------------------------------------------------------------------ doing

    def _refused(self, work: Callable[[], ShownPlan]) -> ShownPlan | ChainwalletError:
        try:
            return work()
        except ChainwalletError as error:
            return error

    def _nets(self, numbers: set[int]) -> dict[str, int]:
        nets: Counter[str] = Counter()
        for number in numbers:
            one = self.owed[number]
            nets[one.debtor] -= one.cents
            nets[one.creditor] += one.cents
        return {name: net for name, net in nets.items() if net}

    def _open(self) -> set[int]:
        return {number for number, one in self.owed.items() if not one.is_settled}

    def _take_over(self, shown: ShownPlan, of: set[int]) -> None:
        """The plan is of these debts, all of them, and asks everybody for their net."""
        assert shown.stage == "open"
        assert {debt.id for debt in shown.debts} == of
        assert {NAMES[leg.member_id]: leg.net_minor for leg in shown.plan.legs} == self._nets(of)
        self.plan, self.signed = shown.plan.id, set()

    @initialize(of=st.lists(st.tuples(people, people, cents), min_size=3, max_size=6), who=people)
    def begin(self, of: list[tuple[str, str, int]], who: str) -> None:
        """They owe each other something, and one of them would settle up."""
        for debtor, creditor, amount in of:
            self.owe(debtor, creditor, amount)
        self.make(who)

    @rule(debtor=people, creditor=people, amount=cents)
    def owe(self, debtor: str, creditor: str, amount: int) -> None:
        if debtor == creditor:
            return
        for number in self.friends.owe({(debtor, creditor): amount}):
            self.owed.setdefault(number, Owed(debtor, creditor, amount))

    @rule(who=people)
    def make(self, who: str) -> None:
        found = self._refused(lambda: self.friends.make(who))
        if self.plan is not None:
            assert isinstance(found, AlreadyExists)
        elif not self._nets(self._open()):
            assert isinstance(found, BadValue)
        else:
            assert isinstance(found, ShownPlan), found
            self._take_over(found, self._open())

    @precondition(lambda self: self.plan is not None)
    @rule(who=people)
    def sign(self, who: str) -> None:
        """Whoever it is tries: who owes nothing must not, who lacks the money cannot, who has signed may again."""
        assert self.plan is not None
        net = self._asked().get(who, 0)
        found = self._refused(lambda: self.friends.consent(who, str(self.plan)))
        if net >= 0:
            assert isinstance(found, ChainwalletError)
        elif who not in self.signed and self.held[who] < -net:
            assert isinstance(found, InsufficientFunds)
        else:
            assert isinstance(found, ShownPlan), found
            self.signed.add(who)
            assert {NAMES[one] for one in found.signed} == self.signed

    @precondition(lambda self: self.plan is not None)
    @rule(all_but=st.integers(0, 2))
    def sign_in_turn(self, all_but: int) -> None:
        """Those who owe sign, the last ``all_but`` of them perhaps another time."""
        owing = sorted(name for name, net in self._asked().items() if net < 0)
        for name in owing[: max(1, len(owing) - all_but)]:
            self.sign(name)

    def _asked(self) -> dict[str, int]:
        """What the plan moves, by name."""
        assert self.plan is not None
        legs = self.friends.show(self.plan).plan.legs
        return {NAMES[leg.member_id]: leg.net_minor for leg in legs}

    @precondition(lambda self: self.plan is not None)
    @rule(who=people)
    def drop(self, who: str) -> None:
        assert self.plan is not None
        shown = self.friends.show(self.plan)
        found = self._refused(lambda: self.friends.drop(GROUP[0], shown.plan.id, member(who)))
        if isinstance(found, ChainwalletError):
            assert member(who) not in {leg.member_id for leg in shown.plan.legs}, found
            return
        left = {one.id for one in shown.debts if member(who) not in (one.debtor, one.creditor)}
        if found.plan.id == shown.plan.id:
            assert not self._nets(left), "nobody was left who owes anything"
            self.plan, self.signed = None, set()
        else:
            self._take_over(found, left)

    @precondition(lambda self: self.plan is not None)
    @rule(spends=st.booleans(), payee=people)
    def settle_up(self, spends: bool, payee: str) -> None:
        """All sign who can, somebody perhaps spends the money after that, and the worker carries what is ready."""
        self.sign_in_turn(0)
        if self.plan is None or self.friends.show(self.plan).stage != "ready":
            return
        if spends:
            somebody = sorted(self.signed)[0]
            self.spend_elsewhere(somebody, payee, self.held[somebody])
        self.carry()

    @precondition(lambda self: self.plan is not None)
    @rule()
    def withdraw(self) -> None:
        assert self.plan is not None
        self.friends.withdraw(GROUP[0], self.plan)
        self.plan, self.signed = None, set()

    @rule(who=people, payee=people, amount=cents)
    def spend_elsewhere(self, who: str, payee: str, amount: int) -> None:
        """Money moves without the service, whatever was signed."""
        if who == payee or not 0 < amount <= self.held[who]:
            return
        units = parse_money(f"{amount // 100}.{amount % 100:02}", EUR).token_units
        self.bench.node.set_balance(key_of(who).address, ETHER)
        self.friends.bench.act(who, "transfer(address,uint256)", key_of(payee).address, units)
        self.held[who] -= amount
        self.held[payee] += amount
        self.worker.catch_up()

    @precondition(lambda self: self.plan is not None and self.friends.show(self.plan).stage == "ready")
    @rule()
    def carry(self) -> None:
        """The worker brings it to its end: all legs, where everybody who pays has the money, or none."""
        assert self.plan is not None
        plan_id = self.plan
        of = {debt.id for debt in self.friends.show(plan_id).debts}
        nets = self._nets(of)
        is_covered = all(self.held[name] >= -net for name, net in nets.items())
        self.friends.carry(lambda: self.friends.show(plan_id).plan.stage != "ready", self.worker)
        assert (self.friends.show(plan_id).plan.stage == "settled") == is_covered
        if is_covered:
            assert {name for name, net in nets.items() if net < 0} == self.signed
            for number in of:
                self.owed[number].is_settled = True
            for name, net in nets.items():
                self.held[name] += net
        follower = self.friends.plan_under_way()
        self.plan, self.signed = None, set()
        if follower is not None:
            left = {debt.id for debt in follower.debts}
            assert not is_covered
            assert left < of
            self._take_over(follower, left)

    # ------------------------------------------------------------------------------------------------ what must hold

    @invariant()
    def all_is_as_the_model_says(self) -> None:
        """What everybody holds on the chain, how every debt stands, and which plan is under way."""
        shown = self.friends.bench.balance(*GROUP)
        assert shown == [f"{self.held[name] // 100}.{self.held[name] % 100:02}" for name in GROUP]
        with self.database.read() as tx:
            found = {one.id: one.state for some in debts.of_bills(tx, self.friends.made).values() for one in some}
            under_way = plans.under_way(tx, TRIP, self.bench.cash.token)
            locked = {one.id for one in debts.of_plan(tx, self.plan)} if self.plan else set()
        assert (None if under_way is None else under_way.id) == self.plan
        assert found == {
            number: "settled" if one.is_settled else "locked" if number in locked else "open"
            for number, one in self.owed.items()
        }
