"""The relayer on a real chain: every submission once, in order, with the chain's own reasons."""

import pytest

from chainwallet.errors import (
    BadValue,
    InsufficientFunds,
    NotFound,
    Reverted,
)
from chainwallet.evm import from_hex, keccak256
from chainwallet.relayer import carrying
from chainwallet.rules.submission import Failed, Final, Mined, Queued, Sent, Signed
from chainwallet.store import submissions
from tests.chain.bench import ETHER, ROLES, Bench, Clock, key_of, wait_for
from tests.chain.fault_proxy import Fault, FaultProxy

BEN = key_of("ben").address
MINT = "mint(address,uint256,bytes32)"


# ------------------------------------------------------------------------------------------------ the plain way


def test_a_submission_is_stored_signed_sent_and_mined_step_by_step(bench: Bench) -> None:
    """Each tick is one step: signed bytes are stored before they are sent, and only a receipt ends it."""
    submission_id, before = bench.mint(), bench.count("issuer")
    relayer = bench.relayer()

    assert relayer.tick() == 1
    signed = bench.submission(submission_id)
    (attempt,) = signed.attempts
    assert isinstance(signed.stage, Signed)
    assert (keccak256(attempt.raw), signed.nonce) == (attempt.tx, before)
    assert bench.count("issuer") == before

    assert relayer.tick() == 1
    sent = bench.submission(submission_id)
    assert (sent.stage, sent.nonce, sent.attempts) == (Sent(), before, (attempt,))
    wait_for(lambda: bench.count("issuer") == before + 1)

    assert relayer.tick() == 1
    receipt = bench.node.receipt(attempt.tx)
    assert receipt is not None
    place = (attempt.tx, receipt.block, receipt.block_hash, receipt.gas_used, None)
    assert bench.submission(submission_id).stage == Mined(*place, "")
    assert relayer.tick() == 1
    assert bench.submission(submission_id).stage == Final(*place)
    assert relayer.tick() == 0
    assert bench.balance("ben") == ["0.000005"]


def test_queued_submissions_of_one_sender_get_consecutive_nonces(bench: Bench) -> None:
    """What one sender has waiting is signed with consecutive nonces in the order it was asked for."""
    first = bench.count("admin")
    ids = [bench.grant(number) for number in range(5)]
    ids.append(bench.mint())
    mined = bench.relayer().deliver(ids)
    nonces = [int(bench.transaction(one.tx)["nonce"], 16) for one in mined]
    assert nonces[:5] == list(range(first, first + 5))
    blocks = [one.block for one in mined[:5]]
    assert blocks == sorted(blocks)
    assert bench.unfinished() == ()


def test_more_submissions_than_one_tick_looks_at(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """A long queue is carried out whole, however many of it one tick takes."""
    monkeypatch.setattr(carrying, "TICK_SUBMISSIONS", 3)
    before = bench.count("admin")
    ids = [bench.grant(number) for number in range(10)]
    assert bench.relayer().tick() == 3
    assert len(bench.relayer().deliver(ids)) == 10
    assert bench.count("admin") == before + 10


def test_answers_come_in_the_order_asked_for(bench: Bench) -> None:
    """Deliver answers each id with its own transaction, also for submissions that are mined already."""
    first, second = bench.grant(1), bench.grant(2)
    mined_second, mined_first = bench.relayer().deliver([second, first])
    assert [bench.submission(one).stage for one in (first, second)] == [mined_first, mined_second]
    assert bench.relayer().deliver([first, second, first]) == (mined_first, mined_second, mined_first)
    assert bench.relayer().deliver([]) == ()


def test_an_id_that_is_not_of_this_chain(bench: Bench) -> None:
    """An unknown submission, or one of another chain, is refused by name and never waited for."""
    with bench.database.transaction() as tx:
        elsewhere = submissions.put(tx, "9-00000000", "key", ROLES.admin, bench.cash.address, b"", 5)
    for submission_id in (elsewhere, 12345):
        with pytest.raises(NotFound):
            bench.relayer().deliver([submission_id])


def test_raw_bytes_name_their_chain(bench: Bench) -> None:
    """What the relayer signs carries the chain's id and the submission's call, and nothing else."""
    submission_id = bench.mint()
    (mined,) = bench.relayer().deliver([submission_id])
    found = bench.transaction(mined.tx)
    assert int(found["chainId"], 16) == bench.chain.chain_id
    assert from_hex(found["input"]) == bench.submission(submission_id).data
    assert int(found["value"], 16) == 0


# ------------------------------------------------------------------------------------------------ refused and reverted


def test_what_the_simulation_refuses_takes_no_nonce(bench: Bench) -> None:
    """A submission that would revert is refused with the contract's own reason; nothing is signed, no nonce taken."""
    bench.relayer().deliver([bench.mint()])
    before = bench.count("issuer")
    refused = bench.put("issuer", MINT, BEN, 7, (1).to_bytes(32, "big"))
    with pytest.raises(Reverted) as refusal:
        bench.relayer().deliver([refused])
    reason = f"BankRefUsed(bankRef=0x{(1).to_bytes(32, 'big').hex()})"
    assert refusal.value.reason == reason
    assert bench.submission(refused).stage == Failed(None, reason)
    assert bench.count("issuer") == before
    (mined,) = bench.relayer().deliver([bench.mint(ref=2)])
    assert int(bench.transaction(mined.tx)["nonce"], 16) == before


def test_one_that_fails_does_not_stop_the_others(bench: Bench) -> None:
    """Where one of several submissions fails, the others are carried out before that is reported."""
    bad = bench.put("pauser", MINT, BEN, 5, bytes(32))
    good = [bench.grant(1), bench.mint(), bench.grant(2)]
    with pytest.raises(Reverted) as refusal:
        bench.relayer().deliver([bad, *good])
    assert "AccessControlUnauthorizedAccount" in refusal.value.reason
    assert all(isinstance(bench.submission(one).stage, Final) for one in good)


def test_a_revert_is_reported_with_its_reason(faulty: Bench, bench: Bench, proxy: FaultProxy) -> None:
    """A transaction that reverts on the chain ends as failed, with the contract's reason in words."""
    proxy.next("eth_sendRawTransaction", Fault(before=lambda: bench.act("pauser", "pause()")))
    submission_id, before = faulty.mint(), bench.count("issuer")
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
    submission_id = faulty.mint()
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
    waiting = bench.put("poor", "cancelNonces(uint256)", 5)
    assert bench.submission(waiting).stage == Queued()
    bench.node.set_balance(poor.address, ETHER)
    relayer.deliver([waiting])
    assert bench.count("poor") == 1


def test_only_signing_needs_the_key(bench: Bench) -> None:
    """A queued submission of a sender whose key is not here is refused; signed bytes go on without the key."""
    submission_id = bench.mint()
    with pytest.raises(BadValue) as refusal:
        bench.relayer("admin").deliver([submission_id])
    assert refusal.value.field == "sender"
    assert bench.relayer("issuer").tick() == 1
    bench.relayer("admin", **Clock().seams).deliver([submission_id])
    assert bench.balance("ben") == ["0.000005"]


def test_a_stuck_sender_does_not_hold_up_others(faulty: Bench, bench: Bench) -> None:
    """A transaction that the chain has become too dear for holds up no other sender, and goes through when bumped."""
    stuck, good = faulty.grant(1), faulty.mint()
    bench.node.mine()  # Anvil does not put the next base fee back with the chain
    before = bench.node.block("latest").base_fee_per_gas_wei
    assert faulty.relayer("admin").tick() == 1
    bench.ask("anvil_setNextBlockBaseFeePerGas", hex(10 * before))
    bench.node.mine()
    faulty.relayer().deliver([good])
    assert isinstance(bench.submission(stuck).stage, Sent)
    assert "node refuses it" in bench.submission(stuck).waits
    faulty.relayer(**Clock().seams).deliver([stuck])
    attempts = bench.attempts(stuck)
    assert len(attempts) == 2
    assert bench.count("admin") == bench.node.transaction_count(key_of("admin").address)
    for fees in ("max_fee_per_gas_wei", "max_priority_fee_per_gas_wei"):
        first, second = (getattr(attempt, fees) for attempt in attempts)
        assert second * 8 >= first * 9
