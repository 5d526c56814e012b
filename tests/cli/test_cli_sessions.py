"""The sessions that the command keeps in its home."""

import os
from pathlib import Path

import pytest

from chainwallet.cli.sessions import keep, kept
from chainwallet.home import Home
from tests.cli.command import Command

NOWHERE = "http://127.0.0.1:9"
ANA = {"handle": "@ana", "token": "cws_1"}
BEN = {"handle": "@ben", "token": "cws_2"}


def test_sessions_are_kept_whole_for_their_owner_alone(tmp_path: Path) -> None:
    """A session is kept beside those for other services, even after a write was killed, until it is forgotten."""
    home = Home(tmp_path / "home")
    home.create()
    file = home.path / "sessions.json"
    file.with_name(f"sessions.json.{os.getpid()}").write_text("cut of", "ascii")  # what a killed write left behind
    keep(home, "home", ANA)
    keep(home, NOWHERE, BEN)
    assert kept(home) == {"home": ANA, NOWHERE: BEN}
    assert file.stat().st_mode & 0o777 == 0o600
    keep(home, "home", None)
    assert kept(home) == {NOWHERE: BEN}
    assert len(list(home.path.iterdir())) == 2


@pytest.mark.parametrize("text", [b"", b'{"home": ', b"\xff", b"[]", b'{"home": "cws_1"}', b'{"home": {"token": "t"}}'])
def test_damaged_sessions_are_said_and_left(command: Command, text: bytes) -> None:
    """A file of sessions that does not read back is named in one line, with the way out, and is not written over."""
    command.home.mkdir()
    file = command.home / "sessions.json"
    file.write_bytes(text)
    assert f"file {file}: damaged, expected the sessions" in command.refusal("history", "--url", NOWHERE)
    assert file.read_bytes() == text
