"""Homes to run the command in."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.command import GROUP, Command


@pytest.fixture
def command(tmp_path: Path) -> Command:
    """The command in a home that does not exist yet."""
    return Command(tmp_path / "home")


@pytest.fixture(scope="session")
def settled(tmp_path_factory: pytest.TempPathFactory) -> Command:
    """The command in a home where a demo has settled ``GROUP``: Ana has 90.00, Björn 30.00, 由紀 0.00; not for use."""
    place = tmp_path_factory.mktemp("settled")
    (place / "group.csv").write_text(GROUP, "utf-8")
    command = Command(place / "home")
    command.json("demo", "--csv", place / "group.csv")
    return command


@pytest.fixture
def copy(settled: Command, tmp_path: Path) -> Iterator[Command]:
    """The command in a copy of the settled home; a chain that is left running is put down in the end."""
    shutil.copytree(settled.home, tmp_path / "home")
    command = Command(tmp_path / "home")
    yield command
    if (command.home / "chain" / "running.json").exists():
        command.said("chain", "down")


@pytest.fixture(scope="session")
def house(settled: Command, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Command]:
    """The command in a copy of the settled home whose chain runs; money moves here from test to test."""
    home = tmp_path_factory.mktemp("house") / "home"
    shutil.copytree(settled.home, home)
    command = Command(home)
    command.said("chain", "up")
    yield command
    command.said("chain", "down")
