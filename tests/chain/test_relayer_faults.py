"""The relayer between a store that keeps and a node that fails: every submission once, whatever happens in between."""

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace

import pytest

from chainwallet.errors import (
    NodeTrouble,
    NodeUnreachable,
    NonceConflict,
    OutcomeUnknown,
)
from chainwallet.evm import Transaction, keccak256
from chainwallet.keys.signer import LocalSigner
from chainwallet.relayer import Relayer
from chainwallet.relayer.judging import Judging
from chainwallet.rpc import Node
from chainwallet.rules.submission import Conflict, Final, Queued, Sent, Signed
from chainwallet.store import leases, submissions
from chainwallet.store.database import Database
from tests.chain.bench import LIMITS, Bench, Clock, key_of, wait_for
from tests.chain.carriers import worker_process
from tests.chain.fault_proxy import Fault, FaultProxy, answer_lost, lost_on_the_way, server_error
from tests.postgres import on_both

BEN = key_of("ben").address
pytestmark = on_both


# ------------------------------------------------------------------------------------------------ crashes


@pytest.mark.parametrize("moment", ["stored and not sent", "sent and not noted"])
def test_a_relayer_that_is_killed_is_continued(bench: Bench, proxy: FaultProxy, moment: str) -> None:
    """A process killed between storing and sending, or sending and noting, is continued with the very same bytes."""
    submission_id, before = bench.mint(), bench.count("issuer")
    arrived, released = threading.Event(), threading.Event()

    def hold() -> None:
        arrived.set()
        assert released.wait(20)

    is_sent = moment == "sent and not noted"
    fault = Fault(after=hold, cut=True) if is_sent else Fault(before=hold, forward=False, cut=True)
    proxy.next("eth_sendRawTransaction", fault)
    with worker_process(bench, proxy.url, "issuer") as process:
        assert arrived.wait(20)
        process.kill()
        process.join()
    released.set()

    stored = bench.submission(submission_id)
    assert isinstance(stored.stage, Signed)
    (attempt,) = stored.attempts
    wait_for(lambda: bench.count("issuer") == before + (1 if is_sent else 0))
    (mined,) = bench.relayer().deliver([submission_id])
    assert mined.tx == attempt.tx
    assert proxy.sent == ["0x" + attempt.raw.hex()]
    assert bench.count("issuer") == before + 1
    assert bench.balance("ben") == ["0.000005"]


@pytest.mark.parametrize("forward", [False, True], ids=["before the node", "after the node"])
def test_a_run_that_ends_at_any_request_is_continued(
    faulty: Bench, bench: Bench, proxy: FaultProxy, forward: bool
) -> None:
    """Wherever a run loses its node for good, the next run finishes it: one nonce, one transaction, one effect."""
    faulty.relayer().deliver([faulty.mint(ref=1000)])
    requests = len(proxy.methods)
    assert "eth_sendRawTransaction" in proxy.methods
    balance, count = 5, bench.count("issuer")
    for served in range(requests):
        submission_id = faulty.mint(ref=served)
        proxy.die_after(served, forward=forward)
        with pytest.raises(NodeTrouble):
            faulty.relayer().deliver([submission_id])
        proxy.heal()
        raw = set(proxy.sent)
        bench.relayer(**Clock().seams).deliver([submission_id])
        balance, count = balance + 5, count + 1
        assert len(set(proxy.sent)) == len(raw)
        assert bench.count("issuer") == count
        assert bench.balance("ben") == [f"0.{balance:06d}"]


def test_a_signer_that_dies_leaves_no_nonce_taken(bench: Bench) -> None:
    """A crash while signing leaves the submission queued and its nonce free."""

    class Dying(LocalSigner):
        def sign_transaction(self, tx: Transaction) -> bytes:
            super().sign_transaction(tx)
            raise KeyboardInterrupt

    issuer = Dying(keccak256(b"chainwallet tests: issuer"))
    submission_id, before = bench.mint(), bench.count("issuer")
    with pytest.raises(KeyboardInterrupt):
        bench.relayer(senders={issuer.address: issuer}).deliver([submission_id])
    assert bench.submission(submission_id).stage == Queued()
    (mined,) = bench.relayer().deliver([submission_id])
    assert int(bench.transaction(mined.tx)["nonce"], 16) == before


def test_stored_bytes_are_sent_before_newer_ones(bench: Bench) -> None:
    """What a killed run left signed goes out with the next submission of its sender, so that no nonce is left out."""
    left, before = bench.mint(ref=1), bench.count("issuer")
    assert bench.relayer().tick() == 1
    bench.relayer().deliver([bench.mint(ref=2)])
    bench.relayer().deliver([left])
    assert bench.count("issuer") == before + 2


# ------------------------------------------------------------------------------------------------ a node that fails


@pytest.mark.parametrize(
    "fault", [answer_lost(), server_error(forwarded=True)], ids=["answer lost", "server error after forwarding"]
)
def test_a_lost_answer_is_not_signed_twice(faulty: Bench, bench: Bench, proxy: FaultProxy, fault: Fault) -> None:
    """When the answer to sent bytes is lost the chain is asked; nothing is signed or sent a second time."""
    submission_id, before = faulty.mint(), bench.count("issuer")
    proxy.next("eth_sendRawTransaction", fault)
    faulty.relayer().deliver([submission_id])
    assert len(proxy.sent) == 1
    assert bench.count("issuer") == before + 1
    assert bench.balance("ben") == ["0.000005"]


@pytest.mark.parametrize(
    "fault", [lost_on_the_way(), server_error(forwarded=False)], ids=["lost on the way", "server error"]
)
def test_lost_bytes_are_sent_again_as_they_were(faulty: Bench, bench: Bench, proxy: FaultProxy, fault: Fault) -> None:
    """Bytes that may be lost are sent again unchanged, after the chain has shown no receipt for a while."""
    submission_id, before = faulty.mint(), bench.count("issuer")
    proxy.next("eth_sendRawTransaction", fault)
    faulty.relayer(**Clock().seams).deliver([submission_id])
    assert len(proxy.sent) >= 2
    assert len(set(proxy.sent)) == 1
    assert bench.count("issuer") == before + 1


def test_a_node_that_takes_too_long(bench: Bench, proxy: FaultProxy) -> None:
    """An answer that comes too late counts as unknown, and the chain says what became of the bytes."""
    released = threading.Event()
    proxy.next("eth_sendRawTransaction", Fault(after=lambda: released.wait(20)))
    submission_id, before = bench.mint(), bench.count("issuer")
    with Node(proxy.url, timeout_s=1.0) as impatient:
        bench.through(impatient).relayer().deliver([submission_id])
    released.set()
    assert (len(proxy.sent), bench.count("issuer")) == (1, before + 1)


def test_an_unreachable_node_changes_nothing(bench: Bench) -> None:
    """Without a node nothing is signed or lost, and the same submission goes on when it is back."""
    queued, signed = bench.mint(ref=1), bench.grant(1)
    assert bench.relayer("admin").tick() == 1
    stages = [bench.submission(one).stage for one in (queued, signed)]
    with Node("http://127.0.0.1:9", attempts=1) as nowhere:
        for submission_id in (queued, signed):
            with pytest.raises(NodeUnreachable):
                bench.through(nowhere).relayer().deliver([submission_id])
    assert [bench.submission(one).stage for one in (queued, signed)] == stages
    bench.relayer().deliver([queued, signed])


def test_no_receipt_in_time_is_an_unknown_outcome(faulty: Bench, bench: Bench, proxy: FaultProxy) -> None:
    """A transaction without receipt is reported as unknown, neither failed nor done, and the next run asks again."""
    submission_id = faulty.mint()
    proxy.next("eth_sendRawTransaction", *(lost_on_the_way() for _ in range(200)))
    with pytest.raises(OutcomeUnknown) as unknown:
        faulty.relayer(**Clock().seams).deliver([submission_id])
    stored = bench.submission(submission_id)
    assert isinstance(stored.stage, Sent)
    assert unknown.value.tx == "0x" + stored.attempts[-1].tx.hex()
    assert len(proxy.sent) > 10
    assert set(proxy.sent) == {"0x" + attempt.raw.hex() for attempt in stored.attempts}
    proxy.heal()
    (mined,) = faulty.relayer(**Clock().seams).deliver([submission_id])
    assert mined.tx in {attempt.tx for attempt in stored.attempts}


def test_a_node_that_forgot_an_earlier_nonce_gets_it_again(faulty: Bench, bench: Bench, proxy: FaultProxy) -> None:
    """A transaction that waits for an earlier one of its sender makes the relayer send that one again too."""
    earlier, later = faulty.mint(ref=1), faulty.mint(ref=2)
    proxy.next("eth_sendRawTransaction", lost_on_the_way())
    relayer = faulty.relayer(**Clock().seams)
    assert relayer.tick() == 2
    assert relayer.tick() == 2
    assert [type(bench.submission(one).stage) for one in (earlier, later)] == [Sent, Sent]
    relayer.deliver([later])
    assert isinstance(bench.submission(earlier).stage, Final)
    assert len(set(proxy.sent)) == 2


def test_a_nonce_that_somebody_else_used(bench: Bench) -> None:
    """Where another transaction of the sender took the nonce for good, a person is told, and the lane goes on."""
    submission_id, before = bench.mint(), bench.count("issuer")
    deep = {"limits": replace(LIMITS, confirmations=5)}
    assert bench.relayer(**deep).tick() == 1
    nonce = bench.submission(submission_id).nonce
    fees = bench.node.fees()
    rival = Transaction(bench.chain.chain_id, before, BEN, b"", 21_000, *fees, 1)
    bench.node.send_raw(key_of("issuer").sign_transaction(rival))
    wait_for(lambda: bench.count("issuer") == before + 1)

    assert bench.relayer(**deep).tick() == 1
    assert isinstance(bench.submission(submission_id).stage, Sent)  # a reorg could still bring it back

    bench.node.mine(4)
    with pytest.raises(NonceConflict) as refusal:
        bench.relayer(**deep, **Clock().seams).deliver([submission_id])
    assert f"nonce {nonce}" in refusal.value.reason
    assert isinstance(bench.submission(submission_id).stage, Conflict)
    assert bench.balance("ben") == ["0.00"]
    again = bench.mint()
    assert again != submission_id
    bench.relayer().deliver([again])
    assert bench.balance("ben") == ["0.000005"]
    assert bench.count("issuer") == before + 2


def test_a_nonce_that_we_used_ourselves_is_no_displacement(faulty: Bench, bench: Bench, proxy: FaultProxy) -> None:
    """A node that shows no receipt for a while cannot make a mined submission fail while its block is not final."""
    submission_id = faulty.mint()
    relayer = faulty.relayer(**Clock().seams)
    assert (relayer.tick(), relayer.tick()) == (1, 1)
    proxy.next("eth_getTransactionReceipt", *(server_error(forwarded=False) for _ in range(3)))
    for _ in range(3):
        with pytest.raises(NodeUnreachable):
            relayer.deliver([submission_id])
    assert isinstance(bench.submission(submission_id).stage, Sent)
    relayer.deliver([submission_id])
    assert bench.balance("ben") == ["0.000005"]


# ------------------------------------------------------------------------------------------------ two relayers


def test_relayers_beside_each_other_deliver_once(bench: Bench, proxy: FaultProxy) -> None:
    """Relayers that deliver the same submissions at the same time bring each to the chain exactly once."""
    ids, before = [bench.mint(ref=number) for number in range(6)], bench.count("issuer")

    def deliver(_: int) -> tuple[Final, ...]:
        with closing(Database.open(bench.where)) as database, Node(proxy.url) as node:
            return replace(bench, database=database, node=node).relayer().deliver(ids)

    with ThreadPoolExecutor(3) as threads:
        answers = list(threads.map(deliver, range(3)))
    assert answers == [bench.relayer().deliver(ids)] * 3
    assert bench.count("issuer") == before + 6
    assert len(set(proxy.sent)) == 6
    assert bench.balance("ben") == ["0.000030"]


def test_a_slower_relayer_throws_its_bytes_away(bench: Bench) -> None:
    """Bytes signed for a submission that another process signed first are never stored and never sent."""
    submission_id, before = bench.mint(), bench.count("issuer")

    class Slow(LocalSigner):
        def sign_transaction(self, tx: Transaction) -> bytes:
            bench.relayer().deliver([submission_id])  # meanwhile another process does it all
            return super().sign_transaction(tx)

    slow = Slow(keccak256(b"chainwallet tests: issuer"))
    (mined,) = bench.relayer(senders={slow.address: slow}).deliver([submission_id])
    assert mined == bench.submission(submission_id).stage
    assert bench.count("issuer") == before + 1
    with bench.database.transaction() as tx:
        assert submissions.highest_nonce(tx, bench.chain.key, slow.address) == before


def test_who_has_the_key_gets_the_lane_back(bench: Bench) -> None:
    """A relayer without a sender's key stands in for one that is gone; as soon as one with the key is there, it has the
    lane: only that one can raise a fee, or fill a nonce that is left out.
    """
    limits = replace(LIMITS, lease_s=4, resend_after_s=1, bump_after_s=1)
    bench.ask("evm_setAutomine", False)
    try:
        submission_id = bench.grant(1)
        gone = Relayer(bench.tools("admin", limits=limits), "gone")
        wait_for(lambda: bool(gone.tick()) and isinstance(bench.submission(submission_id).stage, Sent))
        gone.close()
        stand_in = Relayer(bench.tools("issuer", limits=limits), "stand-in")
        owner = Relayer(bench.tools("admin", limits=limits), "owner")

        def holder() -> str:
            with bench.database.read() as tx:
                lease = leases.find(tx, bench.chain.key, key_of("admin").address)
            assert lease is not None
            return lease.holder

        wait_for(lambda: (stand_in.tick(), holder())[1] == "stand-in")
        wait_for(lambda: (stand_in.tick(), owner.tick(), len(bench.attempts(submission_id)))[2] > 1)
        assert holder() == "owner"
    finally:
        bench.ask("evm_setAutomine", True)


def test_a_tick_that_outlasts_its_lease_signs_all_the_same(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a busy machine judging may take longer than a lease lasts: it is acquired again, and the tick goes on."""
    clock, submission_id = Clock(), bench.mint()
    relayer, judge = bench.relayer(limits=replace(LIMITS, lease_s=4), **clock.seams), Judging.judge

    def slowly(judging: Judging) -> int:
        clock.sleep(5)
        return judge(judging)

    monkeypatch.setattr(Judging, "judge", slowly)
    assert relayer.tick()
    assert not isinstance(bench.submission(submission_id).stage, Queued)


def test_a_relayer_whose_lease_was_taken_over_stores_nothing(bench: Bench) -> None:
    """Bytes signed under a lease that another process took over meanwhile are forgotten, though nobody else signed."""
    submission_id = bench.mint()

    class Paused(LocalSigner):
        def sign_transaction(self, tx: Transaction) -> bytes:
            raw = super().sign_transaction(tx)
            with bench.database.transaction() as store:  # it is paused here, past its lease
                lease = leases.find(store, bench.chain.key, self.address)
                assert lease is not None
                leases.release(store, lease)
                taken = leases.acquire(store, bench.chain.key, self.address, "another process", 60, bench.now_s)
                assert taken is not None
                assert taken.epoch == lease.epoch + 1
            return raw

    paused = Paused(keccak256(b"chainwallet tests: issuer"))
    assert bench.relayer(senders={paused.address: paused}).tick() == 0
    assert bench.submission(submission_id).stage == Queued()
    assert bench.attempts(submission_id) == ()
