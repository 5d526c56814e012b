"""The relayer between a store that keeps and a node that fails: every submission once, whatever happens in between."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import replace

import pytest

from chainwallet import relayer as relayer_module
from chainwallet.abi.calls import PAUSER_ROLE
from chainwallet.errors import (
    BadValue,
    InsufficientFunds,
    NodeRefused,
    NodeTrouble,
    NodeUnreachable,
    NotFound,
    OutcomeUnknown,
    Reverted,
)
from chainwallet.evm import Address, Hash32, Transaction, from_hex, keccak256
from chainwallet.keys.signer import LocalSigner
from chainwallet.rpc import Node
from chainwallet.rules.submission import Failed, Mined, Queued, Sent, Signed
from chainwallet.store import submissions
from chainwallet.store.database import Database
from tests.chain.bench import ETHER, ROLES, Bench, Clock, key_of, wait_for
from tests.chain.fault_proxy import Fault, FaultProxy, answer_lost, lost_on_the_way, server_error

BEN = key_of("ben").address
MINT = "mint(address,uint256,bytes32)"


def mint(bench: Bench, units: int = 5, *, ref: int = 1) -> int:
    """A submission of the issuer with an effect that can be counted."""
    return bench.put("issuer", MINT, BEN, units, ref.to_bytes(32, "big"))


def grant(bench: Bench, number: int) -> int:
    """A submission of the admin that would work any number of times."""
    return bench.put("admin", "grantRole(bytes32,address)", PAUSER_ROLE, Address(number.to_bytes(20, "big")))


def transaction(bench: Bench, tx: Hash32) -> dict[str, str]:
    """A transaction as the node has it."""
    found = bench.ask("eth_getTransactionByHash", "0x" + tx.hex())
    assert isinstance(found, dict)
    return found


# ------------------------------------------------------------------------------------------------ the plain way


def test_a_submission_is_stored_signed_sent_and_mined_step_by_step(bench: Bench) -> None:
    """Each tick is one step: signed bytes are stored before they are sent, and only a receipt ends it."""
    submission_id, before = mint(bench), bench.count("issuer")
    relayer = bench.relayer()

    assert relayer.tick() == 1
    signed = bench.submission(submission_id).stage
    assert isinstance(signed, Signed)
    assert (keccak256(signed.raw), signed.nonce) == (signed.tx, before)
    assert bench.count("issuer") == before

    assert relayer.tick() == 1
    assert bench.submission(submission_id).stage == Sent(signed.nonce, signed.tx, signed.raw)
    wait_for(lambda: bench.count("issuer") == before + 1)

    assert relayer.tick() == 1
    mined = bench.submission(submission_id).stage
    receipt = bench.node.receipt(signed.tx)
    assert receipt is not None
    assert mined == Mined(signed.tx, receipt.block, receipt.gas_used, None)
    assert relayer.tick() == 0
    assert bench.balance("ben") == ["0.000005"]


def test_queued_submissions_of_one_sender_get_consecutive_nonces(bench: Bench) -> None:
    """What one sender has waiting is signed with consecutive nonces in the order it was asked for."""
    first, before = bench.count("admin"), bench.node.block_number()
    ids = [grant(bench, number) for number in range(5)]
    ids.append(mint(bench))
    mined = bench.relayer().deliver(ids)
    nonces = [int(transaction(bench, one.tx)["nonce"], 16) for one in mined]
    assert nonces[:5] == list(range(first, first + 5))
    assert [one.block for one in mined] == list(range(before + 1, before + 7))
    assert bench.unfinished() == ()


def test_more_submissions_than_one_tick_looks_at(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """A long queue is carried out whole, however many of it one tick takes."""
    monkeypatch.setattr(relayer_module, "TICK_SUBMISSIONS", 3)
    before = bench.count("admin")
    ids = [grant(bench, number) for number in range(10)]
    assert bench.relayer().tick() == 3
    assert len(bench.relayer().deliver(ids)) == 10
    assert bench.count("admin") == before + 10


def test_answers_come_in_the_order_asked_for(bench: Bench) -> None:
    """Deliver answers each id with its own transaction, also for submissions that are mined already."""
    first, second = grant(bench, 1), grant(bench, 2)
    mined_second, mined_first = bench.relayer().deliver([second, first])
    assert mined_first.block < mined_second.block
    assert bench.relayer().deliver([first, second, first]) == (mined_first, mined_second, mined_first)
    assert bench.relayer().deliver([]) == ()


def test_an_id_that_is_not_of_this_chain(bench: Bench) -> None:
    """An unknown submission, or one of another chain, is refused by name and never waited for."""
    with bench.database.transaction() as tx:
        elsewhere = submissions.put(tx, "9-00000000", "key", ROLES.admin, bench.cash.address, b"", 5)
    for submission_id in (elsewhere, 12345):
        with pytest.raises(NotFound):
            bench.relayer().deliver([submission_id])


# ------------------------------------------------------------------------------------------------ refused and reverted


def test_what_the_simulation_refuses_takes_no_nonce(bench: Bench) -> None:
    """A submission that would revert is refused with the contract's own reason; nothing is signed, no nonce taken."""
    bench.relayer().deliver([mint(bench)])
    before = bench.count("issuer")
    refused = bench.put("issuer", MINT, BEN, 7, (1).to_bytes(32, "big"))
    with pytest.raises(Reverted) as refusal:
        bench.relayer().deliver([refused])
    reason = f"BankRefUsed(bankRef=0x{(1).to_bytes(32, 'big').hex()})"
    assert refusal.value.reason == reason
    assert bench.submission(refused).stage == Failed(None, reason)
    assert bench.count("issuer") == before
    (mined,) = bench.relayer().deliver([mint(bench, ref=2)])
    assert int(transaction(bench, mined.tx)["nonce"], 16) == before


def test_one_that_fails_does_not_stop_the_others(bench: Bench) -> None:
    """Where one of several submissions fails, the others are carried out before that is reported."""
    bad = bench.put("pauser", MINT, BEN, 5, bytes(32))
    good = [grant(bench, 1), mint(bench), grant(bench, 2)]
    with pytest.raises(Reverted) as refusal:
        bench.relayer().deliver([bad, *good])
    assert "AccessControlUnauthorizedAccount" in refusal.value.reason
    assert all(isinstance(bench.submission(one).stage, Mined) for one in good)


def test_a_revert_is_reported_with_its_reason(faulty: Bench, bench: Bench, proxy: FaultProxy) -> None:
    """A transaction that reverts on the chain ends as failed, with the contract's reason in words."""
    proxy.next("eth_sendRawTransaction", Fault(before=lambda: bench.act("pauser", "pause()")))
    submission_id, before = mint(faulty), bench.count("issuer")
    with pytest.raises(Reverted) as refusal:
        faulty.relayer().deliver([submission_id])
    stage = bench.submission(submission_id).stage
    assert isinstance(stage, Failed)
    assert stage.tx is not None
    assert stage.reason == refusal.value.reason == "MovementPaused()"
    assert refusal.value.tx == "0x" + stage.tx.hex()
    assert bench.count("issuer") == before + 1
    with pytest.raises(Reverted):
        bench.relayer().deliver([submission_id])
    assert bench.count("issuer") == before + 1


def test_a_revert_is_recorded_where_the_node_has_forgotten_why(faulty: Bench, bench: Bench, proxy: FaultProxy) -> None:
    """A node that no longer has the block's state cannot keep a reverted submission from ending."""
    proxy.next("eth_sendRawTransaction", Fault(before=lambda: bench.act("pauser", "pause()")))
    proxy.next("eth_call", Fault(result={"no": "state"}))
    submission_id = mint(faulty)
    with pytest.raises(Reverted) as refusal:
        faulty.relayer().deliver([submission_id])
    assert "no reason that a later call repeats" in refusal.value.reason
    assert isinstance(bench.submission(submission_id).stage, Failed)


def test_a_sender_without_ether_takes_no_nonce(bench: Bench) -> None:
    """A sender who cannot pay for gas is told so before anything is signed, and can go on once there is ETH."""
    poor = key_of("poor")
    relayer = bench.relayer("poor")
    with pytest.raises(InsufficientFunds) as refusal:
        relayer.deliver([bench.put("poor", "cancelNonces(uint256)", 5)])
    assert refusal.value.available == "0.000000000000000000 ETH"
    with bench.database.transaction() as tx:
        assert submissions.highest_nonce(tx, bench.chain.key, poor.address) is None
    bench.node.set_balance(poor.address, ETHER)
    relayer.deliver([bench.put("poor", "cancelNonces(uint256)", 5)])
    assert bench.count("poor") == 1


def test_only_signing_needs_the_key(bench: Bench) -> None:
    """A queued submission of a sender whose key is not here is refused; signed bytes go on without the key."""
    submission_id = mint(bench)
    with pytest.raises(BadValue) as refusal:
        bench.relayer("admin").deliver([submission_id])
    assert refusal.value.field == "sender"
    assert bench.relayer("issuer").tick() == 1
    bench.relayer("admin").deliver([submission_id])
    assert bench.balance("ben") == ["0.000005"]


def test_a_stuck_sender_does_not_hold_up_others(faulty: Bench, bench: Bench, proxy: FaultProxy) -> None:
    """A submission that a node will not take now stops neither another sender's nor is it lost itself."""
    stuck, good = grant(faulty, 1), mint(faulty)
    bench.node.mine()  # Anvil does not put the next base fee back with the chain
    before = bench.node.block("latest").base_fee_per_gas_wei
    assert faulty.relayer("admin").tick() == 1
    bench.ask("anvil_setNextBlockBaseFeePerGas", hex(10 * before))
    bench.node.mine()
    with pytest.raises(NodeRefused):
        faulty.relayer().deliver([stuck])
    faulty.relayer().deliver([good])
    assert isinstance(bench.submission(stuck).stage, Signed)
    bench.node.mine(20)  # empty blocks, each an eighth cheaper (EIP-1559)
    sent = list(proxy.sent)
    faulty.relayer().deliver([stuck])
    assert proxy.sent[len(sent) :] == [sent[0]]


# ------------------------------------------------------------------------------------------------ crashes

RUN = """
import sys, time
from pathlib import Path
from chainwallet.keys.signer import LocalSigner
from chainwallet.relayer import Relayer
from chainwallet.rpc import Node
from chainwallet.store.database import Database
database, url, chain, chain_id, secret, submission_id = sys.argv[1:]
signer = LocalSigner.from_hex(secret)
clocks = time.time, time.monotonic, time.sleep
relayer = Relayer(Database(Path(database)), Node(url), chain, int(chain_id), {signer.address: signer}, *clocks)
relayer.deliver([int(submission_id)])
"""


@contextmanager
def relayer_process(bench: Bench, url: str, submission_id: int) -> Iterator["subprocess.Popen[bytes]"]:
    """A relayer of the issuer in a process of its own, gone at the end of the block."""
    secret = keccak256(b"chainwallet tests: issuer").hex()
    argv = [str(bench.database.path), url, bench.chain.key, str(bench.chain.chain_id), secret, str(submission_id)]
    with subprocess.Popen([sys.executable, "-c", RUN, *argv], stderr=subprocess.PIPE) as process:
        yield process
        process.kill()


@pytest.mark.parametrize("moment", ["stored and not sent", "sent and not noted"])
def test_a_relayer_that_is_killed_is_continued(bench: Bench, proxy: FaultProxy, moment: str) -> None:
    """A process killed between storing and sending, or sending and noting, is continued with the very same bytes."""
    submission_id, before = mint(bench), bench.count("issuer")
    arrived, released = threading.Event(), threading.Event()

    def hold() -> None:
        arrived.set()
        assert released.wait(20)

    is_sent = moment == "sent and not noted"
    fault = Fault(after=hold, cut=True) if is_sent else Fault(before=hold, forward=False, cut=True)
    proxy.next("eth_sendRawTransaction", fault)
    with relayer_process(bench, proxy.url, submission_id) as process:
        assert arrived.wait(20)
        os.kill(process.pid, signal.SIGKILL)
    released.set()

    stored = bench.submission(submission_id).stage
    assert isinstance(stored, Signed)
    wait_for(lambda: bench.count("issuer") == before + (1 if is_sent else 0))
    (mined,) = bench.relayer().deliver([submission_id])
    assert mined.tx == stored.tx
    assert proxy.sent == ["0x" + stored.raw.hex()]
    assert bench.count("issuer") == before + 1
    assert bench.balance("ben") == ["0.000005"]


@pytest.mark.parametrize("forward", [False, True], ids=["before the node", "after the node"])
def test_a_run_that_ends_at_any_request_is_continued(
    faulty: Bench, bench: Bench, proxy: FaultProxy, forward: bool
) -> None:
    """Wherever a run loses its node for good, the next run finishes it: one nonce, one transaction, one effect."""
    faulty.relayer().deliver([mint(faulty, ref=1000)])
    requests = len(proxy.methods)
    assert "eth_sendRawTransaction" in proxy.methods
    balance, count = 5, bench.count("issuer")
    for served in range(requests):
        submission_id = mint(faulty, ref=served)
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
    submission_id, before = mint(bench), bench.count("issuer")
    with pytest.raises(KeyboardInterrupt):
        bench.relayer(signers={issuer.address: issuer}).deliver([submission_id])
    assert bench.submission(submission_id).stage == Queued()
    (mined,) = bench.relayer().deliver([submission_id])
    assert int(transaction(bench, mined.tx)["nonce"], 16) == before


def test_stored_bytes_are_sent_before_newer_ones(bench: Bench) -> None:
    """What a killed run left signed goes out with the next submission of its sender, so that no nonce is left out."""
    left, before = mint(bench, ref=1), bench.count("issuer")
    assert bench.relayer().tick() == 1
    bench.relayer().deliver([mint(bench, ref=2)])
    bench.relayer().deliver([left])
    assert bench.count("issuer") == before + 2


# ------------------------------------------------------------------------------------------------ a node that fails


@pytest.mark.parametrize(
    "fault", [answer_lost(), server_error(forwarded=True)], ids=["answer lost", "server error after forwarding"]
)
def test_a_lost_answer_is_not_signed_twice(faulty: Bench, bench: Bench, proxy: FaultProxy, fault: Fault) -> None:
    """When the answer to sent bytes is lost the chain is asked; nothing is signed or sent a second time."""
    submission_id, before = mint(faulty), bench.count("issuer")
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
    submission_id, before = mint(faulty), bench.count("issuer")
    proxy.next("eth_sendRawTransaction", fault)
    faulty.relayer(**Clock().seams).deliver([submission_id])
    assert len(proxy.sent) >= 2
    assert len(set(proxy.sent)) == 1
    assert bench.count("issuer") == before + 1


def test_a_node_that_takes_too_long(bench: Bench, proxy: FaultProxy) -> None:
    """An answer that comes too late counts as unknown, and the chain says what became of the bytes."""
    released = threading.Event()
    proxy.next("eth_sendRawTransaction", Fault(after=lambda: released.wait(20)))
    submission_id, before = mint(bench), bench.count("issuer")
    with Node(proxy.url, timeout_s=1.0) as impatient:
        bench.through(impatient).relayer().deliver([submission_id])
    released.set()
    assert (len(proxy.sent), bench.count("issuer")) == (1, before + 1)


def test_an_unreachable_node_changes_nothing(bench: Bench) -> None:
    """Without a node nothing is signed or lost, and the same submission goes on when it is back."""
    queued, signed = mint(bench, ref=1), grant(bench, 1)
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
    submission_id = mint(faulty)
    proxy.next("eth_sendRawTransaction", *(lost_on_the_way() for _ in range(200)))
    with pytest.raises(OutcomeUnknown) as unknown:
        faulty.relayer(**Clock().seams).deliver([submission_id])
    stage = bench.submission(submission_id).stage
    assert isinstance(stage, Sent)
    assert unknown.value.tx == "0x" + stage.tx.hex()
    assert len(proxy.sent) > 10
    assert set(proxy.sent) == {"0x" + stage.raw.hex()}
    proxy.heal()
    (mined,) = faulty.relayer(**Clock().seams).deliver([submission_id])
    assert mined.tx == stage.tx


def test_a_node_that_forgot_an_earlier_nonce_gets_it_again(faulty: Bench, bench: Bench, proxy: FaultProxy) -> None:
    """A transaction that waits for an earlier one of its sender makes the relayer send that one again too."""
    earlier, later = mint(faulty, ref=1), mint(faulty, ref=2)
    proxy.next("eth_sendRawTransaction", lost_on_the_way())
    relayer = faulty.relayer(**Clock().seams)
    assert relayer.tick() == 2
    assert relayer.tick() == 2
    assert [type(bench.submission(one).stage) for one in (earlier, later)] == [Sent, Sent]
    relayer.deliver([later])
    assert isinstance(bench.submission(earlier).stage, Mined)
    assert len(set(proxy.sent)) == 2


def test_a_nonce_that_somebody_else_used(bench: Bench) -> None:
    """Where another transaction of the sender took the nonce for good, the submission fails and can be asked again."""
    submission_id, before = mint(bench), bench.count("issuer")
    assert bench.relayer().tick() == 1
    stage = bench.submission(submission_id).stage
    assert isinstance(stage, Signed)
    fees = bench.node.fees()
    rival = Transaction(bench.chain.chain_id, stage.nonce, BEN, b"", 21_000, *fees, 1)
    bench.node.send_raw(key_of("issuer").sign_transaction(rival))
    wait_for(lambda: bench.count("issuer") == before + 1)

    with pytest.raises(OutcomeUnknown):  # a reorg could still bring it back
        bench.relayer(**Clock().seams).deliver([submission_id])
    assert isinstance(bench.submission(submission_id).stage, Sent)

    bench.node.mine(100)
    with pytest.raises(Reverted) as refusal:
        bench.relayer(**Clock().seams).deliver([submission_id])
    assert f"nonce {stage.nonce}" in refusal.value.reason
    assert bench.balance("ben") == ["0.00"]
    bench.relayer().deliver([mint(bench)])
    assert bench.balance("ben") == ["0.000005"]
    assert bench.count("issuer") == before + 2


def test_a_nonce_that_we_used_ourselves_is_no_displacement(faulty: Bench, bench: Bench, proxy: FaultProxy) -> None:
    """A node that shows no receipt for a while cannot make a mined submission fail while its block is not final."""
    submission_id = mint(faulty)
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
    ids, before = [mint(bench, ref=number) for number in range(6)], bench.count("issuer")

    def deliver(_: int) -> tuple[Mined, ...]:
        with closing(Database(bench.database.path)) as database, Node(proxy.url) as node:
            return replace(bench, database=database, node=node).relayer().deliver(ids)

    with ThreadPoolExecutor(3) as threads:
        answers = list(threads.map(deliver, range(3)))
    assert answers == [bench.relayer().deliver(ids)] * 3
    assert bench.count("issuer") == before + 6
    assert len(set(proxy.sent)) == 6
    assert bench.balance("ben") == ["0.000030"]


def test_a_slower_relayer_throws_its_bytes_away(bench: Bench) -> None:
    """Bytes signed for a submission that another process signed first are never stored and never sent."""
    submission_id, before = mint(bench), bench.count("issuer")

    class Slow(LocalSigner):
        def sign_transaction(self, tx: Transaction) -> bytes:
            bench.relayer().deliver([submission_id])  # meanwhile another process does it all
            return super().sign_transaction(tx)

    slow = Slow(keccak256(b"chainwallet tests: issuer"))
    (mined,) = bench.relayer(signers={slow.address: slow}).deliver([submission_id])
    assert mined == bench.submission(submission_id).stage
    assert bench.count("issuer") == before + 1
    with bench.database.transaction() as tx:
        assert submissions.highest_nonce(tx, bench.chain.key, slow.address) == before


def test_raw_bytes_name_their_chain(bench: Bench) -> None:
    """What the relayer signs carries the chain's id and the submission's call, and nothing else."""
    submission_id = mint(bench)
    (mined,) = bench.relayer().deliver([submission_id])
    found = transaction(bench, mined.tx)
    assert int(found["chainId"], 16) == bench.chain.chain_id
    assert from_hex(found["input"]) == bench.submission(submission_id).data
    assert int(found["value"], 16) == 0
