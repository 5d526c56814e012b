"""The API's process: HTTP by uvicorn, on a socket that outlives it."""

import socket

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route
from starlette.types import ASGIApp

from chainwallet import deployment
from chainwallet.assembly import Connection, connect, make_services, open_home
from chainwallet.config import Config
from chainwallet.evm import to_hex
from chainwallet.serve import wake
from chainwallet.serve.log import log_to_stderr, say
from chainwallet.serve.place import url_of
from chainwallet.serve.signals import StopSignals

GRACE_S = 10
"""For requests that are under way when told to stop; then they are cut off."""
KEEP_ALIVE_S = 30
"""For the next request of a connection."""


def answer(config: Config, listening: socket.socket, stop: StopSignals, rings: int | None) -> None:
    """Answers at ``listening`` until told to stop; requests that are under way are finished.

    ``rings`` is the worker's bell. Raises what keeps it from starting.
    """
    log_to_stderr("api")
    make_services(config)
    with open_home(config, alone=False) as opened, connect(opened, carries=False) as connection:
        app = _app(connection)
        if rings is not None:
            app = wake.Ringing(app, lambda: wake.ring(rings))
        server = uvicorn.Server(
            uvicorn.Config(
                app,
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=False,
                timeout_keep_alive=KEEP_ALIVE_S,
                timeout_graceful_shutdown=GRACE_S,
            )
        )
        if not stop:
            say("api", "listens", url=url_of(listening))
            server.run(sockets=[listening])
    say("api", "stopped")


def _app(connection: Connection) -> ASGIApp:
    manifest = deployment.known_manifest(connection.node, connection.opened.home.manifests)

    def network(_: Request) -> JSONResponse:
        return JSONResponse({"chain_id": manifest.chain.chain_id, "genesis": to_hex(manifest.chain.genesis)})

    def ok(_: Request) -> JSONResponse:
        return JSONResponse({"status": "ok"})

    return Starlette(routes=[Route("/v1/network", network), Route("/readyz", ok), Route("/healthz", ok)])
