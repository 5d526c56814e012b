"""The command as somebody who has an account at a running service."""

import json
import re
from collections.abc import Callable
from pathlib import Path

from eth_account import Account
from eth_account.messages import encode_defunct

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
    assert (
        here.json("pay", "@dora", "@emil", "12.40", "--id", "verb-1", "--memo", "tickets", *at) == paid
    )  # its own URL
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
    assert f"{share['@gus']} EUR of @gus: paid\n  @gus: final, payment request:" in shown
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


def test_who_shares_bills_sees_to_them_by_the_command(running: Running, tmp_path: Path) -> None:
    """Bills divided in all ways are proposed, adopted, deleted, restored, paid, reversed, brought in and taken out."""
    (tmp_path / "password").write_text(PASSWORD, "utf-8")
    secret, at = ("--password-file", tmp_path / "password"), ("--url", running.url)
    kai, lea = (Command(tmp_path / name) for name in ("kai", "lea"))
    for handle, command in (("@kai", kai), ("@lea", lea)):
        command.said("account", "sign-up", handle, *secret, *at)
    with Client(running.url) as iris:
        iris.sign_in("@iris", PASSWORD)
        iris.top_up("BILLS-1", "@lea", "50.00 EUR")
    kai.said("group", "new", "Attic", *at)
    kai.said("group", "invite", "Attic", "@lea", *at)
    (asked,) = json.loads(lea.said("group", "invitations", *at, "--json"))["invitations"]
    lea.said("group", "join", asked["id"], *at)

    def add(*words: str) -> dict[str, str]:
        made = kai.json("bill", "add", *words, *at)
        return {line["member"]["name"]: line["share"] for line in made["lines"]}

    assert add("Rent 100 EUR", "--percent", "kai=60,lea=40") == {"@kai": "60.00", "@lea": "40.00"}
    assert add("Heating 90 EUR", "--shares", "kai=2,lea=1") == {"@kai": "60.00", "@lea": "30.00"}
    assert add("Paint 30 EUR", "--adjust", "lea=-4") == {"@kai": "17.00", "@lea": "13.00"}
    feast = ("Feast 30 EUR", "--item", "Wine 5 x2: lea", "--tip", "10%", "--discount", "3.00 equally")
    assert add(*feast) == {"@kai": "9.50", "@lea": "20.50"}
    assert "1.00 EUR more than the bill" in kai.refusal("bill", "add", "Tea 4 EUR", "--item", "Tea 5: lea", *at)
    assert "percent and shares" in kai.refusal(
        "bill", "add", "Tea 4 EUR", "--percent", "kai=100", "--shares", "kai=1", *at
    )
    assert "such as" in kai.refusal("bill", "add", "Tea", *at)
    assert "`chainwallet bill list`" in lea.refusal("bill", "accept", "Tea", *at)

    lea.said("bill", "propose", "Rent", "I have the small room", "--exact", "kai=70,lea=30", *at)
    shown = kai.said("bill", "show", "Rent", *at)
    assert re.search("@lea proposes exactly: @kai 70.00, @lea 30.00\n(.*\n)+divided by percentages: @kai 60", shown)
    assert lea.said("bill", "withdraw", "Rent", *at).splitlines()[0].endswith("open, asks @lea")
    lea.said("bill", "propose", "Rent", "I have the small room", "--exact", "kai=70,lea=30", *at)
    assert kai.said("bill", "adopt", "Rent", "lea", *at).splitlines()[0].endswith(": accepted")
    deleted = kai.said("bill", "delete", "Paint", *at).split()[-1]
    assert "Paint" not in kai.said("bill", "list", *at)
    kai.said("bill", "restore", deleted, *at)
    lea.said("bill", "reject", "Paint", "I painted it", *at)
    assert "EUR, disputed: you owe @kai 13.00: Paint 13.00" in lea.said("balances", *at)
    kai.said("bill", "delete", "Paint", *at)
    wait_until(lambda: '"amount": "50.00"' in lea.said("account", "show", *at, "--json"), "the money of the top-up")
    (paid,) = lea.json("bill", "pay", "Feast", *at)["payments"]
    assert (paid["amount"], paid["stage"]) == ("20.50", "final")
    assert lea.said("bill", "accept", *at) == "you accept Heating, 90.00 EUR: accepted\n"
    assert kai.said("bill", "paid", "Heating", "--note", "in cash", *at).splitlines()[0].endswith(": settled")
    assert kai.said("bill", "reverse", "Heating", *at).startswith("Reversal of Heating, -90.00 EUR, ")
    assert "nobody owes anything on balance" in lea.refusal("clear", "Attic", "--currency", "EUR", *at)
    kai.said("bill", "add", "Lamp 10 EUR", *at)
    lea.said("bill", "accept", "Lamp", *at)
    planned = lea.json("clear", "Attic", "--currency", "eur", *at)
    assert planned["is_final"]
    assert {leg["name"]: leg["net"]["amount"] for leg in planned["legs"]} == {"@kai": "5.00", "@lea": "-5.00"}
    assert [one["stage"] for one in kai.json("clear", "list", "Attic", *at)["plans"]] == ["settled"]


def test_who_writes_a_bill_wrongly_is_told_what_is_wrong(running: Running, tmp_path: Path) -> None:
    """What is no bill is refused in the words of who wrote it; a plan that its maker cannot pay says that it waits."""
    (tmp_path / "password").write_text(PASSWORD, "utf-8")
    at, pim = ("--url", running.url), Command(tmp_path / "pim")
    pim.said("account", "sign-up", "@pim", "--password-file", tmp_path / "password", *at)
    pim.said("group", "new", "Shed", "--with", "Quy", *at)
    for wrong, told in (
        (("Tea 4 EUR", "--with", "quy,Quy"), "each person once"),
        (("Tea 4 EUR", "--item", "Tea -5: quy"), "'Tea -5: quy', expected a price above 0"),
        (("Tea 4 EUR", "--item", "Tea 4", "--discount", "6"), "2.00 EUR more than all the rest"),
        (("Tea -0 EUR",), "got '0.00 EUR', expected an amount above 0"),
        (("Tea 4 EUR", "--exact", "quy=2,quy=2"), "exact.Quy: got '2', expected each person once"),
    ):
        assert told in pim.refusal("bill", "add", *wrong, *at), wrong
    assert "there are no bills here" in pim.said("bill", "list", *at)
    assert "got 'nothing to clear'" in pim.refusal("clear", "Shed", *at)
    nothing = pim.refusal("pay", "@pim", "@quy", "0", *at)
    assert "got '0.00', expected a plain decimal number above 0" in nothing
    assert "go on with" not in nothing
    link = pim.said("group", "claim-link", "Shed", "Quy", *at).strip()
    quy = Command(tmp_path / "quy")
    quy.said("account", "sign-up", "@quy", "--password-file", tmp_path / "password", *at)
    quy.said("group", "join", link, *at)
    quy.said("bill", "add", "Sofa 999 EUR", "--note", "blue", *at)
    assert "note: blue\n" in pim.said("bill", "show", "Sofa", *at)
    pim.said("bill", "propose", "Sofa", "the bed is mine", "--item", "Bed 499: quy", "--tip", "100", *at)
    shown = pim.said("bill", "show", "Sofa", *at)
    assert re.search("@pim proposes by items: Bed 499.00 of .+; the rest of .+, .+; tip 100.00\n", shown)
    pim.said("bill", "withdraw", "Sofa", *at)
    pim.said("bill", "accept", "Sofa", *at)
    poor = pim.refusal("clear", "Shed", *at)
    assert "required 499.50 EUR" in poor
    assert "is made and waits: `chainwallet clear sign Shed` signs it later" in poor
    pim.said("clear", "withdraw", "Shed", *at)


def test_what_was_spent_elsewhere_is_brought_in_by_the_command(running: Running, tmp_path: Path) -> None:
    """A group's bills go into a file; the file is looked at, brought into another group, and taken out again."""
    (tmp_path / "password").write_text(PASSWORD, "utf-8")
    at, mia = ("--url", running.url), Command(tmp_path / "mia")
    mia.said("account", "sign-up", "@mia", "--password-file", tmp_path / "password", *at)
    mia.said("group", "new", "Attic", "--with", "Noa", *at)
    mia.said("bill", "add", "Rent 100 EUR", *at)
    mia.said("bill", "add", "Tea 4 EUR", "--paid-by", "noa", *at)
    mia.said("export", "Attic", "--out", tmp_path / "attic.csv", *at)
    mia.said("export", "Attic", "--out", tmp_path / "attic.json", *at)
    assert "exists already" in mia.refusal("import", "group", tmp_path / "attic.json", "--me", "mia", *at)
    assert "Noa" in mia.refusal("import", "group", tmp_path / "attic.json", "--me", "Zoe", *at)
    mia.said("group", "new", "Copy", *at)
    copy = ("--group", "Copy", *at)
    header = (tmp_path / "attic.csv").read_text("utf-8").splitlines()[0]
    assert "'@mia" in header.split(",")  # so that a spreadsheet takes it for no formula; here it is @mia again
    assert {"@mia is @mia", "Noa is a new guest"} <= {*mia.said("import", tmp_path / "attic.csv", *copy).splitlines()}
    preview = mia.json("import", tmp_path / "attic.csv", "--as", "@mia=mia", *copy)
    assert (preview["stage"], preview["bills"]) == ("previewed", 2)
    assert [(one["name"], one["is_new_guest"]) for one in preview["people"] if one["is_new_guest"]] == [("Noa", True)]
    assert mia.json("bill", "list", *copy)["bills"] == []
    assert ": committed, 2 bills\n" in mia.said("import", "commit", preview["id"], *copy)
    assert len(mia.json("bill", "list", *copy)["bills"]) == 2
    assert ": undone, 2 bills\n" in mia.said("import", "undo", preview["id"], *copy)
    assert mia.json("bill", "list", *copy)["bills"] == []
    assert mia.said("import", "list", *copy).count("undone") == 1
    assert mia.said("import", "list", *copy).count("previewed") == 1
    assert "such as Ana=@ana" in mia.refusal("import", tmp_path / "attic.csv", "--as", "@mia", *copy)


def test_who_has_their_key_elsewhere_settles_up_by_the_command(
    running: Running, tmp_path: Path, iris: Client, signed_in: Callable[[str], Client]
) -> None:
    """The command shows what is to be signed, and takes the signature that was made elsewhere."""
    (tmp_path / "password").write_text(PASSWORD, "utf-8")
    at, command, key = ("--url", running.url), Command(tmp_path / "nia"), Account.create()
    nia, oto = signed_in("@nia"), signed_in("@oto")
    challenge = nia.ask_for_address(key.address)
    signature = key.sign_message(encode_defunct(text=challenge.text)).signature
    wallets = nia.use_address(nia.take_address(challenge.nonce, "0x" + signature.hex()).address)
    assert [(one.custody, one.default) for one in wallets] == [("external", True), ("managed", False)]
    iris.top_up("BOAT-1", "@nia", "20.00 EUR")
    wait_until(lambda: iris.topup("BOAT-1").stage == "final", "the money")
    group = oto.make_group("Boat").id
    nia.accept_invitation(oto.invite(group, "@nia").invitation.id)
    ids = {one.name: one.id for one in oto.group(group).members}
    split = {"mode": "equal", "people": list(ids.values())}
    bill = oto.add_bill(group, "Boat", "EUR", split, {ids["@oto"]: "10.00"}, total="10.00")
    nia.accept_bill(group, bill.id, bill.version)
    command.said("account", "sign-in", "@nia", "--password-file", tmp_path / "password", *at)
    document = command.json("clear", "Boat", *at)["to_sign"]
    assert "your key is elsewhere" in command.said("clear", "sign", "Boat", *at)
    signature = key.sign_typed_data(full_message=document).signature
    settled = command.said("clear", "sign", "Boat", "--signature", "0x" + signature.hex(), *at)
    assert "moves 5.00 EUR: final\n@nia pays 5.00 EUR, has signed\n@oto receives 5.00 EUR\n" in settled
