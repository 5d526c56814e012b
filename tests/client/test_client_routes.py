"""The client beside the service's own document: every route has a method, every field and every problem is known."""

import dataclasses
import inspect
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from chainwallet.api.app import ROUTERS
from chainwallet.api.kinds import KINDS
from chainwallet.api.openapi import document_of
from chainwallet.api.schemas.events import EventDocument
from chainwallet.client import (
    Client,
    accounts,
    bills,
    events,
    groups,
    history,
    interchange,
    issuing,
    network,
    payments,
    plans,
    requests,
)
from chainwallet.client.problems import PROBLEMS, NotFound, Refusal, Trouble

BY_NAME = {
    "Account": "OwnAccountDocument",
    "ActivityPage": "ActivityDocument",
    "Amount": "ShownAmount",
    "Balances": "BalancesDocument",
    "Behind": "BehindDocument",
    "Between": "BetweenDocument",
    "Bill": "BillDocument",
    "BillLine": "LineDocument",
    "BillStory": "BillStoryDocument",
    "BillVersion": "VersionDocument",
    "Cancel": "CancelDocument",
    "Challenge": "ChallengeDocument",
    "CurrencyBalances": "CurrencyBalancesDocument",
    "Debt": "DebtDocument",
    "Done": "DoneDocument",
    "Event": "EventDocument",
    "Friend": "FriendDocument",
    "Friends": "FriendsDocument",
    "Group": "GroupDocument",
    "GroupBalances": "GroupBalancesDocument",
    "Groups": "GroupsDocument",
    "Import": "ImportDocument",
    "Imports": "ImportsDocument",
    "Invitation": "InvitationDocument",
    "Invitations": "InvitationsDocument",
    "Key": "KeyDocument",
    "Keys": "KeysDocument",
    "MadeInvitation": "MadeInvitationDocument",
    "MadeKey": "MadeKeyDocument",
    "MadeRequest": "MadeRequestDocument",
    "Member": "MemberDocument",
    "Net": "NetDocument",
    "Network": "NetworkDocument",
    "Owed": "OwedDocument",
    "Part": "PartDocument",
    "PartPayment": "PartPaymentDocument",
    "Payment": "PaymentStory",
    "Plan": "PlanDocument",
    "PlanLeg": "PlanLegDocument",
    "PlanPreview": "PreviewDocument",
    "Quote": "QuoteDocument",
    "Readiness": "ReadinessDocument",
    "Request": "RequestDocument",
    "Said": "SaidDocument",
    "Session": "SessionDocument",
    "Sessions": "SessionsDocument",
    "SignedIn": "SignedInDocument",
    "Supply": "SupplyDocument",
    "TopUp": "TopUpDocument",
    "Wallet": "WalletDocument",
    "Wallets": "WalletsDocument",
    "Withdrawal": "WithdrawalDocument",
}
"""Where an answer is called otherwise in the service's document."""
ANSWERS = [
    kind
    for module in (accounts, bills, events, groups, history, interchange, issuing, network, payments, plans, requests)
    for kind in vars(module).values()
    if dataclasses.is_dataclass(kind) and isinstance(kind, type) and kind.__module__ == module.__name__
]
FOR_OTHERS = {"/metrics", "/docs", "/openapi.json", "/problems/{}"}
"""What is for browsers and for monitoring."""
GIVEN: dict[str, Any] = {"scopes": ["payments:read"], "amount": "1 EUR", "parts": [], "split": {}, "payers": {}}


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    """The service's OpenAPI document."""
    app = FastAPI(title="chainwallet", version="0")
    for router in ROUTERS:
        app.include_router(router)
    return document_of(app)


def methods() -> Iterator[Callable[..., Any]]:
    """The client's methods that ask."""
    for name, method in inspect.getmembers(Client, inspect.isfunction):
        if not name.startswith("_") and name not in {"close", "sign_out"}:
            yield method


def ask(asking: Client, method: Callable[..., Any]) -> None:
    """Calls ``method`` with what it needs; what it would tell one by one is asked for too."""
    names = [one.name for one in inspect.signature(method).parameters.values() if one.default is one.empty]
    found = method(asking, **{name: GIVEN.get(name, "xx") for name in names[1:]})
    next(found)


def test_every_route_has_a_method(document: dict[str, Any]) -> None:
    """Each route of the service is asked by a method of the client, with parameters that it knows, and no other is."""
    asked: set[tuple[str, str]] = set()

    def answer(request: httpx.Request) -> httpx.Response:
        asked.add((request.method.lower(), re.sub(r"\bxx\b", "{}", request.url.path)))
        return httpx.Response(404, json={"type": "/problems/not-found", "title": "Not found"})

    with Client("http://service", "token", through=httpx.MockTransport(answer)) as asking:
        for method in methods():
            with pytest.raises(NotFound):
                ask(asking, method)
    there = {
        (verb, re.sub(r"\{\w+\}", "{}", path))
        for path, operations in document["paths"].items()
        for verb in operations
        if re.sub(r"\{\w+\}", "{}", path) not in FOR_OTHERS
    }
    assert asked == there


@pytest.mark.parametrize("kind", ANSWERS, ids=lambda kind: kind.__name__)
def test_every_field_of_an_answer_is_known(document: dict[str, Any], kind: type[Any]) -> None:
    """What the client reads of an answer is what the service's document says that it has."""
    event = EventDocument.model_json_schema()
    schemas = {**document["components"]["schemas"], "EventDocument": event, **event["$defs"]}
    schema = schemas[BY_NAME.get(kind.__name__, kind.__name__)]
    ours = {one.name for one in dataclasses.fields(kind) if not one.name.startswith("_")}
    assert ours == set(schema["properties"])


@pytest.mark.parametrize("slug", KINDS)
def test_every_kind_of_problem_is_an_error_of_its_name(slug: str) -> None:
    """Each type of problem is an error of the class of its name: a refusal below 500, else trouble."""
    kind = PROBLEMS[slug]
    assert kind.__name__ == "".join(word.capitalize() for word in slug.split("-"))
    assert issubclass(kind, Refusal if KINDS[slug].status < 500 else Trouble)


def test_no_error_is_without_a_problem() -> None:
    """The client knows no type of problem that the service does not have."""
    assert set(PROBLEMS) == set(KINDS)


def test_the_client_needs_nothing_else_of_the_package() -> None:
    """A program that uses the client loads httpx and httpx-sse, and no other part of this package."""
    code = "import sys, chainwallet.client; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.split()
    ours = {name for name in loaded if name.startswith("chainwallet")}
    assert {name for name in ours if not name.startswith("chainwallet.client")} == {"chainwallet"}
    assert not {"pydantic", "web3", "sqlalchemy", "fastapi"} & set(loaded)
