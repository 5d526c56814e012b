"""Requests and their answers: tried again where that is safe, with pauses that grow, as long as ``retry_s`` says.

A request that may be repeated is one whose second time changes nothing: what reads, and what the service knows by an
id of ours. Any other is repeated only where the service never had it, or refused it without a change.
"""

import random
import time
import uuid
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import httpx
from httpx_sse import EventSource, ServerSentEvent, SSEError

from chainwallet.client.problems import BadAnswer, Problem, Refusal, Unreachable, problem_of

CONNECT_S = 5.0
ANSWER_S = 30.0
SILENCE_S = 45.0  # of a stream, whose signs of life come every 15 s
FIRST_PAUSE_S = 0.1
LONGEST_PAUSE_S = 2.0
NO_CONTENT = 204
NOT_FOUND = 404
FROM_A_PROXY = (502, 503, 504)  # what stands before the service says that it is not there
RETRY_S = 30.0

NEVER_ARRIVED = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
Query = Mapping[str, str | int | None]


class Transport:
    """The way to one service. ``token`` may change between requests; one thread at a time."""

    def __init__(
        self, url: str, token: str | None, retry_s: float = RETRY_S, through: httpx.BaseTransport | None = None
    ) -> None:
        self.url = url.rstrip("/")
        self.token = token
        self._retry_s = retry_s
        timeout = httpx.Timeout(ANSWER_S, connect=CONNECT_S)
        self._http = httpx.Client(base_url=self.url, timeout=timeout, transport=through, trust_env=False)

    def close(self) -> None:
        """Closes its connections."""
        self._http.close()

    def get(self, path: str, query: Query | None = None, *, also_good: Collection[int] = ()) -> Any:
        """The document at ``path``; ``also_good`` are statuses that come with one, beside those of success.

        Raises ``Problem``, ``Unreachable`` and ``BadAnswer``, as all the others do.
        """
        return self._ask("GET", path, query=query, also_good=also_good)

    def get_bytes(self, path: str, query: Query | None = None) -> bytes:
        """What is at ``path``, which is no document: an image."""
        found: bytes = self._ask("GET", path, query=query, is_document=False)
        return found

    def post(self, path: str, body: object = None, *, repeats: bool, key: str | None = None) -> Any:
        """The answer to ``body``; ``repeats`` says that a second time changes nothing, because of its id or ``key``."""
        return self._ask("POST", path, body=body, repeats=repeats, key=key)

    def make(self, path: str, body: object = None, key: str | None = None) -> Any:
        """The answer to what is done once for the Idempotency-Key ``key`` (None: a new one)."""
        return self.post(path, body, repeats=True, key=key or uuid.uuid4().hex)

    def patch(self, path: str, body: object) -> Any:
        """The answer to a change that may be asked for again: what it leaves is the same."""
        return self._ask("PATCH", path, body=body)

    def put(self, path: str, body: object) -> Any:
        """The answer to what takes the place of what is at ``path``; asked for again it is the same."""
        return self._ask("PUT", path, body=body)

    def delete(self, path: str) -> None:
        """Ends what is at ``path``; where an answer was lost and it is gone, it was ended."""
        self._ask("DELETE", path)

    def events(self, path: str, after: int | None) -> Iterator[ServerSentEvent]:
        """Events after the one numbered ``after`` (None: from now), as long as they are asked for.

        Comes back where the connection breaks, after the last event that it had. Raises ``Unreachable`` where it does
        not come back within ``retry_s``, and ``Problem``.
        """
        patience = _Patience(self._retry_s)
        while True:
            wait_s: float | None = None
            try:
                with self._stream(path, after) as source:
                    for event in source.iter_sse():
                        patience = _Patience(self._retry_s)
                        if event.data:
                            after = int(event.id)
                            yield event
                reason = "the stream ended"
            except httpx.TransportError as error:
                reason = _words(error)
            except SSEError as error:
                raise BadAnswer(str(error), "a stream of events") from error
            except Problem as problem:
                if not problem.is_passing:
                    raise
                reason, wait_s = str(problem), problem.retry_after_s
            if not patience.pause(wait_s):
                raise Unreachable(self.url, reason)

    # ------------------------------------------------------------------------------------------------ one request

    def _ask(
        self,
        method: str,
        path: str,
        *,
        query: Query | None = None,
        body: object = None,
        repeats: bool = True,
        key: str | None = None,
        also_good: Collection[int] = (),
        is_document: bool = True,
    ) -> Any:
        headers = self._headers() | ({} if key is None else {"Idempotency-Key": key})
        parameters = {name: value for name, value in (query or {}).items() if value is not None}
        patience, is_unsure = _Patience(self._retry_s), False
        while True:
            try:
                answer = self._http.request(method, path, params=parameters, json=body, headers=headers)
            except httpx.TransportError as error:
                is_unsure |= not isinstance(error, NEVER_ARRIVED)
                if (is_unsure and not repeats) or not patience.pause():
                    raise Unreachable(self.url, _words(error)) from error
                continue
            if answer.is_success or answer.status_code in also_good:
                return _document(answer) if is_document else answer.content
            if is_unsure and method == "DELETE" and answer.status_code == NOT_FOUND:
                return None
            problem = _problem(answer)
            may_repeat = problem.is_passing and (repeats or isinstance(problem, Refusal))
            if not may_repeat or not patience.pause(problem.retry_after_s):
                raise problem
            is_unsure |= not isinstance(problem, Refusal)

    @contextmanager
    def _stream(self, path: str, after: int | None) -> Iterator[EventSource]:
        headers = self._headers() | {"Accept": "text/event-stream", "Cache-Control": "no-store"}
        if after is not None:
            headers["Last-Event-ID"] = str(after)
        timeout = httpx.Timeout(SILENCE_S, connect=CONNECT_S)
        with self._http.stream("GET", path, headers=headers, timeout=timeout) as answer:
            if not answer.is_success:
                answer.read()
                raise _problem(answer)
            yield EventSource(answer)

    def _headers(self) -> dict[str, str]:
        return {} if self.token is None else {"Authorization": f"Bearer {self.token}"}


class _Patience:
    """Pauses that grow, until ``retry_s`` are over."""

    def __init__(self, retry_s: float) -> None:
        self._ends_at = time.monotonic() + retry_s
        self._pause_s = FIRST_PAUSE_S

    def pause(self, at_least_s: float | None = None) -> bool:
        """Waits; False, at once, where the wait would end too late."""
        spread = random.uniform(0.5, 1.0)  # noqa: S311 - so that many clients do not come back at once
        wait_s = max(self._pause_s * spread, at_least_s or 0)
        self._pause_s = min(LONGEST_PAUSE_S, self._pause_s * 2)
        if time.monotonic() + wait_s > self._ends_at:
            return False
        time.sleep(wait_s)
        return True


def _document(answer: httpx.Response) -> Any:
    if answer.status_code == NO_CONTENT:
        return None
    try:
        return answer.json()
    except ValueError:
        raise BadAnswer(f"{answer.text[:80]!r}", "JSON") from None


def _problem(answer: httpx.Response) -> Problem:
    """The problem that an answer tells; one without a document is a proxy's, or another service's."""
    members: Any = None
    if answer.headers.get("content-type", "").partition(";")[0].endswith("json"):
        try:
            members = answer.json()
        except ValueError:
            members = None
    if isinstance(members, dict) and "type" in members:
        return problem_of(answer.status_code, members, _retry_after_s(answer))
    if answer.status_code in FROM_A_PROXY:
        told = {"title": f"HTTP status {answer.status_code}", "detail": "something before the service cannot reach it"}
        return problem_of(answer.status_code, told, _retry_after_s(answer))
    raise BadAnswer(f"status {answer.status_code} and {answer.text[:80]!r}", "a problem's document")


def _retry_after_s(answer: httpx.Response) -> int | None:
    """The header Retry-After (RFC 9110 section 10.2.3), in seconds; None where there is none that reads."""
    text = answer.headers.get("retry-after", "")
    if text.isdecimal():
        return int(text)
    try:
        return max(0, int((parsedate_to_datetime(text) - datetime.now(UTC)).total_seconds()))
    except (ValueError, TypeError):
        return None


def _words(error: Exception) -> str:
    return str(error) or type(error).__name__
