"""Puts the routes into their frame."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, closing
from http import HTTPStatus

from fastapi import APIRouter, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

import chainwallet
from chainwallet.api.frame import Frame, failure, networks, origins
from chainwallet.api.hot import Shortcut
from chainwallet.api.limits import Rates
from chainwallet.api.metrics import Metrics
from chainwallet.api.openapi import document_of, routes_of
from chainwallet.api.parts import Parts
from chainwallet.api.problems import Problem, problem, problem_of, problem_of_input
from chainwallet.api.readers import Readers
from chainwallet.api.routes import (
    accounts,
    audit,
    bills,
    events,
    groups,
    health,
    history,
    interchange,
    invitations,
    issuing,
    network,
    pages,
    payments,
    plans,
    requests,
)
from chainwallet.api.routing import THREADS, hot_routes_of
from chainwallet.config import ApiLimits
from chainwallet.errors import ChainwalletError

TITLE = "chainwallet"
SUMMARY = "A wallet ledger whose money lives in smart contracts."
DESCRIPTION = (
    "Amounts are decimal strings with their currency, times are RFC 3339 in UTC, addresses have their EIP-55 checksum. "
    "Unknown fields and parameters are refused. What goes wrong is told as problem details (RFC 9457), whose types "
    "have a page each."
)
TAGS = [
    {"name": "accounts", "description": "Who asks: sign-up, sessions, API keys, and your wallets."},
    {"name": "payments", "description": "Money for somebody else, once for each id."},
    {"name": "requests", "description": "Money that you ask others for, and are asked for."},
    {"name": "issuing", "description": "Money in and out against a bank's reference, for the issuer's people."},
    {"name": "groups", "description": "People who share bills: groups, members, guests, invitations and friends."},
    {"name": "bills", "description": "What a group spent: divided exactly, agreed to, settled; and its balances."},
    {"name": "plans", "description": "Settling up: what a group owes is cleared by one transaction that all sign."},
    {"name": "interchange", "description": "Groups in and out as files, to the cent."},
    {"name": "history", "description": "Your movements and balances, from the verified history of the chain."},
    {"name": "events", "description": "What happens to your payments, and what comes in, as it happens."},
    {"name": "audit", "description": "What anybody may check: movements, balances of the past, the supply."},
    {"name": "network", "description": "The chain, the currencies and their contracts."},
    {"name": "operation", "description": "For those who run the service."},
    {"name": "documentation", "description": "For people who read, and for programs."},
]
ROUTERS: tuple[APIRouter, ...] = (
    accounts.router,
    payments.router,
    requests.router,
    issuing.router,
    groups.router,
    invitations.router,
    bills.router,
    plans.router,
    interchange.router,
    history.router,
    events.router,
    audit.router,
    network.router,
    health.router,
    pages.router,
)


def make_app(
    parts: Parts,
    limits: ApiLimits | None = None,
    *,
    cors_origins: tuple[str, ...] = (),
    trusted_proxies: tuple[str, ...] = (),
    monotonic_s: Callable[[], float] = time.monotonic,
    routers: tuple[APIRouter, ...] = ROUTERS,
) -> FastAPI:
    """The service over ``parts``. Raises ``BadValue`` for an origin or a trusted proxy that is none."""
    limits = limits or ApiLimits()
    app = FastAPI(
        title=TITLE,
        version=chainwallet.__version__,
        summary=SUMMARY,
        description=DESCRIPTION,
        openapi_tags=TAGS,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        lifespan=_threads,
        telemetry={"tracing": False, "metrics": False, "logs": False},  # ours are the log and /metrics
    )
    app.state.parts = parts
    app.state.rates = Rates(limits, monotonic_s)
    app.state.metrics = Metrics()
    app.state.readers = Readers(on_loop=parts.database.is_file)
    for router in routers:
        app.include_router(router)
    app.add_exception_handler(ChainwalletError, _refused)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(Exception, _failed)
    hot_routes = {key: hot for router in routers for key, hot in hot_routes_of(router).items()}
    # Around all layers of the framework, which a hot route needs none of.
    app.middleware_stack = Frame(
        Shortcut(app.build_middleware_stack(), routes=hot_routes),
        rates=app.state.rates,
        metrics=app.state.metrics,
        body_bytes=limits.body_bytes,
        origins=origins(cors_origins),
        proxies=networks(trusted_proxies),
    )
    app.openapi = lambda: document_of(app)  # type: ignore[method-assign]  # as FastAPI has it done
    return app


@asynccontextmanager
async def _threads(app: FastAPI) -> AsyncIterator[None]:
    """While the service runs its routes have threads enough."""
    with ThreadPoolExecutor(THREADS, "route") as executor, closing(app.state.readers):
        asyncio.get_running_loop().set_default_executor(executor)
        yield


async def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, ChainwalletError)  # noqa: S101 - the app calls it for nothing else
    return _answer(request, problem_of(error))


async def _invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101 - as above
    return _answer(request, problem_of_input(error))


async def _http(request: Request, error: Exception) -> Response:
    """What the framework itself refuses: an unknown path, another method."""
    assert isinstance(error, HTTPException)  # noqa: S101 - as above
    slug = {HTTPStatus.NOT_FOUND: "no-such-route", HTTPStatus.METHOD_NOT_ALLOWED: "method-not-allowed"}.get(
        HTTPStatus(error.status_code), "broken-request"
    )
    headers = {"Allow": _allowed(request)} if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED else {}
    return _answer(request, problem(slug, str(error.detail), headers=headers))


async def _failed(request: Request, _: Exception) -> Response:
    """What nobody foresaw: the frame says in the log where it failed."""
    return failure().response(request.state.request_id)


def _allowed(request: Request) -> str:
    """All methods of the path; the framework names those of its first route alone."""
    path = request.scope["path"]
    return ", ".join(
        sorted({method for route in routes_of(request.app) if route.path_regex.match(path) for method in route.methods})
    )


def _answer(request: Request, found: Problem) -> Response:
    return found.response(request.state.request_id)
