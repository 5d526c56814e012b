"""A real database file for each test."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from chainwallet.store.database import Database


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "chainwallet.db"


@pytest.fixture
def database(path: Path) -> Iterator[Database]:
    with closing(Database(path)) as opened:
        yield opened
