"""The tables of requests. Money is in minor units of a request's currency."""

from sqlalchemy import BigInteger, Boolean, CheckConstraint, Column, ForeignKey, Index, Integer, Table, Text, text

from chainwallet.store.append_only import append_only
from chainwallet.store.schema import RowId, Sorted, metadata

_IS_DUE = text("due_at_s IS NOT NULL")
_IS_NAMED = text("asked IS NOT NULL")

requests = Table(
    "requests",
    metadata,
    Column("id", Sorted, primary_key=True),
    Column("asker", RowId, ForeignKey("accounts.id"), nullable=False),
    Column("currency", Text, nullable=False),
    Column("note", Text),
    Column("link_hash", Text, nullable=False, unique=True),
    Column("group_id", Text, ForeignKey("groups.id"), index=True),
    Column("made_at_s", BigInteger, nullable=False),
    Column("deadline_s", BigInteger),
    Column("due_at_s", BigInteger),
    Column("canceled_at_s", BigInteger),
    Index("ix_requests_asker", "asker", "made_at_s", "id"),
    Index("ix_requests_due", "due_at_s", sqlite_where=_IS_DUE, postgresql_where=_IS_DUE),
)
"""Who asks for money. ``link_hash`` is the SHA-256 of the link's token; ``due_at_s`` is when the service reminds next,
or says that the time is over."""

request_parts = Table(
    "request_parts",
    metadata,
    Column("id", Sorted, primary_key=True),
    Column("request_id", Sorted, ForeignKey("requests.id"), nullable=False),
    Column("position", Integer, nullable=False),
    Column("asked", RowId, ForeignKey("accounts.id"), index=True),
    Column("name", Text),
    Column("amount_minor", BigInteger, CheckConstraint("amount_minor > 0", name="amount"), nullable=False),
    Column("is_once", Boolean, nullable=False),
    Column("declined_at_s", BigInteger),
    Column("reason", Text),
    Column("reminded_at_s", BigInteger),
    Index("uq_request_parts_position", "request_id", "position", unique=True),
    Index(
        "uq_request_parts_asked",
        "request_id",
        "asked",
        unique=True,
        sqlite_where=_IS_NAMED,
        postgresql_where=_IS_NAMED,
    ),
)
"""What each is asked for. Without ``asked`` whoever has the link pays it, one of them or (not ``is_once``) each."""

request_payments = append_only(
    Table(
        "request_payments",
        metadata,
        Column("part_id", Sorted, ForeignKey("request_parts.id"), primary_key=True),
        Column("account_id", RowId, ForeignKey("accounts.id"), primary_key=True, index=True),
        Column("attempt", Integer, primary_key=True),
        Column("promise", RowId, ForeignKey("promises.number"), nullable=False, unique=True),
        Column("made_at_s", BigInteger, nullable=False),
    )
)
"""Which payments pay a part; another attempt is made only after the one before ended unpaid."""
