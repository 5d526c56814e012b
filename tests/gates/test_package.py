"""The package as a user gets it: quiet to import, typed, and whole as a wheel."""

import json
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from chainwallet.compiler import SOLC_VERSION

ROOT = Path(__file__).resolve().parents[2]
SLOW_OR_LIVE = {"web3", "sqlalchemy", "alembic", "eth_account", "solcx", "typer", "rich", "cryptography", "pydantic"}


def test_importing_the_package_does_nothing() -> None:
    """`import chainwallet` loads no library, reads no setting and makes nothing."""
    code = "import sys; before = set(sys.modules); import chainwallet; print(*(set(sys.modules) - before))"
    loaded = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.split()
    assert {name for name in loaded if not name.startswith("chainwallet")} == set()


def test_help_loads_none_of_the_slow_libraries() -> None:
    """`chainwallet --help` answers without loading web3, SQL or key libraries."""
    code = (
        "import sys; sys.argv = ['chainwallet', '--help']\n"
        "from chainwallet.cli import main\n"
        "try: main()\n"
        "except SystemExit: print('LOADED', *sys.modules, file=sys.stderr)"
    )
    answer = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    loaded = {name.split(".")[0] for name in answer.stderr.split()}
    assert loaded & (SLOW_OR_LIVE - {"typer", "rich"}) == set()


@pytest.fixture(scope="module")
def unpacked_wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel's content in a directory of its own, far from the checkout."""
    place = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(place)],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    (wheel,) = place.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(place / "site")
    return place / "site"


def test_the_wheel_holds_what_the_package_needs(unpacked_wheel: Path) -> None:
    """The wheel carries artefacts, migrations, the example group and the type marker."""
    package = unpacked_wheel / "chainwallet"
    for needed in (
        "py.typed",
        "artifacts/Cash.json",
        "artifacts/Cash.input.json",
        "artifacts/Office.json",
        "artifacts/Office.input.json",
        "accounts/blocklist.txt",
        "formats/examples/trip.csv",
        "store/migrations/env.py",
        "store/migrations/versions/r0001_wallets_submissions_promises.py",
    ):
        assert (package / needed).is_file(), needed
    assert not (unpacked_wheel / "tests").exists()


def test_the_wheel_settles_and_is_verified_without_a_checkout(
    unpacked_wheel: Path, anvil_binary: Path, solc: Path, tmp_path: Path
) -> None:
    """Who installs only the wheel settles with the artefacts in it, and verifies what was deployed with a compiler."""
    environment = {
        "PATH": "/usr/bin:/bin",
        "HOME": str(tmp_path),
        "PYTHONPATH": str(unpacked_wheel),
        "CHAINWALLET_HOME": str(tmp_path / "home"),
        "CHAINWALLET_ANVIL": str(anvil_binary),
    }
    command = [sys.executable, "-m", "chainwallet"]
    answer = subprocess.run(
        [*command, "demo", "--json"], cwd=tmp_path, env=environment, check=True, capture_output=True, text=True
    )
    assert json.loads(answer.stdout)["verified"] is True
    line = [*command, "contracts", "verify", "--json"]
    missing = subprocess.run(line, cwd=tmp_path, env=environment, check=False, capture_output=True, text=True)
    assert (missing.returncode, missing.stdout) == (2, "")
    assert missing.stderr.startswith(f"error: solc {SOLC_VERSION}: not found; name one with --solc or SOLC, put it on ")
    environment["SOLC"] = str(solc)
    verified = subprocess.run(line, cwd=tmp_path, env=environment, check=True, capture_output=True, text=True)
    assert json.loads(verified.stdout)["equal"] is True
