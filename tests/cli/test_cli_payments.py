"""``chainwallet payments`` and ``relayer``: how payments stand, why they wait, and the story of one that saw a lot."""

import json
import signal
import sqlite3
from contextlib import closing
from typing import Any

import pytest

from tests.cli.command import Command, note_of, wait_until
from tests.conftest import ask


@pytest.fixture
def home(copy: Command) -> Command:
    """A home whose chain runs; Ana has 90.00 and Björn 30.00."""
    copy.said("chain", "up")
    return copy


def chain(home: Command, method: str, *params: object) -> Any:
    return ask(note_of(home.home)["url"], method, *params)


def shown(home: Command, payment_id: str) -> Any:
    return home.json("payments", "show", payment_id)


def test_a_payment_is_listed_and_its_story_told(home: Command) -> None:
    """A paid payment is listed as final, and its story names every stage, in words and as JSON."""
    home.said("pay", "Ana", "Björn", "12.50", "--id", "rent")
    told = home.said("payments", "show", "rent")
    assert told.startswith("payment rent: 12.50 EUR from Ana to Björn\npaid, final; nonce ")
    for words in ("accepted", "signed by the payer", "taken up by submission", "sent; the node says: taken", "final"):
        assert words in told
    document = shown(home, "rent")
    assert (document["amount"], document["stage"], document["waits"]) == ("12.50", "final", "")
    assert [line["event"] for line in document["story"]][:3] == ["WasAccepted", "WasSigned", "WasTakenUp"]
    (first, *_) = home.json("payments", "list")["payments"]
    assert (first["id"], first["payerName"]) == ("rent", "Ana")
    assert home.json("payments", "list", "--stage", "open")["payments"] == []
    assert "rent" in home.said("payments", "list", "--payer", "Ana", "--stage", "final")
    nobody = ("--rpc", "http://127.0.0.1:1")  # what is known here is told while the node is away
    assert home.said("payments", "show", "rent", *nobody) == told
    assert "rent" in home.said("payments", "list", *nobody)


def test_what_is_not_there_is_refused(home: Command) -> None:
    """An unknown payment, stage or payer is refused in one line."""
    assert "no 'nothing' here" in home.refusal("payments", "show", "nothing")
    assert "stage: got 'paid'" in home.refusal("payments", "list", "--stage", "paid")
    assert "wallet: no 'Zoe'" in home.refusal("payments", "list", "--payer", "Zoe")


def test_a_bumped_reorganised_and_finished_payment_tells_its_story(home: Command) -> None:
    """`payments show` tells of a payment that hung, was bumped, mined, reorganised away, sent again and finished."""
    home.said("relayer", "run", "--once")  # what happened here before is known
    chain(home, "evm_setAutomine", False)
    hasty = home.with_settings(
        CHAINWALLET_BUMP_AFTER_S="1", CHAINWALLET_RESEND_AFTER_S="1", CHAINWALLET_CONFIRMATIONS="2"
    )

    def events() -> list[str]:
        with closing(sqlite3.connect(home.home / "chainwallet.db")) as database:
            return [name for (name,) in database.execute("SELECT name FROM happenings ORDER BY id")]

    def until(event: str, times: int) -> None:
        wait_until(lambda: events()[before:].count(event) >= times, f"{times} {event}")

    before = len(events())
    with (
        hasty.running("relayer", "run") as running,
        hasty.running("pay", "Ana", "Björn", "5", "--id", "long") as paying,
    ):
        until("WasSent", 2)  # the second is a bump
        chain(home, "evm_mine")
        until("WasExecuted", 1)
        until("WasMined", 1)  # or the reorg would be before it
        chain(home, "anvil_reorg", 1, [])
        until("WasUndone", 1)
        until("WasReorged", 1)
        # Blocks come, as on any chain, until what was sent again is in one of them.
        wait_until(lambda: chain(home, "evm_mine") and events()[before:].count("WasExecuted") >= 2, "2 WasExecuted")
        chain(home, "evm_mine")
        said, complained = paying.communicate(timeout=60)
        assert (paying.returncode, complained) == (0, ""), said
        chain(home, "evm_setAutomine", True)
        running.send_signal(signal.SIGTERM)
        lines, _ = running.communicate(timeout=60)
        assert running.returncode == 0
        assert "stopped; what is under way goes on with the next run" in lines
    story = home.said("payments", "show", "long")
    for words in ("at most", "is in block", "undone:", "reorganised, sent again", "final"):
        assert words in story
    assert json.loads(json.dumps(shown(home, "long")))["stage"] == "final"


def test_a_payment_that_waits_says_why_and_can_be_cancelled(home: Command) -> None:
    """A payment that cannot be taken up is shown with its reason; its cancel ends it, and nothing is paid."""
    with closing(sqlite3.connect(home.home / "chainwallet.db")) as database:
        (issuer,) = database.execute("SELECT address FROM wallets WHERE name = 'service pauser'").fetchone()
        ledger = database.execute("SELECT token FROM promises").fetchone()[0].partition("/")[2]
    chain(home, "anvil_impersonateAccount", issuer)
    chain(home, "anvil_setBalance", issuer, hex(10**18))
    pause = {"from": issuer, "to": ledger, "data": "0x8456cb59", "gas": hex(200_000)}
    chain(home, "eth_sendTransaction", pause)
    assert "MovementPaused()" in home.refusal("pay", "Ana", "Björn", "5", "--id", "waits")
    assert "MovementPaused()" in shown(home, "waits")["waits"]
    assert shown(home, "waits")["stage"] == "queued"
    assert home.said("payments", "retry", "waits").startswith("payment waits: waits for a transaction")
    assert home.said("payments", "cancel", "waits") == "payment waits: cancelled, not paid\n"
    assert "cancelled by the payer" in shown(home, "waits")["reason"]
    assert "one that is open; it is canceled" in home.refusal("payments", "cancel", "waits")


def test_the_relayer_says_how_it_stands(home: Command) -> None:
    """`relayer status` names each sender; `relayer run --once` ends at rest; nothing needs to be recovered from."""
    home.said("relayer", "run", "--once")
    document = home.json("relayer", "status")
    assert {lane["waits"] for lane in document["lanes"]} == {""}
    assert (document["conflicts"], document["recoveries"]) == ([], [])
    assert home.said("relayer", "recover").startswith("nothing to recover from")


def test_a_lost_database_is_noticed_and_recovered_from(home: Command) -> None:
    """With an older database put back, paying is refused until what it forgot is cancelled."""
    home.said("pay", "Ana", "Björn", "1", "--id", "first")
    backup = home.home / "backup.db"
    with closing(sqlite3.connect(home.home / "chainwallet.db")) as source, closing(sqlite3.connect(backup)) as copy:
        source.backup(copy)
    home.said("pay", "Ana", "Björn", "2", "--id", "second")
    for side in ("", "-wal", "-shm"):
        (home.home / f"chainwallet.db{side}").unlink(missing_ok=True)
    backup.rename(home.home / "chainwallet.db")
    assert "recovery on chain" in home.refusal("pay", "Ana", "Björn", "3", "--id", "third")
    assert home.json("relayer", "status")["recoveries"] != []
    assert "payments go on" in home.said("relayer", "recover")
    assert "paid 2.00" in home.said("pay", "Ana", "Björn", "2", "--id", "second")  # found, not paid again
    assert "paid 3.00" in home.said("pay", "Ana", "Björn", "3", "--id", "third")
    assert home.json("balance", "Björn")["balances"]["Björn"]["EUR"] == "36.00"
