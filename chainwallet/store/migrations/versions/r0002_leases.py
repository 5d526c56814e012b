"""Leases: which process carries a sender's transactions; signed bytes are append-only."""

import sqlalchemy as sa
from alembic import op

from chainwallet.store.append_only import protect

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """To this revision."""
    op.create_table(
        "leases",
        sa.Column("chain", sa.Text, nullable=False),
        sa.Column("sender", sa.Text, nullable=False),
        sa.Column("holder", sa.Text, nullable=False),
        sa.Column("epoch", sa.BigInteger, nullable=False),
        sa.Column("expires_at_s", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("chain", "sender", name="pk_leases"),
    )
    protect(op.get_bind(), "attempts")
