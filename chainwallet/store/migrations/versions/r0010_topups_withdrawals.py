"""Top-ups and withdrawals: what a bank's reference stands for here."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"

row_id = sa.BigInteger().with_variant(sa.Integer, "sqlite")
sorted_text = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """To this revision."""
    op.create_table(
        "topups",
        sa.Column("token", sa.Text, nullable=False),
        sa.Column("reference", sorted_text, nullable=False),
        sa.Column("chain", sa.Text, nullable=False),
        sa.Column("ref", sa.Text, nullable=False),
        sa.Column("issuer", sa.Text, nullable=False),
        sa.Column("payee", sa.Text, nullable=False),
        sa.Column("value", sa.Text, nullable=False),
        sa.Column("asked_by", sa.Text, nullable=False),
        sa.Column("submission_id", row_id),
        sa.Column("created_at_s", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("token", "reference", name="pk_topups"),
        sa.UniqueConstraint("token", "ref", name="uq_topups_token_ref"),
        sa.ForeignKeyConstraint(["submission_id"], ["submissions.id"], name="fk_topups_submission_id"),
    )
    op.create_index("ix_topups_submission_id", "topups", ["submission_id"])
    op.create_table(
        "withdrawals",
        sa.Column("token", sa.Text, nullable=False),
        sa.Column("reference", sorted_text, nullable=False),
        sa.Column("chain", sa.Text, nullable=False),
        sa.Column("ref", sa.Text, nullable=False),
        sa.Column("issuer", sa.Text, nullable=False),
        sa.Column("promise", row_id, nullable=False),
        sa.Column("asked_by", sa.Text, nullable=False),
        sa.Column("submission_id", row_id),
        sa.Column("given_back_at_s", sa.BigInteger),
        sa.Column("created_at_s", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("token", "reference", name="pk_withdrawals"),
        sa.UniqueConstraint("token", "ref", name="uq_withdrawals_token_ref"),
        sa.UniqueConstraint("promise", name="uq_withdrawals_promise"),
        sa.ForeignKeyConstraint(["promise"], ["promises.number"], name="fk_withdrawals_promise"),
        sa.ForeignKeyConstraint(["submission_id"], ["submissions.id"], name="fk_withdrawals_submission_id"),
    )
    op.create_index("ix_withdrawals_submission_id", "withdrawals", ["submission_id"])
    to_burn = sa.text("submission_id IS NULL")
    op.create_index("ix_withdrawals_to_burn", "withdrawals", ["chain"], sqlite_where=to_burn, postgresql_where=to_burn)
