"""What the command refuses: one line on stderr that names field, value and what was expected; exit status 2."""

import os
from pathlib import Path

import pytest

from tests.cli.command import Command, Done, held, refusal_in

KEY = "0x" + "4c" * 32
REFUSED = [
    (["pay", "Ana", "Nobody", "1"], "wallet: no 'Nobody' here; see `chainwallet wallet list`"),
    (["pay", "Ana", "由紀", "1.005"], "amount: got '1.005', expected at most 2 decimals for EUR"),
    (["pay", "Ana", "由紀", "9" * 40], "expected at most 79228162514264337593543.950335 EUR"),
    (["pay", "Ana", "由紀", "1000000"], "EUR available, required 1000000.00 EUR\n"),
    (["pay", "Ana", "由紀", "1", "--id", "\udcff"], r"id: got '\udcff', expected text that UTF-8 can write"),
    (["topup", "Ana", "99999999999999999"], "; go on with the same top-up by --bank-ref "),
    (["balance", "--rpc", "http://127.0.0.1:1"], "node http://127.0.0.1:1: unreachable (connection refused)"),
    (["deploy", "--currency", "XAU"], "currency: got 'XAU', expected an ISO 4217 code"),
    (["deploy", "--currency", "CHF", "--signer", "'"], 'signer_command: got "\'", expected a program'),
    (["wallet", "new", "service postman"], "expected a name that does not begin with 'service '"),
    (["wallet", "new", "a\nb"], r"name: got 'a\nb', expected no control characters"),
    (["demo", "--csv", "missing.csv"], "expected a file that can be read (No such file or directory)"),
    (["demo", "--csv", "/dev/zero"], "expected at most 10,000,000 bytes"),
    (["demo", "--anvil", "/nowhere/anvil"], "anvil: got '/nowhere/anvil', expected the path of a native Anvil"),
    (["--home", "", "wallet", "list"], "home: got '', expected a path"),
    (["--home", "~nobody-of-this-name/x", "chain", "status"], "home: got '~nobody-of-this-name/x', expected a path"),
]


@pytest.fixture(scope="module")
def refusals(house: Command) -> list[Done]:
    """What is answered to each of ``REFUSED``; no balance has changed after all of them."""
    before = held(house)
    answers = house.each([line for line, _ in REFUSED])
    assert held(house) == before
    return answers


@pytest.mark.parametrize("place", range(len(REFUSED)), ids=[" ".join(line)[:40] for line, _ in REFUSED])
def test_what_cannot_be_is_refused(refusals: list[Done], place: int) -> None:
    """A wrong name, amount, currency, file, node or home is refused in one line with field, value and expectation."""
    assert REFUSED[place][1] in refusal_in(refusals[place])


def test_a_home_without_a_chain_says_how_to_get_one(command: Command) -> None:
    """Asking a home without a chain names the command that starts one."""
    assert "start one with `chainwallet chain up`" in command.refusal("balance")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read and write everything")
def test_a_home_without_permission_is_refused(command: Command) -> None:
    """A home that this user may not write is named."""
    command.home.parent.chmod(0o500)
    try:
        assert str(command.home) in command.refusal("wallet", "new", "Ana")
    finally:
        command.home.parent.chmod(0o700)


def test_a_secret_in_the_settings_file_is_refused_unseen(command: Command) -> None:
    """A key in the settings file is refused by its name, and not repeated."""
    command.home.mkdir()
    (command.home / "chainwallet.toml").write_text(f'deployer_key = "{KEY}"\n')
    refusal = command.refusal("wallet", "list")
    assert "got 'deployer_key', expected one of account_per_minute, address_per_minute, anvil, " in refusal
    assert KEY not in refusal


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no full device here")
def test_a_full_disk_is_said(command: Command) -> None:
    """Where stdout takes no more, that is said in one line; exit status 2."""
    with Path("/dev/full").open("w") as full:
        running = command.begin("--help", stdout=full)
        _, said = running.communicate()
    assert (running.returncode, said) == (2, "error: No space left on device\n")


def test_nobody_reading_is_no_error(command: Command) -> None:
    """A reader that leaves early ends the command silently, as the signal for it would (128 + SIGPIPE)."""
    reader, writer = os.pipe()
    os.close(reader)
    running = command.begin("wallet", "list", "--json", stdout=writer)
    os.close(writer)
    _, said = running.communicate()
    assert (running.returncode, said) == (141, "")
