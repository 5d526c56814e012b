"""Accounts over HTTP: signing up and in, sessions, API keys, addresses; and what nobody gets by them."""

from collections.abc import Iterator

import pytest
from eth_account import Account as EthAccount
from eth_account.messages import encode_defunct

from chainwallet.api.app import make_app
from chainwallet.api.parts import Parts
from tests.api.people import PASSWORD, WRONG, Person, sign_in, sign_up, with_doors
from tests.api.service import Asking, bearer
from tests.postgres import on_both

pytestmark = on_both

KEY = "0x" + "46" * 32
ADDRESS = EthAccount.from_key(KEY).address


@pytest.fixture
def asking(parts: Parts) -> Iterator[Asking]:
    with Asking(make_app(with_doors(parts))) as asking:
        yield asking


@pytest.fixture
def ana(asking: Asking) -> Person:
    return sign_up(asking, "ana")


@pytest.fixture
def ben(asking: Asking) -> Person:
    return sign_up(asking, "ben")


def signed(text: str, key: str = KEY) -> str:
    """The signature of a wallet elsewhere over ``text`` (personal_sign)."""
    return "0x" + bytes(EthAccount.sign_message(encode_defunct(text=text), key).signature).hex()


def kind(answer: object) -> str:
    """Which problem an answer is."""
    return str(answer.json()["type"]).rpartition("/")[2]  # type: ignore[attr-defined]  # an answer of httpx


def test_an_account_is_opened_and_used(asking: Asking) -> None:
    """Whoever signs up signs in with handle and password, and sees account, wallet and session."""
    answer = asking.post("/v1/accounts", json={"handle": "@Ana", "password": PASSWORD})
    assert answer.status_code == 201
    assert (answer.json()["handle"], answer.json()["roles"]) == ("@ana", ["person"])
    ana = sign_in(asking, "ana")
    told = ana.get("/v1/account").json()
    assert told["handle"] == "@ana"
    assert "payments:write" in told["scopes"]
    assert "issuer:write" not in told["scopes"]
    (wallet,) = ana.get("/v1/wallets").json()["wallets"]
    assert (wallet["name"], wallet["custody"], wallet["default"]) == ("@ana", "managed", True)
    (session,) = ana.get("/v1/sessions").json()["sessions"]
    assert (session["id"], session["current"], session["place"]) == (ana.session_id, True, "127.0.0.1")


def test_a_handle_is_had_once(asking: Asking, ana: Person) -> None:
    """A handle that somebody has, in any case, is not given again, and no other is given for a service's name."""
    assert ana.handle == "ana"
    answer = asking.post("/v1/accounts", json={"handle": "ANA", "password": PASSWORD})
    assert (answer.status_code, kind(answer)) == (409, "already-exists")
    answer = asking.post("/v1/accounts", json={"handle": "adm1n", "password": PASSWORD})
    assert (answer.status_code, kind(answer), answer.json()["field"]) == (422, "invalid-value", "handle")


def test_unknown_handles_and_wrong_passwords_are_answered_alike(asking: Asking, ana: Person) -> None:
    """An answer to a failed sign-in does not say whether the handle has an account."""
    answers = [
        asking.post("/v1/sessions", json={"handle": handle, "password": WRONG}, headers={"X-Request-Id": "same"})
        for handle in (ana.handle, "eve")
    ]
    told = [answer.text.replace("@eve", "@ana") for answer in answers]
    assert told[0] == told[1]
    for answer in answers:
        assert (answer.status_code, kind(answer)) == (401, "wrong-password")
        assert answer.headers["www-authenticate"] == "Bearer"


def test_tries_are_slowed_down_and_say_for_how_long(asking: Asking, ana: Person) -> None:
    """After a few wrong passwords a try is refused with Retry-After, also with the right one."""
    for _ in range(5):
        assert asking.post("/v1/sessions", json={"handle": "ana", "password": WRONG}).status_code == 401
    answer = asking.post("/v1/sessions", json={"handle": "ana", "password": PASSWORD})
    assert (answer.status_code, kind(answer)) == (429, "too-many-tries")
    assert int(answer.headers["retry-after"]) >= 1
    answer = asking.post("/v1/sessions", json={"handle": "ana", "password": PASSWORD, "earlier_token": ana.token})
    assert answer.status_code == 201, answer.text


def test_a_session_that_was_ended_is_good_for_nothing(ana: Person) -> None:
    """Once a session is ended its token opens no route, and the other sessions go on."""
    other = sign_in(ana.asking, "ana")
    assert ana.delete(f"/v1/sessions/{other.session_id}").status_code == 204
    assert other.get("/v1/account").status_code == 401
    assert other.get("/v1/sessions").status_code == 401
    assert ana.delete(f"/v1/sessions/{other.session_id}").status_code == 404
    assert ana.delete(f"/v1/sessions/{ana.session_id}").status_code == 204
    assert ana.get("/v1/account").status_code == 401


def test_a_changed_password_ends_all_other_sessions(ana: Person) -> None:
    """A new password is taken for the old one; then the old one and all sessions elsewhere are good for nothing."""
    other = sign_in(ana.asking, "ana")
    new = "nine cranes fly back from Porto"
    assert ana.post("/v1/account/password", {"password": WRONG, "new_password": new}).status_code == 401
    assert other.get("/v1/account").status_code == 200
    assert ana.post("/v1/account/password", {"password": PASSWORD, "new_password": new}).status_code == 204
    assert other.get("/v1/account").status_code == 401
    assert ana.get("/v1/account").status_code == 200
    assert ana.asking.post("/v1/sessions", json={"handle": "ana", "password": PASSWORD}).status_code == 401
    assert sign_in(ana.asking, "ana", new).get("/v1/account").status_code == 200


def test_a_key_may_what_it_was_made_for(ana: Person) -> None:
    """An API key opens the routes of its scopes and no others, and nothing that needs a session."""
    made = ana.key("account:read")
    by_key = bearer(made["token"])
    assert ana.asking.get("/v1/account", headers=by_key).json()["scopes"] == ["account:read"]
    for method, path in (("GET", "/v1/keys"), ("GET", "/v1/sessions"), ("DELETE", f"/v1/sessions/{ana.session_id}")):
        answer = ana.asking.request(method, path, headers=by_key)
        assert (answer.status_code, kind(answer)) == (403, "not-allowed")
    maker = bearer(ana.key("keys:write")["token"])
    more = {"name": "more", "scopes": ["payments:write"]}
    assert ana.asking.post("/v1/keys", json=more, headers=maker).status_code == 403
    (listed, *_) = [key for key in ana.get("/v1/keys").json()["keys"] if key["id"] == made["key"]["id"]]
    assert listed["last_used_at"] is not None
    assert made["token"] not in ana.get("/v1/keys").text
    assert ana.delete(f"/v1/keys/{made['key']['id']}").status_code == 204
    assert ana.asking.get("/v1/account", headers=by_key).status_code == 401


def test_a_key_is_made_once_and_its_token_told_once(ana: Person) -> None:
    """Asked again under one Idempotency-Key no second key is made, and the first one's token is not told again."""
    body, once = {"name": "till", "scopes": ["payments:read"]}, {"Idempotency-Key": "key-1"}
    first = ana.post("/v1/keys", body, **once)
    again = ana.post("/v1/keys", body, **once)
    assert first.status_code == 201
    assert (again.status_code, kind(again)) == (409, "already-exists")
    assert first.json()["token"] not in again.text
    assert len(ana.get("/v1/keys").json()["keys"]) == 1


def test_a_keys_time_is_one(ana: Person) -> None:
    """A key ends when it was said to; a time that is none, or is over, is refused by name."""
    for wrong in ("2026-13-01T00:00:00Z", "2001-01-01T00:00:00Z", "9999-01-01T00:00:00Z"):
        answer = ana.post("/v1/keys", {"name": "till", "scopes": ["payments:read"], "expires_at": wrong})
        assert (answer.status_code, answer.json()["field"]) == (422, "expires_at")
    answer = ana.post("/v1/keys", {"name": "till", "scopes": ["payments:read"], "expires_at": "2030-01-01T00:00:00Z"})
    assert answer.json()["key"]["expires_at"] == "2030-01-01T00:00:00Z"


def test_an_address_is_added_by_its_owners_signature(ana: Person) -> None:
    """The owner of an address signs the text that the service makes, and the address is a wallet of the account."""
    challenge = ana.post("/v1/wallets/challenges", {"address": ADDRESS})
    assert challenge.status_code == 201
    text = challenge.json()["text"]
    assert text.startswith("service wants you to sign in with your Ethereum account:\n" + ADDRESS)
    offer = {"nonce": challenge.json()["nonce"], "signature": signed(text)}
    added = ana.post("/v1/wallets", offer)
    assert (added.status_code, added.json()["address"], added.json()["custody"]) == (201, ADDRESS, "external")
    assert [wallet["default"] for wallet in ana.get("/v1/wallets").json()["wallets"]] == [True, False]


def test_another_address_pays_and_is_paid_from_now_on(ana: Person, ben: Person) -> None:
    """A person makes an address that they added the default one, and the other one again; nobody does for another."""
    challenge = ana.post("/v1/wallets/challenges", {"address": ADDRESS}).json()
    ana.post("/v1/wallets", {"nonce": challenge["nonce"], "signature": signed(challenge["text"])})
    (first, _) = ana.get("/v1/wallets").json()["wallets"]
    for address in (ADDRESS, ADDRESS.lower(), first["address"]):
        told = ana.post(f"/v1/wallets/{address}/default").json()["wallets"]
        assert [one["default"] for one in told] == [True, False]
        assert told[0]["address"].lower() == address.lower()
    assert kind(ben.post(f"/v1/wallets/{ADDRESS}/default")) == "not-found"
    assert ana.get("/v1/wallets").json()["wallets"][0] == first


def test_a_challenge_is_good_once_for_one_account_and_one_key(ana: Person, ben: Person) -> None:
    """A challenge is not taken again, not from another account, not by another's signature; nothing is changed then."""
    challenge = ana.post("/v1/wallets/challenges", {"address": ADDRESS}).json()
    nonce, text = challenge["nonce"], challenge["text"]
    stolen = ben.post("/v1/wallets", {"nonce": nonce, "signature": signed(text)})
    assert (stolen.status_code, kind(stolen)) == (404, "not-found")
    others = ana.post("/v1/wallets", {"nonce": nonce, "signature": signed(text, "0x" + "47" * 32)})
    assert (others.status_code, kind(others)) == (422, "bad-signature")
    for broken in ("0x" + "00" * 65, "0x" + "ff" * 65):
        assert kind(ana.post("/v1/wallets", {"nonce": nonce, "signature": broken})) == "bad-signature"
    assert [len(one.get("/v1/wallets").json()["wallets"]) for one in (ana, ben)] == [1, 1]
    assert ana.post("/v1/wallets", {"nonce": nonce, "signature": signed(text)}).status_code == 201
    again = ana.post("/v1/wallets", {"nonce": nonce, "signature": signed(text)})
    assert (again.status_code, again.json()["field"]) == (422, "nonce")
    mine_too = ben.post("/v1/wallets/challenges", {"address": ADDRESS}).json()
    taken = ben.post("/v1/wallets", {"nonce": mine_too["nonce"], "signature": signed(mine_too["text"])})
    assert (taken.status_code, kind(taken)) == (409, "already-exists")
    assert len(ben.get("/v1/wallets").json()["wallets"]) == 1
