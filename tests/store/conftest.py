"""Where a test's databases are."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from itertools import count
from pathlib import Path

import pytest

from tests.postgres import PostgresProcess


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "chainwallet.db"


@pytest.fixture
def empty_place(engine: str, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Callable[[], str]]:
    """Gives places for databases with nothing in them, on the test's engine."""
    with ExitStack() as stack:
        if engine == "sqlite":
            numbers = count()
            yield lambda: str(tmp_path / f"empty {next(numbers)}.db")
            return
        server: PostgresProcess = request.getfixturevalue("postgres")
        yield lambda: stack.enter_context(server.empty())
