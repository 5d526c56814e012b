"""Accounts are told what is done in their groups."""

import sqlalchemy as sa
from alembic import op

from chainwallet.store.append_only import protect

revision = "0012"
down_revision = "0011"

row_id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

SOURCE = (
    "(group_event IS NULL AND owner IS NOT NULL AND (happening IS NULL) <> (fact IS NULL)) OR "
    "(group_event IS NOT NULL AND owner IS NULL AND happening IS NULL AND fact IS NULL)"
)


def upgrade() -> None:
    """To this revision."""
    if op.get_bind().dialect.name == "postgresql":
        _alter()
    else:
        _make_anew()
    _partial_index("group_event", ["group_event", "account"])


def _alter() -> None:
    op.add_column("account_events", sa.Column("group_event", row_id))
    op.create_foreign_key(
        op.f("fk_account_events_group_event"), "account_events", "group_events", ["group_event"], ["id"]
    )
    op.alter_column("account_events", "owner", nullable=True)
    op.drop_constraint(op.f("ck_account_events_source"), "account_events")
    op.create_check_constraint(op.f("ck_account_events_source"), "account_events", SOURCE)


def _make_anew() -> None:
    """SQLite changes no column's constraints; the rows keep their numbers, which clients hold."""
    op.create_table(
        "account_events_anew",
        sa.Column("id", row_id, nullable=False),
        sa.Column("account", row_id, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("at_s", sa.BigInteger, nullable=False),
        sa.Column("owner", sa.Text),
        sa.Column("happening", row_id),
        sa.Column("fact", row_id),
        sa.Column("group_event", row_id),
        sa.CheckConstraint(SOURCE, name=op.f("ck_account_events_source")),
        sa.ForeignKeyConstraint(["account"], ["accounts.id"], name="fk_account_events_account"),
        sa.ForeignKeyConstraint(["happening"], ["happenings.id"], name="fk_account_events_happening"),
        sa.ForeignKeyConstraint(["fact"], ["facts.id"], name="fk_account_events_fact"),
        sa.ForeignKeyConstraint(["group_event"], ["group_events.id"], name="fk_account_events_group_event"),
        sa.PrimaryKeyConstraint("id", name="pk_account_events"),
    )
    kept = "id, account, kind, at_s, owner, happening, fact"
    op.execute(f"INSERT INTO account_events_anew ({kept}) SELECT {kept} FROM account_events")  # noqa: S608 - our own names
    op.drop_table("account_events")
    op.rename_table("account_events_anew", "account_events")
    op.create_index("ix_account_events_account_id", "account_events", ["account", "id"])
    for source, columns in (("happening", ["happening", "account"]), ("fact", ["fact", "kind", "account"])):
        _partial_index(source, columns)
    protect(op.get_bind(), "account_events")


def _partial_index(source: str, columns: list[str]) -> None:
    where = sa.text(f"{source} IS NOT NULL")
    op.create_index(
        f"uq_account_events_{source}",
        "account_events",
        columns,
        unique=True,
        sqlite_where=where,
        postgresql_where=where,
    )
