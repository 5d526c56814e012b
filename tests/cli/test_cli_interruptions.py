"""Commands that are interrupted or killed half-way: nothing is left behind, and the home goes on."""

import os
import signal
from decimal import Decimal
from pathlib import Path

import pytest

from tests.cli.command import GROUP, Command, interrupted_at, note_of, wait_until_gone


@pytest.fixture
def group(tmp_path: Path) -> Path:
    path = tmp_path / "group.csv"
    path.write_text(GROUP, "utf-8")
    return path


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interrupted_demo_cleans_up(command: Command, group: Path, number: signal.Signals, status: int) -> None:
    """A demo that is told to end saves its chain, ends its Anvil and says nothing more."""
    ended, said = interrupted_at(command.begin("demo", "--csv", group), "the issuer tops up", number)
    assert ended == status, said
    assert said.splitlines()[-1].startswith("- ")
    assert {"state.json.gz", "running.json"} & set(os.listdir(command.home / "chain")) == {"state.json.gz"}


def test_a_killed_demo_leaves_no_anvil_and_a_home_that_works(command: Command, group: Path) -> None:
    """A demo that is killed leaves no Anvil; what it had done is there afterwards, and the next demo starts afresh."""
    ended, _ = interrupted_at(command.begin("demo", "--csv", group), "one transaction settles", signal.SIGKILL)
    assert ended == -signal.SIGKILL
    wait_until_gone(note_of(command.home)["url"])
    held = command.json("balance")["balances"]
    assert sum(Decimal(amounts["EUR"]) for amounts in held.values()) == 120
    assert command.json("demo", "--csv", group)["verified"] is True


def test_a_demo_nobody_listens_to_ends_quietly(command: Command, group: Path) -> None:
    """When the reader of the story leaves, the demo ends without another word, and its Anvil with it."""
    running = command.begin("demo", "--csv", group)
    assert running.stdout is not None
    running.stdout.close()
    running.stdout = None
    _, said = running.communicate()
    assert (running.returncode, said) == (141, "")
    assert not (command.home / "chain" / "running.json").exists()
