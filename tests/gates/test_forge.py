"""What `make test` calls forge ends as forge ends: a red Solidity test is a red `make test`."""

import subprocess
from pathlib import Path

import pytest

CONTRACTS = Path(__file__).resolve().parents[2] / "contracts"


@pytest.mark.parametrize("words", [["--no-such-flag"], ["test", "--no-such-flag"], ["fmt", "--check", "nowhere.sol"]])
def test_what_forge_cannot_do_fails(words: list[str]) -> None:
    """npm's launcher of forge ends with 0 whatever forge does, so ours must not be it."""
    ran = subprocess.run(["./forge", *words], check=False, cwd=CONTRACTS, capture_output=True)
    assert ran.returncode != 0


def test_the_gates_call_no_other_forge() -> None:
    """Neither the Makefile nor a script calls forge by another way."""
    root = CONTRACTS.parent
    for path in (root / "Makefile", *sorted((root / "scripts").glob("*.py"))):
        assert ".bin/forge" not in path.read_text("utf-8"), path
