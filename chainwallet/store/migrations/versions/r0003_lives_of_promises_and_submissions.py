"""The lives of promises and submissions: stages with confirmations, several attempts, what happened when, recoveries.

Rows of earlier versions stay. A submission that was mined then is looked at again, because its block was not compared
with the chain later; a promise is Carried, Queued or Offered until the facts say what became of it.
"""

import json
from typing import Any

import rlp
import sqlalchemy as sa
from alembic import op

from chainwallet.abi.typed_data import Consent, Payment, from_typed_data, struct_hash
from chainwallet.store.append_only import protect, unprotect

revision = "0003"
down_revision = "0002"

ROW_ID = sa.BigInteger().with_variant(sa.Integer, "sqlite")
SORTED = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
ROWS_AT_ONCE = 500
UNSEEN_BLOCK = "0x" + "00" * 32


def upgrade() -> None:
    """To this revision."""
    tx = op.get_bind()
    unprotect(tx, "attempts")
    for table in ("submissions", "attempts", "promises"):
        op.execute(f"CREATE TABLE old_{table} AS SELECT * FROM {table}")  # noqa: S608 - our own names
    for table in ("promises", "attempts", "submissions"):
        op.drop_table(table)
    _submissions()
    _attempts()
    _promises()
    _journal()
    _copy_submissions(tx)
    _copy_attempts(tx)
    _copy_promises(tx)
    for table in ("submissions", "attempts", "promises"):
        op.drop_table(f"old_{table}")
    for table in ("attempts", "carriages", "happenings"):
        protect(tx, table)


def _submissions() -> None:
    op.create_table(
        "submissions",
        sa.Column("id", ROW_ID, nullable=False),
        sa.Column("chain", sa.Text, nullable=False),
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("sender", sa.Text, nullable=False),
        sa.Column("to", sa.Text),
        sa.Column("data", sa.LargeBinary, nullable=False),
        sa.Column("stage", sa.Text, nullable=False),
        sa.Column("nonce", sa.BigInteger),
        sa.Column("tx", sa.Text),
        sa.Column("block", sa.BigInteger),
        sa.Column("block_hash", sa.Text),
        sa.Column("gas_used", sa.BigInteger),
        sa.Column("contract", sa.Text),
        sa.Column("reason", sa.Text),
        sa.Column("waits", sa.Text, nullable=False),
        sa.Column("sent_at_s", sa.BigInteger, nullable=False),
        sa.Column("created_at_s", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_submissions"),
        sa.UniqueConstraint("chain", "key", name="uq_submissions_chain_key"),
        sa.UniqueConstraint("chain", "sender", "nonce", name="uq_submissions_chain_sender_nonce"),
        sa.CheckConstraint("kind IN ('call', 'payments')", name=op.f("ck_submissions_kind")),
        sa.CheckConstraint(
            "stage IN ('queued', 'signed', 'sent', 'mined', 'final', 'failed', 'conflict')",
            name=op.f("ck_submissions_stage"),
        ),
    )
    op.create_index("ix_submissions_chain_stage_block", "submissions", ["chain", "stage", "block"])


def _attempts() -> None:
    op.create_table(
        "attempts",
        sa.Column("tx", sa.Text, nullable=False),
        sa.Column("submission_id", ROW_ID, nullable=False),
        sa.Column("chain", sa.Text, nullable=False),
        sa.Column("sender", sa.Text, nullable=False),
        sa.Column("nonce", sa.BigInteger, nullable=False),
        sa.Column("raw", sa.LargeBinary, nullable=False),
        sa.Column("gas_limit", sa.BigInteger, nullable=False),
        sa.Column("max_fee_per_gas_wei", sa.BigInteger, nullable=False),
        sa.Column("max_priority_fee_per_gas_wei", sa.BigInteger, nullable=False),
        sa.Column("created_at_s", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("tx", name="pk_attempts"),
        sa.ForeignKeyConstraint(["submission_id"], ["submissions.id"], name="fk_attempts_submission_id"),
    )
    op.create_index("ix_attempts_chain_sender_nonce", "attempts", ["chain", "sender", "nonce"])
    op.create_index("ix_attempts_submission_id", "attempts", ["submission_id"])


def _promises() -> None:
    op.create_table(
        "promises",
        sa.Column("number", ROW_ID, nullable=False),
        sa.Column("chain", sa.Text, nullable=False),
        sa.Column("token", sa.Text, nullable=False),
        sa.Column("payer", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("nonce", SORTED, nullable=False),
        sa.Column("content_hash", sa.Text, nullable=False),
        sa.Column("document", sa.Text, nullable=False),
        sa.Column("signature", sa.LargeBinary),
        sa.Column("memo", sa.Text),
        sa.Column("memo_salt", sa.LargeBinary),
        sa.Column("payee", sa.Text),
        sa.Column("value", sa.Text, nullable=False),
        sa.Column("ref", sa.Text, nullable=False),
        sa.Column("valid_before", sa.BigInteger, nullable=False),
        sa.Column("stage", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("submission_id", ROW_ID),
        sa.Column("due_at_s", sa.BigInteger, nullable=False),
        sa.Column("setbacks", sa.Integer, nullable=False),
        sa.Column("withdrawn_at_s", sa.BigInteger),
        sa.Column("executed_tx", sa.Text),
        sa.Column("executed_block", sa.BigInteger),
        sa.Column("executed_block_hash", sa.Text),
        sa.Column("adopted_at_s", sa.BigInteger),
        sa.Column("made_at_block", sa.BigInteger, nullable=False),
        sa.Column("created_at_s", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_promises"),
        sa.ForeignKeyConstraint(["submission_id"], ["submissions.id"], name="fk_promises_submission_id"),
        sa.UniqueConstraint("token", "payer", "kind", "id", name="uq_promises_token_payer_kind_id"),
        sa.CheckConstraint("kind IN ('payment', 'consent')", name=op.f("ck_promises_kind")),
        sa.CheckConstraint(
            "stage IN ('offered', 'queued', 'carried', 'canceling', 'executed', 'final', 'canceled', 'expired')",
            name=op.f("ck_promises_stage"),
        ),
    )
    is_ours = sa.text("adopted_at_s IS NULL")
    op.create_index(
        "uq_promises_nonce",
        "promises",
        ["token", "payer", "nonce"],
        unique=True,
        sqlite_where=is_ours,
        postgresql_where=is_ours,
    )
    op.create_index("ix_promises_submission_id", "promises", ["submission_id"])
    op.create_index("ix_promises_chain_stage_due_at_s", "promises", ["chain", "stage", "due_at_s"])
    op.create_index("ix_promises_chain_id", "promises", ["chain", "id"])
    op.create_index("ix_promises_token_payer_stage", "promises", ["token", "payer", "stage"])
    op.create_index("ix_promises_token_stage_number", "promises", ["token", "stage", "number"])


def _journal() -> None:
    op.create_table(
        "carriages",
        sa.Column("submission_id", ROW_ID, nullable=False),
        sa.Column("promise", ROW_ID, nullable=False),
        sa.Column("since_s", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("submission_id", "promise", name="pk_carriages"),
        sa.ForeignKeyConstraint(["submission_id"], ["submissions.id"], name="fk_carriages_submission_id"),
        sa.ForeignKeyConstraint(["promise"], ["promises.number"], name="fk_carriages_promise"),
    )
    op.create_index("ix_carriages_promise", "carriages", ["promise"])
    op.create_table(
        "happenings",
        sa.Column("id", ROW_ID, nullable=False),
        sa.Column("at_s", sa.BigInteger, nullable=False),
        sa.Column("chain", sa.Text, nullable=False),
        sa.Column("promise", ROW_ID),
        sa.Column("submission_id", ROW_ID),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("words", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_happenings"),
        sa.ForeignKeyConstraint(["promise"], ["promises.number"], name="fk_happenings_promise"),
        sa.ForeignKeyConstraint(["submission_id"], ["submissions.id"], name="fk_happenings_submission_id"),
    )
    op.create_index("ix_happenings_promise", "happenings", ["promise"])
    op.create_index("ix_happenings_submission_id", "happenings", ["submission_id"])
    op.create_table(
        "lanes",
        sa.Column("chain", sa.Text, nullable=False),
        sa.Column("sender", sa.Text, nullable=False),
        sa.Column("waits", sa.Text, nullable=False),
        sa.Column("since_s", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("chain", "sender", name="pk_lanes"),
    )
    op.create_table(
        "recoveries",
        sa.Column("id", ROW_ID, nullable=False),
        sa.Column("chain", sa.Text, nullable=False),
        sa.Column("account", sa.Text, nullable=False),
        sa.Column("why", sa.Text, nullable=False),
        sa.Column("noticed_at_s", sa.BigInteger, nullable=False),
        sa.Column("noticed_block", sa.BigInteger, nullable=False),
        sa.Column("until_s", sa.BigInteger, nullable=False),
        sa.Column("known_count", sa.BigInteger, nullable=False),
        sa.Column("ended_at_s", sa.BigInteger),
        sa.Column("ended_block", sa.BigInteger),
        sa.Column("ended_by", sa.Text),
        sa.PrimaryKeyConstraint("id", name="pk_recoveries"),
    )
    op.create_index("ix_recoveries_chain", "recoveries", ["chain"])


# ------------------------------------------------------------------------------------------------ rows


def _copy_submissions(tx: sa.Connection) -> None:
    kept = 'id, chain, key, sender, "to", data, stage, nonce, tx, block, gas_used, contract, reason, created_at_s'
    op.execute(
        f"INSERT INTO submissions ({kept}, kind, waits, sent_at_s, block_hash) SELECT {kept}, 'call', '', 0, "  # noqa: S608 - as above
        f"CASE WHEN stage = 'mined' THEN '{UNSEEN_BLOCK}' END FROM old_submissions"
    )
    if tx.dialect.name == "postgresql":  # rows with numbers of their own do not move its counter
        highest = "(SELECT coalesce(max(id), 0) + 1 FROM submissions)"
        op.execute(f"SELECT setval(pg_get_serial_sequence('submissions', 'id'), {highest}, false)")


def _copy_attempts(tx: sa.Connection) -> None:
    rows = tx.execute(sa.text("SELECT * FROM old_attempts")).mappings()
    for some in rows.partitions(ROWS_AT_ONCE):
        op.bulk_insert(_table("attempts"), [{**row, **_fees(row["raw"])} for row in some])


def _fees(raw: bytes) -> dict[str, int]:
    tip, fee, gas_limit = (int.from_bytes(part, "big") for part in rlp.decode(raw[1:])[2:5])  # EIP-1559
    return {"gas_limit": gas_limit, "max_fee_per_gas_wei": fee, "max_priority_fee_per_gas_wei": tip}


def _copy_promises(tx: sa.Connection) -> None:
    rows = tx.execute(sa.text("SELECT * FROM old_promises ORDER BY created_at_s")).mappings()
    for some in rows.partitions(ROWS_AT_ONCE):
        op.bulk_insert(_table("promises"), [_promise(dict(row)) for row in some])
    taken_up = "SELECT submission_id, number, created_at_s FROM promises WHERE submission_id IS NOT NULL"
    op.execute(f"INSERT INTO carriages (submission_id, promise, since_s) {taken_up}")


def _promise(row: dict[str, Any]) -> dict[str, Any]:
    document, _ = from_typed_data(_naming_debtor(json.loads(row["document"])))
    assert isinstance(document, Payment | Consent)  # noqa: S101 - no other document was stored
    waits = "queued" if row["submission_id"] is None else "carried"
    stage = "offered" if row["signature"] is None else waits
    columns = {"chain": row["token"].partition("/")[0], "stage": stage, "reason": "", "due_at_s": 0, "setbacks": 0}
    return {**row, **columns, **_terms(document, row["payer"])}


def _naming_debtor(data: dict[str, Any]) -> dict[str, Any]:
    """Typed data of a consent made before consents named their debtor, read as one that does: only its terms count."""
    if data.get("primaryType") != "Consent" or "debtor" in data["message"]:
        return data
    types = {**data["types"], "Consent": [{"name": "debtor", "type": "address"}, *data["types"]["Consent"]]}
    return {**data, "types": types, "message": {"debtor": "0x" + "00" * 20, **data["message"]}}


def _terms(document: Payment | Consent, payer: str) -> dict[str, Any]:
    if isinstance(document, Payment):
        payee, value = "0x" + document.payee.hex(), document.value
        ref, valid_before = document.payment_ref, document.valid_before
    else:
        settlement = document.settlement
        payee, value = None, sum(leg.amount for leg in settlement.debits if "0x" + leg.account.hex() == payer)
        ref, valid_before = struct_hash(settlement), settlement.valid_before
    return {"payee": payee, "value": f"{value:064x}", "ref": "0x" + ref.hex(), "valid_before": valid_before}


def _table(name: str) -> sa.Table:
    return sa.Table(name, sa.MetaData(), autoload_with=op.get_bind())
