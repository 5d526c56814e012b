"""The frame: request ids, one line of log, security headers, CORS by list, limits of bodies and rates."""

import json
import logging
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack
from typing import Annotated, Any

import httpx
import pytest
from fastapi import Depends
from pydantic import BaseModel, ConfigDict

from chainwallet.accounts import Caller
from chainwallet.api.app import make_app
from chainwallet.api.body import MOST_DEPTH
from chainwallet.api.callers import signed_in
from chainwallet.api.limits import MOST_KEYS, Rate, limited_sign_in, limited_sign_up
from chainwallet.api.parts import Parts
from chainwallet.api.routing import Router
from chainwallet.config import ApiLimits
from chainwallet.errors import BadValue, TooMany
from chainwallet.rules.throttle import place_of
from tests.api.service import Asking, bearer

JSON = {"Content-Type": "application/json"}
SECRET = "hunter2-hunter2"
ORIGIN = "https://shop.example"


class Note(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)
    text: str = ""
    deep: object = None


router = Router(tags=["tests"])


@router.post("/notes")
async def note(body: Note) -> str:
    return body.text


@router.get("/notes/{note_id}")
async def one_note(note_id: str, caller: Annotated[Caller, Depends(signed_in("account:read"))], key: str = "") -> str:
    return note_id + caller.handle + key


@router.post("/sign-in", dependencies=[Depends(limited_sign_in)])
async def sign_in() -> str:
    return "in"


@router.post("/sign-up", dependencies=[Depends(limited_sign_up)])
async def sign_up() -> str:
    return "up"


class Clock:
    """A clock that the test moves."""

    now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def service(parts: Parts, clock: Clock) -> Iterator[Callable[..., Asking]]:
    """Makes the service with settings of the test's own, and who asks it."""
    with ExitStack() as stack:

        def made(limits: ApiLimits | None = None, *, address: str = "192.0.2.1", **settings: Any) -> Asking:
            app = make_app(parts, limits, routers=(router,), monotonic_s=clock, **settings)
            return stack.enter_context(Asking(app, address))

        yield made


@pytest.fixture
def asking(service: Callable[..., Asking]) -> Asking:
    return service()


# ------------------------------------------------------------------------------------------------ ids, logs, headers


def test_a_request_has_an_id(asking: Asking) -> None:
    """A caller's own request id is kept where it is plain; else each request gets a new one."""
    assert asking.get("/nothing", headers={"X-Request-Id": "order-7.1"}).json()["request_id"] == "order-7.1"
    for strange in ("a b", "x" * 65, "é", "a\tb", ""):
        given = asking.get("/nothing", headers={"X-Request-Id": strange.encode("utf-8")})
        assert given.headers["x-request-id"] == given.json()["request_id"] != strange
    made = {asking.get("/nothing").headers["x-request-id"] for _ in range(10)}
    assert len(made) == 10


def test_the_log_has_a_line_for_each_request(asking: Asking, caplog: pytest.LogCaptureFixture) -> None:
    """A request's line says what was asked by whom and how it ended, and holds no body, token, query or path value."""
    caplog.set_level(logging.INFO, "chainwallet.api")
    asking.get(f"/notes/{SECRET}?key={SECRET}", headers={**bearer("ana"), "X-Request-Id": "r1", "Cookie": SECRET})
    asking.post("/notes", json={"text": SECRET})
    asking.get(f"/{SECRET}")
    first, second, third = (json.loads(record.message) for record in caplog.records if record.name == "chainwallet.api")
    assert {name: first[name] for name in ("request_id", "method", "route", "status", "caller")} == {
        "request_id": "r1",
        "method": "GET",
        "route": "/notes/{note_id}",
        "status": 200,
        "caller": 1,
    }
    assert first["ms"] >= 0
    assert (second["route"], second["status"], second["caller"]) == ("/notes", 200, None)
    assert (third["route"], third["status"]) == (None, 404)
    assert SECRET not in caplog.text


def test_every_answer_has_security_headers(asking: Asking) -> None:
    """Answers say that they are not to be guessed, framed, stored or given to other sites, refusals too."""
    for answer in (asking.post("/notes", json={}), asking.get("/nothing"), asking.post("/notes", content=b"{")):
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["x-frame-options"] == "DENY"
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert answer.headers["content-security-policy"].startswith("default-src 'none'")


def test_other_origins_are_let_in_by_list_alone(service: Callable[..., Asking]) -> None:
    """A page of an origin that is not on the list gets no CORS header, and no origin is on it unless configured."""
    preflight = {"Origin": ORIGIN, "Access-Control-Request-Method": "POST"}
    for asking, allowed in ((service(), False), (service(cors_origins=(ORIGIN,)), True)):
        answer = asking.request("OPTIONS", "/notes", headers=preflight)
        assert answer.status_code == (204 if allowed else 403)
        for one in (answer, asking.post("/notes", json={}, headers={"Origin": ORIGIN})):
            assert one.headers.get("access-control-allow-origin") == (ORIGIN if allowed else None)
        other = asking.post("/notes", json={}, headers={"Origin": "https://evil.example"})
        assert "access-control-allow-origin" not in other.headers
        assert "access-control-allow-credentials" not in answer.headers


# ------------------------------------------------------------------------------------------------ bodies


async def chunks(size: int) -> AsyncIterator[bytes]:
    for _ in range(size // 1000):
        yield b" " * 1000


def told(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["type"].removeprefix("/problems/")


def test_a_body_has_a_limit(asking: Asking) -> None:
    """A body above 64 KiB is refused with 413, whether its length is told, told wrongly, or not told at all."""
    assert told(asking.post("/notes", json={"text": "x" * 70_000})) == (413, "body-too-large")
    assert told(asking.post("/notes", content=chunks(10**7), headers=JSON)) == (413, "body-too-large")
    lying = {**JSON, "Content-Length": "10"}
    assert told(asking.post("/notes", content=chunks(10**5), headers=lying)) == (413, "body-too-large")
    huge = {**JSON, "Content-Length": "9" * 4_000}
    assert told(asking.post("/notes", content=b"{}", headers=huge)) == (413, "body-too-large")
    assert asking.post("/notes", json={"text": "x" * 60_000}).status_code == 200


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"{", "not JSON at character 1"),
        (b"\xff", "byte 0 is not UTF-8"),
        ('{"text": "x"}'.encode("utf-16"), "not UTF-8"),
        (b'{"text": "a", "text": "b"}', "one name twice"),
        (b'{"deep": 9007199254740992}', "beyond 2^53"),
        (b'{"deep": -9007199254740993}', "beyond 2^53"),
        (b'{"deep": ' + b"9" * 5000 + b"}", "beyond 2^53"),
        (b'{"deep": NaN}', "NaN is not JSON"),
        (b'{"deep": -Infinity}', "-Infinity is not JSON"),
        (b'{"text": "\\ud800"}', "half of a surrogate pair"),
        (b'{"\\udfff": 1}', "half of a surrogate pair"),
        (b'{"deep": ' + b"[" * 60 + b"]" * 60 + b"}", f"at most {MOST_DEPTH} levels"),
        (b"[" * 60_000, f"at most {MOST_DEPTH} levels"),
        (b'{"a":' * 10_000, f"at most {MOST_DEPTH} levels"),
    ],
    ids=lambda value: str(value[:24]),
)
def test_json_that_readers_read_differently_is_refused(asking: Asking, body: bytes, why: str) -> None:
    """Broken, ambiguous and harmful JSON is refused with 400 and the reason, before a route sees it."""
    answer = asking.post("/notes", content=body, headers=JSON)
    assert told(answer) == (400, "broken-json")
    assert why in answer.json()["detail"]


def test_brackets_in_a_text_are_no_levels(asking: Asking) -> None:
    """A text may have as many brackets as it likes, and quoted quotation marks between them."""
    text = '[{"' * 500
    assert asking.post("/notes", json={"text": text}).json() == text


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""])
def test_bodies_are_json(asking: Asking, kind: str) -> None:
    """A body of another type than JSON is refused with 415, and so is one of no type."""
    assert told(asking.post("/notes", content=b'{"text": "a"}', headers={"Content-Type": kind})) == (415, "not-json")


# ------------------------------------------------------------------------------------------------ rates


def test_an_address_has_a_rate(service: Callable[..., Asking], clock: Clock) -> None:
    """Who asks more often than the rate allows gets 429, waits as long as Retry-After says, and is let in again."""
    asking = service(ApiLimits(address_per_minute=6))
    assert [asking.get("/nothing").status_code for _ in range(7)] == [404] * 6 + [429]
    refused = asking.get("/nothing")
    assert told(refused) == (429, "too-many-requests")
    clock.now_s += int(refused.headers["retry-after"]) - 0.01
    assert asking.get("/nothing").status_code == 429
    clock.now_s += 0.02
    assert [asking.get("/nothing").status_code for _ in range(2)] == [404, 429]


def test_an_account_has_a_rate_wherever_it_asks_from(service: Callable[..., Asking]) -> None:
    """All tokens of an account share its rate, and another account has its own."""
    asking = service(ApiLimits(account_per_minute=3))
    mine = [asking.get("/notes/1", headers=bearer(token)) for token in ("ana", "ana:account:read", "ana", "ana")]
    assert [answer.status_code for answer in mine] == [200, 200, 200, 429]
    assert asking.get("/notes/1", headers=bearer("ben")).status_code == 200


def test_signing_in_and_up_have_tighter_rates(service: Callable[..., Asking]) -> None:
    """Attempts to sign in, and new accounts, are counted apart from other requests of an address."""
    asking = service(ApiLimits(sign_in_per_minute=3, sign_up_per_minute=2))
    assert [asking.post("/sign-in").status_code for _ in range(4)] == [200] * 3 + [429]
    assert [asking.post("/sign-up").status_code for _ in range(3)] == [200] * 2 + [429]
    assert asking.get("/nothing").status_code == 404


def test_a_forwarded_address_is_believed_from_trusted_proxies_alone(service: Callable[..., Asking]) -> None:
    """X-Forwarded-For counts only behind a trusted proxy, and there the last address that is none of ours."""
    limits = ApiLimits(address_per_minute=2)

    def statuses(asking: Asking, *forwarded: str) -> list[int]:
        return [asking.get("/nothing", headers={"X-Forwarded-For": one}).status_code for one in forwarded]

    assert statuses(service(limits), "1.1.1.1", "2.2.2.2", "3.3.3.3") == [404, 404, 429]
    behind = service(limits, address="10.0.0.9", trusted_proxies=("10.0.0.0/8",))
    assert statuses(behind, "1.1.1.1", "2.2.2.2", "3.3.3.3") == [404, 404, 404]
    faked = ("7.7.7.7, 9.9.9.9", "8.8.8.8, 9.9.9.9, 10.1.1.1", "6.6.6.6,9.9.9.9")
    assert statuses(behind, *faked) == [404, 404, 429]


@pytest.mark.parametrize(
    "settings",
    [
        {"trusted_proxies": ("proxy.example",)},
        {"trusted_proxies": ("10.0.0.1/8",)},
        {"cors_origins": ("*",)},
        {"cors_origins": ("null",)},
        {"cors_origins": ("https://shop.example/",)},
    ],
)
def test_lists_that_are_none_are_refused_at_the_start(service: Callable[..., Asking], settings: dict[str, Any]) -> None:
    """A service with a proxy that is no network, or an origin that no browser sends, does not start."""
    with pytest.raises(BadValue) as refusal:
        service(**settings)
    assert refusal.value.field in settings


def test_a_rate_remembers_a_bounded_number_of_keys(clock: Clock) -> None:
    """However many addresses ask, memory is bounded; who asks on and on is not forgotten."""
    rate = Rate("requests", 2, clock)
    for number in range(MOST_KEYS + 500):
        rate.take(f"address {number}")
        if number % 1000 == 0:
            clock.now_s += 30  # one of two comes back
            rate.take("steady")
    assert len(rate) == MOST_KEYS
    rate.take("steady")
    with pytest.raises(TooMany):
        rate.take("steady")


@pytest.mark.parametrize(
    ("host", "key"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("unix", "unix"),
        ("x" * 1000, "x" * 64),
    ],
)
def test_what_addresses_are_counted_by(host: str, key: str) -> None:
    """An IPv6 subscriber's whole /64 counts as one address, an IPv4 address inside IPv6 as itself."""
    assert place_of(host) == key
