"""The command as somebody who has an account at a running service."""

import json
from pathlib import Path

from chainwallet.client import Client
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


def test_who_is_asked_pays_declines_and_scans(running: Running, tmp_path: Path) -> None:
    """A person asks two others and whoever has a link, is paid and declined, and draws the link, all by the command."""
    (tmp_path / "password").write_text(PASSWORD, "utf-8")
    secret, at = ("--password-file", tmp_path / "password"), ("--url", running.url)
    fay, gus, hal = (Command(tmp_path / name) for name in ("fay", "gus", "hal"))
    for handle, command in (("@fay", fay), ("@gus", gus), ("@hal", hal)):
        command.said("account", "sign-up", handle, *secret, *at)
    with Client(running.url) as iris:
        iris.sign_in("@iris", PASSWORD)
        iris.top_up("ASK-1", "@gus", "50.00 EUR")
    made = fay.json("ask", "20.01", "EUR", "--from", "gus,@hal", "--note", "pizza", "--by", "2027-01-01", *at)
    assert (made["deadline"], made["total"]) == ("2027-01-01T23:59:59Z", {"amount": "20.01", "currency": "EUR"})
    share = {part["of"]: part["amount"]["amount"] for part in made["parts"]}
    assert sorted(share.values()) == ["10.00", "10.01"]
    wait_until(lambda: '"amount": "50.00"' in gus.said("account", "show", *at, "--json"), "the money of the top-up")
    paid = gus.json("ask", "pay", made["id"], *at)
    assert (paid["id"], paid["stage"]) == (f"request:{made['parts'][0]['id']}", "final")
    assert gus.json("ask", "pay", made["link"], *at) == paid
    assert hal.said("ask", "decline", made["id"], "--reason", "I had none", *at).splitlines() == [
        f"request {made['id']} of @fay: pizza",
        f"{share['@hal']} EUR of @hal: declined (I had none)",
    ]
    (listed,) = gus.json("ask", "list", "--of-me", *at)["requests"]
    assert [part["stage"] for part in listed["parts"]] == ["paid"]
    shown = fay.said("ask", "show", made["id"], *at)
    assert f"{share['@gus']} EUR of @gus: paid\n{share['@hal']} EUR of @hal: declined" in shown
    assert "link" not in shown
    opened = fay.said("ask", "5", "EUR", "--note", "a\x1b[2J\nb", *at).splitlines()
    assert opened[0].endswith(" of @fay: a\\x1b[2J\\nb")
    assert opened[1] == "5.00 EUR of who has the link: asked"
    link = opened[2].removeprefix("link ")
    fay.said("ask", "qr", link, "--out", tmp_path / "qr.png", *at)
    assert (tmp_path / "qr.png").read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
    assert gus.said("ask", "pay", link, *at).startswith("paid 5.00 EUR to @fay in block ")
    assert "somebody else pays it" in hal.refusal("ask", "pay", link, *at)
    assert fay.said("ask", "list", *at).count("paid") == 2
    assert "each part is paid" in fay.refusal("ask", "cancel", made["id"], *at)
    assert "with-me: got 'given'" in fay.refusal("ask", "5", "EUR", "--with-me", *at)


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
