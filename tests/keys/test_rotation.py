"""Rotation: one step for all wallets, killed at any point without loss, seen by processes that were there before."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from chainwallet.abi.typed_data import CancelNonces, Domain, Payment
from chainwallet.assembly import OpenHome, open_home
from chainwallet.config import Config
from chainwallet.errors import DamagedHome
from chainwallet.evm import Address, Hash32
from chainwallet.keys.kek import FileKey
from chainwallet.keys.sealed import DATA_KEYS, SealedKeys
from chainwallet.keys.signer import verify_signature

DOMAIN = Domain("Cash EUR", "1", 31_337, Address(b"\xca" * 20))
V1_KEK = "10b08024450d189434988c31eafe7e2f2da1b8f6961f887b95640e5e5e756197"
V1_FILES = {
    "0x008AeEda4D805471dF9b2A5B0f38A0C3bCBA786b": {
        "version": 1,
        "address": "0x008AeEda4D805471dF9b2A5B0f38A0C3bCBA786b",
        "label": "wallet",
        "key_id": "94548dee3f6fd232",
        "wrapped_key": "708f0adc325f5496913eecb427f8677885f0dfa8daba6bf46fbdff87f9f074f7"
        "8a9bf727f3bd6616944f7acc2c06a45cf8fc066e25621b716b2c12f8",
        "sealed_secret": "cd3f34718426df5c84fa39d41cfd9a8700df58e89effa526e541e58b9566862791"
        "a46e84bb53385909098371f04879d62aa21c50f33b2bc50bd93451",
    },
    "0x2c7536E3605D9C16a7a3D7b1898e529396a65c23": {
        "version": 1,
        "address": "0x2c7536E3605D9C16a7a3D7b1898e529396a65c23",
        "label": "service",
        "key_id": "94548dee3f6fd232",
        "wrapped_key": "f338764992d0d79174e52304c57c83e5f7823440ff0abd6a0d81771b2bcaf4a1"
        "efa390674ae70047fd8301625241bf3fb35dd27a745a4bccafee8339",
        "sealed_secret": "41d819bcf1fb2710060ebfeab1f1b087069e3cb1bb4a0c95c77c44e709463b36f3"
        "156f2e94844b545583d5d9dea1a467887c68df84368a9d87aae95a",
    },
}
"""A store as the version before this one wrote it, and its key-encryption key."""


def home_of_version_1(path: Path) -> Path:
    (path / "keys").mkdir(parents=True)
    for name, content in V1_FILES.items():
        (path / "keys" / f"{name}.json").write_text(json.dumps(content))
    (path / "keys" / "kek").write_bytes(bytes.fromhex(V1_KEK))
    (path / "keys" / "kek").chmod(0o600)
    return path


def all_sign(opened: OpenHome | SealedKeys) -> int:
    keys = opened.keys if isinstance(opened, OpenHome) else opened
    for address in keys.addresses():
        document = CancelNonces(address, 1, 2)
        verify_signature(document, DOMAIN, keys.signer(address).sign(document, DOMAIN), address)
    return len(keys.addresses())


def test_a_home_of_the_version_before_opens_and_rotates(tmp_path: Path) -> None:
    """Keys of the version before sign as they are; the first rotation takes their data keys out of their files."""
    home = home_of_version_1(tmp_path / "home")
    with open_home(Config(home=home)) as opened:
        assert all_sign(opened) == 2
        assert opened.rotate(None).changed == 2
    for name, before in V1_FILES.items():
        after = json.loads((home / "keys" / f"{name}.json").read_bytes())
        assert after == {field: before[field] for field in ("version", "address", "label", "sealed_secret")}
    with open_home(Config(home=home)) as opened:
        assert all_sign(opened) == 2
        assert V1_KEK not in (home / "keys" / "kek").read_bytes().hex()


def test_a_thousand_wallets_rotate_in_a_second(tmp_path: Path) -> None:
    """A thousand wallets get a new key-encryption key in less than a second, and no wallet's file is written."""
    kek = FileKey.create(tmp_path / "kek")
    keys = SealedKeys(tmp_path / "keys", kek)
    keys.create("wallet")
    for _ in range(999):
        keys.create("wallet")
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "keys").glob("0x*.json")}
    new = FileKey.create(tmp_path / "new")
    start = time.process_time()
    assert keys.rotate(new) == 1_000
    assert time.process_time() - start < 1
    assert before == {path: path.stat().st_mtime_ns for path in (tmp_path / "keys").glob("0x*.json")}
    assert keys.key_ids() == {new.key_id: 1_000}


def test_rotation_away_from_a_key_is_done_once(tmp_path: Path) -> None:
    """A rotation away from a named key, asked for twice, is done once."""
    with open_home(Config(home=tmp_path)) as opened:
        opened.keys.create("wallet")
        (old,) = opened.keys.key_ids()
        first, second = opened.rotate(old), opened.rotate(old)
    assert (first.changed, second.changed) == (1, 0)
    assert first.after == second.after != first.before


def test_a_process_that_was_there_before_goes_on(tmp_path: Path) -> None:
    """Who opened the store before a rotation signs after it, and seals what it adds under the new key."""
    with open_home(Config(home=tmp_path)) as opened:
        address = opened.keys.create("wallet")
        other, late = (OpenHome(opened.config, opened.home) for _ in range(2))
        assert all_sign(other) == 1
        assert late.keys.key_ids()
        opened.rotate(None)
        assert all_sign(other) == all_sign(late) == 1
        added = other.keys.create("wallet")
    with open_home(Config(home=tmp_path)) as opened:
        assert sorted([address, added]) == opened.keys.addresses()
        assert all_sign(opened) == 2
        assert len(opened.keys.key_ids()) == 1


def test_a_line_that_was_cut_off_costs_one_wallet(tmp_path: Path) -> None:
    """A data key's line that cannot be read is told for its wallet; all others, and new ones, sign."""
    keys = SealedKeys(tmp_path / "keys", FileKey.create(tmp_path / "kek"))
    one, two = keys.create("wallet"), keys.create("wallet")
    path = tmp_path / "keys" / DATA_KEYS
    path.write_bytes(path.read_bytes()[:-20])
    three = keys.create("wallet")
    again = SealedKeys(tmp_path / "keys", FileKey(tmp_path / "kek"))
    assert {again.signer(address).address for address in (one, three)} == {one, three}
    with pytest.raises(DamagedHome, match=r"data-keys\.json"):
        again.signer(two)


KILLED = """
import os, signal, sys
from pathlib import Path
from chainwallet.assembly import open_home
from chainwallet.config import Config
def rotate(home, left):
    def watch(event, args):
        nonlocal left
        if event in ("open", "os.rename", "os.link", "os.remove", "os.listdir") and home in str(args):
            left -= 1
            if left < 0:
                os.kill(os.getpid(), signal.SIGKILL)
    with open_home(Config(home=Path(home))) as opened:
        opened.keys
        sys.addaudithook(watch)
        opened.rotate(None)
for line in sys.stdin:
    home, left = line.rsplit(maxsplit=1)
    child = os.fork()
    if not child:
        rotate(home, int(left))
        os._exit(0)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""


def test_a_rotation_killed_anywhere_is_finished_by_the_next(tmp_path: Path) -> None:
    """Killed before any of its steps on files, a rotation leaves all keys signing, and the next one ends it."""
    script = [sys.executable, "-c", KILLED]
    kills = 0
    forking = subprocess.Popen(script, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)
    for step in range(100):
        home = home_of_version_1(tmp_path / str(step))
        status = _answer(forking, f"{home} {step}")
        with open_home(Config(home=home)) as opened:
            assert all_sign(opened) == 2
            if status == 0:
                break
            assert status == -signal.SIGKILL
            kills += 1
            opened.rotate(None)
        with open_home(Config(home=home)) as opened:
            assert all_sign(opened) == 2
            assert len(opened.keys.key_ids()) == 1
        assert not [name for name in os.listdir(home / "keys") if name.endswith((".tmp", ".next"))]
    assert kills > 20
    assert forking.communicate()[0] == ""


def _answer(process: "subprocess.Popen[str]", line: str) -> int:
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(f"{line}\n")
    return int(process.stdout.readline())


def test_managed_keys_sign_fast_and_stay_sealed(tmp_path: Path) -> None:
    """Opening a key for each signature costs so little that a process still signs thousands of payments a second."""
    keys = SealedKeys(tmp_path / "keys", FileKey.create(tmp_path / "kek"))
    signer = keys.signer(keys.create("wallet"))
    start, count = time.process_time(), 2_000
    for nonce in range(count):
        document = Payment(signer.address, Address(b"\x0b" * 20), 5, Hash32(b"\x07" * 32), nonce, 2_000_000_000)
        signer.sign(document, DOMAIN)
    assert count / (time.process_time() - start) > 3_000  # 10,000 where nothing else runs
    with keys.opened(signer.address) as secret:
        assert any(secret)
    assert not any(secret)
