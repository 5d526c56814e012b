"""Wallets by hand: made, listed, exported, imported, and their keys seen nowhere."""

import gzip
import json
import os
import pty
import select
import stat
import termios
from pathlib import Path

from chainwallet.evm import checksum, parse_address
from chainwallet.keys.kek import FileKey
from chainwallet.keys.sealed import SealedKeys
from tests.cli.command import INSTALLED, Command, addresses, refusal_in

ADDRESS = "0x00000000000000000000000000000000000000AA"
POLL_S = 0.05


def typed(command: Command, passphrase: str, *arguments: str | Path) -> tuple[int, str]:
    """Runs the command at a terminal of its own, where ``passphrase`` is typed whenever it listens unseen."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.execve(INSTALLED, [str(INSTALLED), *map(str, arguments)], command.environment)  # noqa: S606 - no shell is wanted
    shown = b""
    while True:
        if not select.select([terminal], [], [], POLL_S)[0]:
            if not termios.tcgetattr(terminal)[3] & termios.ECHO:
                os.write(terminal, passphrase.encode() + b"\n")
            continue
        try:
            said = os.read(terminal, 4096)
        except OSError:  # Linux says so when the other end has closed
            said = b""
        if not said:
            break
        shown += said
    os.close(terminal)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), shown.decode()


def test_wallets_are_made_and_listed(command: Command) -> None:
    """A wallet has a key of its own or somebody else's address; lists are for people, or JSON for programs."""
    made = command.said("wallet", "new", "Ana").split()
    command.said("wallet", "new", "由紀 🐟", "--address", ADDRESS)
    table, as_json = command.each([["wallet", "list"], ["wallet", "list", "--json"]])
    assert [line.split() for line in table.stdout.splitlines()[2:]] == [
        ["Ana", made[1], "managed"],
        ["由紀", "🐟", ADDRESS, "external"],
    ]
    assert as_json.stdout.count("\n") == 1
    assert json.loads(as_json.stdout) == [
        {"name": "Ana", "address": made[1], "custody": "managed"},
        {"name": "由紀 🐟", "address": ADDRESS, "custody": "external"},
    ]


def test_a_key_moves_to_another_home(settled: Command, tmp_path: Path) -> None:
    """A wallet leaves as a file sealed by a passphrase that is typed twice, unseen, and enters another home by it."""
    address, keystore = checksum(parse_address(addresses(settled)["Ana"])), tmp_path / "ana.json"
    status, shown = typed(settled, "geheim", "wallet", "export", "Ana", keystore)
    assert (status, shown.splitlines()[-1]) == (0, f"written: {keystore} with the key of {address}")
    assert shown.count("New passphrase for") == shown.count("Repeat for confirmation") == 1
    assert "geheim" not in shown
    assert stat.S_IMODE(keystore.stat().st_mode) == 0o600
    other = Command(tmp_path / "other", {"CHAINWALLET_PASSPHRASE": "geheim"})
    assert other.said("wallet", "import", "Anna", keystore).split() == ["Anna", address, "managed"]
    wrong, existing, nowhere = settled.with_settings(CHAINWALLET_PASSPHRASE="Geheim").each(
        [
            ["wallet", "import", "Ben", keystore],
            ["wallet", "export", "Ana", keystore],
            ["wallet", "export", "Ana", tmp_path / "nowhere" / "ana.json"],
        ]
    )
    assert f"passphrase: does not open the keystore of {address}" in refusal_in(wrong)
    assert f"file: '{keystore}' exists already" in refusal_in(existing)
    assert "expected a place that can be written (No such file or directory)" in refusal_in(nowhere)


def test_keys_are_seen_nowhere(copy: Command) -> None:
    """No private key of a home is in any file of it or in anything the command prints, as bytes or in any spelling."""
    lines = [["wallet", "list"], ["wallet", "show", "Ana"], ["pay", "Ana", "Björn", "1", "--json"]]
    said = "".join(done.stdout + done.stderr for done in copy.each(lines)).lower()
    files = {path: path.read_bytes() for path in copy.home.rglob("*") if path.is_file()}
    contents = {path: gzip.decompress(data) if path.suffix == ".gz" else data for path, data in files.items()}
    keys = SealedKeys(copy.home / "keys", FileKey(copy.home / "keys" / "kek"))
    secrets = [bytes(keys._secret(address)) for address in keys.addresses()]
    assert len(secrets) == 8  # three people and five services
    for secret in secrets:
        assert any(secret)
        assert secret.hex() not in said
        for path, content in contents.items():
            assert secret not in content, path
            assert secret.hex().encode() not in content.lower(), path
            assert str(int.from_bytes(secret, "big")).encode() not in content, path


def test_the_home_is_its_owners_alone(settled: Command) -> None:
    """Nobody else may enter the home, and nobody else may read its keys and its database."""
    assert stat.S_IMODE(settled.home.stat().st_mode) == 0o700
    assert stat.S_IMODE((settled.home / "keys").stat().st_mode) == 0o700
    private = [settled.home / "chainwallet.db", *(settled.home / "keys").iterdir()]
    assert {stat.S_IMODE(path.stat().st_mode) for path in private} == {0o600}


def test_a_lost_key_encryption_key_is_not_replaced(copy: Command) -> None:
    """Where sealed keys wait for a key-encryption key that is gone, it is asked for; no new one takes its place."""
    kek = copy.home / "keys" / "kek"
    kek.unlink()
    assert f"key-encryption key: no '{kek}' here; restore it from its backup" in copy.refusal("wallet", "new", "Cem")
    assert not kek.exists()
