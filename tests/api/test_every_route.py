"""What holds for every route there is, generated from the app and its OpenAPI document."""

from collections.abc import Callable, Iterator
from itertools import count

import pytest

from chainwallet.accounts import change_role
from chainwallet.api.app import TAGS, make_app
from chainwallet.api.kinds import KINDS
from chainwallet.api.openapi import document_of, routes_of, scope_of
from chainwallet.api.parts import Parts
from chainwallet.api.problems import MEDIA_TYPE
from chainwallet.api.routes import events
from chainwallet.api.routing import Route
from chainwallet.config import ApiLimits
from chainwallet.rules.scope import SCOPES
from tests.api.operations import Operation, operations
from tests.api.people import Person, sign_in, sign_up, with_doors
from tests.api.residents import follow_all
from tests.api.service import Asking, bearer
from tests.chain.bench import Bench
from tests.chain.clearing.friends import add_debt

MATRIX: dict[str, str | None] = {
    "POST /v1/accounts": None,
    "GET /v1/account": "account:read",
    "POST /v1/account/password": "session",
    "POST /v1/sessions": None,
    "GET /v1/sessions": "session",
    "DELETE /v1/sessions/{id}": "session",
    "POST /v1/keys": "keys:write",
    "GET /v1/keys": "keys:write",
    "DELETE /v1/keys/{id}": "keys:write",
    "POST /v1/wallets/challenges": "session",
    "POST /v1/wallets": "session",
    "GET /v1/wallets": "account:read",
    "POST /v1/wallets/{address}/default": "session",
    "POST /v1/quotes": "payments:read",
    "POST /v1/payments": "payments:write",
    "GET /v1/payments": "payments:read",
    "GET /v1/payments/{id}": "payments:read",
    "POST /v1/payments/{id}/signature": "payments:write",
    "POST /v1/payments/{id}/cancel": "payments:write",
    "POST /v1/requests": "payments:write",
    "GET /v1/requests": "payments:read",
    "GET /v1/requests/{request}": "payments:read",
    "POST /v1/requests/{request}/cancel": "payments:write",
    "POST /v1/requests/{request}/remind": "payments:write",
    "POST /v1/requests/{request}/link": "payments:write",
    "GET /v1/requests/{request}/qr": "payments:read",
    "POST /v1/requests/{request}/parts/{part}/pay": "payments:write",
    "POST /v1/requests/{request}/parts/{part}/decline": "payments:write",
    "GET /v1/request-links/{token}": "payments:read",
    "POST /v1/request-links/{token}/pay": "payments:write",
    "POST /v1/topups": "issuer:write",
    "GET /v1/topups/{reference}": "issuer:write",
    "POST /v1/withdrawals": "issuer:write",
    "GET /v1/withdrawals/{reference}": "issuer:write",
    "POST /v1/withdrawals/{reference}/payback": "issuer:write",
    "POST /v1/groups": "groups:write",
    "GET /v1/groups": "groups:read",
    "GET /v1/groups/{group}": "groups:read",
    "PATCH /v1/groups/{group}": "groups:write",
    "GET /v1/groups/{group}/activity": "groups:read",
    "POST /v1/groups/{group}/members": "groups:write",
    "PATCH /v1/groups/{group}/members/{member}": "groups:write",
    "DELETE /v1/groups/{group}/members/{member}": "groups:write",
    "POST /v1/groups/{group}/members/{member}/claim-link": "groups:write",
    "POST /v1/groups/{group}/invitations": "groups:write",
    "GET /v1/groups/{group}/invitations": "groups:read",
    "DELETE /v1/groups/{group}/invitations/{invitation}": "groups:write",
    "GET /v1/invitations": "groups:read",
    "POST /v1/invitations/accept": "groups:write",
    "POST /v1/invitations/{invitation}/accept": "groups:write",
    "POST /v1/invitations/{invitation}/decline": "groups:write",
    "POST /v1/friends": "groups:write",
    "GET /v1/friends": "groups:read",
    "POST /v1/groups/{group}/bills": "groups:write",
    "GET /v1/groups/{group}/bills": "groups:read",
    "POST /v1/groups/{group}/accept-bills": "groups:write",
    "GET /v1/groups/{group}/bills/{bill}": "groups:read",
    "PUT /v1/groups/{group}/bills/{bill}": "groups:write",
    "DELETE /v1/groups/{group}/bills/{bill}": "groups:write",
    "POST /v1/groups/{group}/bills/{bill}/restore": "groups:write",
    "POST /v1/groups/{group}/bills/{bill}/reversal": "groups:write",
    "POST /v1/groups/{group}/bills/{bill}/accept": "groups:write",
    "POST /v1/groups/{group}/bills/{bill}/reject": "groups:write",
    "POST /v1/groups/{group}/bills/{bill}/propose": "groups:write",
    "POST /v1/groups/{group}/bills/{bill}/withdraw": "groups:write",
    "POST /v1/groups/{group}/bills/{bill}/adopt": "groups:write",
    "POST /v1/groups/{group}/bills/{bill}/payments": "payments:write",
    "POST /v1/groups/{group}/bills/{bill}/paid-elsewhere": "groups:write",
    "GET /v1/groups/{group}/balances": "groups:read",
    "GET /v1/groups/{group}/plan-preview": "groups:read",
    "POST /v1/groups/{group}/plans": "groups:write",
    "GET /v1/groups/{group}/plans": "groups:read",
    "GET /v1/groups/{group}/plans/{plan}": "groups:read",
    "POST /v1/groups/{group}/plans/{plan}/consent": "groups:write",
    "POST /v1/groups/{group}/plans/{plan}/drop": "groups:write",
    "DELETE /v1/groups/{group}/plans/{plan}": "groups:write",
    "POST /v1/groups/{group}/imports": "groups:write",
    "GET /v1/groups/{group}/imports": "groups:read",
    "GET /v1/groups/{group}/imports/{import}": "groups:read",
    "POST /v1/groups/{group}/imports/{import}/commit": "groups:write",
    "POST /v1/groups/{group}/imports/{import}/undo": "groups:write",
    "GET /v1/groups/{group}/export.csv": "groups:read",
    "GET /v1/groups/{group}/export.json": "groups:read",
    "POST /v1/group-imports": "groups:write",
    "GET /v1/history": "history:read",
    "GET /v1/balances": "history:read",
    "GET /v1/events": "history:read",
    "GET /v1/audit/addresses/{address}/movements": None,
    "GET /v1/audit/addresses/{address}/balance": None,
    "GET /v1/audit/supply": None,
    "GET /v1/network": None,
    "GET /healthz": None,
    "GET /readyz": None,
    "GET /metrics": None,
    "GET /docs": None,
    "GET /openapi.json": None,
    "GET /problems/{slug}": None,
}
"""Who may use which route: a scope, "session" for whoever signed in with a password, None for everybody.

To be read by a person.
"""

_EURO = {"amount": "1.00", "currency": "EUR"}
_ONE = {"amount": "1.00"}
_DINNER = {"title": "Dinner", "currency": "EUR", "total": "1.00"}
_TRIP = "Date,Description,Category,Cost,Currency,Bo\n2026-05-01,Dinner,Food,0.00,EUR,0.00\n"
_NOBODY = "00000000000000aa"
_NUMBERS = count()


def _wallet(person: Person) -> dict[str, str]:
    return {"address": person.get("/v1/wallets").json()["wallets"][0]["address"]}


def _payment(owner: Person) -> dict[str, str]:
    answer = owner.post("/v1/payments", {"id": f"p-{next(_NUMBERS)}", "payee": "@ben", "amount": _EURO})
    return {"id": answer.json()["id"]}


def _session(owner: Person) -> dict[str, str]:
    return {"id": sign_in(owner.asking, owner.handle).session_id}


def _key(owner: Person) -> dict[str, str]:
    return {"id": owner.key("account:read")["key"]["id"]}


def _topup(owner: Person) -> dict[str, str]:
    order = {"reference": f"RF-{next(_NUMBERS)}", "payee": "@ben", "amount": _EURO}
    return {"reference": owner.post("/v1/topups", order).json()["reference"]}


def _withdrawal(owner: Person) -> dict[str, str]:
    order = {"id": f"w-{next(_NUMBERS)}", "payee": "@issuer", "amount": _EURO}
    paid = owner.post("/v1/payments", order).json()["id"]
    order = {"reference": f"OUT-{paid}", "payer": "@ana", "amount": _EURO, "payment": paid}
    return {"reference": owner.post("/v1/withdrawals", order).json()["reference"]}


def _group(owner: Person) -> dict[str, str]:
    return {"group": owner.post("/v1/groups", {"name": f"Trip {next(_NUMBERS)}"}).json()["id"]}


def _guest(owner: Person) -> dict[str, str]:
    group = _group(owner)["group"]
    return {"group": group, "member": owner.post(f"/v1/groups/{group}/members", {"name": "Cy"}).json()["id"]}


def _link(owner: Person) -> dict[str, str]:
    group = _group(owner)["group"]
    made = owner.post(f"/v1/groups/{group}/invitations", {}).json()
    return {"group": group, "invitation": made["invitation"]["id"]}


def _invitation(owner: Person) -> dict[str, str]:
    """One that ``owner`` got from somebody who knows the owner's handle."""
    host = sign_up(owner.asking, f"host-{next(_NUMBERS)}")
    group = _group(host)["group"]
    made = host.post(f"/v1/groups/{group}/invitations", {"handle": owner.handle}).json()
    return {"invitation": made["invitation"]["id"]}


def _bill(owner: Person) -> dict[str, str]:
    """One by which its author owes a guest, so that it asks nobody."""
    ids = _guest(owner)
    me = next(one["me"] for one in owner.get("/v1/groups").json()["groups"] if one["id"] == ids["group"])
    order = {**_DINNER, "split": {"mode": "equal", "people": [me]}, "payers": [{"member": ids["member"], **_ONE}]}
    return {"group": ids["group"], "bill": owner.post(f"/v1/groups/{ids['group']}/bills", order).json()["id"]}


def _debt(owner: Person) -> dict[str, str]:
    """A group in which ``owner`` owes somebody a euro."""
    group = _group(owner)["group"]
    friend = sign_up(owner.asking, f"friend-{next(_NUMBERS)}")
    made = owner.post(f"/v1/groups/{group}/invitations", {"handle": friend.handle}).json()
    friend.post(f"/v1/invitations/{made['invitation']['id']}/accept")
    me, other = (one["id"] for one in owner.get(f"/v1/groups/{group}").json()["members"])
    with owner.asking.app.state.parts.database.transaction() as tx:
        add_debt(tx, group, me, other, 1_00)
    return {"group": group}


def _plan(owner: Person) -> dict[str, str]:
    group = _debt(owner)["group"]
    return {"group": group, "plan": owner.post(f"/v1/groups/{group}/plans", {"currency": "EUR"}).json()["id"]}


def _request(owner: Person) -> dict[str, str]:
    made = owner.post("/v1/requests", {"parts": [{"amount": _EURO}]}).json()["request"]
    return {"request": made["id"], "part": made["parts"][0]["id"]}


def _import(owner: Person) -> dict[str, str]:
    group = _group(owner)["group"]
    made = owner.post(f"/v1/groups/{group}/imports", {"file_name": "trip.csv", "content": _TRIP}).json()
    owner.post(f"/v1/groups/{group}/imports/{made['id']}/commit")
    return {"group": group, "import": made["id"]}


OWNED: dict[str, Callable[[Person], dict[str, str]]] = {
    "DELETE /v1/sessions/{id}": _session,
    "DELETE /v1/keys/{id}": _key,
    "POST /v1/wallets/{address}/default": _wallet,
    "GET /v1/payments/{id}": _payment,
    "POST /v1/payments/{id}/signature": _payment,
    "POST /v1/payments/{id}/cancel": _payment,
    "GET /v1/requests/{request}": _request,
    "POST /v1/requests/{request}/cancel": _request,
    "POST /v1/requests/{request}/remind": _request,
    "POST /v1/requests/{request}/link": _request,
    "GET /v1/requests/{request}/qr": _request,
    "POST /v1/requests/{request}/parts/{part}/pay": _request,
    "POST /v1/requests/{request}/parts/{part}/decline": _request,
    "GET /v1/topups/{reference}": _topup,
    "GET /v1/withdrawals/{reference}": _withdrawal,
    "POST /v1/withdrawals/{reference}/payback": _withdrawal,
    "GET /v1/groups/{group}": _group,
    "PATCH /v1/groups/{group}": _group,
    "GET /v1/groups/{group}/activity": _group,
    "POST /v1/groups/{group}/members": _group,
    "PATCH /v1/groups/{group}/members/{member}": _guest,
    "DELETE /v1/groups/{group}/members/{member}": _guest,
    "POST /v1/groups/{group}/members/{member}/claim-link": _guest,
    "POST /v1/groups/{group}/invitations": _group,
    "GET /v1/groups/{group}/invitations": _group,
    "DELETE /v1/groups/{group}/invitations/{invitation}": _link,
    "POST /v1/invitations/{invitation}/accept": _invitation,
    "POST /v1/invitations/{invitation}/decline": _invitation,
    "POST /v1/groups/{group}/bills": _group,
    "GET /v1/groups/{group}/bills": _group,
    "POST /v1/groups/{group}/accept-bills": _group,
    "GET /v1/groups/{group}/balances": _group,
    **{
        f"{method} /v1/groups/{{group}}/bills/{{bill}}{what}": _bill
        for method, whats in {
            "GET": [""],
            "PUT": [""],
            "DELETE": [""],
            "POST": [
                "/restore",
                "/reversal",
                "/accept",
                "/reject",
                "/propose",
                "/withdraw",
                "/adopt",
                "/payments",
                "/paid-elsewhere",
            ],
        }.items()
        for what in whats
    },
    "GET /v1/groups/{group}/plan-preview": _debt,
    "POST /v1/groups/{group}/plans": _debt,
    "GET /v1/groups/{group}/plans": _plan,
    "GET /v1/groups/{group}/plans/{plan}": _plan,
    "POST /v1/groups/{group}/plans/{plan}/consent": _plan,
    "POST /v1/groups/{group}/plans/{plan}/drop": _plan,
    "DELETE /v1/groups/{group}/plans/{plan}": _plan,
    "POST /v1/groups/{group}/imports": _group,
    "GET /v1/groups/{group}/imports": _group,
    "GET /v1/groups/{group}/export.csv": _group,
    "GET /v1/groups/{group}/export.json": _group,
    "GET /v1/groups/{group}/imports/{import}": _import,
    "POST /v1/groups/{group}/imports/{import}/commit": _import,
    "POST /v1/groups/{group}/imports/{import}/undo": _import,
}
"""Of each route with an id of somebody's thing in its path: makes such a thing of the owner's, and gives its ids."""

BODIES: dict[str, object] = {
    "POST /v1/payments/{id}/signature": {"signature": "0x" + "1b" * 65},
    "PATCH /v1/groups/{group}": {"name": "Lisbon"},
    "POST /v1/groups/{group}/members": {"name": "Dee"},
    "PATCH /v1/groups/{group}/members/{member}": {"name": "Cyprian"},
    "POST /v1/groups/{group}/members/{member}/claim-link": {},
    "POST /v1/groups/{group}/invitations": {},
    "POST /v1/groups/{group}/bills": {
        **_DINNER,
        "split": {"mode": "equal", "people": [_NOBODY]},
        "payers": [{"member": _NOBODY, **_ONE}],
    },
    "PUT /v1/groups/{group}/bills/{bill}": {
        **_DINNER,
        "version": 1,
        "split": {"mode": "equal", "people": [_NOBODY]},
        "payers": [{"member": _NOBODY, **_ONE}],
    },
    "POST /v1/groups/{group}/bills/{bill}/accept": {"version": 1},
    "POST /v1/groups/{group}/bills/{bill}/withdraw": {"version": 1},
    "POST /v1/groups/{group}/bills/{bill}/reject": {"version": 1, "reason": "no"},
    "POST /v1/groups/{group}/bills/{bill}/propose": {
        "version": 1,
        "reason": "no",
        "split": {"mode": "equal", "people": [_NOBODY]},
    },
    "POST /v1/groups/{group}/bills/{bill}/adopt": {"version": 1, "member": _NOBODY},
    "POST /v1/groups/{group}/bills/{bill}/payments": {"version": 1},
    "POST /v1/groups/{group}/bills/{bill}/paid-elsewhere": {"version": 1},
    "POST /v1/groups/{group}/plans": {"currency": "EUR"},
    "POST /v1/groups/{group}/plans/{plan}/drop": {"member": "00" * 8},
    "POST /v1/requests/{request}/parts/{part}/decline": {"reason": "why"},
    "POST /v1/groups/{group}/imports": {"file_name": "trip.csv", "content": _TRIP},
}
"""What a route is asked with that does not look for an id before it has a good body."""

BY_LINK = {"GET /v1/request-links/{token}", "POST /v1/request-links/{token}/pay"}
"""What is for whoever has the secret in its path."""

FOR_THE_ISSUERS = "issuer:write"


@pytest.fixture(autouse=True)
def short_streams(monkeypatch: pytest.MonkeyPatch) -> None:
    """Event streams end at once."""
    monkeypatch.setattr(events, "LIFE_S", 0)


@pytest.fixture
def doors(parts: Parts) -> Iterator[Asking]:
    """The service, to which people come in by sessions and keys of their own."""
    with Asking(make_app(with_doors(parts), ApiLimits(*[10**6] * 5))) as asking:
        yield asking


@pytest.fixture
def ana(doors: Asking, parts: Parts, bench: Bench) -> Person:
    """Has 100.00, and is one of the issuer's people."""
    follow_all(bench).catch_up()
    person = sign_up(doors, "ana")
    change_role(parts.database, "ana", "issuer", 5, granted=True)
    return person


@pytest.fixture
def every(client: Asking) -> list[Operation]:
    return list(operations(document_of(client.app)))


def test_routes_and_document_are_the_same(client: Asking, every: list[Operation]) -> None:
    """Every route of the service is in its OpenAPI document, and the document lists nothing else."""
    routes = {f"{method} {route.path_format}" for route in routes_of(client.app) for method in route.methods}
    assert {str(operation) for operation in every} == routes
    assert client.get("/openapi.json").json() == document_of(client.app)
    assert document_of(client.app)["openapi"].startswith("3.1.")


def test_who_may_use_what_is_written_down(every: list[Operation]) -> None:
    """The scope of every route is the one that the table says, and the table has no other routes."""
    assert {str(operation): operation.scope for operation in every} == MATRIX


def test_credentials_go_as_far_as_their_scopes(doors: Asking, ana: Person, every: list[Operation]) -> None:
    """For every route: nothing without a token or with a made-up one, and a key opens those of its scope alone."""
    keys = {scope: bearer(ana.key(scope)["token"]) for scope in SCOPES}
    for operation in every:
        for nobody in ({}, bearer("cws_" + "A" * 43), bearer("cwk_" + "A" * 43), bearer("x")):
            status = operation.ask(doors, nobody).status_code
            assert (status == 401) == (operation.scope is not None), f"{operation}: {status}"
        for scope in SCOPES:
            status = operation.ask(doors, keys[scope]).status_code
            assert status < 500, str(operation)
            assert status != 401, str(operation)
            assert (status == 403) == (operation.scope not in (None, "", scope)), f"{operation} with {scope}"
        assert operation.ask(doors, ana.headers).status_code not in (401, 403), str(operation)


def test_what_is_anothers_is_not_there(doors: Asking, ana: Person, every: list[Operation]) -> None:
    """For every route with the id of somebody's thing: another account is told that there is none, or not allowed.

    And the thing stays as it is: its owner finds and changes it by the same route afterwards.
    """
    ben = sign_up(doors, "ben")
    bens_key = bearer(ben.key(*(scope for scope in SCOPES if scope != FOR_THE_ISSUERS))["token"])
    with_ids = {str(operation): operation for operation in every if operation.ids and operation.scope is not None}
    assert with_ids.keys() == OWNED.keys() | BY_LINK
    for name, make in OWNED.items():
        operation, ids, body = with_ids[name], make(ana), BODIES.get(name)
        for headers in (ben.headers, bens_key):
            answer = operation.ask(doors, headers, body, **ids)
            is_refused = operation.scope == FOR_THE_ISSUERS or (operation.scope == "session" and headers is bens_key)
            assert answer.status_code == (403 if is_refused else 404), f"{name}: {answer.text}"
            assert "ana" not in answer.text, name
        answer = operation.ask(doors, ana.headers, body, **ids)
        assert answer.status_code in (200, 201, 202, 204, 409, 422), f"{name}: {answer.text}"


def test_lists_have_nothing_of_anothers(doors: Asking, ana: Person, every: list[Operation]) -> None:
    """Every route that lists for its caller lists nothing of what another account has."""
    ben = sign_up(doors, "ben")
    for make in dict.fromkeys(OWNED.values()):
        make(ana)
    hers = [*ana.get("/v1/sessions").json()["sessions"], *ana.get("/v1/keys").json()["keys"]]
    names = [one["id"] for one in hers] + [one["id"] for one in ana.get("/v1/payments").json()["payments"]]
    names += [one["id"] for one in ana.get("/v1/groups").json()["groups"]]
    names += [one["id"] for one in ana.get("/v1/invitations").json()["invitations"]]
    names += [one["id"] for one in ana.get("/v1/requests").json()["requests"]]
    names += [wallet["address"] for wallet in ana.get("/v1/wallets").json()["wallets"]]
    assert len(names) >= 6
    lists = [one for one in every if one.method == "GET" and one.scope not in (None, FOR_THE_ISSUERS) and not one.ids]
    for operation in lists:
        answer = operation.ask(doors, ben.headers)
        assert answer.status_code == 200, str(operation)
        assert not [name for name in names if name in answer.text], str(operation)


def kinds_of(described: dict[str, dict[str, dict[str, dict[str, object]]]]) -> Iterator[str]:
    for response in described.values():
        yield from response.get("content", {}).get(MEDIA_TYPE, {}).get("examples", {})  # type: ignore[misc]


def test_every_route_lists_its_errors_with_examples(client: Asking) -> None:
    """Each route's errors are listed with an example each, and every kind that there is belongs to some route."""
    document = document_of(client.app)
    tags = {tag["name"] for tag in TAGS}
    for path, by_method in document["paths"].items():
        for described in by_method.values():
            assert set(described["tags"]) <= tags, path
            assert described["description"], path
            kinds = set(kinds_of(described["responses"]))
            assert {"too-many-requests", "internal-error"} <= kinds <= KINDS.keys(), path
            if "requestBody" in described:
                assert {"broken-json", "body-too-large", "not-json", "invalid-request"} <= kinds, path
            if "security" in described:
                assert {"not-signed-in", "not-allowed"} <= kinds, path
            assert "HTTPValidationError" not in str(described)


def test_every_route_refuses_parameters_that_it_does_not_have(ana: Person, every: list[Operation]) -> None:
    """A parameter of the query that no route has is refused by name by all of them, those without any included."""
    for operation in every:
        answer = operation.ask(ana.asking, ana.headers, params={"limitt": "5"})
        assert (answer.status_code, answer.json()["type"]) == (422, "/problems/invalid-request"), operation
        assert (answer.json()["field"], answer.json()["value"]) == ("limitt", "5")


def test_every_route_is_called_as_the_frame_means_it(client: Asking) -> None:
    """All routes come from the service's own router, which calls a plain function in one thread."""
    for route in routes_of(client.app):
        assert isinstance(route.original_route, Route), route.path
        assert scope_of(route) is None or route.path.startswith("/v1/")


def test_the_reference_needs_nothing_from_afar(client: Asking, every: list[Operation]) -> None:
    """The page for people lists every route, and loads nothing, from another place or from here."""
    page = client.get("/docs")
    assert all(operation.path.replace("&", "&amp;") in page.text for operation in every)
    assert "src=" not in page.text
    assert "<link" not in page.text
    assert "<script" not in page.text
    assert "url(" not in page.text
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
