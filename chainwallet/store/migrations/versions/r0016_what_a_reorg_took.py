"""Indexes for what a reorg took, and of promises by payer only while they live: what has ended is not looked for."""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"

BLOCKS_LOST = "orphaned_at_s IS NOT NULL"
LIVE = "stage IN ('offered', 'queued', 'carried', 'canceling', 'executed')"
UNDONE = "executed_block IS NOT NULL AND stage IN ('queued', 'carried')"


def upgrade() -> None:
    """To this revision."""
    for name, table, columns, where in (
        ("ix_blocks_orphaned", "blocks", ["chain", "orphaned_at_s"], BLOCKS_LOST),
        ("ix_promises_live", "promises", ["token", "payer"], LIVE),
        ("ix_promises_canceled", "promises", ["token", "payer"], "stage = 'canceled'"),
        ("ix_promises_undone", "promises", ["chain", "nonce"], UNDONE),
    ):
        only = sa.text(where)
        op.create_index(name, table, columns, sqlite_where=only, postgresql_where=only)
    op.drop_index("ix_promises_token_payer_stage", "promises")
