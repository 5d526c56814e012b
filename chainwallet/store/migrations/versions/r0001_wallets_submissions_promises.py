"""Wallets, submissions with their attempts, promises."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

ROW_ID = sa.BigInteger().with_variant(sa.Integer, "sqlite")
SORTED = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """To this revision."""
    op.create_table(
        "wallets",
        sa.Column("name", SORTED, nullable=False),
        sa.Column("address", sa.Text, nullable=False),
        sa.Column("custody", sa.Text, nullable=False),
        sa.Column("purpose", sa.Text, nullable=False),
        sa.Column("created_at_s", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_wallets"),
        sa.UniqueConstraint("address", name="uq_wallets_address"),
        sa.CheckConstraint("custody IN ('managed', 'external')", name=op.f("ck_wallets_custody")),
        sa.CheckConstraint("purpose IN ('person', 'service')", name=op.f("ck_wallets_purpose")),
    )
    op.create_table(
        "submissions",
        sa.Column("id", ROW_ID, nullable=False),
        sa.Column("chain", sa.Text, nullable=False),
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("sender", sa.Text, nullable=False),
        sa.Column("to", sa.Text),
        sa.Column("data", sa.LargeBinary, nullable=False),
        sa.Column("stage", sa.Text, nullable=False),
        sa.Column("nonce", sa.BigInteger),
        sa.Column("tx", sa.Text),
        sa.Column("block", sa.BigInteger),
        sa.Column("gas_used", sa.BigInteger),
        sa.Column("contract", sa.Text),
        sa.Column("reason", sa.Text),
        sa.Column("created_at_s", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_submissions"),
        sa.UniqueConstraint("chain", "key", name="uq_submissions_chain_key"),
        sa.UniqueConstraint("chain", "sender", "nonce", name="uq_submissions_chain_sender_nonce"),
        sa.CheckConstraint(
            "stage IN ('queued', 'signed', 'sent', 'mined', 'failed')", name=op.f("ck_submissions_stage")
        ),
    )
    op.create_table(
        "attempts",
        sa.Column("tx", sa.Text, nullable=False),
        sa.Column("submission_id", ROW_ID, nullable=False),
        sa.Column("chain", sa.Text, nullable=False),
        sa.Column("sender", sa.Text, nullable=False),
        sa.Column("nonce", sa.BigInteger, nullable=False),
        sa.Column("raw", sa.LargeBinary, nullable=False),
        sa.Column("created_at_s", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("tx", name="pk_attempts"),
        sa.ForeignKeyConstraint(["submission_id"], ["submissions.id"], name="fk_attempts_submission_id"),
    )
    op.create_index("ix_attempts_chain_sender_nonce", "attempts", ["chain", "sender", "nonce"])
    op.create_index("ix_attempts_submission_id", "attempts", ["submission_id"])
    op.create_table(
        "promises",
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
        sa.Column("submission_id", ROW_ID),
        sa.Column("made_at_block", sa.BigInteger, nullable=False),
        sa.Column("created_at_s", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("token", "payer", "kind", "id", name="pk_promises"),
        sa.ForeignKeyConstraint(["submission_id"], ["submissions.id"], name="fk_promises_submission_id"),
        sa.UniqueConstraint("token", "payer", "nonce", name="uq_promises_token_payer_nonce"),
        sa.CheckConstraint("kind IN ('payment', 'consent')", name=op.f("ck_promises_kind")),
    )
    op.create_index("ix_promises_submission_id", "promises", ["submission_id"])
