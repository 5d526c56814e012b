"""Thousands of lives of a service under faults, from seeds: all rules hold, and no rule can be left out unnoticed."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from chainwallet.rules import nonces, promise
from tests.simulation import service
from tests.simulation.service import Row, Service
from tests.simulation.world import Failed, World, live

SEEDS = 200
ENOUGH = 1_500  # seeds, in which a broken rule must show


def live_many(seeds: int) -> None:
    for seed in range(seeds):
        live(seed)


def test_every_seed_ends_well() -> None:
    """Whatever is lost, undone, stolen or restored: every accepted payment is paid once or ends by proof."""
    live_many(SEEDS)


def test_every_kind_of_fault_was_met() -> None:
    """The seeds of this run contain each kind of fault, so that none is only promised."""
    injected: dict[str, int] = {}
    for seed in range(60):
        world = World(seed)
        world.run()
        injected = {name: injected.get(name, 0) + times for name, times in world.injected.items()} | {
            name: times for name, times in injected.items() if name not in world.injected
        }
    expected = {
        *("asked again", "cancels", "crashes", "duplicates", "fees", "long waits", "lost answers", "lost questions"),
        *("lost sends", "reorgs", "restored backups", "rivals", "stale heads", "stolen"),
    }
    assert expected <= injected.keys()


def test_a_seed_replays_byte_for_byte() -> None:
    """The same seed has the same life, line by line."""
    for seed in range(20):
        first, second = World(seed), World(seed)
        assert first.run() == second.run()
        assert first.trace == second.trace
    assert live(1) != live(2)


def _rule_1(patch: pytest.MonkeyPatch) -> None:
    """A document that is made again gets another nonce."""

    def renewal(row: Row, valid_before: int) -> Any:
        return replace(row.document, valid_before=valid_before, nonce=row.document.nonce + 1)

    patch.setattr(service, "renewal", renewal)


def _rule_2(patch: pytest.MonkeyPatch) -> None:
    """A payment ends by the clock, not by a final block."""
    usual = Service._judge_one

    def judge_one(self: Service, row: Row, evidence: promise.Evidence) -> None:
        if row.stage != promise.Expired():
            usual(self, row, replace(evidence, final_timestamp_s=max(evidence.final_timestamp_s, self.now_s)))

    patch.setattr(Service, "_judge_one", judge_one)


def _rule_3(patch: pytest.MonkeyPatch) -> None:
    """What our transaction left out counts as ended."""
    patch.setattr(service, "after_skip", lambda: promise.WasCanceled("skipped"))
    usual = promise.verdict

    def verdict(stage: promise.Stage, valid_before: int, evidence: promise.Evidence) -> promise.Happening | None:
        return None if stage == promise.Canceled() else usual(stage, valid_before, evidence)

    patch.setattr(promise, "verdict", verdict)


def _rule_4(patch: pytest.MonkeyPatch) -> None:
    """A window nonce is handed out whatever it kills."""
    usual = nonces.next_window_nonce
    patch.setattr(nonces, "next_window_nonce", lambda known: usual(replace(known, live=None)))


def _rule_5(patch: pytest.MonkeyPatch) -> None:
    """A service that knows less than the chain signs."""
    patch.setattr(Service, "recover", lambda *_: None)


def _rule_6(patch: pytest.MonkeyPatch) -> None:
    """What was final once stays so."""
    usual = promise.verdict

    def verdict(stage: promise.Stage, valid_before: int, evidence: promise.Evidence) -> promise.Happening | None:
        return None if isinstance(stage, promise.Final) else usual(stage, valid_before, evidence)

    patch.setattr(promise, "verdict", verdict)


@pytest.mark.parametrize("breaks", [_rule_1, _rule_2, _rule_3, _rule_4, _rule_5, _rule_6])
def test_a_rule_that_is_left_out_shows(
    breaks: Callable[[pytest.MonkeyPatch], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With any of the six rules of exactly once broken, a seed fails, and says which."""
    breaks(monkeypatch)
    with pytest.raises(Failed, match=r"^seed \d+: Failed: (payment|paid)"):
        live_many(ENOUGH)
