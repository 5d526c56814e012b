"""Events over HTTP: a real server, real streams, broken off and taken up again."""

import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import httpx
import pytest
import uvicorn
from httpx_sse import ServerSentEvent, connect_sse

from chainwallet.accounts import Caller
from chainwallet.api.app import make_app
from chainwallet.api.parts import Parts
from chainwallet.api.routes import events
from chainwallet.errors import NotSignedIn
from chainwallet.notifier import Streams
from chainwallet.notifier.streams import MOST_OF_ACCOUNT
from tests.api.residents import notifier_of, pay, settle_in
from tests.api.service import Asking, bearer, caller_of, each_of
from tests.chain.bench import Bench, wait_for


@contextmanager
def serving(parts: Parts) -> Iterator[str]:
    """The service at a port of its own, and where that is."""
    listening = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(make_app(parts), log_config=None, timeout_graceful_shutdown=5)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    try:
        wait_for(lambda: server.started)
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        parts.streams.close()
        server.should_exit = True
        thread.join()
        listening.close()


@contextmanager
def listening(url: str, name: str = "ana", last: str | None = None, query: str = "") -> Iterator[Iterator[Any]]:
    headers = bearer(name) | ({} if last is None else {"Last-Event-ID": last})
    with (
        httpx.Client(timeout=20) as client,
        connect_sse(client, "GET", f"{url}/v1/events{query}", headers=headers) as s,
    ):
        assert s.response.status_code == 200
        assert s.response.headers["cache-control"] == "no-store"
        yield s.iter_sse()


def hear(heard: Iterator[ServerSentEvent], count: int) -> list[ServerSentEvent]:
    return [next(heard) for _ in range(count)]


@pytest.fixture
def settled(bench: Bench) -> Bench:
    settle_in(bench)
    notifier_of(bench).catch_up()
    return bench


ANAS = ["payment.accepted", "payment.signed", "payment.carried", "payment.executed", "payment.final"]


def test_a_payment_is_heard_by_both_sides(parts: Parts, settled: Bench) -> None:
    """The payer hears each step with the payment's id, the payee what comes in and that it is final; nothing else."""
    with serving(parts) as url, listening(url) as ana, listening(url, "ben", query="?after=0") as ben:
        pay(settled, "ana", "ben", "12.34", "dinner-1", "private words")
        anas, bens = hear(ana, 5), hear(ben, 2)
    assert [one.event for one in anas] == ANAS
    assert [one.event for one in bens] == ["movement.incoming", "movement.final"]
    documents = [json.loads(one.data) for one in anas]
    assert [one["id"] for one in documents] == [int(one.id) for one in anas] == sorted({one["id"] for one in documents})
    assert documents[-1]["payment"]["id"] == "dinner-1"
    assert documents[-1]["payment"]["amount"] == {"amount": "12.34", "currency": "EUR"}
    assert json.loads(bens[0].data)["movement"]["amount"] == {"amount": "12.34", "currency": "EUR"}
    assert "dinner-1" not in "".join(one.data for one in bens)
    assert "private words" not in "".join(one.data for one in anas + bens)


def test_no_event_is_lost_or_doubled_over_a_restart(parts: Parts, settled: Bench) -> None:
    """A listener that comes back to another process with its last event hears exactly what it missed."""
    with serving(parts) as url, listening(url) as ana:
        pay(settled, "ana", "ben", "1", "one")
        heard = hear(ana, 3)
    pay(settled, "ana", "ben", "2", "two")
    with serving(replace(parts, streams=Streams(parts.database, poll_s=0.01))) as url:
        with listening(url, last=heard[-1].id) as ana:
            heard += hear(ana, 7)
            pay(settled, "ana", "ben", "3", "three")
            heard += hear(ana, 5)
        with listening(url, query="?after=0") as ana:
            whole = hear(ana, 17)
    assert [(one.event, json.loads(one.data)["payment"]["id"]) for one in heard] == [
        (kind, name) for name in ("one", "two", "three") for kind in ANAS
    ]
    assert [one.id for one in whole if one.event.startswith("payment")] == [one.id for one in heard]


@pytest.mark.parametrize("last", ["abc", "-1", "1.5", "", "9" * 30, "7777777"])
def test_a_last_event_that_is_none_is_refused(client: Asking, settled: Bench, last: str) -> None:
    """What is no event's number, or one that no event has yet, is refused by the header's name."""
    assert settled
    answer = client.get("/v1/events", headers={**bearer("ana"), "Last-Event-ID": last})
    assert answer.status_code == 422
    assert answer.json()["field"] == "Last-Event-ID"


def test_streams_of_one_account_are_bounded(parts: Parts, settled: Bench) -> None:
    """One more stream than an account may have is refused with how long to wait; who leaves makes room."""
    assert settled
    with serving(parts) as url:
        clients = [httpx.Client(timeout=20) for _ in range(MOST_OF_ACCOUNT)]
        opened = [client.stream("GET", f"{url}/v1/events", headers=bearer("ana")) for client in clients]
        answers = [stream.__enter__() for stream in opened]
        assert [answer.status_code for answer in answers] == [200] * MOST_OF_ACCOUNT
        refused = httpx.get(f"{url}/v1/events", headers=bearer("ana"))
        assert (refused.status_code, refused.headers["retry-after"]) == (429, "5")
        with listening(url, "ben"):
            assert len(parts.streams) == MOST_OF_ACCOUNT + 1
        for stream in opened:
            stream.__exit__(None, None, None)
        for client in clients:
            client.close()
        wait_for(lambda: len(parts.streams) == 0)


def test_a_stream_lives_as_long_as_its_credentials(
    parts: Parts, settled: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Signs of life come while nothing happens; a session that is revoked ends its streams with the next one."""
    assert settled
    monkeypatch.setattr(events, "HEARTBEAT_S", 0.02)
    revoked = threading.Event()

    def revocable(token: str) -> Caller:
        if revoked.is_set():
            raise NotSignedIn("it was revoked")
        return caller_of(token)

    with serving(replace(parts, callers_of=each_of(revocable))) as url, httpx.Client(timeout=20) as client:
        with client.stream("GET", f"{url}/v1/events", headers=bearer("ana")) as answer:
            lines = answer.iter_lines()
            assert [next(lines) for _ in range(6)] == ["retry: 2000", *":::::"]
            revoked.set()
            assert set(lines) <= {":"}
        wait_for(lambda: len(parts.streams) == 0)


def test_the_end_of_the_process_ends_its_streams(parts: Parts, settled: Bench) -> None:
    """A service that stops ends its streams at once and whole; nobody waits for a heartbeat."""
    assert settled
    with (
        serving(parts) as url,
        httpx.Client(timeout=20) as client,
        client.stream("GET", f"{url}/v1/events", headers=bearer("ana")) as answer,
    ):
        lines = answer.iter_lines()
        assert next(lines) == "retry: 2000"
        began_s = time.monotonic()
        parts.streams.close()
        assert list(lines) == []
        assert time.monotonic() - began_s < 5
