"""Indexes from whose ends a payer's last nonces are read: of adopted promises, and of cancels."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """To this revision."""
    for name, table, where in (
        ("ix_promises_adopted", "promises", "adopted_at_s IS NOT NULL"),
        ("ix_facts_canceled", "facts", "kind = 'NoncesCanceled'"),
    ):
        only = sa.text(where)
        op.create_index(name, table, ["token", "payer", "nonce"], sqlite_where=only, postgresql_where=only)
