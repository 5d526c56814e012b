"""Killed at any moment, an indexer goes on where its last transaction ended: the facts are those of an unbroken run."""

import os
import random
import time
from contextlib import closing
from multiprocessing.process import BaseProcess
from pathlib import Path

from chainwallet.manifest import Manifest
from chainwallet.store.database import Database
from tests.indexing.follower import begin
from tests.indexing.town import Town
from tests.postgres import PostgresProcess, on_both

KILLS = int(os.environ.get("CHAINWALLET_TEST_KILLS", "8"))
"""How often each kind of database sees its indexer die; `make kill-test` says 100."""


def ends_well(process: BaseProcess) -> bool:
    process.join(60)
    return process.exitcode == 0


@on_both
def test_facts_after_any_number_of_kills_are_those_of_an_unbroken_run(
    town: Town, where: str, founded: tuple[Path, Manifest], tmp_path: Path
) -> None:
    """However often an indexer is killed with SIGKILL, the rows in the end are exactly those of a run without."""
    town.live(blocks=60, payments=10)
    manifests = founded[0].parent
    dice = random.Random(KILLS)  # noqa: S311 - the same in every run
    began_s = time.monotonic()
    with closing(Database(tmp_path / "unbroken.db")) as unbroken:
        town.indexer(database=unbroken, span=4).catch_up()
        took_s = time.monotonic() - began_s
        expected = town.rows(unbroken)
    finished = 0
    for _ in range(KILLS):
        process = begin(town.url, where, manifests)
        time.sleep(dice.uniform(0, took_s / KILLS))  # at any moment of its work
        process.kill()
        finished += ends_well(process)
    assert finished < KILLS
    assert ends_well(begin(town.url, where, manifests))
    town.check()
    assert town.rows() == expected


def test_two_indexers_of_two_databases_agree(town: Town, postgres: PostgresProcess) -> None:
    """Independent histories of one chain, on SQLite and on PostgreSQL, hold the same rows in the same order."""
    town.live(blocks=20, payments=3)
    town.indexer().catch_up()
    with postgres.migrated() as url, closing(Database.open(url)) as other:
        town.indexer(database=other, span=7).catch_up()
        assert town.rows() == town.rows(other)
        assert len(town.rows()) > 60


@on_both
def test_several_indexers_of_one_database_do_no_harm(town: Town, where: str, founded: tuple[Path, Manifest]) -> None:
    """Three processes that follow one chain into one database give each fact once, and all come to the end."""
    town.live(blocks=40, payments=5)
    processes = [begin(town.url, where, founded[0].parent) for _ in range(3)]
    endings = [ends_well(process) for process in processes]
    assert all(endings)
    town.check()
