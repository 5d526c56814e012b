"""What the operator does with people's accounts, beside a service that runs."""

import json
import secrets
import time
from contextlib import closing

import pytest

from chainwallet import accounts
from chainwallet.accounts import Accounts, Argon2id, load_blocklist
from chainwallet.errors import ClosedToStrangers, WrongPassword
from chainwallet.evm import Address
from chainwallet.rules.throttle import MOST_IN_A_ROW
from chainwallet.store.database import Database
from tests.cli.command import Command

PASSWORD = "seven geese walk to Porto"


def test_the_operator_lists_accounts_and_grants_roles(command: Command) -> None:
    """The operator sees the accounts and grants and takes roles, while the service has the home open."""
    assert command.said("account", "list").startswith("no accounts yet")
    with closing(Database(command.home / "chainwallet.db")) as database:
        cheap = Argon2id(time_cost=1, memory_cost_kib=8, parallelism=1)
        register = Accounts(database, cheap, load_blocklist(), time.time, secrets.token_bytes)
        accounts.sign_up(register, "ana", PASSWORD, "192.0.2.1", lambda: Address(secrets.token_bytes(20)))
        token = accounts.sign_in(register, "ana", PASSWORD, "192.0.2.1").token
        assert command.said("account", "role", "@ana", "issuer", "--grant") == "@ana  issuer, person\n"
        assert accounts.caller(register, token).roles == {"person", "issuer"}
        (listed,) = command.json("account", "list")
        assert (listed["handle"], listed["roles"]) == ("@ana", ["issuer", "person"])
        assert "@ana" in command.said("account", "list")
        shown = command.said("account", "role", "ana", "issuer", "--revoke", "--json")
        assert json.loads(shown)["roles"] == ["person"]
        assert accounts.caller(register, token).roles == {"person"}
        for number in range(MOST_IN_A_ROW):
            with pytest.raises(WrongPassword):
                accounts.sign_in(register, "ana", "wrong", f"198.51.100.{number}")
        with pytest.raises(ClosedToStrangers):
            accounts.sign_in(register, "ana", PASSWORD, "203.0.113.9")
        assert command.said("account", "reopen", "@ana") == "@ana  person\n"
        accounts.sign_in(register, "ana", PASSWORD, "203.0.113.9")


def test_what_the_operator_cannot_mean_is_refused(command: Command) -> None:
    """An unknown account or role, and a role neither granted nor taken, are refused in one line."""
    assert "account: no '@ana' here" in command.refusal("account", "role", "ana", "issuer", "--grant")
    assert "account: no '@ana' here" in command.refusal("account", "reopen", "ana")
    assert "role: got 'person', expected issuer" in command.refusal("account", "role", "ana", "person", "--grant")
    for options in ([], ["--grant", "--revoke"]):
        assert "either --grant or --revoke" in command.refusal("account", "role", "ana", "issuer", *options)
    assert "not U+0430 (CYRILLIC SMALL LETTER A)" in command.refusal("account", "reopen", "аna")
