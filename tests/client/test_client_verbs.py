"""The command as somebody who has an account at a running service."""

import json
from pathlib import Path

from tests.cli.command import Command, wait_until
from tests.client.conftest import PASSWORD, Running


def test_who_signs_in_pays_and_sees_it(running: Running, tmp_path: Path) -> None:
    """Who signs up pays by handle and sees it, beside the service and far from it; the session is theirs to read."""
    (tmp_path / "password").write_text(PASSWORD, "utf-8")
    secret = ("--password-file", tmp_path / "password")
    far = Command(tmp_path / "far")
    at = ("--url", running.url)
    here = running.command
    assert here.said("account", "sign-up", "@dora", *secret) == "@dora has an account\nsigned in as @dora\n"
    assert far.said("account", "sign-up", "@emil", *secret, *at) == "@emil has an account\nsigned in as @emil\n"
    assert far.said("account", "sign-in", "@iris", *secret, *at) == "signed in as @iris\n"
    assert far.said("topup", "@dora", "50", "--bank-ref", "V-1", *at).startswith("top-up V-1: 50.00 EUR for @dora, ")
    assert (far.home / "sessions.json").stat().st_mode & 0o777 == 0o600
    wait_until(lambda: bool(here.json("history")["movements"]), "the money of the top-up")
    paid = here.json("pay", "@dora", "@emil", "12.40", "--id", "verb-1", "--memo", "tickets")
    assert (paid["id"], paid["amount"], paid["currency"]) == ("verb-1", "12.40", "EUR")
    assert here.json("pay", "@dora", "@emil", "12.40", "--id", "verb-1", "--memo", "tickets") == paid
    newest = here.json("history")["movements"][0]
    assert (newest["direction"], newest["money"], newest["other"], newest["memo"]) == (
        "out", "12.40 EUR", "@emil", "tickets",
    )  # fmt: skip
    token = here.said("keys", "new", "till", "payments:read").strip()
    assert token.startswith("cwk_")
    key_id = here.said("keys", "list").split()[0]
    assert here.said("keys", "revoke", key_id) == f"key {key_id} is revoked\n"
    far.said("account", "sign-in", "@emil", *secret, *at)
    assert json.loads(far.said("account", "show", *at, "--json"))["balances"][0]["amount"] == "12.40"
    assert "Not enough money" in far.refusal("pay", "@emil", "@dora", "12.41", *at)
    assert "FROM: got '@dora', expected @emil" in far.refusal("pay", "@dora", "@emil", "1", *at)
    assert here.said("account", "sign-out") == "signed out\n"
    assert "account sign-in" in here.refusal("history")
    assert "--url URL, or a service of this home" in far.refusal("history")


def test_who_travels_together_shares_a_group(running: Running, tmp_path: Path) -> None:
    """A whole group by the command: guests, a link that is good once, a claim, roles, friends, and leaving."""
    (tmp_path / "password").write_text(PASSWORD, "utf-8")
    secret = ("--password-file", tmp_path / "password")
    far = Command(tmp_path / "far")
    at = ("--url", running.url)
    here = running.command
    here.said("account", "sign-up", "@greta", *secret)
    far.said("account", "sign-up", "@hugo", *secret, *at)
    made = here.json("group", "new", "Porto", "--with", "Hugo,Ida")
    assert {one["name"]: one["role"] for one in made["members"]} == {
        "@greta": "owner", "Hugo": "member", "Ida": "member",
    }  # fmt: skip
    token = here.said("group", "claim-link", "porto", "hugo").strip()
    assert token.startswith("cwi_")
    assert "Hugo (@hugo)  member" in far.said("group", "join", token, *at)
    assert "'@hugo' exists already" in far.refusal("group", "join", token, *at)
    assert here.said("group", "role", "Porto", "@hugo", "owner") == "Hugo is owner of Porto\n"
    assert "Not allowed" in here.refusal("group", "leave", "Porto", "Ida")
    assert far.said("group", "leave", "Porto", "Ida", *at) == "Ida is not in Porto any more\n"
    assert here.said("group", "leave", "Porto") == "you are not in Porto any more\n"
    assert "group list" in here.refusal("group", "show", "Porto")
    assert "in Porto are Hugo" in far.refusal("group", "leave", "Porto", "Zoe", *at)
    here.said("group", "friend", "@hugo")
    (asked,) = json.loads(far.said("group", "invitations", *at, "--json"))["invitations"]
    far.said("group", "join", asked["id"], *at)
    assert here.said("group", "friend").startswith("@hugo  friend, group ")
    here.said("account", "sign-out")
