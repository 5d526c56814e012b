"""``Idempotency-Key``: a POST that is sent again is answered as it was the first time, and done once.

The answer is stored with the work, in one transaction; who asks meanwhile with the same key waits for it. Keys are an
account's own and live for a day (``store.idempotency``). A refusal is not stored: nothing was changed, so the next
request under the key is looked at anew. Payments have ids of their own instead.

A route takes ``once: GivenOnce`` and returns ``once.answer(parts, caller, work)``, where ``work`` does everything
in the transaction that it is given.
"""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Annotated

from fastapi import Depends, Header, Request
from starlette.responses import Response

from chainwallet.accounts import Caller
from chainwallet.api.parts import Parts
from chainwallet.api.schemas.document import Document
from chainwallet.errors import AlreadyExists, KeyReused
from chainwallet.store import idempotency
from chainwallet.store.database import Transaction
from chainwallet.store.idempotency import Answered

HEADER = "Idempotency-Key"
REPLAYED = "Idempotency-Replayed"


@dataclass(frozen=True)
class Once:
    """One request that may carry a key. ``status`` is what its route answers where all is well."""

    key: str | None
    request_hash: str
    status: int
    is_secret: bool = False

    def secret(self) -> "Once":
        """The same for an answer with a secret in it: that is told once, and asking again raises ``AlreadyExists``."""
        return replace(self, is_secret=True)

    def answer(self, parts: Parts, caller: Caller, work: Callable[[Transaction], Document]) -> Response:
        """The answer that ``work`` gives, or gave when the key came first.

        ``work`` may be called again after its changes were undone (``Database.write``). Raises ``KeyReused``, and what
        ``work`` raises; then nothing is stored.
        """

        def in_one(tx: Transaction) -> tuple[str, bool]:
            return self._found(tx, parts, caller) or self._kept(tx, parts, caller, work(tx))

        return self._response(*parts.database.write(in_one))

    def _found(self, tx: Transaction, parts: Parts, caller: Caller) -> tuple[str, bool] | None:
        if self.key is None:
            return None
        found = idempotency.find(tx, str(caller.account_id), self.key, int(parts.clock_s()))
        if found is None:
            return None
        if found.request_hash != self.request_hash:
            raise KeyReused(HEADER, self.key)
        if found.answer is None:
            raise AlreadyExists("answer with a secret, which is told once, to the Idempotency-Key", self.key)
        return found.answer, True

    def _kept(self, tx: Transaction, parts: Parts, caller: Caller, document: Document) -> tuple[str, bool]:
        text = document.model_dump_json()
        if self.key is not None:
            stored = Answered(self.request_hash, None if self.is_secret else text)
            idempotency.keep(tx, str(caller.account_id), self.key, stored, int(parts.clock_s()))
        return text, False

    def _response(self, text: str, is_replayed: bool) -> Response:
        headers = {REPLAYED: "true"} if is_replayed else {}
        return Response(text, self.status, headers, "application/json")


async def once_of(
    request: Request,
    idempotency_key: Annotated[
        str | None,
        Header(
            alias=HEADER,
            pattern=r"^[!-~]{1,64}$",
            description="Of your own making, new for each new request: asking again under it is answered alike for "
            "a day, and done once",
            examples=["top-up-2026-11-27-1"],
        ),
    ] = None,
) -> Once:
    """The dependency behind ``GivenOnce``."""
    status = request.scope["route"].status_code or HTTPStatus.OK
    if idempotency_key is None:
        return Once(None, "", status)
    body = await request.body()
    plain = json.dumps(json.loads(body), sort_keys=True) if body else ""
    named = f"{request.method} {request.url.path}\n{plain}"
    return Once(idempotency_key, hashlib.sha256(named.encode("ascii", "backslashreplace")).hexdigest(), status)


GivenOnce = Annotated[Once, Depends(once_of)]
"""The type of a route's parameter for what is done once."""
