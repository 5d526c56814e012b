"""The speed of computing alone, at the command line."""

from tests.cli.command import Command


def test_the_speed_of_bills_is_measured(command: Command) -> None:
    """`bench split` prints how fast bills are divided, planned and summed, without a chain or a home."""
    found = command.json("bench", "split", "--runs", "1")
    assert found.keys() == {"splits_per_s", "plan_15_ms", "balances_500x30_ms"}
    assert found["splits_per_s"] > 2_000
    assert 0 < found["plan_15_ms"] < 500
    assert 0 < found["balances_500x30_ms"] < 500
    assert "bills divided, of all modes" in command.said("bench", "split", "--runs", "1")
    assert not command.home.exists()


def test_the_speed_of_signing_is_measured(command: Command) -> None:
    """`bench sign` prints how many payments a key in memory and a managed one sign, and leaves nothing behind."""
    found = command.json("bench", "sign", "--runs", "1")
    assert found.keys() == {"signatures_per_s", "managed_per_s"}
    assert found["signatures_per_s"] > 1_000
    assert found["managed_per_s"] > 1_000
    assert "signed by a managed wallet's key" in command.said("bench", "sign", "--runs", "1")
    assert not command.home.exists()
