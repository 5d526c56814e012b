"""Answers to requests with an ``Idempotency-Key``."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """To this revision."""
    op.create_table(
        "idempotent_answers",
        sa.Column("account", sa.Text, nullable=False),
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("request_hash", sa.Text, nullable=False),
        sa.Column("answer", sa.Text),
        sa.Column("made_at_s", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("account", "key", name="pk_idempotent_answers"),
    )
    op.create_index("ix_idempotent_answers_made_at_s", "idempotent_answers", ["made_at_s"])
