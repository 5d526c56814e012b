"""Requests for money, their parts, and the payments that pay them."""

import sqlalchemy as sa
from alembic import op

from chainwallet.store.append_only import protect

revision = "0013"
down_revision = "0012"

row_id = sa.BigInteger().with_variant(sa.Integer, "sqlite")
sorted_text = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """To this revision."""
    op.create_table(
        "requests",
        sa.Column("id", sorted_text, nullable=False),
        sa.Column("asker", row_id, nullable=False),
        sa.Column("currency", sa.Text, nullable=False),
        sa.Column("note", sa.Text),
        sa.Column("link_hash", sa.Text, nullable=False),
        sa.Column("group_id", sa.Text),
        sa.Column("made_at_s", sa.BigInteger, nullable=False),
        sa.Column("deadline_s", sa.BigInteger),
        sa.Column("due_at_s", sa.BigInteger),
        sa.Column("canceled_at_s", sa.BigInteger),
        sa.PrimaryKeyConstraint("id", name="pk_requests"),
        sa.UniqueConstraint("link_hash", name="uq_requests_link_hash"),
        sa.ForeignKeyConstraint(["asker"], ["accounts.id"], name="fk_requests_asker"),
        sa.ForeignKeyConstraint(["group_id"], ["groups.id"], name="fk_requests_group_id"),
    )
    op.create_index("ix_requests_group_id", "requests", ["group_id"])
    op.create_index("ix_requests_asker", "requests", ["asker", "made_at_s", "id"])
    due = sa.text("due_at_s IS NOT NULL")
    op.create_index("ix_requests_due", "requests", ["due_at_s"], sqlite_where=due, postgresql_where=due)
    op.create_table(
        "request_parts",
        sa.Column("id", sorted_text, nullable=False),
        sa.Column("request_id", sorted_text, nullable=False),
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("asked", row_id),
        sa.Column("name", sa.Text),
        sa.Column("amount_minor", sa.BigInteger, nullable=False),
        sa.Column("is_once", sa.Boolean, nullable=False),
        sa.Column("declined_at_s", sa.BigInteger),
        sa.Column("reason", sa.Text),
        sa.Column("reminded_at_s", sa.BigInteger),
        sa.PrimaryKeyConstraint("id", name="pk_request_parts"),
        sa.ForeignKeyConstraint(["request_id"], ["requests.id"], name="fk_request_parts_request_id"),
        sa.ForeignKeyConstraint(["asked"], ["accounts.id"], name="fk_request_parts_asked"),
        sa.CheckConstraint("amount_minor > 0", name="amount"),
    )
    op.create_index("ix_request_parts_asked", "request_parts", ["asked"])
    op.create_index("uq_request_parts_position", "request_parts", ["request_id", "position"], unique=True)
    named = sa.text("asked IS NOT NULL")
    op.create_index(
        "uq_request_parts_asked",
        "request_parts",
        ["request_id", "asked"],
        unique=True,
        sqlite_where=named,
        postgresql_where=named,
    )
    op.create_table(
        "request_payments",
        sa.Column("part_id", sorted_text, nullable=False),
        sa.Column("account_id", row_id, nullable=False),
        sa.Column("attempt", sa.Integer, nullable=False),
        sa.Column("promise", row_id, nullable=False),
        sa.Column("made_at_s", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("part_id", "account_id", "attempt", name="pk_request_payments"),
        sa.UniqueConstraint("promise", name="uq_request_payments_promise"),
        sa.ForeignKeyConstraint(["part_id"], ["request_parts.id"], name="fk_request_payments_part_id"),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name="fk_request_payments_account_id"),
        sa.ForeignKeyConstraint(["promise"], ["promises.number"], name="fk_request_payments_promise"),
    )
    op.create_index("ix_request_payments_account_id", "request_payments", ["account_id"])
    protect(op.get_bind(), "request_payments")
