"""The demo's own verification, where the chain that it reads back is not the chain that was."""

import json
import sys
from pathlib import Path

import pytest

from tests.cli.command import GROUP, Command
from tests.demo import lying_anvil


@pytest.fixture
def group(tmp_path: Path) -> Path:
    path = tmp_path / "group.csv"
    path.write_text(GROUP, "utf-8")
    return path


def liar(place: Path, fault: str, anvil: Path) -> Path:
    """An executable file that is this Anvil with this fault."""
    path = place / "anvil"
    script = f"#!{sys.executable}\nimport runpy, sys\nsys.argv[1:1] = [{fault!r}, {str(anvil)!r}]\n"
    path.write_text(f"{script}runpy.run_path({lying_anvil.__file__!r}, run_name='__main__')\n", "utf-8")
    path.chmod(0o755)
    return path


@pytest.mark.parametrize(
    ("fault", "noticed"),
    [
        ("balance", "balance of Ana: moved by 50.000001, expected 50.000000"),
        ("transfer", "total supply by events"),
        ("settlement", "not the group's ledger root"),
    ],
)
def test_one_altered_answer_is_noticed(
    command: Command, group: Path, tmp_path: Path, anvil_binary: Path, fault: str, noticed: str
) -> None:
    """A single figure that the chain reports otherwise makes ``verified`` false and the exit status 1, and is named."""
    done = command("demo", "--csv", group, "--json", "--anvil", liar(tmp_path, fault, anvil_binary))
    assert (done.returncode, done.stderr) == (1, "")
    result = json.loads(done.stdout)
    assert result["verified"] is False
    (currency,) = result["currencies"]
    assert noticed in "; ".join(currency["mismatches"])
    assert currency["debits"] == {"Björn": "10.00", "由紀": "40.00"}


def test_the_story_says_what_is_not_verified(command: Command, group: Path, tmp_path: Path, anvil_binary: Path) -> None:
    """Told to a person, a failed verification names what disagrees and never says "verified"."""
    done = command("demo", "--csv", group, "--anvil", liar(tmp_path, "supply", anvil_binary))
    assert done.returncode == 1
    assert "NOT VERIFIED: supply: 120.000000 before the settlement, 120.000001 after it\n" in done.stdout
    assert "\nverified" not in done.stdout
