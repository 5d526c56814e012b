"""Groups, invitations and friends over HTTP: Ana makes a group for Porto, and people come and go."""

import json
from typing import Any

import httpx
import pytest

from chainwallet.api.parts import Parts
from chainwallet.store.database import Database
from tests.api.residents import notifier_of
from tests.api.service import Asking, bearer, open_accounts
from tests.api.test_attackers import HOSTILE, assert_refused, rows
from tests.api.test_event_streams import hear, listening, serving
from tests.chain.bench import Bench


@pytest.fixture(autouse=True)
def people(bench: Bench) -> None:
    """Ana, Ben and Cleo have accounts; Cleo's key is elsewhere."""
    open_accounts(bench.database)


def ask(client: Asking, who: str, method: str, path: str, body: Any = None, key: str | None = None) -> httpx.Response:
    headers = bearer(who) | ({} if key is None else {"Idempotency-Key": key})
    return client.request(method, path, json=body, headers=headers)


def told(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["type"].removeprefix("/problems/")


def made(answer: httpx.Response) -> Any:
    assert answer.status_code in (200, 201), answer.text
    return answer.json()


@pytest.fixture
def porto(client: Asking) -> str:
    """The path of Ana's group."""
    return f"/v1/groups/{made(ask(client, 'ana', 'POST', '/v1/groups', {'name': 'Porto'}))['id']}"


def link(client: Asking, porto: str, **order: str) -> str:
    token: str = made(ask(client, "ana", "POST", f"{porto}/invitations", order))["token"]
    return token


def accept(client: Asking, who: str, token: str) -> httpx.Response:
    return ask(client, who, "POST", "/v1/invitations/accept", {"token": token})


def members(client: Asking, porto: str, who: str = "ana") -> dict[str, dict[str, Any]]:
    """The members by their names."""
    return {one["name"]: one for one in made(ask(client, who, "GET", porto))["members"]}


def test_people_come_into_a_group(client: Asking, porto: str) -> None:
    """A group shows each member's role, handle and way to sign: of an account by link, by handle, and of a guest."""
    assert accept(client, "ben", link(client, porto, role="viewer")).json()["role"] == "viewer"
    invited = made(ask(client, "ana", "POST", f"{porto}/invitations", {"handle": "@cleo"}))
    assert (invited["token"], invited["invitation"]["handle"]) == (None, "@cleo")
    (mine,) = made(ask(client, "cleo", "GET", "/v1/invitations"))["invitations"]
    assert mine == invited["invitation"]
    assert mine["group"] == {"id": porto.rpartition("/")[2], "name": "Porto", "kind": "group"}
    assert ask(client, "cleo", "POST", f"/v1/invitations/{mine['id']}/accept").status_code == 200
    made(ask(client, "ana", "POST", f"{porto}/members", {"name": "Gus"}))
    shown = [(one["name"], one["role"], one["handle"], one["custody"]) for one in members(client, porto).values()]
    assert sorted(shown, key=str) == [
        ("@ana", "owner", "@ana", "managed"),
        ("@ben", "viewer", "@ben", "managed"),
        ("@cleo", "member", "@cleo", "external"),
        ("Gus", "member", None, None),
    ]
    (listed,) = made(ask(client, "ben", "GET", "/v1/groups"))["groups"]
    assert (listed["name"], listed["role"], listed["me"]) == ("Porto", "viewer", members(client, porto)["@ben"]["id"])


def test_a_guest_is_taken_over(client: Asking, porto: str) -> None:
    """Who follows a claim link is the guest, under the guest's id and name; the link is good once."""
    guest = made(ask(client, "ana", "POST", f"{porto}/members", {"name": "Benedict"}))
    token = made(ask(client, "ana", "POST", f"{porto}/members/{guest['id']}/claim-link", {}))["token"]
    entered = made(accept(client, "ben", token))
    assert entered["me"] == guest["id"]
    assert members(client, porto)["Benedict"]["handle"] == "@ben"
    assert told(accept(client, "cleo", token)) == (409, "too-late")


def test_links_that_are_over_say_so(client: Asking, porto: str) -> None:
    """A link that was used or revoked is refused as such, one that never was as unknown; nobody comes in."""
    used = link(client, porto)
    assert accept(client, "ben", used).status_code == 200
    revoked = made(ask(client, "ana", "POST", f"{porto}/invitations", {}))
    path = f"{porto}/invitations/{revoked['invitation']['id']}"
    assert ask(client, "ana", "DELETE", path).status_code == 204
    assert told(ask(client, "ana", "DELETE", path)) == (404, "not-found")
    assert told(accept(client, "cleo", used)) == (409, "too-late")
    assert told(accept(client, "cleo", revoked["token"])) == (409, "too-late")
    unknown = accept(client, "cleo", "cwi_" + "A" * 43)
    assert told(unknown) == (404, "not-found")
    assert "AAAA" not in unknown.text
    assert told(accept(client, "ben", link(client, porto))) == (409, "already-exists")
    past = {"expires_at": "2026-01-01T00:00:00Z"}
    assert ask(client, "ana", "POST", f"{porto}/invitations", past).json()["field"] == "expires_at"
    assert sorted(members(client, porto)) == ["@ana", "@ben"]


def test_a_token_is_told_once(client: Asking, porto: str) -> None:
    """Asking again under the same key makes no second link and tells no token; with a handle it answers alike."""
    first = ask(client, "ana", "POST", f"{porto}/invitations", {}, key="one")
    assert first.status_code == 201
    assert told(ask(client, "ana", "POST", f"{porto}/invitations", {}, key="one")) == (409, "already-exists")
    body = {"handle": "@ben"}
    invited = ask(client, "ana", "POST", f"{porto}/invitations", body, key="two")
    assert ask(client, "ana", "POST", f"{porto}/invitations", body, key="two").json() == invited.json()
    found = ask(client, "ana", "GET", f"{porto}/invitations")
    assert len(found.json()["invitations"]) == 2
    assert first.json()["token"] not in found.text


def test_what_is_asked_again_is_done_once(client: Asking) -> None:
    """A group, a guest, a friend and an acceptance that are asked for twice under one key are there once."""
    group = made(ask(client, "ana", "POST", "/v1/groups", {"name": "Porto"}, key="a"))
    assert ask(client, "ana", "POST", "/v1/groups", {"name": "Porto"}, key="a").json() == group
    porto = f"/v1/groups/{group['id']}"
    token = link(client, porto)
    for who, path, body in (
        ("ana", f"{porto}/members", {"name": "Gus"}),
        ("ana", "/v1/friends", {"handle": "ben"}),
        ("cleo", "/v1/invitations/accept", {"token": token}),
    ):
        first = ask(client, who, "POST", path, body, key=path)
        again = ask(client, who, "POST", path, body, key=path)
        assert (again.json(), again.headers["idempotency-replayed"]) == (made(first), "true")
    assert sorted(members(client, porto)) == ["@ana", "@cleo", "Gus"]
    assert len(made(ask(client, "ana", "GET", "/v1/groups"))["groups"]) == 2


def test_roles_over_http(client: Asking, porto: str) -> None:
    """A viewer who edits is refused with 403, an owner who is not alone cannot go, and ownership is handed over."""
    accept(client, "ben", link(client, porto, role="viewer"))
    ben, ana = (members(client, porto)[name]["id"] for name in ("@ben", "@ana"))
    for method, path, body in (
        ("PATCH", porto, {"name": "Lisbon"}),
        ("POST", f"{porto}/members", {"name": "Gus"}),
        ("PATCH", f"{porto}/members/{ben}", {"role": "owner"}),
        ("PATCH", f"{porto}/members/{ben}", {"name": "Ben"}),
        ("DELETE", f"{porto}/members/{ana}", None),
        ("POST", f"{porto}/invitations", {}),
    ):
        assert told(ask(client, "ben", method, path, body)) == (403, "not-allowed"), path
    refused = ask(client, "ana", "DELETE", f"{porto}/members/{ana}")
    assert told(refused) == (409, "must-stay")
    assert (refused.json()["who"], refused.json()["group"]) == ("@ana", "Porto")
    assert made(ask(client, "ana", "PATCH", f"{porto}/members/{ben}", {"role": "owner"}))["role"] == "owner"
    assert ask(client, "ana", "DELETE", f"{porto}/members/{ana}").status_code == 204
    assert told(ask(client, "ana", "GET", porto)) == (404, "not-found")
    assert made(ask(client, "ben", "PATCH", porto, {"name": "Lisbon"}))["name"] == "Lisbon"
    assert members(client, porto, "ben")["@ana"]["left_at"] is not None


def test_activity_is_told_page_by_page(client: Asking, porto: str) -> None:
    """All that was done in a group is told once over its pages, the latest first, with who did it."""
    for number in range(3):
        made(ask(client, "ana", "POST", f"{porto}/members", {"name": f"Guest {number}"}))
    path: str | None = f"{porto}/activity?limit=2"
    heard: list[dict[str, Any]] = []
    while path is not None:
        page = made(ask(client, "ana", "GET", path))
        heard += page["activity"]
        path = page["next_cursor"] and f"{porto}/activity?limit=2&cursor={page['next_cursor']}"
    assert [one["kind"] for one in heard] == [*["member.added"] * 3, "group.made"]
    assert {one["actor"] for one in heard} == {"@ana"}
    assert heard[0]["words"] == "@ana added Guest 2, who has no account yet"


def test_friends_over_http(client: Asking) -> None:
    """Who is asked to be a friend finds the invitation, and is one once they accept; each is told the group of two."""
    asked = made(ask(client, "ana", "POST", "/v1/friends", {"handle": "@ben"}))
    assert (asked["handle"], asked["state"]) == ("@ben", "asked")
    (invitation,) = made(ask(client, "ben", "GET", "/v1/invitations"))["invitations"]
    assert invitation["group"]["kind"] == "pair"
    made(ask(client, "ben", "POST", f"/v1/invitations/{invitation['id']}/accept"))
    (friend,) = made(ask(client, "ben", "GET", "/v1/friends"))["friends"]
    assert (friend["handle"], friend["state"], friend["group"]) == ("@ana", "friend", asked["group"])
    assert told(ask(client, "ana", "POST", "/v1/friends", {"handle": "@ana"})) == (422, "invalid-value")
    assert told(ask(client, "ana", "POST", "/v1/friends", {"handle": "@nobody-here"})) == (404, "not-found")


@pytest.mark.parametrize("name", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_name_is_kept_as_it_is_or_refused(client: Asking, porto: str, database: Database, name: str) -> None:
    """A name of a group or guest is told back letter by letter, or refused with nothing changed."""
    before = rows(database)
    for path in ("/v1/groups", f"{porto}/members"):
        answer = ask(client, "ana", "POST", path, {"name": name})
        if answer.status_code == 201:
            assert answer.json()["name"] == name
            before = rows(database)
        else:
            assert_refused(answer, 422)
            assert answer.json()["field"] == "name"
            assert rows(database) == before


def test_what_is_done_in_a_group_is_heard(parts: Parts, client: Asking, porto: str, bench: Bench) -> None:
    """Members hear what is done in their group in the stream of their events; a token without groups:read does not."""
    accept(client, "ben", link(client, porto))
    notifier_of(bench).catch_up()
    with (
        serving(parts) as url,
        listening(url, "ben") as ben,
        listening(url, "ben:history:read") as deaf,
    ):
        made(ask(client, "ana", "POST", f"{porto}/members", {"name": "Gus"}))
        made(ask(client, "ana", "POST", "/v1/friends", {"handle": "@ben"}))
        notifier_of(bench).catch_up()
        added, asked = (json.loads(one.data) for one in hear(ben, 2))
        parts.streams.close()
        assert list(deaf) == []
    assert (added["kind"], asked["kind"]) == ("member.added", "friend.asked")
    assert (added["wallet"], added["payment"], added["movement"]) == (None, None, None)
    guest = members(client, porto)["Gus"]["id"]
    words = "@ana added Gus, who has no account yet"
    assert added["group"] == {"id": porto.rpartition("/")[2], "subject": guest, "words": words, "actor": "@ana"}
