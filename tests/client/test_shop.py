"""The example shop at a real service of which everything is killed, one after the other, while it waits for money."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from chainwallet.client import Client
from tests.cli.command import TIMEOUT_S, Command, note_of
from tests.client.conftest import PASSWORD
from tests.serve.service import Service, serving

SHOP = Path(__file__).resolve().parents[2] / "examples" / "shop.py"
PATIENCE_S = TIMEOUT_S / 2
VICTIMS = ("api", "worker", "chain", "anvil", "supervisor")


class Town:
    """A service whose supervisor too may be killed: the next one takes its home and its port."""

    def __init__(self, command: Command, stack: ExitStack) -> None:
        self.command = command
        self._stack = stack
        self.service = self._start("0")
        self.url = str(self.service.wait_for("ready")["url"])

    def _start(self, port: str) -> Service:
        return self._stack.enter_context(serving(self.command, "--port", port))

    def kill(self, name: str) -> None:
        """SIGKILL for the process; what belongs to a supervisor goes with it."""
        if name == "supervisor":
            self.service.process.kill()
            self.service.process.wait()
            self.service = self._start(str(urlsplit(self.url).port))
        elif name == "anvil":
            os.kill(note_of(self.command.home)["anvil_pid"], signal.SIGKILL)
        else:
            os.kill(self.service.pid_of(name), signal.SIGKILL)

    def client(self, handle: str) -> Client:
        """Somebody new, signed in."""
        client = self._stack.enter_context(Client(self.url, retry_s=PATIENCE_S))
        client.sign_up(handle, PASSWORD)
        client.sign_in(handle, PASSWORD)
        return client

    def shop(self, customer: str, price: str) -> "subprocess.Popen[str]":
        """The example shop, as its users run it."""
        return subprocess.Popen(
            [sys.executable, str(SHOP), self.url, "@cafe", customer, price],
            env={**os.environ, "SHOP_PASSWORD": PASSWORD},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    with ExitStack() as stack:
        yield Town(Command(tmp_path / "home"), stack)


def read_until(process: "subprocess.Popen[str]", words: str) -> str:
    assert process.stdout is not None
    for line in process.stdout:
        if words in line:
            return line
    assert process.stderr is not None
    raise AssertionError(process.stderr.read())


def test_a_shop_gets_its_money_once_whatever_is_killed(town: Town) -> None:
    """The example asks, waits and says "final" while API, worker, chain, Anvil or the supervisor with all of them is
    killed; each payment that was asked for, twice, is paid once, and no money is lost or made."""
    assert len(SHOP.read_text("utf-8").splitlines()) < 120
    iris, ana = town.client("@iris"), town.client("@ana")
    town.command.said("account", "role", "@iris", "issuer", "--grant")
    iris.top_up("BANK-1", "@ana", "100.00 EUR")
    next(event for event in ana.events(after=0) if event.kind == "movement.final")
    for victim in VICTIMS:
        with town.shop("@ana", "12.40 EUR") as asking:
            try:
                assert read_until(asking, "please pay") == "@ana, please pay 12.40 EUR to @cafe\n"
                ana.pay("@cafe", "1 EUR", payment_id=f"tip-{victim}")
                town.kill(victim)
                ana.pay("@cafe", "12.40 EUR", payment_id=victim)
                ana.pay("@cafe", "12.40 EUR", payment_id=victim).wait(timeout_s=TIMEOUT_S)
                assert read_until(asking, "final").startswith("final: 12.40 EUR from @ana in block ")
                assert asking.wait(TIMEOUT_S) == 0
            finally:
                asking.kill()
    for victim in VICTIMS:
        ana.payment(f"tip-{victim}").wait(timeout_s=TIMEOUT_S)
    paid = [one.payment_id or "" for one in ana.history() if one.direction == "out"]
    assert sorted(paid) == sorted([*VICTIMS, *(f"tip-{victim}" for victim in VICTIMS)])
    (held,) = ana.balances().balances
    assert (str(held.held), str(held.available)) == ("33.00 EUR", "33.00 EUR")
    (supply,) = iris.supply("EUR").supplies
    assert (str(supply.issued), supply.conserved) == ("100.00 EUR", True)
