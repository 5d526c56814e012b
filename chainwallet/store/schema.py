"""The tables. Addresses and hashes are lower-case hex with ``0x``; numbers above 63 bits are 64 hex digits, which sort.

``chain`` is ``<chain id>-<first 8 hex digits of the genesis hash>``: two fresh chains never share rows. ``token`` is
``<chain>/<address>``. One schema serves SQLite and PostgreSQL.
"""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
)

from chainwallet.store.append_only import append_only

RowId = BigInteger().with_variant(Integer, "sqlite")
"""Of rows that the database numbers: SQLite numbers only a column whose type is INTEGER, which has 64 bits there."""

Sorted = Text().with_variant(Text(collation="C"), "postgresql")
"""Text that is sorted or compared, by its bytes on both engines, whatever the server's language."""

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

wallets = Table(
    "wallets",
    metadata,
    Column("name", Sorted, primary_key=True),
    Column("address", Text, nullable=False, unique=True),
    Column("custody", Text, CheckConstraint("custody IN ('managed', 'external')", name="custody"), nullable=False),
    Column("purpose", Text, CheckConstraint("purpose IN ('person', 'service')", name="purpose"), nullable=False),
    Column("created_at_s", BigInteger, nullable=False),
)

submissions = Table(
    "submissions",
    metadata,
    Column("id", RowId, primary_key=True),
    Column("chain", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("sender", Text, nullable=False),
    Column("to", Text),
    Column("data", LargeBinary, nullable=False),
    Column(
        "stage",
        Text,
        CheckConstraint("stage IN ('queued', 'signed', 'sent', 'mined', 'failed')", name="stage"),
        nullable=False,
    ),
    Column("nonce", BigInteger),
    Column("tx", Text),
    Column("block", BigInteger),
    Column("gas_used", BigInteger),
    Column("contract", Text),
    Column("reason", Text),
    Column("created_at_s", BigInteger, nullable=False),
    UniqueConstraint("chain", "key"),
    UniqueConstraint("chain", "sender", "nonce"),
)

attempts = append_only(
    Table(
        "attempts",
        metadata,
        Column("tx", Text, primary_key=True),
        Column("submission_id", RowId, ForeignKey("submissions.id"), nullable=False, index=True),
        Column("chain", Text, nullable=False),
        Column("sender", Text, nullable=False),
        Column("nonce", BigInteger, nullable=False),
        Column("raw", LargeBinary, nullable=False),
        Column("created_at_s", BigInteger, nullable=False),
        Index(None, "chain", "sender", "nonce"),
    )
)

promises = Table(
    "promises",
    metadata,
    Column("token", Text, primary_key=True),
    Column("payer", Text, primary_key=True),
    Column("kind", Text, CheckConstraint("kind IN ('payment', 'consent')", name="kind"), primary_key=True),
    Column("id", Text, primary_key=True),
    Column("nonce", Sorted, nullable=False),
    Column("content_hash", Text, nullable=False),
    Column("document", Text, nullable=False),
    Column("signature", LargeBinary),
    Column("memo", Text),
    Column("memo_salt", LargeBinary),
    Column("submission_id", RowId, ForeignKey("submissions.id"), index=True),
    Column("made_at_block", BigInteger, nullable=False),
    Column("created_at_s", BigInteger, nullable=False),
    UniqueConstraint("token", "payer", "nonce"),
)

leases = Table(
    "leases",
    metadata,
    Column("chain", Text, primary_key=True),
    Column("sender", Text, primary_key=True),
    Column("holder", Text, nullable=False),
    Column("epoch", BigInteger, nullable=False),
    Column("expires_at_s", BigInteger, nullable=False),
)
