"""The tables. Addresses and hashes are lower-case hex with ``0x``; numbers above 63 bits are 64 hex digits, which sort.

``chain`` is ``<chain id>-<first 8 hex digits of the genesis hash>``: two fresh chains never share rows. ``token`` is
``<chain>/<address>``. One schema serves SQLite and PostgreSQL.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
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
    text,
)

from chainwallet.store.append_only import append_only, append_only_but

RowId = BigInteger().with_variant(Integer, "sqlite")
"""Of rows that the database numbers: SQLite numbers only a column whose type is INTEGER, which has 64 bits there."""

Sorted = Text().with_variant(Text(collation="C"), "postgresql")
"""Text that is sorted or compared, by its bytes on both engines, whatever the server's language."""

_IS_OURS = text("adopted_at_s IS NULL")
_IS_ADOPTED = text("adopted_at_s IS NOT NULL")
_IS_NEWS = text("told_at_s IS NULL AND promise IS NOT NULL")

IS_LIVE = text("stage IN ('offered', 'queued', 'carried', 'canceling', 'executed')")
IS_CANCELED = text("stage = 'canceled'")
IS_UNDONE = text("executed_block IS NOT NULL AND stage IN ('queued', 'carried')")
"""Of promises. In these words, which SQLite compares with those of the index: what is bound later, it does not."""

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

_CANONICAL = text("orphaned_at_s IS NULL")
_HAS_REF = text("ref IS NOT NULL")
_HAS_NONCE = text("nonce IS NOT NULL")
_FREEZES = text("kind IN ('Frozen', 'Unfrozen')")
_CANCELS = text("kind = 'NoncesCanceled'")
_IS_LOST = text("orphaned_at_s IS NOT NULL")
_MOVES = text("kind = 'Transfer'")
_IS_TO_BURN = text("submission_id IS NULL")

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
    Column("kind", Text, CheckConstraint("kind IN ('call', 'payments')", name="kind"), nullable=False),
    Column("sender", Text, nullable=False),
    Column("to", Text),
    Column("data", LargeBinary, nullable=False),
    Column(
        "stage",
        Text,
        CheckConstraint(
            "stage IN ('queued', 'signed', 'sent', 'mined', 'final', 'failed', 'conflict')",
            name="stage",
        ),
        nullable=False,
    ),
    Column("nonce", BigInteger),
    Column("tx", Text),
    Column("block", BigInteger),
    Column("block_hash", Text),
    Column("gas_used", BigInteger),
    Column("contract", Text),
    Column("reason", Text),
    Column("waits", Text, nullable=False),
    Column("sent_at_s", BigInteger, nullable=False),
    Column("created_at_s", BigInteger, nullable=False),
    UniqueConstraint("chain", "key"),
    UniqueConstraint("chain", "sender", "nonce"),
    Index(None, "chain", "stage", "block"),
)
"""``rules.submission.Submission``; ``tx`` is the mined attempt, ``reason`` why it reverted or failed."""

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
        Column("gas_limit", BigInteger, nullable=False),
        Column("max_fee_per_gas_wei", BigInteger, nullable=False),
        Column("max_priority_fee_per_gas_wei", BigInteger, nullable=False),
        Column("created_at_s", BigInteger, nullable=False),
        Index(None, "chain", "sender", "nonce"),
    )
)

promises = Table(
    "promises",
    metadata,
    Column("number", RowId, primary_key=True),
    Column("chain", Text, nullable=False),
    Column("token", Text, nullable=False),
    Column("payer", Text, nullable=False),
    Column("kind", Text, CheckConstraint("kind IN ('payment', 'consent')", name="kind"), nullable=False),
    Column("id", Text, nullable=False),
    Column("nonce", Sorted, nullable=False),
    Column("content_hash", Text, nullable=False),
    Column("document", Text, nullable=False),
    Column("signature", LargeBinary),
    Column("memo", Text),
    Column("memo_salt", LargeBinary),
    Column("payee", Text),
    Column("value", Text, nullable=False),
    Column("ref", Text, nullable=False),
    Column("valid_before", BigInteger, nullable=False),
    Column(
        "stage",
        Text,
        CheckConstraint(
            "stage IN ('offered', 'queued', 'carried', 'canceling', 'executed', 'final', 'canceled', 'expired')",
            name="stage",
        ),
        nullable=False,
    ),
    Column("reason", Text, nullable=False),
    Column("submission_id", RowId, ForeignKey("submissions.id"), index=True),
    Column("due_at_s", BigInteger, nullable=False),
    Column("setbacks", Integer, nullable=False),
    Column("withdrawn_at_s", BigInteger),
    Column("executed_tx", Text),
    Column("executed_block", BigInteger),
    Column("executed_block_hash", Text),
    Column("adopted_at_s", BigInteger),
    Column("made_at_block", BigInteger, nullable=False),
    Column("created_at_s", BigInteger, nullable=False),
    UniqueConstraint("token", "payer", "kind", "id"),
    Index(
        "uq_promises_nonce", "token", "payer", "nonce", unique=True, sqlite_where=_IS_OURS, postgresql_where=_IS_OURS
    ),
    Index("ix_promises_adopted", "token", "payer", "nonce", sqlite_where=_IS_ADOPTED, postgresql_where=_IS_ADOPTED),
    Index(None, "chain", "stage", "due_at_s"),
    Index(None, "chain", "id", "payer"),
    Index(None, "token", "stage", "number"),
    Index("ix_promises_live", "token", "payer", sqlite_where=IS_LIVE, postgresql_where=IS_LIVE),
    Index("ix_promises_canceled", "token", "payer", sqlite_where=IS_CANCELED, postgresql_where=IS_CANCELED),
    Index("ix_promises_undone", "chain", "nonce", sqlite_where=IS_UNDONE, postgresql_where=IS_UNDONE),
)
"""``store.promises.Promise``. ``value`` is what its payer pays; ``ref`` a payment's reference, or a settlement's hash.
One that was found on the chain is ``adopted``: its nonce was not handed out here."""

carriages = append_only(
    Table(
        "carriages",
        metadata,
        Column("submission_id", RowId, ForeignKey("submissions.id"), primary_key=True),
        Column("promise", RowId, ForeignKey("promises.number"), primary_key=True, index=True),
        Column("since_s", BigInteger, nullable=False),
    )
)
"""Which submissions ever took up which promises."""

happenings = append_only_but(
    Table(
        "happenings",
        metadata,
        Column("id", RowId, primary_key=True),
        Column("at_s", BigInteger, nullable=False),
        Column("chain", Text, nullable=False),
        Column("promise", RowId, ForeignKey("promises.number"), index=True),
        Column("submission_id", RowId, ForeignKey("submissions.id"), index=True),
        Column("name", Text, nullable=False),
        Column("words", Text, nullable=False),
        Column("told_at_s", BigInteger),
        Index("ix_happenings_news", "chain", "id", sqlite_where=_IS_NEWS, postgresql_where=_IS_NEWS),
    ),
    "told_at_s",
)
"""Everything that ever happened to a promise or a submission, in the words that a person is told; ``told_at_s`` is when
the notifier had seen to what happened to a promise."""

lanes = Table(
    "lanes",
    metadata,
    Column("chain", Text, primary_key=True),
    Column("sender", Text, primary_key=True),
    Column("waits", Text, nullable=False),
    Column("since_s", BigInteger, nullable=False),
)
"""What a sender's queue waits for, in words for a person, and since when; empty words: for nothing."""

recoveries = Table(
    "recoveries",
    metadata,
    Column("id", RowId, primary_key=True),
    Column("chain", Text, nullable=False, index=True),
    Column("account", Text, nullable=False),
    Column("why", Text, nullable=False),
    Column("noticed_at_s", BigInteger, nullable=False),
    Column("noticed_block", BigInteger, nullable=False),
    Column("until_s", BigInteger, nullable=False),
    Column("known_count", BigInteger, nullable=False),
    Column("ended_at_s", BigInteger),
    Column("ended_block", BigInteger),
    Column("ended_by", Text),
)
"""When the chain knew more than this database: of a sender's transactions (``known_count`` of them), or of a payer's
documents (0). Nothing is signed until a final block is past ``until_s``, or everything under way was cancelled."""

leases = Table(
    "leases",
    metadata,
    Column("chain", Text, primary_key=True),
    Column("sender", Text, primary_key=True),
    Column("holder", Text, nullable=False),
    Column("epoch", BigInteger, nullable=False),
    Column("expires_at_s", BigInteger, nullable=False),
)

blocks = Table(
    "blocks",
    metadata,
    Column("id", RowId, primary_key=True),
    Column("chain", Text, nullable=False),
    Column("number", BigInteger, nullable=False),
    Column("hash", Text, nullable=False),
    Column("parent", Text, nullable=False),
    Column("timestamp_s", BigInteger, nullable=False),
    Column("state_root", Text, nullable=False),
    Column("learned_at_s", BigInteger, nullable=False),
    Column("has_facts", Boolean, nullable=False),
    Column("orphaned_at_s", BigInteger),
    Index("uq_blocks_canonical", "chain", "number", unique=True, sqlite_where=_CANONICAL, postgresql_where=_CANONICAL),
    Index("ix_blocks_orphaned", "chain", "orphaned_at_s", sqlite_where=_IS_LOST, postgresql_where=_IS_LOST),
)
"""Verified headers: the latest, and those with facts. At most one at each number is not orphaned."""

facts = append_only_but(
    Table(
        "facts",
        metadata,
        Column("id", RowId, primary_key=True),
        Column("token", Text, nullable=False),
        Column("block", BigInteger, nullable=False),
        Column("block_hash", Text, nullable=False),
        Column("tx", Text, nullable=False),
        Column("log_index", Integer, nullable=False),
        Column("part", Integer, nullable=False),
        Column("kind", Text, nullable=False),
        Column("payer", Text),
        Column("payee", Text),
        Column("value", Text),
        Column("ref", Text),
        Column("nonce", Sorted),
        Column("cause", Text),
        Column("detail", Text),
        Column("happened_at_s", BigInteger, nullable=False),
        Column("learned_at_s", BigInteger, nullable=False),
        Column("orphaned_at_s", BigInteger),
        Index(
            "uq_facts_canonical",
            "token",
            "block",
            "log_index",
            "part",
            unique=True,
            sqlite_where=_CANONICAL,
            postgresql_where=_CANONICAL,
        ),
        Index("ix_facts_ref", "token", "ref", sqlite_where=_HAS_REF, postgresql_where=_HAS_REF),
        Index("ix_facts_nonce", "token", "payer", "nonce", sqlite_where=_HAS_NONCE, postgresql_where=_HAS_NONCE),
        Index("ix_facts_paid_out", "token", "payer", "block", sqlite_where=_MOVES, postgresql_where=_MOVES),
        Index("ix_facts_paid_in", "token", "payee", "block", sqlite_where=_MOVES, postgresql_where=_MOVES),
        Index("ix_facts_frozen", "token", "payer", "block", sqlite_where=_FREEZES, postgresql_where=_FREEZES),
        Index(
            "ix_facts_canceled",
            "token",
            "payer",
            "nonce",
            sqlite_where=_CANCELS,
            postgresql_where=_CANCELS,
        ),
        Index("ix_facts_orphaned", "token", "orphaned_at_s", sqlite_where=_IS_LOST, postgresql_where=_IS_LOST),
    ),
    "orphaned_at_s",
)
"""``rules.fact.Fact``, with when we learned it and, where a reorg removed it, when we learned that. Never deleted; a
block that comes back is learned again, as new rows."""

cursors = Table(
    "cursors",
    metadata,
    Column("token", Text, primary_key=True),
    Column("chain", Text, nullable=False, index=True),
    Column("first_block", BigInteger, nullable=False),
    Column("number", BigInteger, nullable=False),
    Column("hash", Text),
    Column("timestamp_s", BigInteger),
    Column("moved_at_s", BigInteger, nullable=False),
    Column("waits_because", Text),
    Column("waits_since_s", BigInteger),
)
"""How far each token is followed; ``hash`` is NULL, and ``number`` the block before the first, until one is read."""

holdings = Table(
    "holdings",
    metadata,
    Column("token", Text, primary_key=True),
    Column("owner", Text, primary_key=True),
    Column("balance", Text, nullable=False),
)
"""Balances at the cursor, and under the zero address the supply."""

quarantines = Table(
    "quarantines",
    metadata,
    Column("id", RowId, primary_key=True),
    Column("chain", Text, nullable=False),
    Column("block", BigInteger, nullable=False),
    Column("what", Text, nullable=False),
    Column("expected", Text, nullable=False),
    Column("found", Text, nullable=False),
    Column("node", Text, nullable=False),
    Column("times", Integer, nullable=False),
    Column("first_seen_at_s", BigInteger, nullable=False),
    Column("last_seen_at_s", BigInteger, nullable=False),
    Column("healed_at_s", BigInteger),
    Index(None, "chain", "block"),
)
"""What a node said of a block that its hash does not commit to, and when a true answer took its place."""

topups = Table(
    "topups",
    metadata,
    Column("token", Text, primary_key=True),
    Column("reference", Sorted, primary_key=True),
    Column("chain", Text, nullable=False),
    Column("ref", Text, nullable=False),
    Column("issuer", Text, nullable=False),
    Column("payee", Text, nullable=False),
    Column("value", Text, nullable=False),
    Column("asked_by", Text, nullable=False),
    Column("submission_id", RowId, ForeignKey("submissions.id"), index=True),
    Column("created_at_s", BigInteger, nullable=False),
    UniqueConstraint("token", "ref"),
)
"""Money asked for against a bank's reference. ``submission_id`` is the mint that was queued last; NULL where the chain
had carried it out before this database knew of it. How it stands follows from that and from the facts."""

withdrawals = Table(
    "withdrawals",
    metadata,
    Column("token", Text, primary_key=True),
    Column("reference", Sorted, primary_key=True),
    Column("chain", Text, nullable=False),
    Column("ref", Text, nullable=False),
    Column("issuer", Text, nullable=False),
    Column("promise", RowId, ForeignKey("promises.number"), nullable=False, unique=True),
    Column("asked_by", Text, nullable=False),
    Column("submission_id", RowId, ForeignKey("submissions.id"), index=True),
    Column("given_back_at_s", BigInteger),
    Column("created_at_s", BigInteger, nullable=False),
    UniqueConstraint("token", "ref"),
    Index("ix_withdrawals_to_burn", "chain", sqlite_where=_IS_TO_BURN, postgresql_where=_IS_TO_BURN),
)
"""Payments to the issuer that were paid out at the bank, and are burned under its reference once they are final. A
payment stands for one withdrawal at most. ``submission_id`` is the burn that was queued last; NULL before the first.
After ``given_back_at_s`` nothing is burned any more: the issuer pays the money back."""

idempotent_answers = Table(
    "idempotent_answers",
    metadata,
    Column("account", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("request_hash", Text, nullable=False),
    Column("answer", Text),
    Column("made_at_s", BigInteger, nullable=False, index=True),
)
"""Answers to requests with an ``Idempotency-Key``, for a day; ``answer`` is NULL where it held a secret."""
