"""Indexes for what payments ask of the facts: who is frozen, and what a reorg took away."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """To this revision."""
    for name, columns, where in (
        ("ix_facts_frozen", ["token", "payer", "block"], "kind IN ('Frozen', 'Unfrozen')"),
        ("ix_facts_orphaned", ["token", "orphaned_at_s"], "orphaned_at_s IS NOT NULL"),
    ):
        op.create_index(name, "facts", columns, sqlite_where=sa.text(where), postgresql_where=sa.text(where))
