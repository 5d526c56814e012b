"""What accounts are told, and how far that has come."""

import sqlalchemy as sa
from alembic import op

from chainwallet.store.append_only import protect, protect_but, unprotect

revision = "0009"
down_revision = "0008"

row_id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """To this revision. What happened before it is not told: nobody had an account."""
    _happenings()
    _account_events()
    op.create_table(
        "notified",
        sa.Column("chain", sa.Text, nullable=False),
        sa.Column("fact", sa.BigInteger, nullable=False),
        sa.Column("final_block", sa.BigInteger, nullable=False),
        sa.Column("orphaned_since_s", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("chain", name="pk_notified"),
    )


def _happenings() -> None:
    unprotect(op.get_bind(), "happenings")
    op.add_column("happenings", sa.Column("told_at_s", sa.BigInteger))
    op.execute("UPDATE happenings SET told_at_s = at_s WHERE promise IS NOT NULL")
    _partial_index("ix_happenings_news", "happenings", ["chain", "id"], "told_at_s IS NULL AND promise IS NOT NULL")
    kept = "id at_s chain promise submission_id name words"
    protect_but(op.get_bind(), "happenings", "told_at_s", kept.split())


def _account_events() -> None:
    op.create_table(
        "account_events",
        sa.Column("id", row_id, nullable=False),
        sa.Column("account", row_id, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("at_s", sa.BigInteger, nullable=False),
        sa.Column("owner", sa.Text, nullable=False),
        sa.Column("happening", row_id),
        sa.Column("fact", row_id),
        sa.CheckConstraint("(happening IS NULL) <> (fact IS NULL)", name="source"),
        sa.ForeignKeyConstraint(["account"], ["accounts.id"], name="fk_account_events_account"),
        sa.ForeignKeyConstraint(["happening"], ["happenings.id"], name="fk_account_events_happening"),
        sa.ForeignKeyConstraint(["fact"], ["facts.id"], name="fk_account_events_fact"),
        sa.PrimaryKeyConstraint("id", name="pk_account_events"),
    )
    op.create_index("ix_account_events_account_id", "account_events", ["account", "id"])
    for source, columns in (("happening", ["happening", "account"]), ("fact", ["fact", "kind", "account"])):
        name = f"uq_account_events_{source}"
        _partial_index(name, "account_events", columns, f"{source} IS NOT NULL", unique=True)
    protect(op.get_bind(), "account_events")


def _partial_index(name: str, table: str, columns: list[str], where: str, *, unique: bool = False) -> None:
    op.create_index(name, table, columns, unique=unique, sqlite_where=sa.text(where), postgresql_where=sa.text(where))
