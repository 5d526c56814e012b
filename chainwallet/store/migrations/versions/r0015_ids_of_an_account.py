"""An index that finds a payment by its id and payer, however many others have chosen the same id."""

from alembic import op

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    """To this revision."""
    op.drop_index("ix_promises_chain_id", "promises")
    op.create_index("ix_promises_chain_id_payer", "promises", ["chain", "id", "payer"])
