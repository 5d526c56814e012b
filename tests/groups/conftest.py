"""A circle of five people with accounts."""

import pytest

from chainwallet.store.database import Database
from tests.groups.circle import Circle


@pytest.fixture
def circle(database: Database) -> Circle:
    return Circle(database)
