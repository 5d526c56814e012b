"""The sessions that are kept in the home, one for each service, for the verbs that ask it."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from chainwallet.cli.terminal import read_file
from chainwallet.errors import DamagedHome

if TYPE_CHECKING:
    from chainwallet.home import Home

Session = dict[str, str]
"""The ``handle`` of who signed in, and the session's ``token``."""


def kept(home: "Home") -> dict[str, Session]:
    """The sessions, by the service they are for. Raises ``DamagedHome`` where the file does not read back."""
    path = _sessions(home)
    if not path.exists():
        return {}
    try:
        found = json.loads(read_file(path, "sessions.json"))
    except ValueError:
        found = None
    if not _are_sessions(found):
        raise DamagedHome(str(path), "the sessions that `account sign-in` keeps; remove the file and sign in again")
    sessions: dict[str, Session] = found
    return sessions


def keep(home: "Home", place: str, session: Session | None) -> None:
    """Keeps ``session`` for the service at ``place``, or forgets what there was; whole, readable by its owner alone.

    Raises ``DamagedHome`` and ``HomeNotWritable``.
    """
    from chainwallet.keys import secret_file

    home.create()
    every = {**kept(home), place: session}
    text = json.dumps({name: one for name, one in every.items() if one is not None})
    secret_file.replace_all({_sessions(home): text.encode("ascii")})


def _sessions(home: "Home") -> Path:
    return home.path / "sessions.json"


def _are_sessions(found: Any) -> bool:
    return isinstance(found, dict) and all(
        isinstance(one, dict)
        and one.keys() == {"handle", "token"}
        and all(isinstance(word, str) for word in one.values())
        for one in found.values()
    )
