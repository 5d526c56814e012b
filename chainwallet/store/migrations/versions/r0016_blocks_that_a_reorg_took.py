"""An index that finds the blocks that a reorg took from the chain, however many others are kept."""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    """To this revision."""
    only = sa.text("orphaned_at_s IS NOT NULL")
    columns = ["chain", "orphaned_at_s"]
    op.create_index("ix_blocks_orphaned", "blocks", columns, sqlite_where=only, postgresql_where=only)
