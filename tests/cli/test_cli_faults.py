"""The command ``chainwallet faults``, run as its users run it."""

import json
import signal
from pathlib import Path

from chainwallet.anvil import RunningChain
from tests.cli.command import TIMEOUT_S, Command
from tests.conftest import ask
from tests.edges.test_faults import call, post


def test_faults_are_injected_and_counted(local_chain: RunningChain, tmp_path: Path) -> None:
    """It says where it listens, forwards with faults until it is interrupted, and then says how often each was."""
    words = ("--upstream", local_chain.url, "--too-many", "100%", "--only", "eth_gasPrice", "--second", "--json")
    with Command(tmp_path / "home").running("faults", *words) as running:
        assert running.stdout is not None
        places = json.loads(running.stdout.readline())
        for _ in range(3):
            assert post(places["url"], call("eth_gasPrice"))[0] == 429
        assert isinstance(ask(places["url"], "eth_blockNumber"), str)
        assert isinstance(ask(places["second_url"], "eth_blockNumber"), str)
        running.send_signal(signal.SIGINT)
        rest, said = running.communicate(timeout=TIMEOUT_S)
        assert (running.returncode, said) == (0, "")
    told = json.loads(rest)
    assert told["requests"] == 5
    assert told["injected"]["too_many"] == 3
    assert told["injected"]["drop_replies"] == 0
    assert not (tmp_path / "home").exists()


def test_a_table_is_for_people(local_chain: RunningChain, tmp_path: Path) -> None:
    """Without ``--json`` it prints a line for each fault, and makes no home."""
    with Command(tmp_path / "home").running("faults", "--upstream", local_chain.url, "--seed", "4") as running:
        assert running.stdout is not None
        assert running.stdout.readline().startswith("faults at http://127.0.0.1:")
        running.send_signal(signal.SIGTERM)
        rest, _ = running.communicate(timeout=TIMEOUT_S)
    assert "drop replies" in rest
    assert "0 requests, seed 4" in rest


def test_a_rate_that_is_none_is_refused(tmp_path: Path) -> None:
    """A rate that does not read is refused in one line that names the option."""
    refusal = Command(tmp_path / "home").refusal("faults", "--upstream", "http://127.0.0.1:1", "--drop-replies", "5")
    assert refusal.startswith("error: drop-replies: got '5', expected a share")
