"""The quick start of docs/api.md and the README's ten lines, exactly as they are written, against a real service."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cli.command import INSTALLED, TIMEOUT_S, Command
from tests.client.conftest import Running
from tests.serve.service import serving

ROOT = Path(__file__).resolve().parents[2]
DOCS = (ROOT / "docs" / "api.md").read_text("utf-8")
README = (ROOT / "README.md").read_text("utf-8")


def blocks(language: str, page: str = DOCS) -> list[str]:
    """The blocks of code in this language."""
    return re.findall(rf"^```{language}\n(.*?)^```", page, re.MULTILINE | re.DOTALL)


def documents(text: str) -> list[Any]:
    """The JSON documents that follow one another in ``text``."""
    found = []
    while text:
        document, end = json.JSONDecoder().raw_decode(text)
        found.append(document)
        text = text[end:].strip()
    return found


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A service where nobody has an account."""
    command = Command(tmp_path_factory.mktemp("quick") / "home")
    with serving(command, "--port", "0") as service:
        yield Running(service, command, str(service.wait_for("ready")["url"]))


def test_the_quick_start_works_as_it_is_written(empty: Running) -> None:
    """Who copies the quick start line by line tops up, pays by handle, and sees it final, in history and as events."""
    script = "set -euo pipefail\n" + "\necho; echo ----\n".join(blocks("bash"))
    environment = {
        **empty.command.environment,
        "URL": empty.url,
        "PATH": f"{INSTALLED.parent}{os.pathsep}{os.environ['PATH']}",
    }
    done = subprocess.run(
        ["bash", "-c", script], env=environment, capture_output=True, text=True, timeout=TIMEOUT_S, check=False
    )
    assert done.returncode == 0, done.stderr
    told = [part.strip() for part in done.stdout.split("----\n")]
    (network,) = documents(told[0])
    assert network["currencies"][0]["currency"] == "EUR"
    assert [one["handle"] for one in documents(told[1])] == ["@ana", "@ben", "@iris"]
    assert told[3] == "@iris  issuer, person"
    assert documents(told[4])[-1]["stage"] == "final"
    first, second, *_, final = documents(told[5])
    assert (first["nonce"], final["stage"]) == (second["nonce"], "final")
    balances, history = documents(told[6])
    assert balances["balances"][0]["available"] == {"amount": "87.60", "currency": "EUR"}
    (movement,) = history["movements"]
    assert (movement["counterparty"]["handle"], movement["memo"]) == ("@ana", None)
    assert "event: movement.final\n" in told[7]
    (problem,) = documents(told[8])
    assert problem["type"] == "/problems/insufficient-funds"
    (program,) = blocks("python")
    assert python(empty, program) == "final ['out 12.40 EUR', 'out 12.40 EUR', 'in 100.00 EUR']\n"


def python(running: Running, program: str) -> str:
    """What the program says of the service."""
    program = program.replace("http://127.0.0.1:8420", running.url)
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=TIMEOUT_S, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def test_the_readmes_ten_lines_work_as_they_are_written(running: Running, tmp_path: Path) -> None:
    """Who copies the README's lines has two accounts, money, and a payment that is final; they are about ten."""
    ((script,), (program,)) = (blocks(language, README) for language in ("bash", "python"))
    assert len([line for line in (script + program).splitlines() if line]) <= 10
    (tmp_path / ".venv").symlink_to(INSTALLED.parent.parent)
    done = subprocess.run(
        ["bash", "-euc", script], env=running.command.environment, cwd=tmp_path, capture_output=True, text=True,
        timeout=TIMEOUT_S, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert python(running, program) == "final\nout 12.40 EUR @ben two tickets\nin 100.00 EUR None None\n"
