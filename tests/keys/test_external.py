"""An external signer: a real program that signs as asked, or lies, fails, dawdles and babbles."""

import sys
import traceback
from dataclasses import replace
from pathlib import Path

import pytest
from eth_account import Account

from chainwallet.errors import BadSignature, BadValue, MissingTool
from chainwallet.evm import Address, Transaction, checksum
from chainwallet.keys.external import ExternalSigner
from chainwallet.keys.signer import LocalSigner, TransactionSigner

SECRET = bytes.fromhex("7a28b5ba57c53603b0b07b56bba752f7784bf506fa95edc395f5cf6c7514fe9d")
OWNER = LocalSigner(SECRET)
TX = Transaction(31_337, 4, Address(b"\xca" * 20), b"\x01\x02", 90_000, 3_000_000_000, 1_000_000_000, 5)

HONEST = """
import json, sys
from eth_account import Account
account = Account.from_key("SECRET")
if sys.argv[1] == "address":
    print(account.address)
elif sys.argv[1] == "sign-transaction":
    print("0x" + account.sign_transaction(json.load(sys.stdin)).raw_transaction.hex().removeprefix("0x"))
"""
LYING = """
import json, sys
if sys.argv[1] == "address":
    print("ADDRESS")
    sys.exit()
from chainwallet.evm import Transaction, parse_address
from chainwallet.keys.signer import LocalSigner
signer = LocalSigner.from_hex("SECRET")
asked = json.load(sys.stdin)
number = lambda name: int(asked[name], 16)
data, to = bytes.fromhex(asked["data"][2:]), parse_address(asked["to"]) if "to" in asked else None
fields = dict(chain_id=number("chainId"), nonce=number("nonce"), to=to, data=data, gas_limit=number("gas"),
    max_fee_per_gas_wei=number("maxFeePerGas"), max_priority_fee_per_gas_wei=number("maxPriorityFeePerGas"),
    value_wei=number("value"))
LIE
print("0x" + signer.sign_transaction(Transaction(**fields)).hex())
"""


def command(tmp_path: Path, program: str) -> list[str]:
    script = tmp_path / "signer.py"
    script.write_text(program.replace("SECRET", SECRET.hex()).replace("ADDRESS", checksum(OWNER.address)))
    return [sys.executable, str(script)]


def lying(tmp_path: Path, lie: str) -> ExternalSigner:
    return ExternalSigner(command(tmp_path, LYING.replace("LIE", lie)))


def test_honest_program_signs(tmp_path: Path) -> None:
    """A program that passes the JSON on to eth-account signs exactly what a local key would, also a creation."""
    signer: TransactionSigner = ExternalSigner(command(tmp_path, HONEST))
    assert signer.address == OWNER.address
    for tx in (TX, replace(TX, to=None, data=b"\x60\x00" * 500, value_wei=0, nonce=0)):
        raw = signer.sign_transaction(tx)
        assert raw == OWNER.sign_transaction(tx)
        assert Account.recover_transaction(raw) == checksum(OWNER.address)


@pytest.mark.parametrize(
    ("lie", "field"),
    [
        ("fields['to'] = parse_address('0x' + '66' * 20)", "to"),
        ("fields['to'] = None", "to"),
        ("fields['value_wei'] += 1", "value_wei"),
        ("fields['data'] += b'!'", "data"),
        ("fields['nonce'] += 1", "nonce"),
        ("fields['chain_id'] = 1", "chain_id"),
        ("fields['gas_limit'] -= 1", "gas_limit"),
        ("fields['max_fee_per_gas_wei'] += 1", "max_fee_per_gas_wei"),
        ("fields['max_priority_fee_per_gas_wei'] -= 1", "max_priority_fee_per_gas_wei"),
    ],
)
def test_changed_field_is_named(tmp_path: Path, lie: str, field: str) -> None:
    """A program that signs another receiver, value, data, nonce, chain or fee than asked is refused by that field."""
    with pytest.raises(BadValue) as refused:
        lying(tmp_path, lie).sign_transaction(TX)
    assert refused.value.field == field
    assert "as the signer was asked" in str(refused.value)


def test_another_key_is_named(tmp_path: Path) -> None:
    """A program that signs the right transaction with another key is refused, and the error says whose it was."""
    other = LocalSigner(bytes(31) + b"\x01")
    with pytest.raises(BadSignature) as refused:
        lying(tmp_path, "signer = LocalSigner(bytes(31) + b'\\x01')").sign_transaction(TX)
    assert refused.value.expected == checksum(OWNER.address)
    assert refused.value.recovered == checksum(other.address)


def test_high_s_is_refused(tmp_path: Path) -> None:
    """A program that answers with the mirrored, high-s signature is refused."""
    lie = """
from chainwallet.keys.transaction import decode_signed, encode_signed
from chainwallet.keys.signer import SECP256K1_ORDER
tx, signature = decode_signed(signer.sign_transaction(Transaction(**fields)))
s = (SECP256K1_ORDER - int.from_bytes(signature[32:64], "big")).to_bytes(32, "big")
print("0x" + encode_signed(tx, signature[:32] + s + bytes([55 - signature[64]])).hex())
sys.exit()
"""
    with pytest.raises(BadSignature, match="above half the order"):
        lying(tmp_path, lie).sign_transaction(TX)


@pytest.mark.parametrize(
    "answer",
    ["", "0x", "0x02", "not hex", "0xzz", "0x02c0", "0x01" + "00" * 40, SECRET.hex(), "0x" + "ff" * 200_000],
)
def test_answer_that_is_no_transaction_is_not_repeated(tmp_path: Path, answer: str) -> None:
    """Whatever else a program prints is refused without being repeated, because it might be a key."""
    program = f"import sys; print('{checksum(OWNER.address)}' if sys.argv[1] == 'address' else {answer!r})"
    if len(answer) > 1000:
        program = program.replace(repr(answer), "'0x' + 'ff' * 200_000")
    with pytest.raises(BadValue) as refused:
        ExternalSigner(command(tmp_path, program)).sign_transaction(TX)
    assert refused.value.field in ("signer command", "raw transaction")
    assert SECRET.hex() not in "".join(traceback.format_exception(refused.value))
    assert len(str(refused.value)) < 300


@pytest.mark.parametrize("printed", ["", "SECRET", "0xSECRET", "0x1234", "é"])
def test_address_that_does_not_read_is_not_repeated(tmp_path: Path, printed: str) -> None:
    """A program that prints no address, for example its key, is refused without its output being repeated."""
    with pytest.raises(BadValue, match="0x and 40 hex digits") as refused:
        ExternalSigner(command(tmp_path, f"print({printed!r})")).address  # noqa: B018
    assert SECRET.hex() not in "".join(traceback.format_exception(refused.value)) + repr(refused.value.__context__)


def test_failing_program_is_said(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """A program that ends with another status than 0 is refused with that status; its own words reach the person."""
    signer = ExternalSigner(command(tmp_path, "import sys; sys.exit('device is locked')"))
    with pytest.raises(BadValue, match="exit status 1 from address"):
        signer.address  # noqa: B018
    assert "device is locked" in capfd.readouterr().err


def test_slow_program_is_given_up(tmp_path: Path) -> None:
    """A program that does not answer in time is ended and refused."""
    signer = ExternalSigner(command(tmp_path, "import time; time.sleep(60)"), timeout_s=0.2)
    with pytest.raises(BadValue, match=r"no answer in 0\.2 s"):
        signer.address  # noqa: B018


def test_missing_program_is_said(tmp_path: Path) -> None:
    """A program that is not there, or may not be run, is reported by its name; so is an empty command."""
    file = tmp_path / "no-program"
    file.touch(mode=0o600)
    for name in ("chainwallet-no-such-program", str(file)):
        with pytest.raises(MissingTool, match=name):
            ExternalSigner([name]).address  # noqa: B018
    with pytest.raises(BadValue, match="signer command"):
        ExternalSigner([])


def test_arguments_pass_no_shell(tmp_path: Path) -> None:
    """Arguments reach the program as they are: nothing in them is run by a shell."""
    argv = [*command(tmp_path, "import sys; sys.exit(0 if sys.argv[1] == '$(touch x); *' else 9)"), "$(touch x); *"]
    with pytest.raises(BadValue, match="got '0 characters'"):
        ExternalSigner(argv).address  # noqa: B018


def test_bad_transaction_is_never_asked() -> None:
    """A transaction without a chain id is refused before the program is run."""
    with pytest.raises(BadValue) as refused:
        ExternalSigner(["chainwallet-no-such-program"]).sign_transaction(replace(TX, chain_id=0))
    assert refused.value.field == "chain_id"
