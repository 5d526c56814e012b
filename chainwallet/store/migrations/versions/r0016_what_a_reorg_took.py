"""Indexes that find what a reorg took: blocks, however many others are kept, and executions of payments."""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    """To this revision."""
    for name, table, columns, where in (
        ("ix_blocks_orphaned", "blocks", ["chain", "orphaned_at_s"], "orphaned_at_s IS NOT NULL"),
        (
            "ix_promises_undone",
            "promises",
            ["chain", "nonce"],
            "executed_block IS NOT NULL AND stage IN ('queued', 'carried')",
        ),
    ):
        only = sa.text(where)
        op.create_index(name, table, columns, sqlite_where=only, postgresql_where=only)
