"""The command on a PostgreSQL server: the same verbs, other books; and what is said when the server is not there."""

from pathlib import Path

import pytest

from tests.cli.command import Command
from tests.postgres import PostgresProcess

SECRET = "geheim-geheim"


@pytest.fixture
def engine() -> str:
    return "postgres"


def test_wallets_are_kept_on_the_server(command: Command, where: str, tmp_path: Path) -> None:
    """With a database elsewhere the home keeps keys and settings, and another home sees the same wallets."""
    ours = command.with_settings(CHAINWALLET_DATABASE=where)
    made = ours.said("wallet", "new", "由紀")
    assert ours.said("wallet", "show", "由紀") == made
    assert not (command.home / "chainwallet.db").exists()
    assert Command(tmp_path / "other").said("--database", where, "wallet", "show", "由紀") == made
    assert "no wallets yet" in command.said("wallet", "list")


def test_money_moves_with_the_books_on_the_server(command: Command, where: str) -> None:
    """The local chain, deployment, top-ups and payments work the same with the books on a server."""
    ours = command.with_settings(CHAINWALLET_DATABASE=where)
    ours.said("chain", "up")
    try:
        ours.said("deploy", "--currency", "EUR")
        for name in ("Ana", "Ben"):
            ours.said("wallet", "new", name)
        ours.said("topup", "Ana", "20")
        ours.said("pay", "Ana", "Ben", "7.50")
        assert ours.json("balance")["balances"] == {"Ana": {"EUR": "12.50"}, "Ben": {"EUR": "7.50"}}
    finally:
        ours.said("chain", "down")


def test_a_demo_leaves_books_elsewhere_alone(command: Command, tmp_path: Path) -> None:
    """In a home whose books are elsewhere the demo runs in a directory of its own, and they stay as they are."""
    elsewhere = tmp_path / "books.db"
    said = command.with_settings(CHAINWALLET_DATABASE=elsewhere).said("demo")
    assert "so the demo ran in a directory that is gone now" in said
    assert not elsewhere.exists()
    assert "no wallets yet" in command.said("wallet", "list")


def test_a_server_that_is_not_there_is_said_in_one_line(command: Command, postgres: PostgresProcess) -> None:
    """A server that does not answer, or has no such database, is told in one line, without the password."""
    gone = command.with_settings(CHAINWALLET_DATABASE=f"postgresql://ana:{SECRET}@127.0.0.1:1/wallet")
    refusal = gone.refusal("wallet", "list")
    assert "database postgresql://ana@127.0.0.1:1/wallet: unreachable since 20" in refusal
    assert SECRET not in refusal
    missing = command.refusal("--database", postgres.url("nowhere"), "wallet", "list")
    assert 'database "nowhere" does not exist' in missing


def test_a_password_among_the_arguments_is_refused_unseen(command: Command) -> None:
    """A password that every process of the machine could read is refused and not repeated."""
    refusal = command.refusal("--database", f"postgresql://ana:{SECRET}@host/wallet", "wallet", "list")
    assert "got 'postgresql://ana@host/wallet', expected no password here; give it in CHAINWALLET_DATABASE" in refusal
    assert SECRET not in refusal
