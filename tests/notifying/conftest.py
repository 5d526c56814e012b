"""Fixtures: the town of the indexer's tests, where some people have accounts."""

import pytest
from sqlalchemy import insert

from chainwallet.store.account_schema import accounts
from chainwallet.store.database import Database
from tests.indexing.conftest import founded, running, town
from tests.notifying.listeners import ANAS, BENS, CLEOS

__all__ = ["founded", "running", "town"]


@pytest.fixture
def database(database: Database) -> Database:
    rows = [
        {"id": account, "handle": f"citizen{account}", "password_hash": "none", "created_at_s": 5}
        for account in (ANAS, BENS, CLEOS)
    ]
    with database.transaction() as tx:
        tx.execute(insert(accounts), rows)
    return database
