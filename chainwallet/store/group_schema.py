"""The tables of groups, their bills and what their people say to them. Money is in minor units of a bill's currency."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    text,
)

from chainwallet.store.append_only import append_only, append_only_but
from chainwallet.store.schema import RowId, Sorted, metadata

_HAS_ACCOUNT = text("account_id IS NOT NULL")
_IS_UNTOLD = text("told_at_s IS NULL")
_COUNTS = text("replaced_at_s IS NULL")

groups = Table(
    "groups",
    metadata,
    Column("id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("kind", Text, CheckConstraint("kind IN ('group', 'pair')", name="kind"), nullable=False),
    Column("created_at_s", BigInteger, nullable=False),
)
"""A ``pair`` is a friendship: a group of two."""

members = Table(
    "members",
    metadata,
    Column("id", Sorted, primary_key=True),
    Column("group_id", Text, ForeignKey("groups.id"), nullable=False, index=True),
    Column("account_id", RowId, ForeignKey("accounts.id"), index=True),
    Column("name", Sorted, nullable=False),
    Column("role", Text, CheckConstraint("role IN ('owner', 'member', 'viewer')", name="role"), nullable=False),
    Column("joined_at_s", BigInteger, nullable=False),
    Column("left_at_s", BigInteger),
    Index("uq_members_name", "group_id", "name", unique=True),
    Index(
        "uq_members_account",
        "group_id",
        "account_id",
        unique=True,
        sqlite_where=_HAS_ACCOUNT,
        postgresql_where=_HAS_ACCOUNT,
    ),
)
"""People of a group; a guest has no account until somebody claims to be them. ``id`` and rows stay for good."""

invitations = Table(
    "invitations",
    metadata,
    Column("id", Text, primary_key=True),
    Column("group_id", Text, ForeignKey("groups.id"), nullable=False, index=True),
    Column("token_hash", Text, nullable=False, unique=True),
    Column("role", Text, CheckConstraint("role IN ('member', 'viewer')", name="role"), nullable=False),
    Column("guest", Sorted, ForeignKey("members.id")),
    Column("invited", RowId, ForeignKey("accounts.id"), index=True),
    Column("made_by", Sorted, ForeignKey("members.id"), nullable=False),
    Column("made_at_s", BigInteger, nullable=False),
    Column("expires_at_s", BigInteger, nullable=False),
    Column("used_at_s", BigInteger),
    Column("used_by", RowId, ForeignKey("accounts.id")),
    Column("revoked_at_s", BigInteger),
)
"""Each is good once. Who uses it takes over the lines of ``guest``; only the account ``invited`` may, where one is."""

group_events = append_only_but(
    Table(
        "group_events",
        metadata,
        Column("id", RowId, primary_key=True),
        Column("at_s", BigInteger, nullable=False),
        Column("group_id", Text, ForeignKey("groups.id"), index=True),
        Column("account_id", RowId, ForeignKey("accounts.id")),
        Column("actor", RowId, ForeignKey("accounts.id")),
        Column("kind", Text, nullable=False),
        Column("subject", Text, nullable=False),
        Column("words", Text, nullable=False),
        Column("told_at_s", BigInteger),
        CheckConstraint("group_id IS NOT NULL OR account_id IS NOT NULL", name="audience"),
        Index("ix_group_events_untold", "id", sqlite_where=_IS_UNTOLD, postgresql_where=_IS_UNTOLD),
    ),
    "told_at_s",
)
"""Who did what in a group, for good. ``account_id``: told to this account only, otherwise to all of the group;
``actor`` is NULL for what the service did; ``subject`` is the id of the bill, member, plan or request."""

bills = Table(
    "bills",
    metadata,
    Column("id", Sorted, primary_key=True),
    Column("group_id", Text, ForeignKey("groups.id"), nullable=False, index=True),
    Column("lineage", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("state", Text, CheckConstraint("state IN ('open', 'disputed', 'accepted')", name="state"), nullable=False),
    Column("reverses", Sorted, ForeignKey("bills.id")),
    Column("import_id", Text, index=True),
    Column("created_by", Sorted, ForeignKey("members.id"), nullable=False),
    Column("created_at_s", BigInteger, nullable=False),
    Column("deleted_at_s", BigInteger),
)
"""``version`` is the current one, ``state`` what the latest answers to it come to (``rules.bill``); one that is deleted
keeps it. ``lineage`` is a name that breaks the ties of its shares, wherever it goes."""

bill_versions = append_only(
    Table(
        "bill_versions",
        metadata,
        Column("bill_id", Sorted, ForeignKey("bills.id"), primary_key=True),
        Column("version", Integer, primary_key=True),
        Column("hash", Text, nullable=False),
        Column("document", Text, nullable=False),
        Column("title", Text, nullable=False),
        Column("currency", Text, nullable=False),
        Column("total_minor", BigInteger, nullable=False),
        Column("made_by", Sorted, ForeignKey("members.id"), nullable=False),
        Column("made_at_s", BigInteger, nullable=False),
        Column("reason", Text),
    )
)
"""``document`` is the terms as canonical JSON (RFC 8785), ``hash`` its Keccak-256."""

bill_lines = append_only(
    Table(
        "bill_lines",
        metadata,
        Column("bill_id", Sorted, ForeignKey("bills.id"), primary_key=True),
        Column("version", Integer, primary_key=True),
        Column("member_id", Sorted, ForeignKey("members.id"), primary_key=True),
        Column("share_minor", BigInteger, nullable=False),
        Column("paid_minor", BigInteger, nullable=False),
    )
)
"""Each member's share of a version, and what they paid of it."""

bill_answers = append_only(
    Table(
        "bill_answers",
        metadata,
        Column("id", RowId, primary_key=True),
        Column("bill_id", Sorted, ForeignKey("bills.id"), nullable=False),
        Column("version", Integer, nullable=False),
        Column("member_id", Sorted, ForeignKey("members.id"), nullable=False),
        Column(
            "answer",
            Text,
            CheckConstraint("answer IN ('accepted', 'rejected', 'proposed', 'withdrawn')", name="answer"),
            nullable=False,
        ),
        Column("reason", Text),
        Column("proposal", Text),
        Column("is_carried_over", Boolean, nullable=False),
        Column("at_s", BigInteger, nullable=False),
        Index(None, "bill_id", "version"),
    )
)
"""What members said to a version; the latest counts. ``proposal`` is terms as a document; ``is_carried_over``: they
accepted an earlier version in which they owed the same."""

debts = Table(
    "debts",
    metadata,
    Column("id", RowId, primary_key=True),
    Column("group_id", Text, ForeignKey("groups.id"), nullable=False),
    Column("bill_id", Sorted, ForeignKey("bills.id"), nullable=False, index=True),
    Column("currency", Text, nullable=False),
    Column("debtor", Sorted, ForeignKey("members.id"), nullable=False),
    Column("creditor", Sorted, ForeignKey("members.id"), nullable=False),
    Column("amount_minor", BigInteger, nullable=False),
    Column("since_version", Integer, nullable=False),
    Column("replaced_at_s", BigInteger),
    CheckConstraint("amount_minor > 0", name="amount"),
    Index(None, "group_id", "currency", sqlite_where=_COUNTS, postgresql_where=_COUNTS),
)
"""What a bill makes ``debtor`` owe ``creditor``. Replaced together where an amendment changes somebody's line."""

debt_payments = append_only(
    Table(
        "debt_payments",
        metadata,
        Column("debt_id", RowId, ForeignKey("debts.id"), primary_key=True),
        Column("promise", RowId, ForeignKey("promises.number"), primary_key=True, index=True),
        Column("made_at_s", BigInteger, nullable=False),
    )
)
"""Debts that their debtor pays alone, by an ordinary payment; it settles the debt when it is executed."""

debts_paid_elsewhere = append_only(
    Table(
        "debts_paid_elsewhere",
        metadata,
        Column("debt_id", RowId, ForeignKey("debts.id"), primary_key=True),
        Column("said_by", Sorted, ForeignKey("members.id"), nullable=False),
        Column("note", Text),
        Column("at_s", BigInteger, nullable=False),
    )
)
"""Debts of which their creditor says that they were paid in cash or at a bank."""

plans = Table(
    "plans",
    metadata,
    Column("id", Text, primary_key=True),
    Column("group_id", Text, ForeignKey("groups.id"), nullable=False, index=True),
    Column("currency", Text, nullable=False),
    Column("token", Text, nullable=False),
    Column("lineage", Text, nullable=False, index=True),
    Column("replaces", Text, ForeignKey("plans.id"), unique=True),
    Column("context", Text, nullable=False),
    Column("settlement_hash", Text, nullable=False, index=True),
    Column("document", Text, nullable=False),
    Column("deadline_s", BigInteger, nullable=False),
    Column("valid_before", BigInteger, nullable=False, index=True),
    Column(
        "stage",
        Text,
        CheckConstraint("stage IN ('open', 'ready', 'settled', 'replaced', 'withdrawn', 'expired')", name="stage"),
        nullable=False,
    ),
    Column("reason", Text),
    Column("submission_id", RowId, ForeignKey("submissions.id"), index=True),
    Column("made_by", Sorted, ForeignKey("members.id"), nullable=False),
    Column("made_at_s", BigInteger, nullable=False),
    Column("ended_at_s", BigInteger),
    Index(
        "uq_plans_under_way",
        "group_id",
        "token",
        unique=True,
        sqlite_where=text("stage IN ('open', 'ready')"),
        postgresql_where=text("stage IN ('open', 'ready')"),
    ),
)
"""How a group clears its debts in one currency: ``document`` is the settlement (EIP-712 typed data without a nonce).
At most one is under way for a group and token. Plans of a ``lineage`` replace each other under the same nonces."""

plan_legs = Table(
    "plan_legs",
    metadata,
    Column("plan_id", Text, ForeignKey("plans.id"), primary_key=True),
    Column("member_id", Sorted, ForeignKey("members.id"), primary_key=True),
    Column("account", Text, nullable=False),
    Column("net_minor", BigInteger, nullable=False),
    Column("promise", RowId, ForeignKey("promises.number"), index=True),
)
"""What each member pays (below 0) or receives. ``promise`` is the consent of one who pays."""

plan_debts = append_only(
    Table(
        "plan_debts",
        metadata,
        Column("plan_id", Text, ForeignKey("plans.id"), primary_key=True),
        Column("debt_id", RowId, ForeignKey("debts.id"), primary_key=True, index=True),
    )
)
"""Which debts a plan clears."""

imports = Table(
    "imports",
    metadata,
    Column("id", Text, primary_key=True),
    Column("group_id", Text, ForeignKey("groups.id"), nullable=False, index=True),
    Column("file_name", Text, nullable=False),
    Column("content", LargeBinary, nullable=False),
    Column("people", Text, nullable=False),
    Column("made_by", Sorted, ForeignKey("members.id"), nullable=False),
    Column("made_at_s", BigInteger, nullable=False),
    Column("committed_at_s", BigInteger),
    Column("undone_at_s", BigInteger),
)
"""Files of other apps: ``people`` says as whom each name in it takes part, as JSON."""
