"""Groups, their bills, and how they clear what they owe each other."""

import sqlalchemy as sa
from alembic import op

from chainwallet.store.append_only import protect, protect_but

revision = "0011"
down_revision = "0010"

row_id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
sorted_text = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """To this revision."""
    _groups()
    _members()
    _invitations()
    _group_events()
    _bills()
    _bill_versions()
    _bill_lines()
    _bill_answers()
    _debts()
    _debt_payments()
    _debts_paid_elsewhere()
    _plans()
    _plan_legs()
    _plan_debts()


def _groups() -> None:
    op.create_table(
        "groups",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("created_at_s", sa.BigInteger, nullable=False),
        sa.CheckConstraint("kind IN ('group', 'pair')", name="kind"),
        sa.PrimaryKeyConstraint("id", name="pk_groups"),
    )


def _members() -> None:
    op.create_table(
        "members",
        sa.Column("id", sorted_text, nullable=False),
        sa.Column("group_id", sa.Text, nullable=False),
        sa.Column("account_id", row_id),
        sa.Column("name", sorted_text, nullable=False),
        sa.Column("role", sa.Text, nullable=False),
        sa.Column("joined_at_s", sa.BigInteger, nullable=False),
        sa.Column("left_at_s", sa.BigInteger),
        sa.CheckConstraint("role IN ('owner', 'member', 'viewer')", name="role"),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name="fk_members_account_id"),
        sa.ForeignKeyConstraint(["group_id"], ["groups.id"], name="fk_members_group_id"),
        sa.PrimaryKeyConstraint("id", name="pk_members"),
    )
    op.create_index("ix_members_account_id", "members", ["account_id"])
    op.create_index("ix_members_group_id", "members", ["group_id"])
    _partial_index("uq_members_account", "members", ["group_id", "account_id"], "account_id IS NOT NULL", unique=True)
    op.create_index("uq_members_name", "members", ["group_id", "name"], unique=True)


def _invitations() -> None:
    op.create_table(
        "invitations",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("group_id", sa.Text, nullable=False),
        sa.Column("token_hash", sa.Text, nullable=False),
        sa.Column("role", sa.Text, nullable=False),
        sa.Column("guest", sorted_text),
        sa.Column("invited", row_id),
        sa.Column("made_by", sorted_text, nullable=False),
        sa.Column("made_at_s", sa.BigInteger, nullable=False),
        sa.Column("expires_at_s", sa.BigInteger, nullable=False),
        sa.Column("used_at_s", sa.BigInteger),
        sa.Column("used_by", row_id),
        sa.Column("revoked_at_s", sa.BigInteger),
        sa.CheckConstraint("role IN ('member', 'viewer')", name="role"),
        sa.ForeignKeyConstraint(["group_id"], ["groups.id"], name="fk_invitations_group_id"),
        sa.ForeignKeyConstraint(["guest"], ["members.id"], name="fk_invitations_guest"),
        sa.ForeignKeyConstraint(["invited"], ["accounts.id"], name="fk_invitations_invited"),
        sa.ForeignKeyConstraint(["made_by"], ["members.id"], name="fk_invitations_made_by"),
        sa.ForeignKeyConstraint(["used_by"], ["accounts.id"], name="fk_invitations_used_by"),
        sa.PrimaryKeyConstraint("id", name="pk_invitations"),
        sa.UniqueConstraint("token_hash", name="uq_invitations_token_hash"),
    )
    op.create_index("ix_invitations_group_id", "invitations", ["group_id"])
    op.create_index("ix_invitations_invited", "invitations", ["invited"])


def _group_events() -> None:
    op.create_table(
        "group_events",
        sa.Column("id", row_id, nullable=False),
        sa.Column("at_s", sa.BigInteger, nullable=False),
        sa.Column("group_id", sa.Text),
        sa.Column("account_id", row_id),
        sa.Column("actor", row_id),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("words", sa.Text, nullable=False),
        sa.Column("told_at_s", sa.BigInteger),
        sa.CheckConstraint("group_id IS NOT NULL OR account_id IS NOT NULL", name="audience"),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name="fk_group_events_account_id"),
        sa.ForeignKeyConstraint(["actor"], ["accounts.id"], name="fk_group_events_actor"),
        sa.ForeignKeyConstraint(["group_id"], ["groups.id"], name="fk_group_events_group_id"),
        sa.PrimaryKeyConstraint("id", name="pk_group_events"),
    )
    op.create_index("ix_group_events_group_id", "group_events", ["group_id"])
    _partial_index("ix_group_events_untold", "group_events", ["id"], "told_at_s IS NULL")
    kept = ["id", "at_s", "group_id", "account_id", "actor", "kind", "subject", "words"]
    protect_but(op.get_bind(), "group_events", "told_at_s", kept)


def _bills() -> None:
    op.create_table(
        "bills",
        sa.Column("id", sorted_text, nullable=False),
        sa.Column("group_id", sa.Text, nullable=False),
        sa.Column("lineage", sa.Text, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("reverses", sorted_text),
        sa.Column("import_id", sa.Text),
        sa.Column("created_by", sorted_text, nullable=False),
        sa.Column("created_at_s", sa.BigInteger, nullable=False),
        sa.Column("deleted_at_s", sa.BigInteger),
        sa.CheckConstraint("state IN ('open', 'disputed', 'accepted')", name="state"),
        sa.ForeignKeyConstraint(["created_by"], ["members.id"], name="fk_bills_created_by"),
        sa.ForeignKeyConstraint(["group_id"], ["groups.id"], name="fk_bills_group_id"),
        sa.ForeignKeyConstraint(["reverses"], ["bills.id"], name="fk_bills_reverses"),
        sa.PrimaryKeyConstraint("id", name="pk_bills"),
    )
    op.create_index("ix_bills_group_id", "bills", ["group_id"])
    op.create_index("ix_bills_import_id", "bills", ["import_id"])


def _bill_versions() -> None:
    op.create_table(
        "bill_versions",
        sa.Column("bill_id", sorted_text, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("hash", sa.Text, nullable=False),
        sa.Column("document", sa.Text, nullable=False),
        sa.Column("title", sa.Text, nullable=False),
        sa.Column("currency", sa.Text, nullable=False),
        sa.Column("total_minor", sa.BigInteger, nullable=False),
        sa.Column("made_by", sorted_text, nullable=False),
        sa.Column("made_at_s", sa.BigInteger, nullable=False),
        sa.Column("reason", sa.Text),
        sa.ForeignKeyConstraint(["bill_id"], ["bills.id"], name="fk_bill_versions_bill_id"),
        sa.ForeignKeyConstraint(["made_by"], ["members.id"], name="fk_bill_versions_made_by"),
        sa.PrimaryKeyConstraint("bill_id", "version", name="pk_bill_versions"),
    )
    protect(op.get_bind(), "bill_versions")


def _bill_lines() -> None:
    op.create_table(
        "bill_lines",
        sa.Column("bill_id", sorted_text, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("member_id", sorted_text, nullable=False),
        sa.Column("share_minor", sa.BigInteger, nullable=False),
        sa.Column("paid_minor", sa.BigInteger, nullable=False),
        sa.ForeignKeyConstraint(["bill_id"], ["bills.id"], name="fk_bill_lines_bill_id"),
        sa.ForeignKeyConstraint(["member_id"], ["members.id"], name="fk_bill_lines_member_id"),
        sa.PrimaryKeyConstraint("bill_id", "version", "member_id", name="pk_bill_lines"),
    )
    protect(op.get_bind(), "bill_lines")


def _bill_answers() -> None:
    op.create_table(
        "bill_answers",
        sa.Column("id", row_id, nullable=False),
        sa.Column("bill_id", sorted_text, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("member_id", sorted_text, nullable=False),
        sa.Column("answer", sa.Text, nullable=False),
        sa.Column("reason", sa.Text),
        sa.Column("proposal", sa.Text),
        sa.Column("is_carried_over", sa.Boolean, nullable=False),
        sa.Column("at_s", sa.BigInteger, nullable=False),
        sa.CheckConstraint("answer IN ('accepted', 'rejected', 'proposed', 'withdrawn')", name="answer"),
        sa.ForeignKeyConstraint(["bill_id"], ["bills.id"], name="fk_bill_answers_bill_id"),
        sa.ForeignKeyConstraint(["member_id"], ["members.id"], name="fk_bill_answers_member_id"),
        sa.PrimaryKeyConstraint("id", name="pk_bill_answers"),
    )
    op.create_index("ix_bill_answers_bill_id_version", "bill_answers", ["bill_id", "version"])
    protect(op.get_bind(), "bill_answers")


def _debts() -> None:
    op.create_table(
        "debts",
        sa.Column("id", row_id, nullable=False),
        sa.Column("group_id", sa.Text, nullable=False),
        sa.Column("bill_id", sorted_text, nullable=False),
        sa.Column("currency", sa.Text, nullable=False),
        sa.Column("debtor", sorted_text, nullable=False),
        sa.Column("creditor", sorted_text, nullable=False),
        sa.Column("amount_minor", sa.BigInteger, nullable=False),
        sa.Column("since_version", sa.Integer, nullable=False),
        sa.Column("replaced_at_s", sa.BigInteger),
        sa.CheckConstraint("amount_minor > 0", name="amount"),
        sa.ForeignKeyConstraint(["bill_id"], ["bills.id"], name="fk_debts_bill_id"),
        sa.ForeignKeyConstraint(["creditor"], ["members.id"], name="fk_debts_creditor"),
        sa.ForeignKeyConstraint(["debtor"], ["members.id"], name="fk_debts_debtor"),
        sa.ForeignKeyConstraint(["group_id"], ["groups.id"], name="fk_debts_group_id"),
        sa.PrimaryKeyConstraint("id", name="pk_debts"),
    )
    op.create_index("ix_debts_bill_id", "debts", ["bill_id"])
    _partial_index("ix_debts_group_id_currency", "debts", ["group_id", "currency"], "replaced_at_s IS NULL")


def _debt_payments() -> None:
    op.create_table(
        "debt_payments",
        sa.Column("debt_id", row_id, nullable=False),
        sa.Column("promise", row_id, nullable=False),
        sa.Column("made_at_s", sa.BigInteger, nullable=False),
        sa.ForeignKeyConstraint(["debt_id"], ["debts.id"], name="fk_debt_payments_debt_id"),
        sa.ForeignKeyConstraint(["promise"], ["promises.number"], name="fk_debt_payments_promise"),
        sa.PrimaryKeyConstraint("debt_id", "promise", name="pk_debt_payments"),
    )
    op.create_index("ix_debt_payments_promise", "debt_payments", ["promise"])
    protect(op.get_bind(), "debt_payments")


def _debts_paid_elsewhere() -> None:
    op.create_table(
        "debts_paid_elsewhere",
        sa.Column("debt_id", row_id, nullable=False),
        sa.Column("said_by", sorted_text, nullable=False),
        sa.Column("note", sa.Text),
        sa.Column("at_s", sa.BigInteger, nullable=False),
        sa.ForeignKeyConstraint(["debt_id"], ["debts.id"], name="fk_debts_paid_elsewhere_debt_id"),
        sa.ForeignKeyConstraint(["said_by"], ["members.id"], name="fk_debts_paid_elsewhere_said_by"),
        sa.PrimaryKeyConstraint("debt_id", name="pk_debts_paid_elsewhere"),
    )
    protect(op.get_bind(), "debts_paid_elsewhere")


def _plans() -> None:
    op.create_table(
        "plans",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("group_id", sa.Text, nullable=False),
        sa.Column("currency", sa.Text, nullable=False),
        sa.Column("token", sa.Text, nullable=False),
        sa.Column("lineage", sa.Text, nullable=False),
        sa.Column("replaces", sa.Text),
        sa.Column("context", sa.Text, nullable=False),
        sa.Column("settlement_hash", sa.Text, nullable=False),
        sa.Column("document", sa.Text, nullable=False),
        sa.Column("deadline_s", sa.BigInteger, nullable=False),
        sa.Column("valid_before", sa.BigInteger, nullable=False),
        sa.Column("stage", sa.Text, nullable=False),
        sa.Column("reason", sa.Text),
        sa.Column("submission_id", row_id),
        sa.Column("made_by", sorted_text, nullable=False),
        sa.Column("made_at_s", sa.BigInteger, nullable=False),
        sa.Column("ended_at_s", sa.BigInteger),
        sa.CheckConstraint("stage IN ('open', 'ready', 'settled', 'replaced', 'withdrawn', 'expired')", name="stage"),
        sa.ForeignKeyConstraint(["group_id"], ["groups.id"], name="fk_plans_group_id"),
        sa.ForeignKeyConstraint(["made_by"], ["members.id"], name="fk_plans_made_by"),
        sa.ForeignKeyConstraint(["replaces"], ["plans.id"], name="fk_plans_replaces"),
        sa.ForeignKeyConstraint(["submission_id"], ["submissions.id"], name="fk_plans_submission_id"),
        sa.PrimaryKeyConstraint("id", name="pk_plans"),
        sa.UniqueConstraint("replaces", name="uq_plans_replaces"),
    )
    op.create_index("ix_plans_lineage", "plans", ["lineage"])
    op.create_index("ix_plans_group_id", "plans", ["group_id"])
    op.create_index("ix_plans_settlement_hash", "plans", ["settlement_hash"])
    op.create_index("ix_plans_submission_id", "plans", ["submission_id"])
    op.create_index("ix_plans_valid_before", "plans", ["valid_before"])
    _partial_index("uq_plans_under_way", "plans", ["group_id", "token"], "stage IN ('open', 'ready')", unique=True)


def _plan_legs() -> None:
    op.create_table(
        "plan_legs",
        sa.Column("plan_id", sa.Text, nullable=False),
        sa.Column("member_id", sorted_text, nullable=False),
        sa.Column("account", sa.Text, nullable=False),
        sa.Column("net_minor", sa.BigInteger, nullable=False),
        sa.Column("promise", row_id),
        sa.ForeignKeyConstraint(["member_id"], ["members.id"], name="fk_plan_legs_member_id"),
        sa.ForeignKeyConstraint(["plan_id"], ["plans.id"], name="fk_plan_legs_plan_id"),
        sa.ForeignKeyConstraint(["promise"], ["promises.number"], name="fk_plan_legs_promise"),
        sa.PrimaryKeyConstraint("plan_id", "member_id", name="pk_plan_legs"),
    )
    op.create_index("ix_plan_legs_promise", "plan_legs", ["promise"])


def _plan_debts() -> None:
    op.create_table(
        "plan_debts",
        sa.Column("plan_id", sa.Text, nullable=False),
        sa.Column("debt_id", row_id, nullable=False),
        sa.ForeignKeyConstraint(["debt_id"], ["debts.id"], name="fk_plan_debts_debt_id"),
        sa.ForeignKeyConstraint(["plan_id"], ["plans.id"], name="fk_plan_debts_plan_id"),
        sa.PrimaryKeyConstraint("plan_id", "debt_id", name="pk_plan_debts"),
    )
    op.create_index("ix_plan_debts_debt_id", "plan_debts", ["debt_id"])
    protect(op.get_bind(), "plan_debts")


def _partial_index(name: str, table: str, columns: list[str], where: str, *, unique: bool = False) -> None:
    op.create_index(name, table, columns, unique=unique, sqlite_where=sa.text(where), postgresql_where=sa.text(where))
