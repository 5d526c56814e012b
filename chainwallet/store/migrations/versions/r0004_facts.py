"""Verified history: blocks, facts, cursors, holdings and quarantines."""

import sqlalchemy as sa
from alembic import op

from chainwallet.store.append_only import protect_but

revision = "0004"
down_revision = "0003"

row_id = sa.BigInteger().with_variant(sa.Integer, "sqlite")
sorted_text = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """To this revision."""
    _blocks()
    _facts()
    op.create_table(
        "cursors",
        sa.Column("token", sa.Text, nullable=False),
        sa.Column("chain", sa.Text, nullable=False),
        sa.Column("first_block", sa.BigInteger, nullable=False),
        sa.Column("number", sa.BigInteger, nullable=False),
        sa.Column("hash", sa.Text),
        sa.Column("timestamp_s", sa.BigInteger),
        sa.Column("moved_at_s", sa.BigInteger, nullable=False),
        sa.Column("waits_because", sa.Text),
        sa.Column("waits_since_s", sa.BigInteger),
        sa.PrimaryKeyConstraint("token", name="pk_cursors"),
    )
    op.create_index("ix_cursors_chain", "cursors", ["chain"])
    op.create_table(
        "holdings",
        sa.Column("token", sa.Text, nullable=False),
        sa.Column("owner", sa.Text, nullable=False),
        sa.Column("balance", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("token", "owner", name="pk_holdings"),
    )
    op.create_table(
        "quarantines",
        sa.Column("id", row_id, nullable=False),
        sa.Column("chain", sa.Text, nullable=False),
        sa.Column("block", sa.BigInteger, nullable=False),
        sa.Column("what", sa.Text, nullable=False),
        sa.Column("expected", sa.Text, nullable=False),
        sa.Column("found", sa.Text, nullable=False),
        sa.Column("node", sa.Text, nullable=False),
        sa.Column("times", sa.Integer, nullable=False),
        sa.Column("first_seen_at_s", sa.BigInteger, nullable=False),
        sa.Column("last_seen_at_s", sa.BigInteger, nullable=False),
        sa.Column("healed_at_s", sa.BigInteger),
        sa.PrimaryKeyConstraint("id", name="pk_quarantines"),
    )
    op.create_index("ix_quarantines_chain_block", "quarantines", ["chain", "block"])


def _blocks() -> None:
    op.create_table(
        "blocks",
        sa.Column("id", row_id, nullable=False),
        sa.Column("chain", sa.Text, nullable=False),
        sa.Column("number", sa.BigInteger, nullable=False),
        sa.Column("hash", sa.Text, nullable=False),
        sa.Column("parent", sa.Text, nullable=False),
        sa.Column("timestamp_s", sa.BigInteger, nullable=False),
        sa.Column("state_root", sa.Text, nullable=False),
        sa.Column("learned_at_s", sa.BigInteger, nullable=False),
        sa.Column("has_facts", sa.Boolean, nullable=False),
        sa.Column("orphaned_at_s", sa.BigInteger),
        sa.PrimaryKeyConstraint("id", name="pk_blocks"),
    )
    _partial_index("uq_blocks_canonical", "blocks", ["chain", "number"], "orphaned_at_s IS NULL", unique=True)


def _facts() -> None:
    op.create_table(
        "facts",
        sa.Column("id", row_id, nullable=False),
        sa.Column("token", sa.Text, nullable=False),
        sa.Column("block", sa.BigInteger, nullable=False),
        sa.Column("block_hash", sa.Text, nullable=False),
        sa.Column("tx", sa.Text, nullable=False),
        sa.Column("log_index", sa.Integer, nullable=False),
        sa.Column("part", sa.Integer, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("payer", sa.Text),
        sa.Column("payee", sa.Text),
        sa.Column("value", sa.Text),
        sa.Column("ref", sa.Text),
        sa.Column("nonce", sorted_text),
        sa.Column("cause", sa.Text),
        sa.Column("detail", sa.Text),
        sa.Column("happened_at_s", sa.BigInteger, nullable=False),
        sa.Column("learned_at_s", sa.BigInteger, nullable=False),
        sa.Column("orphaned_at_s", sa.BigInteger),
        sa.PrimaryKeyConstraint("id", name="pk_facts"),
    )
    canonical = ["token", "block", "log_index", "part"]
    _partial_index("uq_facts_canonical", "facts", canonical, "orphaned_at_s IS NULL", unique=True)
    _partial_index("ix_facts_ref", "facts", ["token", "ref"], "ref IS NOT NULL")
    _partial_index("ix_facts_nonce", "facts", ["token", "payer", "nonce"], "nonce IS NOT NULL")
    _partial_index("ix_facts_paid_out", "facts", ["token", "payer", "block"], "kind = 'Transfer'")
    _partial_index("ix_facts_paid_in", "facts", ["token", "payee", "block"], "kind = 'Transfer'")
    kept = "id token block block_hash tx log_index part kind payer payee value ref nonce cause detail"
    protect_but(op.get_bind(), "facts", "orphaned_at_s", [*kept.split(), "happened_at_s", "learned_at_s"])


def _partial_index(name: str, table: str, columns: list[str], where: str, *, unique: bool = False) -> None:
    op.create_index(name, table, columns, unique=unique, sqlite_where=sa.text(where), postgresql_where=sa.text(where))
