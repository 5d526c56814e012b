"""docs/trip.md, a recording of a whole trip by the command, played again at a real service."""

import os
import re
import subprocess
from pathlib import Path

from chainwallet.client import Client
from tests.cli.command import INSTALLED, TIMEOUT_S, wait_until
from tests.client.conftest import PASSWORD, Running

PAGE = Path(__file__).resolve().parents[2] / "docs" / "trip.md"
MARK = "-- next --"
WHAT_DIFFERS = {
    r"0x[0-9a-f]{64}": "HASH",
    r"\b[0-9a-f]{16}\b": "ID",
    r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d(:\d\dZ| UTC)": "TIME",
    r"\d{4}-\d\d-\d\d": "DAY",
    r"block \d+": "BLOCK",
}


def recorded() -> list[tuple[str, str]]:
    """The commands of the page, each with what it printed."""
    blocks = re.findall(r"^```console\n(.*?)^```", PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    entries = [entry for block in blocks for entry in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]]
    return [(command, printed.strip()) for command, _, printed in (entry.partition("\n") for entry in entries)]


def lasting(text: str) -> str:
    """``text`` without what differs from trip to trip."""
    for pattern, word in WHAT_DIFFERS.items():
        text = re.sub(pattern, word, text)
    return re.sub(r"[─ ]+", " ", text).strip()


def played(running: Running, place: Path, commands: list[str]) -> list[str]:
    """What each of ``commands`` prints after those of the page's first block."""
    (preparing,) = re.findall(r"^```bash\n(.*?)^```", PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    functions = preparing[: preparing.index("for WHO")]
    script = "\n".join(["set -euo pipefail", functions, *(f"{one}; echo '{MARK}'" for one in commands)])
    path = f"{INSTALLED.parent}{os.pathsep}{os.environ['PATH']}"
    environment = {**running.command.environment, "URL": running.url, "PATH": path}
    done = subprocess.run(
        ["bash", "-c", script], env=environment, cwd=place, capture_output=True, text=True, timeout=TIMEOUT_S,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return [part.strip() for part in done.stdout.split(MARK)[:-1]]


def with_money(url: str) -> None:
    """Gives those who pay 100.00 EUR, final."""
    with Client(url) as iris:
        iris.sign_in("@iris", PASSWORD)
        for name in ("tom", "uma"):
            iris.top_up(f"TRIP-{name}", f"@{name}", "100.00 EUR")
        wait_until(lambda: all(iris.topup(f"TRIP-{name}").stage == "final" for name in ("tom", "uma")), "the money")


def test_the_recorded_trip_is_what_happens(running: Running, tmp_path: Path) -> None:
    """Who does what the page shows sees what it shows: bills, a dispute, a guest, a refund, two clearings, all even."""
    (tmp_path / "password").write_text(PASSWORD, "utf-8")
    people = [f"{who} account sign-up @{who} --password-file password" for who in ("rosa", "tom", "uma")]
    played(running, tmp_path, people)
    with_money(running.url)
    shown = recorded()
    printed = played(running, tmp_path, [command for command, _ in shown])
    for (command, expected), answer in zip(shown, printed, strict=True):
        assert lasting(answer) == lasting(expected), command
