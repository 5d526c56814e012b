"""The example dinner at a real service, as its users run it."""

import os
import re
import subprocess
import sys
from pathlib import Path

from tests.cli.command import TIMEOUT_S
from tests.client.conftest import PASSWORD, Running

DINNER = Path(__file__).resolve().parents[2] / "examples" / "dinner.py"


def test_five_friends_dine_and_are_even(running: Running) -> None:
    """An itemised bill is disputed, divided anew, agreed to and settled at once, with one key that is elsewhere."""
    assert len(DINNER.read_text("utf-8").splitlines()) < 120
    done = subprocess.run(
        [sys.executable, str(DINNER), running.url, "@iris"],
        env={**os.environ, "DINNER_PASSWORD": PASSWORD},
        capture_output=True, text=True, timeout=TIMEOUT_S, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    told = done.stdout.splitlines()
    assert told[0].startswith("Dinner, 96.80 EUR with tip: @alma had ")
    assert told[1:4] == [
        "@elisa had no wine: the bill is disputed, and counts nowhere",
        "@alma agrees; asked again: @carla, @daria",
        "the bill is accepted",
    ]
    signed = [line for line in told if " signs " in line]
    assert [line.partition(" ")[0] for line in signed if line.endswith("of her own")] == ["@daria"]
    assert sorted(line.partition(" ")[0] for line in signed) == ["@carla", "@daria", "@elisa"]
    assert re.fullmatch(
        r"final: 45\.2\d EUR moved at once, in transaction 0x[0-9a-f]{64}", told[-2]
    )  # cents fall by lot
    assert told[-1] == "all are even"
