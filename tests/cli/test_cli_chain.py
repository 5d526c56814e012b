"""The local chain as a user starts, loses and stops it."""

import os
import signal
from pathlib import Path

import pytest

from tests.cli.command import Command, is_answering, note_of, wait_until, wait_until_gone

KEY = "0x" + "4c" * 32


def test_a_chain_is_started_found_and_stopped(copy: Command) -> None:
    """`chain up` starts a chain once, also when asked twice at once; `status` finds it; `down` saves and stops it."""
    stopped = copy("chain", "status")
    assert stopped.returncode == 3
    assert stopped.stdout.startswith("stopped, chain id ")
    started, again = copy.each([["chain", "up"], ["chain", "up"]])
    assert (started.returncode, started.stdout) == (0, again.stdout)
    running = copy.json("chain", "status")
    assert running["state"] == "running"
    named = f"running at {running['url']}, chain id {running['chain_id']}, block {running['block']}\n"
    assert named == started.stdout
    assert copy.said("chain", "down") == "saved and stopped\n"
    assert not is_answering(running["url"])


def test_a_home_without_a_chain_says_so(command: Command) -> None:
    """`chain status` in a new home names the command that starts a chain; exit status 3."""
    none = command("chain", "status")
    assert (none.returncode, none.stdout) == (3, "no local chain yet; start one with `chainwallet chain up`\n")


def test_a_chain_in_the_foreground_ends_with_its_command(copy: Command) -> None:
    """`chain up --foreground` runs the chain until it is told to end, and leaves nothing behind."""
    running = copy.begin("chain", "up", "--foreground")
    note = copy.home / "chain" / "running.json"
    wait_until(note.exists, "the chain")
    url = note_of(copy.home)["url"]
    running.send_signal(signal.SIGTERM)
    assert running.communicate() == ("", "")
    assert running.returncode == 0
    assert not is_answering(url)
    assert not note.exists()


def test_a_killed_chain_loses_no_payment(copy: Command) -> None:
    """What was paid before the chain was killed is paid after the next start, also if it had not been saved."""
    copy.said("chain", "up")
    note = note_of(copy.home)
    os.kill(note["pid"], signal.SIGSTOP)  # it saves nothing from now on; Anvil goes on
    copy.said("pay", "Ana", "Björn", "3")
    os.kill(note["pid"], signal.SIGKILL)
    wait_until_gone(note["url"])
    assert copy.json("balance", "Ana", "Björn")["balances"] == {"Ana": {"EUR": "87.00"}, "Björn": {"EUR": "33.00"}}
    copy.said("pay", "Ana", "Björn", "1")
    assert copy.json("balance", "Ana", "Björn")["balances"] == {"Ana": {"EUR": "86.00"}, "Björn": {"EUR": "34.00"}}


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="there is no /proc here")
def test_an_anvil_that_dies_is_noticed(copy: Command) -> None:
    """What runs in the background knows no secret of its starter; when Anvil is killed, `status` says that it died."""
    secrets = {"CHAINWALLET_DEPLOYER_KEY": KEY, "CHAINWALLET_PASSPHRASE": "open sesame"}
    copy.with_settings(**secrets).said("chain", "up")
    note = note_of(copy.home)
    for pid in (note["pid"], note["anvil_pid"]):
        environment = Path(f"/proc/{pid}/environ").read_bytes()
        assert KEY.encode() not in environment
        assert b"sesame" not in environment
    os.kill(note["anvil_pid"], signal.SIGKILL)
    wait_until((copy.home / "chain" / "died.json").exists, "the notice of the death")
    died = copy("chain", "status")
    assert died.returncode == 1
    assert "Anvil ended by itself" in died.stdout
