"""Migrations on both engines: from nothing, from every earlier version with its rows, and never from a newer one."""

import json
import re
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
import rlp
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import MetaData, Table, insert, select, text

from chainwallet.abi.typed_data import Consent, Domain, Leg, Payment, Settlement, as_typed_data
from chainwallet.errors import DamagedHome, DatabaseRefused, NewerDatabase
from chainwallet.evm import Address, Hash32
from chainwallet.rules.submission import Queued, Submission
from chainwallet.store import account_schema, group_schema, request_schema, submissions
from chainwallet.store.backend import Backend
from chainwallet.store.database import Database
from chainwallet.store.migration import revision_of, revisions, upgrade
from chainwallet.store.postgres import PostgresServer, server_url
from chainwallet.store.schema import metadata
from chainwallet.store.sqlite import SqliteFile
from tests.postgres import on_both

pytestmark = on_both

CHAIN = "7-0a0b0c0d"
ANA, TOKEN = Address(b"\x0a" * 20), Address(b"\xca" * 20)

Rows = dict[str, list[dict[str, Any]]]
SUBMISSION = {"chain": CHAIN, "key": "key", "sender": "0x0a", "to": None, "data": b"\x00\xff", "created_at_s": 5}
PROMISE = {"token": f"{CHAIN}/0xca", "payer": "0x0a", "kind": "payment", "id": "42", "nonce": f"{7:064x}"}
DOMAIN = Domain("Cash EUR", "1", 7, TOKEN)
PAYMENT = Payment(ANA, Address(b"\x0b" * 20), 5, Hash32(b"\x01" * 32), 7, 2**33)
CONSENT = Consent(ANA, Settlement((Leg(ANA, 3),), (Leg(TOKEN, 3),), Hash32(bytes(32)), TOKEN, 2**33), 8)
DOCUMENT = {"content_hash": "0x01", "document": json.dumps(as_typed_data(PAYMENT, DOMAIN)), "signature": b"\x01"}
DOCUMENT |= {"memo": "Käse", "memo_salt": b"\x02"}
RAW = b"\x02" + rlp.encode([7, 2**40, 1, 2**35, 21_000, b"", 0, b"", [], 0, 1, 1])  # EIP-1559


def without_debtor(consent: Consent) -> str:
    """Its typed data as they were before a consent named its debtor."""
    data = as_typed_data(consent, DOMAIN)
    del data["message"]["debtor"]
    data["types"]["Consent"] = [member for member in data["types"]["Consent"] if member["name"] != "debtor"]
    return json.dumps(data)


CONSENTED = {**PROMISE, **DOCUMENT, "kind": "consent", "nonce": f"{8:064x}", "document": without_debtor(CONSENT)}
PLACE = {"token": f"{CHAIN}/0xca", "block": 7, "block_hash": "0x07", "tx": "0x02", "log_index": 3}
PLACE |= {"happened_at_s": 5, "learned_at_s": 6}
TRANSFER = {"part": 0, "kind": "Transfer", "payer": "0x0a", "payee": "0x0b", "value": f"{5:064x}", "ref": "0x01"}
TRANSFER |= {"nonce": f"{2**255:064x}", "cause": "payment", "detail": "{}"}

ROWS: dict[str, Rows] = {
    "0001": {
        "wallets": [
            {"name": "Björn", "address": "0x0b", "custody": "managed", "purpose": "person", "created_at_s": 5},
        ],
        "submissions": [
            {**SUBMISSION, "id": 1, "stage": "signed", "nonce": 2**40, "tx": "0x02"},
            {**SUBMISSION, "id": 2, "key": "other", "stage": "failed", "reason": "paused"},
        ],
        "attempts": [
            {"tx": "0x02", "submission_id": 1, "chain": CHAIN, "sender": "0x0a", "nonce": 2**40, "raw": RAW}
            | {"created_at_s": 6},
        ],
        "promises": [
            {**PROMISE, **DOCUMENT, "submission_id": 1, "made_at_block": 3, "created_at_s": 5},
            {**CONSENTED, "submission_id": None, "made_at_block": 3, "created_at_s": 5},
        ],
    },
    "0002": {
        "leases": [{"chain": CHAIN, "sender": "0x0a", "holder": "one", "epoch": 3, "expires_at_s": 2**40}],
    },
    "0003": {
        "lanes": [{"chain": CHAIN, "sender": "0x0a", "waits": "für Gas", "since_s": 2**40}],
        "recoveries": [
            {"id": 1, "chain": CHAIN, "account": "0x0a", "why": "nonce", "noticed_at_s": 5, "noticed_block": 6}
            | {"until_s": 2**40, "known_count": 7},
        ],
        "happenings": [
            {"id": 1, "at_s": 5, "chain": CHAIN, "submission_id": 1, "name": "WasSent", "words": "gesendet"},
        ],
    },
    "0004": {
        "blocks": [
            {"id": 1, "chain": CHAIN, "number": 7, "hash": "0x07", "parent": "0x06", "timestamp_s": 2**40}
            | {"state_root": "0x05", "learned_at_s": 5, "has_facts": True, "orphaned_at_s": 6},
        ],
        "facts": [{**PLACE, **TRANSFER, "id": 1}, {**PLACE, "id": 2, "kind": "Paid", "part": 0, "orphaned_at_s": 9}],
        "cursors": [
            {"token": f"{CHAIN}/0xca", "chain": CHAIN, "first_block": 1, "number": 7, "hash": "0x07"}
            | {"timestamp_s": 5, "moved_at_s": 6, "waits_because": "käse", "waits_since_s": 7},
        ],
        "holdings": [{"token": f"{CHAIN}/0xca", "owner": "0x0a", "balance": f"{2**90:064x}"}],
        "quarantines": [
            {"id": 1, "chain": CHAIN, "block": 8, "what": "receipts root", "expected": "0x01", "found": "0x02"}
            | {"node": "http://node", "times": 3, "first_seen_at_s": 5, "last_seen_at_s": 6, "healed_at_s": 7},
        ],
    },
    "0005": {},  # indexes only
    "0006": {},  # indexes only
    "0007": {
        "idempotent_answers": [
            {"account": "a1", "key": "schlüssel", "request_hash": "ab", "answer": "{}", "made_at_s": 2**40},
            {"account": "a1", "key": "other", "request_hash": "ab", "answer": None, "made_at_s": 5},
        ],
    },
    "0008": {
        "accounts": [{"id": 1, "handle": "bjorn", "password_hash": "$argon2id$", "created_at_s": 2**40}],
        "account_roles": [{"account_id": 1, "role": "issuer", "granted_at_s": 5}],
        "account_wallets": [{"wallet": "Björn", "account_id": 1, "is_default": True, "added_at_s": 5}],
        "account_places": [{"account_id": 1, "place": "192.0.2.1", "last_at_s": 5}],
        "sessions": [
            {"id": "one", "account_id": 1, "token_hash": "01", "place": "192.0.2.1", "created_at_s": 5}
            | {"last_used_at_s": 6, "expires_at_s": 2**40, "revoked_at_s": 7},
        ],
        "api_keys": [
            {"id": "one", "account_id": 1, "token_hash": "02", "name": "Käse", "scopes": "account:read keys:write"}
            | {"created_at_s": 5, "last_used_at_s": 6, "expires_at_s": 2**40, "revoked_at_s": 7},
        ],
        "challenges": [
            {"nonce": "one", "account_id": 1, "address": "0x0b", "issued_at_s": 5, "expires_at_s": 6, "used_at_s": 7},
        ],
        "sign_in_tries": [{"kind": "both", "subject": "03", "tries": 3, "last_at_s": 2**40}],
    },
    "0009": {
        "account_events": [
            {"id": 1, "account": 1, "kind": "payment.accepted", "at_s": 2**40, "owner": "0x0a", "happening": 1},
            {"id": 2, "account": 1, "kind": "movement.incoming", "at_s": 2**40, "owner": "0x0a", "fact": 1},
        ],
        "notified": [{"chain": CHAIN, "fact": 2**40, "final_block": -1, "orphaned_since_s": 2**40}],
    },
    "0010": {
        "topups": [
            {"token": f"{CHAIN}/0xca", "reference": "RF18-1", "chain": CHAIN, "ref": "0x01", "issuer": "0x0c"}
            | {"payee": "0x0a", "value": f"{2**90:064x}", "asked_by": "käthe", "submission_id": 2, "created_at_s": 5},
        ],
        "withdrawals": [
            {"token": f"{CHAIN}/0xca", "reference": "OUT-1", "chain": CHAIN, "ref": "0x02", "issuer": "0x0c"}
            | {"promise": 1, "asked_by": "käthe", "submission_id": 1, "given_back_at_s": 2**40, "created_at_s": 5},
        ],
    },
    "0011": {
        "groups": [{"id": "g", "name": "Málaga", "kind": "group", "created_at_s": 2**40}],
        "members": [
            {"id": "m1", "group_id": "g", "account_id": 1, "name": "björn", "role": "owner", "joined_at_s": 5},
            {"id": "m2", "group_id": "g", "account_id": None, "name": "Gast", "role": "member", "joined_at_s": 5}
            | {"left_at_s": 2**40},
        ],
        "invitations": [
            {"id": "i", "group_id": "g", "token_hash": "04", "role": "member", "guest": "m2", "invited": 1}
            | {"made_by": "m1", "made_at_s": 5, "expires_at_s": 6, "used_at_s": 7, "used_by": 1, "revoked_at_s": 8},
        ],
        "group_events": [
            {"id": 1, "at_s": 5, "group_id": "g", "account_id": 1, "actor": 1, "kind": "bill.added", "subject": "b"}
            | {"words": "Käse", "told_at_s": 2**40},
        ],
        "bills": [
            {"id": "b", "group_id": "g", "lineage": "05", "version": 1, "state": "disputed", "reverses": "b"}
            | {"import_id": "i", "created_by": "m1", "created_at_s": 5, "deleted_at_s": 2**40},
        ],
        "bill_versions": [
            {"bill_id": "b", "version": 1, "hash": "0x06", "document": "{}", "title": "Käse", "currency": "EUR"}
            | {"total_minor": -(2**40), "made_by": "m1", "made_at_s": 5, "reason": "why"},
        ],
        "bill_lines": [{"bill_id": "b", "version": 1, "member_id": "m1", "share_minor": 2**40, "paid_minor": -5}],
        "bill_answers": [
            {"id": 1, "bill_id": "b", "version": 1, "member_id": "m1", "answer": "proposed", "reason": "zu viel"}
            | {"proposal": "{}", "is_carried_over": True, "at_s": 5},
        ],
        "debts": [
            {"id": 1, "group_id": "g", "bill_id": "b", "currency": "EUR", "debtor": "m1", "creditor": "m2"}
            | {"amount_minor": 2**40, "since_version": 1, "replaced_at_s": 5},
        ],
        "debt_payments": [{"debt_id": 1, "promise": 1, "made_at_s": 5}],
        "debts_paid_elsewhere": [{"debt_id": 1, "said_by": "m2", "note": "bar", "at_s": 5}],
        "plans": [
            {"id": "p", "group_id": "g", "currency": "EUR", "token": f"{CHAIN}/0xca", "lineage": "l", "context": "0x07"}
            | {"settlement_hash": "0x08", "document": "{}", "deadline_s": 5, "valid_before": 2**40, "stage": "ready"}
            | {"reason": "warum", "submission_id": 1, "made_by": "m1", "made_at_s": 5, "ended_at_s": 6},
        ],
        "plan_legs": [{"plan_id": "p", "member_id": "m1", "account": "0x0a", "net_minor": -(2**40), "promise": 1}],
        "plan_debts": [{"plan_id": "p", "debt_id": 1}],
    },
    "0012": {
        "account_events": [{"id": 3, "account": 1, "kind": "bill.added", "at_s": 5, "owner": None, "group_event": 1}],
    },
    "0013": {
        "requests": [
            {"id": "r", "asker": 1, "currency": "EUR", "note": "Käse", "link_hash": "09", "group_id": "g"}
            | {"made_at_s": 5, "deadline_s": 2**40, "due_at_s": 2**40, "canceled_at_s": 6},
        ],
        "request_parts": [
            {"id": "p", "request_id": "r", "position": 0, "asked": 1, "name": "Gast", "amount_minor": 2**40}
            | {"is_once": True, "declined_at_s": 5, "reason": "warum", "reminded_at_s": 2**40},
        ],
        "request_payments": [{"part_id": "p", "account_id": 1, "attempt": 2, "promise": 1, "made_at_s": 2**40}],
    },
    "0014": {
        "imports": [
            {"id": "i", "group_id": "g", "file_name": "käse.csv", "content": b"\x00\xff", "people": "{}"}
            | {"made_by": "m1", "made_at_s": 5, "committed_at_s": 2**40, "undone_at_s": 7},
        ],
    },
    "0015": {},  # indexes only
    "0016": {},  # indexes only
}
"""For each revision rows that are stored under it, and that every later version must still have."""


def backend_at(where: str) -> Backend:
    return PostgresServer(server_url(where)) if "://" in where else SqliteFile(Path(where))


def store(backend: Backend, rows: Rows) -> None:
    with backend.transaction() as tx:
        for name, values in rows.items():
            table = Table(name, MetaData(), autoload_with=tx)
            for row in values:
                tx.execute(insert(table).values(row))


def kept(backend: Backend, rows: Rows) -> Rows:
    """What is stored now in the columns of ``rows``, as far as it was stored there."""
    found: Rows = {}
    with backend.read() as tx:
        for name, values in rows.items():
            table = Table(name, MetaData(), autoload_with=tx)
            for row in values:
                stored = tx.execute(select(*(table.c[column] for column in row))).mappings()
                found.setdefault(name, []).extend(dict(one) for one in stored if dict(one) == row)
    return found


@pytest.mark.parametrize("start", range(len(revisions())), ids=revisions())
def test_every_earlier_version_is_carried_over(empty_place: Callable[[], str], start: int) -> None:
    """A database of any earlier version, with rows of its time, becomes one of this version and keeps all of them."""
    assert sorted(ROWS) == revisions(), "for each revision there are rows here that every later version must keep"
    where = empty_place()
    with closing(backend_at(where)) as backend:
        for revision in revisions()[: start + 1]:
            with backend.migration() as tx:
                upgrade(tx, revision)
            store(backend, ROWS[revision])
    with closing(Database.open(where)) as database, database.transaction() as tx:
        assert revision_of(tx) == revisions()[-1]
        assert compare_metadata(MigrationContext.configure(tx), metadata) == []
    with closing(backend_at(where)) as backend:
        for revision in revisions()[: start + 1]:
            assert kept(backend, ROWS[revision]) == ROWS[revision]


def test_rows_are_numbered_on_after_a_migration(empty_place: Callable[[], str]) -> None:
    """What is stored after a migration gets a number of its own beside what was stored before it."""
    where = empty_place()
    with closing(backend_at(where)) as backend:
        with backend.migration() as tx:
            upgrade(tx, "0001")
        with backend.transaction() as tx:
            table = Table("submissions", MetaData(), autoload_with=tx)
            row = {**SUBMISSION, "key": "old", "stage": "queued"}
            old = tx.execute(insert(table).values(row).returning(table.c.id)).scalar_one()
    with closing(Database.open(where)) as database, database.transaction() as tx:
        assert submissions.put(tx, CHAIN, "new", ANA, TOKEN, b"data", 5) not in (old, None)


# ------------------------------------------------------------------------------------------------ the schema

COLUMNS = """
SELECT table_name, column_name, data_type, collation_name, is_nullable, column_default
FROM information_schema.columns WHERE table_schema = 'public'
"""
CONSTRAINTS = """
SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint
WHERE connamespace = 'public'::regnamespace
"""
INDEXES = "SELECT tablename, indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'"
TRIGGERS = "SELECT tgrelid::regclass::text, tgname, pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal"
CHECKS = re.compile(r"CONSTRAINT (\w+) CHECK \((.*?\))\)")


def seen_by_postgres(where: str) -> list[Any]:
    """Columns, keys, checks, indexes and triggers, as the server has them."""
    with closing(backend_at(where)) as backend, backend.read() as tx:
        rows = [tuple(row) for query in (COLUMNS, CONSTRAINTS, INDEXES, TRIGGERS) for row in tx.execute(text(query))]
    return sorted(row for row in rows if row[0] != "alembic_version")


def seen_by_sqlite(where: str) -> list[Any]:
    """Columns, keys, checks, indexes and triggers, as SQLite has them."""
    with closing(sqlite3.connect(where)) as connection:
        rows: list[Any] = connection.execute("SELECT type, tbl_name, name, sql FROM sqlite_master").fetchall()

        def ask(pragma: str, name: str) -> list[Any]:
            return sorted(row[1:] for row in connection.execute(f"PRAGMA {pragma}({name})"))

        seen: list[Any] = []
        for kind, table, name, sql in rows:
            if table == "alembic_version":
                continue
            if kind == "table":
                seen.append((name, ask("table_info", name), ask("foreign_key_list", name), CHECKS.findall(sql)))
            elif kind == "index":
                seen.append((name, table, ask("index_info", name)))
            else:
                seen.append((name, table, sql))
        return sorted(seen, key=repr)


def test_migrations_give_exactly_the_schema(empty_place: Callable[[], str], engine: str) -> None:
    """The engine itself sees no difference between the migrated schema and the one that the code declares."""
    migrated, declared = empty_place(), empty_place()
    Database.open(migrated).close()
    with closing(backend_at(declared)) as backend, backend.transaction() as tx:
        metadata.create_all(tx)
    seen_by = seen_by_sqlite if engine == "sqlite" else seen_by_postgres
    assert seen_by(migrated) == seen_by(declared)
    assert len(seen_by(migrated)) > len(metadata.tables)
    mine = (account_schema.accounts, group_schema.groups, request_schema.requests)
    assert all(table.metadata is metadata for table in mine)


# ------------------------------------------------------------------------------------------------ opening


def test_opening_again_keeps_what_is_there(where: str) -> None:
    """A database that is up to date is opened as it is, with its rows."""
    with closing(Database.open(where)) as first, first.transaction() as tx:
        submission_id = submissions.put(tx, CHAIN, "key", ANA, TOKEN, b"data", 5)
    with closing(Database.open(where)) as second, second.transaction() as tx:
        assert submissions.by_key(tx, CHAIN, "key") == Submission(
            submission_id, CHAIN, "key", "call", ANA, TOKEN, b"data", Queued()
        )


def test_a_newer_database_is_left_alone(where: str, engine: str) -> None:
    """A database of a newer version is refused with both revisions, and nothing in it is changed."""
    Database.open(where).close()
    with closing(backend_at(where)) as backend, backend.transaction() as tx:
        tx.execute(text("UPDATE alembic_version SET version_num = '9999'"))
        tx.execute(text("DROP TABLE leases"))
    seen_by = seen_by_sqlite if engine == "sqlite" else seen_by_postgres
    before = seen_by(where)
    with pytest.raises(NewerDatabase) as refusal:
        Database.open(where)
    assert (refusal.value.found, refusal.value.known) == ("9999", revisions()[-1])
    assert unquote(refusal.value.path) == where
    assert seen_by(where) == before
    with closing(backend_at(where)) as backend, backend.read() as tx:
        assert revision_of(tx) == "9999"


def test_a_database_of_another_program_is_refused(empty_place: Callable[[], str], engine: str) -> None:
    """A database whose tables are somebody else's is refused, and gets none of ours."""
    where = empty_place()
    with closing(backend_at(where)) as backend, backend.transaction() as tx:
        tx.execute(text("CREATE TABLE submissions (owner TEXT)"))
    seen_by = seen_by_sqlite if engine == "sqlite" else seen_by_postgres
    before = seen_by(where)
    with pytest.raises(DamagedHome if engine == "sqlite" else DatabaseRefused):
        Database.open(where)
    assert seen_by(where) == before


def test_who_comes_during_a_migration_waits_for_it(empty_place: Callable[[], str]) -> None:
    """Who opens a database while another process migrates it waits until that is done, and finds it as it must be."""
    where = empty_place()
    opened: list[str] = []

    def open_too() -> None:
        with closing(Database.open(where)) as database:
            opened.append(database.name)

    other = threading.Thread(target=open_too)
    with closing(backend_at(where)) as backend, backend.migration() as tx:
        upgrade(tx, revisions()[0])
        other.start()
        other.join(0.3)  # it cannot be seen to wait before it waits
        assert opened == []
        upgrade(tx, revisions()[-1])
    other.join(30)
    assert len(opened) == 1


OPEN_AND_COUNT = """
import sys
from chainwallet.store import submissions
from chainwallet.store.database import Database
database = Database.open(sys.argv[1])
for number in range(20):
    with database.transaction() as tx:
        submissions.put(tx, "7-0a0b0c0d", f"{sys.argv[2]} {number}", b"\\x0a" * 20, None, b"", 5)
database.close()
"""


def test_processes_make_and_write_one_database_at_once(empty_place: Callable[[], str]) -> None:
    """Processes that open a new database at the same time make it once, and lose none of each other's rows."""
    where = empty_place()
    running = [subprocess.Popen([sys.executable, "-c", OPEN_AND_COUNT, where, name]) for name in "abc"]
    assert [process.wait(60) for process in running] == [0] * 3
    with closing(Database.open(where)) as database, database.read() as tx:
        assert len(submissions.unfinished(tx, CHAIN, [ANA], 100)) == 60
