"""A trip with its people, in a database of the test's engine."""

import pytest

from chainwallet.store.database import Database
from tests.bills.trip import Trip, settle_in


@pytest.fixture
def trip(database: Database) -> Trip:
    return settle_in(database)
