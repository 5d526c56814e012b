"""Files of other apps whose histories become bills."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"

sorted_text = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """To this revision."""
    op.create_table(
        "imports",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("group_id", sa.Text, nullable=False),
        sa.Column("file_name", sa.Text, nullable=False),
        sa.Column("content", sa.LargeBinary, nullable=False),
        sa.Column("people", sa.Text, nullable=False),
        sa.Column("made_by", sorted_text, nullable=False),
        sa.Column("made_at_s", sa.BigInteger, nullable=False),
        sa.Column("committed_at_s", sa.BigInteger),
        sa.Column("undone_at_s", sa.BigInteger),
        sa.ForeignKeyConstraint(["group_id"], ["groups.id"], name="fk_imports_group_id"),
        sa.ForeignKeyConstraint(["made_by"], ["members.id"], name="fk_imports_made_by"),
        sa.PrimaryKeyConstraint("id", name="pk_imports"),
    )
    op.create_index("ix_imports_group_id", "imports", ["group_id"])
