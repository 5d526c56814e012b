"""The demo in homes that are at work, and its story for people and pipes."""

from pathlib import Path

from chainwallet.anvil.directory import ChainDirectory
from tests.cli.command import GROUP, Command, held


def test_a_home_at_work_is_left_alone(house: Command, tmp_path: Path) -> None:
    """In a home whose chain is at work the demo runs elsewhere, says so, and leaves nothing behind there."""
    before = held(house), sorted(house.home.rglob("keys/*"))
    (tmp_path / "elsewhere").mkdir()
    story = house.with_settings(TMPDIR=tmp_path / "elsewhere").said("demo")
    assert "trip.csv, the bundled example: 30 entries of 6 people in EUR, JPY; totals checked\n" in story
    assert "\nverified: every balance moved by exactly its person's net" in story
    assert story.endswith(
        "This home is at work, has a chain of its own or a database elsewhere, "
        "so the demo ran in a directory that is gone now\n"
    )
    assert "\x1b" not in story
    assert list((tmp_path / "elsewhere").iterdir()) == []
    assert (held(house), sorted(house.home.rglob("keys/*"))) == before


def test_two_demos_at_once_do_not_meet(command: Command, tmp_path: Path) -> None:
    """Of two demos at the same time in one home, one runs there and one elsewhere; both are verified."""
    (tmp_path / "group.csv").write_text(GROUP, "utf-8")
    for done in command.each([["demo", "--csv", tmp_path / "group.csv"]] * 2):
        assert done.returncode == 0, done.stderr
        assert "\nverified: " in done.stdout
    assert ChainDirectory(command.home / "chain").identity() is not None
    assert len(list((command.home / "manifests").iterdir())) == 1
