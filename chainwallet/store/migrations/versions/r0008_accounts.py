"""Accounts: handles and passwords, roles, wallets, sessions, API keys, challenges, tries to sign in."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"

row_id = sa.BigInteger().with_variant(sa.Integer, "sqlite")
sorted_text = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """To this revision."""
    op.create_table(
        "accounts",
        sa.Column("id", row_id, nullable=False),
        sa.Column("handle", sorted_text, nullable=False),
        sa.Column("password_hash", sa.Text, nullable=False),
        sa.Column("created_at_s", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_accounts"),
        sa.UniqueConstraint("handle", name="uq_accounts_handle"),
    )
    _what_accounts_have()
    _ways_to_come_in()
    op.create_table(
        "sign_in_tries",
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("tries", sa.Integer, nullable=False),
        sa.Column("last_at_s", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("kind", "subject", name="pk_sign_in_tries"),
        sa.CheckConstraint("kind IN ('both', 'place', 'handle')", name=op.f("ck_sign_in_tries_kind")),
    )
    op.create_index("ix_sign_in_tries_kind_last_at_s", "sign_in_tries", ["kind", "last_at_s"])


def _what_accounts_have() -> None:
    op.create_table(
        "account_roles",
        sa.Column("account_id", row_id, nullable=False),
        sa.Column("role", sa.Text, nullable=False),
        sa.Column("granted_at_s", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("account_id", "role", name="pk_account_roles"),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name="fk_account_roles_account_id"),
        sa.CheckConstraint("role IN ('issuer')", name=op.f("ck_account_roles_role")),
    )
    op.create_table(
        "account_wallets",
        sa.Column("wallet", sorted_text, nullable=False),
        sa.Column("account_id", row_id, nullable=False),
        sa.Column("is_default", sa.Boolean, nullable=False),
        sa.Column("added_at_s", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("wallet", name="pk_account_wallets"),
        sa.ForeignKeyConstraint(["wallet"], ["wallets.name"], name="fk_account_wallets_wallet"),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name="fk_account_wallets_account_id"),
    )
    op.create_index("ix_account_wallets_account_id", "account_wallets", ["account_id"])
    default = sa.text("is_default")
    op.create_index(
        "uq_account_wallets_default",
        "account_wallets",
        ["account_id"],
        unique=True,
        sqlite_where=default,
        postgresql_where=default,
    )
    op.create_table(
        "account_places",
        sa.Column("account_id", row_id, nullable=False),
        sa.Column("place", sa.Text, nullable=False),
        sa.Column("last_at_s", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("account_id", "place", name="pk_account_places"),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name="fk_account_places_account_id"),
    )


def _ways_to_come_in() -> None:
    op.create_table(
        "sessions",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("account_id", row_id, nullable=False),
        sa.Column("token_hash", sa.Text, nullable=False),
        sa.Column("place", sa.Text, nullable=False),
        sa.Column("created_at_s", sa.BigInteger, nullable=False),
        sa.Column("last_used_at_s", sa.BigInteger, nullable=False),
        sa.Column("expires_at_s", sa.BigInteger, nullable=False),
        sa.Column("revoked_at_s", sa.BigInteger),
        sa.PrimaryKeyConstraint("id", name="pk_sessions"),
        sa.UniqueConstraint("token_hash", name="uq_sessions_token_hash"),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name="fk_sessions_account_id"),
    )
    op.create_index("ix_sessions_account_id", "sessions", ["account_id"])
    op.create_table(
        "api_keys",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("account_id", row_id, nullable=False),
        sa.Column("token_hash", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("scopes", sa.Text, nullable=False),
        sa.Column("created_at_s", sa.BigInteger, nullable=False),
        sa.Column("last_used_at_s", sa.BigInteger),
        sa.Column("expires_at_s", sa.BigInteger),
        sa.Column("revoked_at_s", sa.BigInteger),
        sa.PrimaryKeyConstraint("id", name="pk_api_keys"),
        sa.UniqueConstraint("token_hash", name="uq_api_keys_token_hash"),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name="fk_api_keys_account_id"),
    )
    op.create_index("ix_api_keys_account_id", "api_keys", ["account_id"])
    op.create_table(
        "challenges",
        sa.Column("nonce", sa.Text, nullable=False),
        sa.Column("account_id", row_id, nullable=False),
        sa.Column("address", sa.Text, nullable=False),
        sa.Column("issued_at_s", sa.BigInteger, nullable=False),
        sa.Column("expires_at_s", sa.BigInteger, nullable=False),
        sa.Column("used_at_s", sa.BigInteger),
        sa.PrimaryKeyConstraint("nonce", name="pk_challenges"),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name="fk_challenges_account_id"),
    )
    op.create_index("ix_challenges_account_id", "challenges", ["account_id"])
