"""The life of a promise: the table is all there is, and only what the facts prove ends one."""

from dataclasses import replace
from itertools import product
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chainwallet.errors import BadValue
from chainwallet.evm import BlockNumber, Hash32
from chainwallet.rules.promise import (
    LIVE,
    OPEN,
    TRANSITIONS,
    Canceled,
    Canceling,
    Carried,
    Evidence,
    Executed,
    Execution,
    Expired,
    Final,
    Happening,
    Offered,
    Queued,
    Stage,
    WasCanceled,
    WasConfirmed,
    WasExecuted,
    WasOutlived,
    WasRenewed,
    WasReturned,
    WasSigned,
    WasTakenUp,
    WasUndone,
    WasWithdrawn,
    after,
    verdict,
)
from chainwallet.rules.story import STAGES as WORDS
from chainwallet.rules.story import told_of_promise

EXECUTION = Execution(Hash32(b"\x01" * 32), BlockNumber(7), Hash32(b"\x07" * 32))
ELSEWHERE = replace(EXECUTION, block=BlockNumber(9), block_hash=Hash32(b"\x09" * 32))
VALID_BEFORE = 1_000
NOTHING = Evidence(None, "", BlockNumber(20), VALID_BEFORE - 1)

STAGES: dict[type[Stage], Stage] = {
    Offered: Offered(),
    Queued: Queued(),
    Carried: Carried(3),
    Canceling: Canceling(),
    Executed: Executed(EXECUTION),
    Final: Final(EXECUTION),
    Canceled: Canceled(),
    Expired: Expired(),
}
HAPPENINGS: dict[type[Happening], Happening] = {
    WasSigned: WasSigned(),
    WasTakenUp: WasTakenUp(3),
    WasReturned: WasReturned("why"),
    WasRenewed: WasRenewed("why"),
    WasWithdrawn: WasWithdrawn(),
    WasExecuted: WasExecuted(EXECUTION),
    WasConfirmed: WasConfirmed(),
    WasCanceled: WasCanceled("why"),
    WasOutlived: WasOutlived("why"),
    WasUndone: WasUndone("why"),
}
ENDS = (Final, Canceled, Expired)
REFUSED = [pair for pair in product(STAGES, HAPPENINGS) if pair not in TRANSITIONS]


def test_every_stage_and_happening_is_in_this_test() -> None:
    """The tests below know every stage and everything that may happen, and each has words for a person."""
    assert set(STAGES) == set(get_args(Stage)) == set(WORDS)
    assert set(HAPPENINGS) == set(get_args(Happening))
    assert all(told_of_promise(happening).isprintable() for happening in HAPPENINGS.values())


@pytest.mark.parametrize(("stage", "happening"), sorted(TRANSITIONS, key=str))
def test_the_table_says_where_a_happening_leads(stage: type[Stage], happening: type[Happening]) -> None:
    """Every pair in the table leads to the stage that the table names."""
    assert after(STAGES[stage], HAPPENINGS[happening]) == STAGES[TRANSITIONS[stage, happening]]


@pytest.mark.parametrize(("stage", "happening"), REFUSED)
def test_every_other_pair_is_refused_by_name(stage: type[Stage], happening: type[Happening]) -> None:
    """A pair that the table lacks is refused with the names of both and the stages where it may happen."""
    with pytest.raises(BadValue) as refusal:
        after(STAGES[stage], HAPPENINGS[happening])
    assert refusal.value.field == f"stage for {happening.__name__}"
    assert refusal.value.value == stage.__name__


def test_only_proof_ends_a_promise_and_only_a_reorg_undoes_it() -> None:
    """Rule 2: the ends are reached by what the facts prove alone, and left by a reorg or their owner's new request."""
    proofs = {happening for (_, happening), end in TRANSITIONS.items() if end in ENDS}
    assert proofs == {WasConfirmed, WasCanceled, WasOutlived}
    ways_back = {(stage, happening) for stage, happening in TRANSITIONS if stage in ENDS}
    assert ways_back == {(end, WasUndone) for end in ENDS} | {(Expired, WasRenewed)}


def test_failures_of_ours_return_a_promise_to_the_queue() -> None:
    """Rule 2: a skipped item, a failed send and a setback lead to the queue and nowhere else."""
    assert {end for (_, happening), end in TRANSITIONS.items() if happening is WasReturned} == {Queued}


@pytest.mark.parametrize("stage", OPEN)
def test_an_open_promise_ends_by_the_facts_alone(stage: type[Stage]) -> None:
    """Rule 2: an open promise is executed, cancelled or outlived as the facts say, and otherwise stays as it is."""
    one = STAGES[stage]
    assert verdict(one, VALID_BEFORE, NOTHING) is None
    assert verdict(one, VALID_BEFORE, replace(NOTHING, execution=EXECUTION)) == WasExecuted(EXECUTION)
    assert verdict(one, VALID_BEFORE, replace(NOTHING, nonce_gone="why")) == WasCanceled("why")
    outlived = verdict(one, VALID_BEFORE, replace(NOTHING, final_timestamp_s=VALID_BEFORE))
    assert isinstance(outlived, WasOutlived)


@given(
    stage=st.sampled_from(OPEN),
    gone=st.sampled_from(["", "why"]),
    final_s=st.integers(0, 2 * VALID_BEFORE),
    final_block=st.integers(-1, 20),
)
def test_an_execution_beats_every_other_sign(stage: type[Stage], gone: str, final_s: int, final_block: int) -> None:
    """Rule 3: whatever else is seen, a promise that the facts show carried out is carried out."""
    seen = Evidence(EXECUTION, gone, BlockNumber(final_block), final_s)
    assert verdict(STAGES[stage], VALID_BEFORE, seen) == WasExecuted(EXECUTION)


def test_an_execution_is_final_when_it_is_deep_enough() -> None:
    """An execution in a block that is not final waits; in the final block or below it is final."""
    for final_block, expected in ((6, None), (7, WasConfirmed()), (8, WasConfirmed())):
        seen = Evidence(EXECUTION, "", BlockNumber(final_block), 0)
        assert verdict(Executed(EXECUTION), VALID_BEFORE, seen) == expected


@pytest.mark.parametrize("found", [None, ELSEWHERE])
@pytest.mark.parametrize("stage", [Executed, Final])
def test_an_execution_that_is_gone_or_moved_is_undone(stage: type[Stage], found: Execution | None) -> None:
    """Rule 6: where the facts lose an execution, or show it in another block, the promise is under way again."""
    assert isinstance(verdict(STAGES[stage], VALID_BEFORE, replace(NOTHING, execution=found)), WasUndone)
    assert verdict(Final(EXECUTION), VALID_BEFORE, replace(NOTHING, execution=EXECUTION)) is None


def test_other_ends_are_undone_with_their_proof() -> None:
    """Rule 6: a cancel or an expiry whose proof a reorg took away is undone; one whose proof stands, stands."""
    assert verdict(Canceled(), VALID_BEFORE, replace(NOTHING, nonce_gone="why")) is None
    assert isinstance(verdict(Canceled(), VALID_BEFORE, NOTHING), WasUndone)
    assert verdict(Expired(), VALID_BEFORE, replace(NOTHING, final_timestamp_s=VALID_BEFORE)) is None
    assert isinstance(verdict(Expired(), VALID_BEFORE, NOTHING), WasUndone)


def test_what_is_kept_back_and_what_is_protected() -> None:
    """Open promises keep their amount back; their nonces, and those of executions that are not final, are protected."""
    assert set(OPEN) == {Offered, Queued, Carried, Canceling}
    assert set(LIVE) == {*OPEN, Executed}
