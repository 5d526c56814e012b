"""Alembic's entry: runs the migrations on the connection that ``Database`` hands over."""

from alembic import context

from chainwallet.store import account_schema, group_schema, request_schema  # noqa: F401 - their tables join those of the metadata
from chainwallet.store.schema import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
context.run_migrations()
