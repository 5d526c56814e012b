"""Deploying to a chain that is not ours, with a key from each place it may come from."""

import subprocess
import sys
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from chainwallet import deployment, payments
from chainwallet.anvil import RunningChain
from chainwallet.anvil.child import _free_port
from chainwallet.evm import parse_address
from chainwallet.keys.keystore import encrypt_keystore, write_keystore
from chainwallet.rpc import Node
from tests.cli.command import Command, addresses, is_answering, note_of, refusal_in, wait_until

# Accounts 0, 1 and 2 of everybody's Anvil, whose mnemonic is eleven times "test" and then "junk".
KEYS = (
    "ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80",
    "59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d",
    "5de4111afa1a4b94908f83103eb1f1706367c2e68ca870fc3fb9a804cdab365a",
)
SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "deploy.py"
SIGNER = f"""
import json, sys
from chainwallet.evm import Transaction, checksum, parse_address
from chainwallet.keys.signer import LocalSigner
signer = LocalSigner.from_hex("{KEYS[2]}")
if sys.argv[1] == "address":
    sys.exit(print(checksum(signer.address)))
asked = json.load(sys.stdin)
to, data = parse_address(asked["to"]) if "to" in asked else None, bytes.fromhex(asked["data"][2:])
chain, nonce, gas, fee, tip = (
    int(asked[name], 16) for name in ("chainId", "nonce", "gas", "maxFeePerGas", "maxPriorityFeePerGas")
)
print("0x" + signer.sign_transaction(Transaction(chain, nonce, to, data, gas, fee, tip)).hex())
"""


@pytest.fixture(scope="module")
def foreign(anvil_binary: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of an Anvil that somebody started by hand, with its usual accounts and chain id."""
    port, place = _free_port(), tmp_path_factory.mktemp("foreign")
    environment = {"HOME": str(place)}
    anvil = subprocess.Popen([anvil_binary, "--port", str(port), "--quiet"], cwd=place, env=environment)
    url = f"http://127.0.0.1:{port}"
    wait_until(lambda: is_answering(url), "Anvil")
    yield url
    anvil.terminate()
    anvil.wait()


@pytest.fixture(scope="module")
def office(foreign: str, tmp_path_factory: pytest.TempPathFactory) -> Command:
    """The command of a developer who has deployed in EUR to the foreign chain, with a key from the environment."""
    command = Command(tmp_path_factory.mktemp("office") / "home", {"CHAINWALLET_RPC": foreign})
    said = command.with_settings(CHAINWALLET_DEPLOYER_KEY=KEYS[0]).said("deploy", "--currency", "eur")
    assert said.splitlines()[0].endswith("deployed")
    return command


def test_a_second_run_does_nothing(office: Command, foreign: str) -> None:
    """A second run, by the script's door, finds what is deployed, checks it and deploys only what is new."""
    with Node(foreign) as node:
        before = node.block_number()
        again = subprocess.run(
            [sys.executable, SCRIPT, "--currency", "EUR"],
            env={**office.environment, "CHAINWALLET_DEPLOYER_KEY": KEYS[0]},
            capture_output=True,
            text=True,
            check=True,
        )
        assert node.block_number() == before
    contract, manifest = again.stdout.splitlines()
    assert contract.endswith("found, code checked")
    assert Path(manifest.removeprefix("manifest: ")).parent == office.home / "manifests"


def test_the_deployers_key_stays_where_it_was(office: Command) -> None:
    """The key that deployed is in no file of the home, in no spelling."""
    content = b"".join(path.read_bytes() for path in office.home.rglob("*") if path.is_file())
    assert bytes.fromhex(KEYS[0]) not in content
    assert KEYS[0].encode() not in content.lower()


def test_money_moves_on_a_foreign_chain(office: Command, foreign: str) -> None:
    """On a chain where ETH is not ours, issuer and relayer need some, which is said; then money is made and paid."""
    office.said("wallet", "new", "Ana")
    short = office.refusal("topup", "Ana", "10", "--bank-ref", "first")
    assert "has 0.000000000000000000 ETH available, required" in short
    assert short.endswith("; go on with the same top-up by --bank-ref first\n")
    with Node(foreign) as node:
        for service in ("service issuer", "service relayer"):
            node.set_balance(parse_address(addresses(office)[service]), 10**18)
        office.said("topup", "Ana", "10", "--bank-ref", "first")
        payee = parse_address("0x00000000000000000000000000000000000000AA")
        office.said("pay", "Ana", "0x00000000000000000000000000000000000000AA", "2.50")
        cash, _ = deployment.open_cash(node, office.home / "manifests", "EUR")
        assert Decimal(payments.balance_text(node, cash, payee)) == Decimal("2.50")


def test_a_keystore_deploys(office: Command, tmp_path: Path) -> None:
    """The deployer's key may come from a keystore file, opened by a passphrase in a file; a wrong one opens nothing."""
    write_keystore(tmp_path / "key.json", encrypt_keystore(bytes.fromhex(KEYS[1]), "geheim"))
    (tmp_path / "right").write_text("geheim\r\n")
    (tmp_path / "wrong").write_text("Geheim\n")
    line: list[str | Path] = ["deploy", "--currency", "CHF", "--keystore", tmp_path / "key.json"]
    wrong, none = office.each([[*line, "--passphrase-file", tmp_path / "wrong"], line])
    assert "passphrase: does not open the keystore of 0x70997970" in refusal_in(wrong)
    assert "passphrase: got 'none', expected one in --passphrase-file" in refusal_in(none)
    assert "Cash CHF" in office.said(*line, "--passphrase-file", tmp_path / "right")


def test_an_external_signer_deploys(office: Command, tmp_path: Path) -> None:
    """The deployer's key may stay in another program, which signs each transaction."""
    (tmp_path / "my signer.py").write_text(SIGNER)
    signer = f"'{sys.executable}' '{tmp_path / 'my signer.py'}'"
    assert "Cash JPY" in office.said("deploy", "--currency", "JPY", "--signer", signer)


def test_what_does_not_fit_is_refused(office: Command, local_chain: RunningChain) -> None:
    """Without a deployer's key, and on another chain than the manifest's, nothing is sent and it is said why."""
    keyless, elsewhere = office.each([["deploy", "--currency", "USD"], ["balance", "--rpc", local_chain.url]])
    assert "deployer's key: got 'none', expected a keystore file (--keystore), CHAINWALLET_DEPL" in refusal_in(keyless)
    assert f"chain: the node serves {local_chain.chain_id}-0x" in refusal_in(elsewhere)
    assert "expected one of the chains deployed to: 31337-0x" in elsewhere.stderr


def test_the_homes_own_chain_may_be_named_by_its_address(house: Command) -> None:
    """`--rpc` with the address of the home's own chain is the same as without: its own deployer serves."""
    said = house.said("deploy", "--currency", "EUR", "--rpc", note_of(house.home)["url"])
    assert said.splitlines()[0].endswith("found, code checked")
