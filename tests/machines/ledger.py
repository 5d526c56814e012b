"""A machine that drives the real ``Cash`` and the model of it together: whatever is done, they stay the same.

Payments, replays, retries under the same nonce, forgeries, cancels, freezes, pauses, settlements, mints, time, and
reorgs that take all of it back.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from chainwallet.abi.calls import call_data, pay_data, pay_item, payment_ref, settle_data, uints_of
from chainwallet.abi.domain import domain_of
from chainwallet.abi.events import Paid, Skipped, decode_event
from chainwallet.abi.typed_data import CancelAuthorization, CancelNonces, Consent, Leg, Payment, Settlement
from chainwallet.evm import ZERO_ADDRESS, Hash32, Receipt
from chainwallet.keys.signer import to_compact
from chainwallet.rules.window import TAG
from tests.chain.bench import Bench, key_of
from tests.machines.ledger_model import PAID, WINDOW_END, Account, Item, Ledger

PEOPLE = ("ana", "ben", "gina", "hugo")
FAR = 10**6  # seconds
STRANGER = "eve"
LONGEST_REORG = 6

people = st.sampled_from(PEOPLE)
distances = st.sampled_from([0, 1, 2, 62, 63, 64, 65, 1_086, 1_087, 1_088]) | st.integers(0, 70)
lifetimes = st.sampled_from([FAR, FAR, FAR, 30, 1])


class LedgerMachine(RuleBasedStateMachine):
    """The contract behind ``bench``, and the model."""

    bench: Bench
    """Set by whoever runs it."""

    def __init__(self) -> None:
        super().__init__()
        self.snapshot = self.bench.ask("evm_snapshot")
        self.domain = domain_of(self.bench.cash)
        self.model = Ledger({name: self._account(name) for name in PEOPLE})
        self.first = self.bench.node.block_number()
        self.states = {self.first: self.model.copy()}
        """After each block with something in it."""
        self.documents: list[tuple[Payment, Item, bytes]] = []
        """Every document that was ever signed, with what the model makes of it and its packed form."""
        self.bank_refs = 0

    def teardown(self) -> None:
        """The chain is put back."""
        assert self.bench.ask("evm_revert", self.snapshot) is True

    def _account(self, name: str) -> Account:
        balance, window, base, _, is_frozen = self._state(name)
        assert window == base == is_frozen == 0
        return Account(balance)

    def _state(self, name: str) -> tuple[int, ...]:
        told = self.bench.node.call(self.bench.cash.address, call_data("accountState(address)", key_of(name).address))
        return uints_of(told, 5)

    # ------------------------------------------------------------------------------------------------ acting

    def _send(self, name: str, data: bytes) -> tuple[Receipt, int]:
        """Somebody's transaction, mined, and the time of its block."""
        receipt = self.bench.send(name, data)
        return receipt, self.bench.node.block(receipt.block).timestamp_s

    def _call(self, name: str, signature: str, *values: object) -> tuple[bool, int]:
        receipt, time_s = self._send(name, call_data(signature, *values))
        return receipt.succeeded, time_s

    def _note(self) -> None:
        self.states[self.bench.node.block_number()] = self.model.copy()

    def _sign(self, name: str, document: Any) -> bytes:
        r, vs = to_compact(key_of(name).sign(document, self.domain))
        return r + vs

    # ------------------------------------------------------------------------------------------------ documents

    @initialize(payer=people, payee=people)
    def first_document(self, payer: str, payee: str) -> None:
        """There is always something that can be delivered."""
        self._add(payer, payee, 1, 0, FAR)

    @rule(payer=people, payee=people, value=st.integers(0, 60_000_000), distance=distances, lifetime=lifetimes)
    def promise(self, payer: str, payee: str, value: int, distance: int, lifetime: int) -> None:
        """Somebody signs a payment with a window nonce, near the window or too far from it."""
        self._add(payer, payee, value, self.model.accounts[payer].base + distance, lifetime)

    @rule(payer=people, payee=people, value=st.integers(0, 60_000_000), nonce=st.integers(0, 2))
    def promise_wide(self, payer: str, payee: str, value: int, nonce: int) -> None:
        """Somebody signs a payment with a wide nonce, perhaps one that was used."""
        self._add(payer, payee, value, WINDOW_END + nonce, FAR)

    @rule(at=st.integers(0, 10**6), lifetime=lifetimes)
    def retry(self, at: int, lifetime: int) -> None:
        """The same payment is signed again under its nonce, with another time."""
        payment, item, _ = self.documents[at % len(self.documents)]
        self._add(item.payer, item.payee, payment.value, payment.nonce, lifetime)

    def _add(self, payer: str, payee: str, value: int, nonce: int, lifetime: int) -> None:
        ref = payment_ref(key_of(payer).address, self.bench.cash.address, f"{payer} {nonce}")
        until = self.bench.now_s + lifetime
        payment = Payment(key_of(payer).address, key_of(payee).address, value, ref, nonce, until)
        item = Item(payer, payee, value, nonce, until, is_signed=True)
        self.documents.append((payment, item, pay_item(payment, self._sign(payer, payment))))

    @rule(at=st.integers(0, 10**6), more=st.integers(1, 1_000))
    def forge(self, at: int, more: int) -> None:
        """A document is altered on the way, or another key than the payer's signs it."""
        payment, item, _ = self.documents[at % len(self.documents)]
        altered = replace(payment, value=more)
        signature = self._sign(STRANGER, replace(altered, payer=key_of(STRANGER).address))
        forged = Item(item.payer, item.payee, more, item.nonce, item.valid_before, is_signed=False)
        self.documents.append((payment, forged, pay_item(altered, signature)))

    # ------------------------------------------------------------------------------------------------ what they do

    @rule(places=st.lists(st.integers(0, 10**6), min_size=1, max_size=5))
    def deliver(self, places: Sequence[int]) -> None:
        """Somebody delivers some documents in one call, perhaps one of them twice, perhaps for the second time."""
        chosen = [self.documents[-1 - place % len(self.documents)] for place in places]
        is_wide = chosen[0][1].nonce >= WINDOW_END
        some = [one for one in chosen if (one[1].nonce >= WINDOW_END) == is_wide]
        receipt, time_s = self._send("relayer", pay_data([packed for _, _, packed in some]))
        fates = self.model.pay([item for _, item, _ in some], time_s)
        assert receipt.succeeded == (fates is not None)
        events = [decode_event(log) for log in receipt.logs]
        told = [event for event in events if isinstance(event, Paid | Skipped)]
        expected = [
            Paid(payment.payment_ref, item.nonce)
            if fate == PAID
            else Skipped(key_of(item.payer).address, item.nonce, fate)
            for (payment, item, _), fate in zip(some, fates or (), strict=fates is not None)
        ]
        assert told == expected
        self._note()

    @rule(at=st.integers(0, 10**6))
    def cancel(self, at: int) -> None:
        """A payer cancels one nonce; a stranger delivers that."""
        _, item, _ = self.documents[at % len(self.documents)]
        number = TAG << 56 | item.nonce if item.nonce < WINDOW_END else item.nonce
        document = CancelAuthorization(key_of(item.payer).address, Hash32(number.to_bytes(32, "big")))
        signature = key_of(item.payer).sign(document, self.domain)
        values = (document.authorizer, document.nonce, signature)
        succeeded, _ = self._call("relayer", "cancelAuthorization(address,bytes32,bytes)", *values)
        assert succeeded == self.model.cancel(item.payer, item.nonce)
        self._note()

    @rule(name=people, distance=st.integers(-3, 70) | st.sampled_from([1_023, 1_024, 1_025]))
    def cancel_below(self, name: str, distance: int) -> None:
        """Somebody cancels all nonces up to one."""
        up_to, until = max(0, self.model.accounts[name].base + distance), self.bench.now_s + FAR
        document = CancelNonces(key_of(name).address, up_to, until)
        values = (document.account, up_to, until, key_of(name).sign(document, self.domain))
        succeeded, _ = self._call("relayer", "cancelNonces(address,uint256,uint256,bytes)", *values)
        assert succeeded == self.model.cancel_below(name, up_to)
        self._note()

    @rule(
        debtors=st.lists(people, min_size=1, max_size=3, unique=True),
        amounts=st.lists(st.integers(1, 40_000_000), min_size=3, max_size=3),
        distance=distances,
        lifetime=lifetimes,
    )
    def settle(self, debtors: list[str], amounts: list[int], distance: int, lifetime: int) -> None:
        """A group is cleared: all legs, or none."""
        nonces = {name: self.model.accounts[name].base + distance for name in debtors}
        debits = {name: (amount, nonces[name]) for name, amount in zip(debtors, amounts, strict=False)}
        creditor = next(name for name in PEOPLE if name not in debtors)
        total, until = sum(amount for amount, _ in debits.values()), self.bench.now_s + lifetime
        order = sorted(debtors, key=lambda name: key_of(name).address)
        legs = tuple(Leg(key_of(name).address, debits[name][0]) for name in order)
        credit = (Leg(key_of(creditor).address, total),)
        settlement = Settlement(legs, credit, Hash32(bytes(32)), ZERO_ADDRESS, until)
        consents = [
            (nonces[name], self._sign(name, Consent(key_of(name).address, settlement, nonces[name]))) for name in order
        ]
        receipt, time_s = self._send("relayer", settle_data(settlement, consents))
        assert receipt.succeeded == self.model.settle(debits, {creditor: total}, until, time_s)
        self._note()

    @rule(name=people, is_frozen=st.booleans())
    def freeze(self, name: str, is_frozen: bool) -> None:
        """The compliance officer freezes an account, or ends that."""
        verb = "freeze" if is_frozen else "unfreeze"
        succeeded, _ = self._call("compliance", f"{verb}(address,bytes32)", key_of(name).address, bytes(32))
        if succeeded:
            self.model.accounts[name].is_frozen = is_frozen
        self._note()

    @rule()
    def pause(self) -> None:
        """Everything that moves money stops; or goes on."""
        succeeded, _ = self._call("pauser", "unpause()" if self.model.is_paused else "pause()")
        assert succeeded
        self.model.is_paused = not self.model.is_paused
        self._note()

    @rule(name=people, value=st.integers(1, 10_000_000), is_again=st.booleans())
    def mint(self, name: str, value: int, is_again: bool) -> None:
        """Money comes in with a new bank reference, or with one that was used."""
        self.bank_refs += not is_again
        ref = 10**6 + self.bank_refs
        values = (key_of(name).address, value, ref.to_bytes(32, "big"))
        succeeded, _ = self._call("issuer", "mint(address,uint256,bytes32)", *values)
        assert succeeded == self.model.mint(name, value, ref)
        self._note()

    @rule(seconds=st.integers(1, 100))
    def wait(self, seconds: int) -> None:
        """Time passes."""
        self.bench.node.set_time(self.bench.now_s + seconds)
        self.bench.node.mine()

    @precondition(lambda self: self.bench.node.block_number() > self.first)
    @rule(depth=st.integers(1, LONGEST_REORG))
    def reorg(self, depth: int) -> None:
        """Some blocks are taken back, with all that was done in them; documents stay signed."""
        head = self.bench.node.block_number()
        depth = min(depth, head - self.first)
        self.bench.ask("anvil_reorg", depth, [])
        self.states = {number: state for number, state in self.states.items() if number <= head - depth}
        self.model = self.states[max(self.states)].copy()

    # ------------------------------------------------------------------------------------------------ always

    @invariant()
    def they_are_the_same(self) -> None:
        """Balances, windows and freezes of all are the model's, and nothing was made or lost."""
        for name, account in self.model.accounts.items():
            balance, window, base, _, is_frozen = self._state(name)
            told = (balance, window, base, bool(is_frozen))
            assert told == (account.balance, account.window, account.base, account.is_frozen), name
