"""Homes to run the demo in."""

from pathlib import Path

import pytest

from tests.cli.command import Command


@pytest.fixture
def command(tmp_path: Path) -> Command:
    """The command in a home that does not exist yet."""
    return Command(tmp_path / "home")
