"""Signed bytes stay as they were stored: the database itself refuses to change or remove them."""

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from chainwallet.evm import Address
from chainwallet.store import submissions
from chainwallet.store.append_only import protect, unprotect
from chainwallet.store.database import Database
from tests.postgres import on_both
from tests.store.lives import was_signed

CHAIN = "7-0a0b0c0d"
ANA = Address(b"\x0a" * 20)


@pytest.fixture
def signed(database: Database) -> Database:
    """A database with one attempt."""
    with database.transaction() as tx:
        submission_id = submissions.put(tx, CHAIN, "key", ANA, None, b"data", 5)
        submission = submissions.by_id(tx, submission_id)
        assert submission is not None
        assert submissions.move(tx, submission, was_signed(3, raw=b"raw"), 6)
    return database


REFUSED = {
    "update": "UPDATE attempts SET raw = '' WHERE nonce = 3",
    "delete": "DELETE FROM attempts WHERE nonce = 3",
    "delete all": "DELETE FROM attempts",
    "upsert": "INSERT INTO attempts SELECT * FROM attempts WHERE true ON CONFLICT (tx) DO UPDATE SET raw = ''",
}
REFUSED_BY = {
    "sqlite": {**REFUSED, "replace": "INSERT OR REPLACE INTO attempts SELECT * FROM attempts"},
    "postgres": {**REFUSED, "truncate": "TRUNCATE attempts", "truncate with others": "TRUNCATE submissions CASCADE"},
}


@pytest.mark.parametrize(("engine", "name"), [(engine, name) for engine in REFUSED_BY for name in REFUSED_BY[engine]])
def test_signed_bytes_are_neither_changed_nor_removed(signed: Database, engine: str, name: str) -> None:
    """Whatever statement would change or remove signed bytes is refused by the database itself, and they stay."""

    def ask() -> None:
        with signed.transaction() as tx:
            tx.execute(text(REFUSED_BY[engine][name]))

    with pytest.raises(IntegrityError, match=r"(attempts|carriages|happenings) is append-only"):
        ask()
    with signed.read() as tx:
        assert tx.execute(text("SELECT nonce, raw FROM attempts")).all() == [(3, b"raw")]


@on_both
def test_a_migration_can_lift_the_protection_for_itself(signed: Database) -> None:
    """A migration that must change rows lifts the protection inside its transaction, and puts it back."""
    with signed.transaction() as tx:
        unprotect(tx, "attempts")
        tx.execute(text("UPDATE attempts SET created_at_s = 7"))
        protect(tx, "attempts")

    def change() -> None:
        with signed.transaction() as tx:
            tx.execute(text("UPDATE attempts SET created_at_s = 8"))

    with pytest.raises(IntegrityError):
        change()
    with signed.read() as tx:
        assert tx.execute(text("SELECT created_at_s FROM attempts")).scalar_one() == 7
