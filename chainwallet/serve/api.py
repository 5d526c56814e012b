"""The API's process: HTTP by uvicorn, on a socket that outlives it."""

import asyncio
import socket
import time
from contextlib import closing
from functools import partial
from urllib.parse import urlsplit

import uvicorn

from chainwallet import deployment
from chainwallet.accounts import Callers
from chainwallet.api.app import make_app
from chainwallet.api.parts import Parts
from chainwallet.assembly import (
    Connection,
    bills,
    carriers,
    clearings,
    connect,
    gatherer,
    groups,
    make_services,
    office,
    open_home,
    requests,
    teller,
)
from chainwallet.config import Config
from chainwallet.history import Audit
from chainwallet.interchange import Interchange
from chainwallet.notifier import Streams
from chainwallet.payments import Gatherer
from chainwallet.rpc import Node
from chainwallet.rules.sign_in_message import Site
from chainwallet.serve import wake
from chainwallet.serve.log import log_to_stderr, say
from chainwallet.serve.memory import settle
from chainwallet.serve.place import url_of
from chainwallet.serve.signals import StopSignals

GRACE_S = 10
"""For requests that are under way when told to stop; then they are cut off."""
KEEP_ALIVE_S = 30
"""For the next request of a connection."""
WITNESS_S = 2.0
"""For the node's word on a read; without it a read is answered and says so."""


def answer(config: Config, listening: socket.socket, stop: StopSignals, rings: int | None) -> None:
    """Answers at ``listening`` until told to stop; requests that are under way are finished.

    ``rings`` is the worker's bell. Raises what keeps it from starting.
    """
    log_to_stderr("api")
    make_services(config)
    with (
        open_home(config, alone=False) as opened,
        connect(opened, carries=False) as connection,
        connection.node.hurried(connection.chain, WITNESS_S) as witness,
        closing(gatherer()) as gathering,
        closing(Callers(opened.accounts)) as callers,
    ):
        parts = _parts(connection, config.public_url or url_of(listening), witness, gathering, callers)
        made = make_app(
            parts,
            config.api_limits,
            cors_origins=config.cors_origins,
            trusted_proxies=config.trusted_proxies,
        )
        app = made if rings is None else wake.Ringing(made, lambda: wake.ring(rings))
        server = _Server(
            parts.streams,
            uvicorn.Config(
                app,
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=False,
                timeout_keep_alive=KEEP_ALIVE_S,
                timeout_graceful_shutdown=GRACE_S,
            ),
        )
        settle()
        if not stop:
            say("api", "listens", url=url_of(listening))
            server.run(sockets=[listening])
    say("api", "stopped")


class _Server(uvicorn.Server):
    """Ends the event streams, which would go on, before it waits for the requests that are under way."""

    def __init__(self, streams: Streams, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._streams = streams

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Called when it was told to stop."""
        await asyncio.to_thread(self._streams.close)
        await super().shutdown(sockets)


def _parts(connection: Connection, url: str, witness: Node, gathering: Gatherer, callers: Callers) -> Parts:
    """What the routes work with, on the chain that ``connection`` serves; each contract's code is checked.

    People reach the service at ``url``.
    """
    opened = connection.opened
    deployment.open_ledgers(connection.node, opened.home.manifests)
    chronicle = connection.chronicle(witness)
    manifest = deployment.known_manifest(connection.node, opened.home.manifests)
    taking = teller(connection, gathering.accept, gathering.accept_soon)
    shared = bills(opened, taking)
    return Parts(
        accounts=opened.accounts,
        open_account=partial(opened.wallets.open_account, opened.accounts),
        site=Site(urlsplit(url).netloc, url, manifest.chain.chain_id),
        chronicle=chronicle,
        audit=Audit(chronicle, connection.node),
        streams=Streams(opened.database),
        teller=taking,
        requests=requests(connection, taking, url),
        office=office(connection, gathering.accept),
        groups=groups(opened),
        bills=shared,
        interchange=Interchange(shared),
        clearings=clearings(connection),
        database=opened.database,
        node=connection.node,
        manifest=manifest,
        confirmations=connection.confirmations,
        carriers=tuple(opened.service(name).address for name in carriers(opened.config)),
        callers_of=callers,
        clock_s=time.time,
    )
