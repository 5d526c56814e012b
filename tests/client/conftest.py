"""A real service, and people who have accounts there."""

import itertools
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass

import pytest

from chainwallet.client import Client
from tests.cli.command import Command
from tests.serve.service import Service, serving

PASSWORD = "seven geese walk to Porto"


@dataclass(frozen=True)
class Running:
    """A service, the operator's command in its home, and where it answers."""

    service: Service
    command: Command
    url: str


@pytest.fixture(scope="session")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A service that was started on an empty home; @iris, its issuer, has an account."""
    command = Command(tmp_path_factory.mktemp("client") / "home").with_settings(
        CHAINWALLET_SIGN_UP_PER_MINUTE="1000", CHAINWALLET_SIGN_IN_PER_MINUTE="1000"
    )
    with serving(command, "--port", "0") as service:
        url = str(service.wait_for("ready")["url"])
        with Client(url) as client:
            client.sign_up("@iris", PASSWORD)
        command.said("account", "role", "@iris", "issuer", "--grant")
        yield Running(service, command, url)


@pytest.fixture
def signed_in(running: Running) -> Iterator[Callable[[str], Client]]:
    """Who has this handle, signed in; the account is opened where there is none."""
    with ExitStack() as stack:

        def enter(handle: str, *, is_new: bool = True) -> Client:
            client = stack.enter_context(Client(running.url))
            if is_new:
                client.sign_up(handle, PASSWORD)
            client.sign_in(handle, PASSWORD)
            return client

        yield enter


@pytest.fixture
def iris(running: Running) -> Iterator[Client]:
    """The issuer."""
    with Client(running.url) as client:
        client.sign_in("@iris", PASSWORD)
        yield client


NUMBERS = itertools.count(1)


@pytest.fixture
def ana(signed_in: Callable[[str], Client], iris: Client) -> Client:
    """Somebody new, who has 100.00 EUR, final."""
    number = next(NUMBERS)
    client = signed_in(f"@ana{number}")
    iris.top_up(f"BANK-{number}", f"@ana{number}", "100.00 EUR")
    for event in client.events():
        if event.kind == "movement.final":
            break
    return client


@pytest.fixture
def ben(signed_in: Callable[[str], Client]) -> Client:
    """Somebody new, who has nothing."""
    return signed_in(f"@ben{next(NUMBERS)}")
