"""What the client does when a service does not answer, or answers "not now": against real connections."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from chainwallet.client import BadAnswer, Client, Trouble, Unreachable
from chainwallet.client.problems import (
    AlreadyExists,
    InstallationTrouble,
    InsufficientFunds,
    NotFound,
    NotSignedIn,
    StoreTrouble,
    TooManyRequests,
    TooManyTries,
)

Answer = tuple[int, dict[str, str], bytes] | None
"""Status, headers and body; None: the connection breaks after the request has come."""
PAYMENT = {
    "id": "order-1",
    "payer": {"address": "0xa", "handle": "@ana"},
    "payee": {"address": "0xb", "handle": None},
    "amount": {"amount": "12.40", "currency": "EUR"},
    "memo": None,
    "stage": "queued",
    "waits": "",
    "reason": "",
    "nonce": "7",
    "payment_ref": "0x00",
    "valid_before": "2026-11-28T09:41:00Z",
    "made_at": "2026-11-27T09:41:00Z",
    "execution": None,
    "to_sign": None,
}


@dataclass
class Flaky:
    """A server that answers what it is told to, in order, and writes down what it was asked."""

    answers: list[Answer]
    asked: list[tuple[str, str, dict[str, str], Any]] = field(default_factory=list)
    at: list[float] = field(default_factory=list)
    url: str = ""


@contextmanager
def answering(*answers: Answer) -> Iterator[Flaky]:
    """It runs inside the block."""
    flaky = Flaky(list(answers))

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            size = int(self.headers.get("content-length") or 0)
            body = json.loads(self.rfile.read(size)) if size else None
            flaky.asked.append((self.command, self.path, {k.lower(): v for k, v in self.headers.items()}, body))
            flaky.at.append(time.monotonic())
            answer = flaky.answers.pop(0)
            self.close_connection = True
            if answer is None:
                return
            status, headers, content = answer
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_DELETE = answer  # noqa: N815 - as http.server calls them

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        flaky.url = f"http://127.0.0.1:{server.server_address[1]}"
        try:
            yield flaky
        finally:
            server.shutdown()
            thread.join()


def good(document: Any, status: int = 200) -> Answer:
    return status, {"Content-Type": "application/json"}, json.dumps(document).encode()


def problem(slug: str, status: int, **headers: str) -> Answer:
    document = {"type": f"/problems/{slug}", "title": "Not now", "status": status, "detail": "why", "field": "f"}
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    return status, {"Content-Type": "application/problem+json", **given}, json.dumps(document).encode()


def test_a_payment_whose_answer_was_lost_is_asked_for_again_under_its_id() -> None:
    """A payment is asked for again under the same id when the connection breaks or the service says not now."""
    with answering(None, problem("store-trouble", 503), good(PAYMENT, 202)) as flaky, Client(flaky.url, "t") as client:
        paid = client.pay("@ben", "12.40 EUR", memo="tickets")
    bodies = [body for _, _, _, body in flaky.asked]
    assert len(bodies) == 3
    assert bodies[0] == bodies[1] == bodies[2]
    assert bodies[0]["amount"] == {"amount": "12.40", "currency": "EUR"}
    assert (paid.id, str(paid.amount), paid.payee.handle) == ("order-1", "12.40 EUR", None)


def test_an_idempotency_key_stays_the_same() -> None:
    """What is made once by an Idempotency-Key is asked for again under the same key, and anew under another one."""
    made = {"token": "cwk_x", "key": {"id": "1", "name": "n", "scopes": [], "made_at": PAYMENT["made_at"],
                                      "last_used_at": None, "expires_at": None}}  # fmt: skip
    with answering(None, good(made, 201), good(made, 201)) as flaky, Client(flaky.url, "t") as client:
        first, second = client.make_key("n", ["account:read"]), client.make_key("n", ["account:read"])
    keys = [headers["idempotency-key"] for _, _, headers, _ in flaky.asked]
    assert keys[0] == keys[1] != keys[2]
    assert first == second
    assert "cwk_x" not in repr(first)


def test_the_service_says_how_long_to_wait() -> None:
    """The client waits as long as Retry-After says, where it has that much patience; else it says so at once."""
    later = problem("too-many-requests", 429, Retry_After="1")
    with answering(later, good(PAYMENT)) as flaky, Client(flaky.url) as client:
        client.payment("order-1")
    assert flaky.at[1] - flaky.at[0] >= 1
    with (
        answering(problem("too-many-requests", 429, Retry_After="60")) as flaky,
        Client(flaky.url, retry_s=5) as client,
        pytest.raises(TooManyRequests) as refused,
    ):
        client.payment("order-1")
    assert refused.value.retry_after_s == 60


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (problem("insufficient-funds", 409), InsufficientFunds),
        (problem("installation-trouble", 503, Retry_After="1"), InstallationTrouble),
        (problem("too-many-tries", 429, Retry_After="1"), TooManyTries),
        (problem("new-in-2027", 500), Trouble),
        (good("no object"), BadAnswer),
        (good({**PAYMENT, "nonce": 7}), BadAnswer),
        (good({**PAYMENT, "amount": {"amount": 12.4, "currency": "EUR"}}), BadAnswer),
        ((200, {}, b"<html>"), BadAnswer),
        ((404, {"Content-Type": "text/html"}, b"<html>"), BadAnswer),
    ],
)
def test_what_no_second_try_makes_better_is_raised_at_once(answer: Answer, expected: type[Exception]) -> None:
    """A refusal, a trouble that needs a person and an answer of another service are raised, and asked for once."""
    with answering(answer, answer) as flaky, Client(flaky.url, retry_s=0.05) as client, pytest.raises(expected):
        client.payment("order-1")
    assert len(flaky.asked) == 1


def test_members_of_a_problem_can_be_read() -> None:
    """An error has the problem's title, detail, members and status, and is one line for a person."""
    with (
        answering(problem("already-exists", 409)) as flaky,
        Client(flaky.url) as client,
        pytest.raises(AlreadyExists, match=r"^Not now: why$") as refused,
    ):
        client.sign_up("@ana", "x")
    assert (refused.value.status, refused.value.members["field"], refused.value.slug) == (409, "f", "already-exists")


ONLY_ONCE: list[Callable[[Client], object]] = [
    lambda client: client.sign_up("@ana", "x"),
    lambda client: client.sign_in("@ana", "x"),
    lambda client: client.change_password("x", "y"),
    lambda client: client.take_address("n", "0x"),
]


@pytest.mark.parametrize("ask", ONLY_ONCE)
@pytest.mark.parametrize(("answer", "expected"), [(None, Unreachable), (problem("store-trouble", 503), StoreTrouble)])
def test_what_has_no_id_is_never_repeated(
    ask: Callable[[Client], object], answer: Answer, expected: type[Exception]
) -> None:
    """Where nobody knows whether it was done, and it has no id of its own, it is not done again by itself."""
    with answering(answer, answer) as flaky, Client(flaky.url, retry_s=1) as client, pytest.raises(expected):
        ask(client)
    assert len(flaky.asked) == 1


def test_an_end_whose_answer_was_lost_has_ended() -> None:
    """A key that is gone when its end is asked for again was ended; one that is gone at first never was."""
    with answering(None, problem("not-found", 404)) as flaky, Client(flaky.url) as client:
        client.revoke_key("1")
    with answering(problem("not-found", 404)) as flaky, Client(flaky.url) as client, pytest.raises(NotFound):
        client.revoke_key("../1")
    assert flaky.asked[0][1] == "/v1/keys/..%2F1"


def test_nobody_there_is_said_after_a_while() -> None:
    """Where nothing listens, the client gives up after its patience, names the place and says why."""
    with answering() as flaky:
        pass
    began = time.monotonic()
    with Client(flaky.url, retry_s=0.5) as client, pytest.raises(Unreachable, match=flaky.url):
        client.network()
    assert time.monotonic() - began < 5


def test_a_stream_goes_on_after_the_last_event() -> None:
    """When a stream of events breaks, the client comes back with the last event's id and repeats none."""

    def stream(*ids: int) -> Answer:
        known = {"kind": "k", "at": PAYMENT["made_at"], "wallet": "0xa", "payment": None, "movement": None}
        lines = "".join(f"id: {one}\nevent: k\ndata: {json.dumps({'id': one, **known})}\n\n" for one in ids)
        return 200, {"Content-Type": "text/event-stream"}, f"retry: 2000\n:\n{lines}id: 9\nda".encode()

    answers = (stream(3, 4), None, problem("history-behind", 503), stream(5), problem("not-signed-in", 401))
    with answering(*answers) as flaky, Client(flaky.url, "t") as client:
        events = client.events(after=2)
        assert [next(events).id for _ in range(3)] == [3, 4, 5]
        with pytest.raises(NotSignedIn, match="Not now"):
            next(events)
    assert [headers["last-event-id"] for _, _, headers, _ in flaky.asked] == ["2", "4", "4", "4", "5"]
