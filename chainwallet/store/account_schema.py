"""The tables of accounts: who signs in, from where, with which wallets, and what they are told."""

from sqlalchemy import BigInteger, Boolean, CheckConstraint, Column, ForeignKey, Index, Integer, Table, Text, text

from chainwallet.store.append_only import append_only
from chainwallet.store.schema import RowId, Sorted, metadata

_HAS_HAPPENING = text("happening IS NOT NULL")
_HAS_FACT = text("fact IS NOT NULL")
_HAS_GROUP_EVENT = text("group_event IS NOT NULL")
_IS_DEFAULT = text("is_default")

accounts = Table(
    "accounts",
    metadata,
    Column("id", RowId, primary_key=True),
    Column("handle", Sorted, nullable=False, unique=True),
    Column("password_hash", Text, nullable=False),
    Column("created_at_s", BigInteger, nullable=False),
)

account_roles = Table(
    "account_roles",
    metadata,
    Column("account_id", RowId, ForeignKey("accounts.id"), primary_key=True),
    Column("role", Text, CheckConstraint("role IN ('issuer')", name="role"), primary_key=True),
    Column("granted_at_s", BigInteger, nullable=False),
)
"""Roles beyond that of a person, which every account has."""

account_wallets = Table(
    "account_wallets",
    metadata,
    Column("wallet", Sorted, ForeignKey("wallets.name"), primary_key=True),
    Column("account_id", RowId, ForeignKey("accounts.id"), nullable=False, index=True),
    Column("is_default", Boolean, nullable=False),
    Column("added_at_s", BigInteger, nullable=False),
    Index(
        "uq_account_wallets_default",
        "account_id",
        unique=True,
        sqlite_where=_IS_DEFAULT,
        postgresql_where=_IS_DEFAULT,
    ),
)
"""Whose wallet is whose; the default one is paid when its account's handle is."""

sessions = Table(
    "sessions",
    metadata,
    Column("id", Text, primary_key=True),
    Column("account_id", RowId, ForeignKey("accounts.id"), nullable=False, index=True),
    Column("token_hash", Text, nullable=False, unique=True),
    Column("place", Text, nullable=False),
    Column("created_at_s", BigInteger, nullable=False),
    Column("last_used_at_s", BigInteger, nullable=False),
    Column("expires_at_s", BigInteger, nullable=False),
    Column("revoked_at_s", BigInteger),
)

api_keys = Table(
    "api_keys",
    metadata,
    Column("id", Text, primary_key=True),
    Column("account_id", RowId, ForeignKey("accounts.id"), nullable=False, index=True),
    Column("token_hash", Text, nullable=False, unique=True),
    Column("name", Text, nullable=False),
    Column("scopes", Text, nullable=False),
    Column("created_at_s", BigInteger, nullable=False),
    Column("last_used_at_s", BigInteger),
    Column("expires_at_s", BigInteger),
    Column("revoked_at_s", BigInteger),
)
"""``scopes`` are words with spaces between them, in alphabetical order."""

challenges = Table(
    "challenges",
    metadata,
    Column("nonce", Text, primary_key=True),
    Column("account_id", RowId, ForeignKey("accounts.id"), nullable=False, index=True),
    Column("address", Text, nullable=False),
    Column("issued_at_s", BigInteger, nullable=False),
    Column("expires_at_s", BigInteger, nullable=False),
    Column("used_at_s", BigInteger),
)
"""What owners of addresses were asked to sign; each is good once."""

account_places = Table(
    "account_places",
    metadata,
    Column("account_id", RowId, ForeignKey("accounts.id"), primary_key=True),
    Column("place", Text, primary_key=True),
    Column("last_at_s", BigInteger, nullable=False),
)
"""From where an account's owner has signed in."""

sign_in_tries = Table(
    "sign_in_tries",
    metadata,
    Column("kind", Text, CheckConstraint("kind IN ('both', 'place', 'handle')", name="kind"), primary_key=True),
    Column("subject", Text, primary_key=True),
    Column("tries", Integer, nullable=False),
    Column("last_at_s", BigInteger, nullable=False),
    Index(None, "kind", "last_at_s"),
)
"""Tries to sign in since the last success; ``subject`` is a hash, for people type passwords where a handle belongs."""

account_events = append_only(
    Table(
        "account_events",
        metadata,
        Column("id", RowId, primary_key=True),
        Column("account", RowId, ForeignKey("accounts.id"), nullable=False),
        Column("kind", Text, nullable=False),
        Column("at_s", BigInteger, nullable=False),
        Column("owner", Text),
        Column("happening", RowId, ForeignKey("happenings.id")),
        Column("fact", RowId, ForeignKey("facts.id")),
        Column("group_event", RowId, ForeignKey("group_events.id")),
        CheckConstraint(
            "(group_event IS NULL AND owner IS NOT NULL AND (happening IS NULL) <> (fact IS NULL)) OR "
            "(group_event IS NOT NULL AND owner IS NULL AND happening IS NULL AND fact IS NULL)",
            name="source",
        ),
        Index(None, "account", "id"),
        Index(
            "uq_account_events_happening",
            "happening",
            "account",
            unique=True,
            sqlite_where=_HAS_HAPPENING,
            postgresql_where=_HAS_HAPPENING,
        ),
        Index(
            "uq_account_events_fact",
            "fact",
            "kind",
            "account",
            unique=True,
            sqlite_where=_HAS_FACT,
            postgresql_where=_HAS_FACT,
        ),
        Index(
            "uq_account_events_group_event",
            "group_event",
            "account",
            unique=True,
            sqlite_where=_HAS_GROUP_EVENT,
            postgresql_where=_HAS_GROUP_EVENT,
        ),
    )
)
"""What accounts are told, once each: what happened to a promise of theirs, or a fact, about ``owner``, an address of
theirs; or what was done in a group (``group_schema``), about no address. Rows are written by one transaction at a time,
so that a reader who has seen one has seen all before it."""

notified = Table(
    "notified",
    metadata,
    Column("chain", Text, primary_key=True),
    Column("fact", BigInteger, nullable=False),
    Column("final_block", BigInteger, nullable=False),
    Column("orphaned_since_s", BigInteger, nullable=False),
)
"""How far the notifier has told of a chain's facts: the last one that came in, the last block whose movements were told
to be final, and since when it has not looked for what reorgs took away."""
