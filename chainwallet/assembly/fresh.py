"""Fresh local chains: the demo's, and those that are thrown away."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

from chainwallet import anvil, demo, deployment
from chainwallet.anvil.directory import ChainDirectory
from chainwallet.assembly.connecting import Connection, connection_on
from chainwallet.assembly.opening import OpenHome, now_s
from chainwallet.config import Config
from chainwallet.errors import HomeInUse
from chainwallet.home import Home
from chainwallet.rpc import Node


@contextmanager
def demo_tools(config: Config) -> Iterator[tuple[demo.Tools, bool]]:
    """A fresh local chain with its tools; whether they stay in the configured home afterwards.

    They do unless that home has a chain of its own, a database elsewhere, or is at work: then the demo runs in a
    directory that is removed.
    """
    binary = anvil.find_anvil(config.anvil)
    with ExitStack() as stack:
        opened, stays = _demo_home(config, stack)
        stack.callback(opened.close)
        running = stack.enter_context(anvil.open_chain(opened.home.chain, binary, Node, purpose="demo"))
        node = stack.enter_context(Node(running.url))
        connection = connection_on(opened, node, deployment.chain_of(node), is_local=True, deploys=True)
        stack.callback(connection.close)
        yield (
            demo.Tools(
                node=node,
                database=opened.database,
                wallets=opened.wallets,
                home=opened.home,
                deliver=connection.relayer.deliver,
                roles=connection.roles,
                relayer=opened.service("relayer").address,
                now_s=now_s,
            ),
            stays,
        )


def _demo_home(config: Config, stack: ExitStack) -> tuple[OpenHome, bool]:
    home = Home(config.home)
    try:
        held = ExitStack()
        held.enter_context(home.locked(wait_s=0))
    except HomeInUse:
        return _throwaway_home(config, stack), False
    if config.database is not None or not _is_free_for_demo(home):
        held.close()
        return _throwaway_home(config, stack), False
    stack.push(held)
    _remove_chain(home)
    return OpenHome(replace(config, rpc=None, keystore=None, signer_command=None, deployer_key=None), home), True


def _remove_chain(home: Home) -> None:
    """Makes room for a fresh chain; an interruption leaves either the old one or none."""
    directory = ChainDirectory(home.chain)
    identity = directory.identity()
    if identity is None:
        return
    directory.state.unlink()
    shutil.rmtree(home.chain)
    for manifest in home.manifests.glob(f"{identity.chain_id}-*.json"):
        manifest.unlink()


def _is_free_for_demo(home: Home) -> bool:
    directory = ChainDirectory(home.chain)
    identity = directory.identity()
    return directory.owner_pid() is None and (identity is None or identity.purpose == "demo")


def _throwaway_home(config: Config, stack: ExitStack, database: str | None = None) -> OpenHome:
    path = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="chainwallet-")))
    return OpenHome(Config(home=path, anvil=config.anvil, database=database), Home(path))


@contextmanager
def throwaway_chain(config: Config, database: str | None = None) -> Iterator[tuple[Connection, str]]:
    """A fresh local chain at work, with a home of its own, and where it answers; all is removed afterwards.

    Only what it writes into ``database``, where one is given, stays.
    """
    binary = anvil.find_anvil(config.anvil)
    with ExitStack() as stack:
        opened = _throwaway_home(config, stack, database)
        stack.callback(opened.close)
        running = stack.enter_context(anvil.open_chain(opened.home.chain, binary, Node))
        node = stack.enter_context(Node(running.url))
        connection = connection_on(opened, node, deployment.chain_of(node), is_local=True, deploys=True)
        stack.callback(connection.close)
        yield connection, running.url
