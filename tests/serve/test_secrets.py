"""What nobody finds: passwords, tokens and private keys, after somebody did all that one does with them."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from eth_account import Account as EthAccount
from eth_account.messages import encode_defunct

from tests.cli.command import Command, wait_until
from tests.serve.service import Service, serving

PASSWORD = "seven geese walk to Porto"
NEW_PASSWORD = "nine cranes fly back from Porto"
WRONG_PASSWORD = "eight swans stay in Lisboa"
PASSPHRASE = "only for this file"
ELSEWHERE = "0x" + "46" * 32


class Visitor:
    """Asks the service, and keeps every answer but what is taken out of it as a secret."""

    def __init__(self, client: httpx.Client) -> None:
        self._client = client
        self.heard: list[str] = []
        self.secrets: list[str] = [PASSWORD, NEW_PASSWORD, WRONG_PASSWORD]

    def ask(self, method: str, path: str, body: Any = None, token: str = "", status: int = 200) -> Any:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        answer = self._client.request(method, path, json=body, headers=headers)
        assert answer.status_code == status, answer.text
        told = answer.json() if answer.content else {}
        given = str(told.pop("token", ""))
        if given:
            self.secrets.append(given)
        self.heard.append(json.dumps(told) + str(answer.headers))
        return {**told, "token": given}


@pytest.fixture(scope="module")
def command(tmp_path_factory: pytest.TempPathFactory) -> Command:
    return Command(tmp_path_factory.mktemp("secrets") / "home")


@pytest.fixture(scope="module")
def service(command: Command) -> Iterator[Service]:
    with serving(command, "--port", "0") as started:
        started.wait_for("ready")
        yield started


def journey(visitor: Visitor, command: Command) -> None:
    """Ana signs up, gets money, adds an address, pays by an API key, and changes her password."""
    ask = visitor.ask
    for handle in ("ana", "ben"):
        ask("POST", "/v1/accounts", {"handle": handle, "password": PASSWORD}, status=201)
    ask("POST", "/v1/sessions", {"handle": "ana", "password": WRONG_PASSWORD}, status=401)
    session = ask("POST", "/v1/sessions", {"handle": "ana", "password": PASSWORD}, status=201)["token"]
    ask("POST", "/v1/sessions", {"handle": "ana", "password": PASSWORD, "earlier_token": session}, status=201)
    ask("POST", "/v1/accounts", {"handle": "eve", "password": WRONG_PASSWORD, "PASSWORD": PASSWORD}, status=422)
    ask("POST", "/v1/accounts", {"handle": "ana", "password": [PASSWORD]}, status=422)
    challenge = ask("POST", "/v1/wallets/challenges", {"address": EthAccount.from_key(ELSEWHERE).address}, session, 201)
    signed = EthAccount.sign_message(encode_defunct(text=challenge["text"]), ELSEWHERE)
    offer = {"nonce": challenge["nonce"], "signature": "0x" + bytes(signed.signature).hex()}
    ask("POST", "/v1/wallets", offer, session, 201)
    command.said("account", "role", "ana", "issuer", "--grant")
    euros = {"amount": "25.00", "currency": "EUR"}
    ask("POST", "/v1/topups", {"reference": "RF-1", "payee": "@ana", "amount": euros}, session, 202)

    def has_money() -> bool:
        return any(one["held"]["amount"] == "25.00" for one in ask("GET", "/v1/balances", token=session)["balances"])

    wait_until(has_money, "the money of the top-up")
    key = ask("POST", "/v1/keys", {"name": "app", "scopes": ["payments:read", "payments:write"]}, session, 201)["token"]
    ask("POST", "/v1/payments", {"id": "p-1", "payee": "@ben", "amount": euros, "memo": "dinner"}, key, 202)
    wait_until(lambda: ask("GET", "/v1/payments/p-1", token=key)["stage"] == "final", "the payment")
    ask("GET", "/v1/keys", token=key, status=403)
    change = {"password": PASSWORD, "new_password": NEW_PASSWORD}
    ask("POST", "/v1/account/password", change, session, 204)
    for path in ("/v1/keys", "/v1/sessions", "/v1/wallets", "/v1/account", "/v1/history"):
        ask("GET", path, token=session)


def private_key(command: Command, place: Path) -> bytes:
    """The key of Ana's wallet, as the operator exports it."""
    passphrase = place / "passphrase"
    passphrase.write_text(PASSPHRASE, "utf-8")
    passphrase.chmod(0o600)
    command.said("wallet", "export", "@ana", place / "ana.json", "--passphrase-file", passphrase)
    return bytes(EthAccount.decrypt((place / "ana.json").read_text("utf-8"), PASSPHRASE))


def test_secrets_are_nowhere(service: Service, command: Command, tmp_path: Path) -> None:
    """After a whole journey no password, token or private key is in a log, an answer, or a file of the home."""
    with httpx.Client(base_url=str(service.said("ready")[0]["url"]), timeout=60) as client:
        visitor = Visitor(client)
        journey(visitor, command)
    key = private_key(command, tmp_path)
    wanted = [secret.encode("ascii") for secret in visitor.secrets] + [key, key.hex().encode("ascii")]
    assert len(wanted) == 3 + 3 + 2
    files = [path for path in command.home.rglob("*") if path.is_file()]
    assert {path.name for path in files} >= {"chainwallet.db", "kek"}
    places = {str(path): path.read_bytes() for path in [*files, service.log, service.out]}
    places["answers"] = "\n".join(visitor.heard).encode("utf-8")
    assert b"dinner" in places["answers"]
    assert any(b"dinner" in content for name, content in places.items() if "chainwallet.db" in name)
    assert any(b"/v1/sessions" in content for name, content in places.items() if name.endswith(".log"))
    found = [(number, name) for number, secret in enumerate(wanted) for name, text in places.items() if secret in text]
    assert found == []


def test_no_process_leaves_its_memory(service: Service) -> None:
    """The kernel dumps no core of the supervisor, the API, the worker or the chain, and nobody can have it do so."""
    pids = [service.process.pid, *(service.pid_of(name) for name in ("chain", "worker", "api"))]
    for pid in pids:
        limits = Path(f"/proc/{pid}/limits").read_text("ascii").splitlines()
        (core,) = [line for line in limits if line.startswith("Max core file size")]
        assert core.split()[4:6] == ["0", "0"]
