"""The supervisor: starts the service's processes, starts again what ends, and stops them in order.

It opens no database, no key and no connection to the chain: what it does not hold cannot be lost with it.
"""

import json
import os
import socket
import time
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from http.client import HTTPException

from chainwallet.anvil.directory import now_text
from chainwallet.config import Config
from chainwallet.errors import ChainwalletError, ServiceFailed
from chainwallet.evm import ChainName, Hash32, from_hex
from chainwallet.home import Home
from chainwallet.manifest import Manifest
from chainwallet.serve import commands
from chainwallet.serve.local_chain import Answers, LocalChain, where_it_answers
from chainwallet.serve.log import say
from chainwallet.serve.place import Hold, Note, url_of, what_is_behind
from chainwallet.serve.process import Command, Process, spawn
from chainwallet.serve.set_up import (
    deployed_on,
    installed_on,
    local_chain_name,
    manifests_as_written,
    missing_currencies,
)
from chainwallet.serve.signals import StopSignals
from chainwallet.serve.wake import make_bell

TICK_S = 0.1
ASK_TIMEOUT_S = 2.0
TELL_EVERY_S = 30.0
"""A start that takes longer says why."""
MOST_ANSWER_BYTES = 1 << 20
REFUSED = 2  # exit status of a command that would be refused the next time too
API_GRACE_S = 15.0
"""For requests under way; a little longer than the API itself gives them."""
WORKER_GRACE_S = 60.0
"""For one tick; longer than it waits for a node that does not answer."""
CHAIN_GRACE_S = 150.0
"""For saving; then the last save, of at most some seconds before, stands."""


class ToldToStop(Exception):
    """Ends a start."""


class Supervisor:
    """The processes of one service, which has ``hold`` and answers at ``listening``, until ``stop``."""

    def __init__(self, config: Config, hold: Hold, listening: socket.socket, stop: StopSignals) -> None:
        self.url = url_of(listening)
        self._config = config
        self._home = Home(config.home)
        self._hold = hold
        self._listening = listening
        self._stop = stop
        self._hears, self._rings = make_bell()
        self._started_at = now_text()
        self._tell_again_at = time.monotonic() + TELL_EVERY_S
        self._answers: Answers | None = None
        self._chain = None if config.rpc else LocalChain(self._home.chain, self._process("chain", self._chain_command))
        self._worker = self._process("worker", self._worker_command)
        self._api = self._process("api", self._api_command)
        self._at_work: tuple[Process, ...] = ()
        """Those that need what ``_start`` sees to."""
        self._served: Manifest | None = None
        """What they serve."""
        self._written: Mapping[str, object] = {}
        """How the manifests were written that they read when they were started."""

    def run(self, currencies: Sequence[str], announce: Callable[[Manifest], None]) -> bool:
        """Serves until told to stop; ``announce`` is called once, when all is ready. Whether all ended in order.

        What ``currencies`` lack on the local chain is deployed first. Raises what keeps the service from starting;
        nothing of it runs afterwards.
        """
        try:
            self._note(is_ready=False)
            announce(self._start(currencies))
            while not self._stop:
                self._tick()
                self._stop.wait(TICK_S)
        except ToldToStop:
            pass
        finally:
            in_order = self._stop_all()
        return in_order

    # ------------------------------------------------------------------------------------------------ starting

    def _start(self, currencies: Sequence[str]) -> Manifest:
        if self._chain is not None:
            self._wait_for(self._chain_answers, self._chain.process)
            self._deploy(currencies)
        self._written = manifests_as_written(self._home)
        self._at_work = (self._worker, self._api)
        self._wait_for(self._is_ready, *self._at_work)
        self._served = installed = installed_on(self._home, self._served_chain(), currencies)
        self._note(is_ready=True)
        say("supervisor", "ready", url=self.url)
        return installed

    def _chain_answers(self) -> bool:
        return self._answers is not None

    def _wait_for(self, condition: Callable[[], bool], *starting: Process) -> None:
        while not condition():
            for process in starting:
                if process.last_status == REFUSED:
                    raise self._why(process)
            self._tick()
            self._stop.wait(TICK_S)
            if self._stop:
                raise ToldToStop

    def _why(self, process: Process) -> Exception:
        died = self._chain.why_it_died() if self._chain is not None and process is self._chain.process else None
        return died or ServiceFailed(process.name, REFUSED)

    def _deploy(self, currencies: Sequence[str]) -> None:
        """Deploys what is missing on the local chain, by a process of its own."""
        chain = local_chain_name(self._home)
        assert chain is not None  # noqa: S101 - it answers, and it is saved before it does
        lacks = missing_currencies(deployed_on(self._home, chain), currencies)
        if not lacks:
            return
        say("supervisor", "deploys", currencies=lacks)
        command = commands.deploy_command(self._config, self._rpc(), lacks, self._hold.descriptor)
        process = spawn(command, quiet=True)
        try:
            while process.poll() is None:
                self._stop.wait(TICK_S)
                if self._stop:
                    raise ToldToStop
        finally:
            process.terminate()  # what is under way goes on with the next start
            status = process.wait()
        if status != 0:
            raise ServiceFailed("deploy", status)

    def _is_ready(self) -> bool:
        trouble = what_is_behind(self.url)
        if trouble is not None and time.monotonic() > self._tell_again_at:
            self._tell_again_at = time.monotonic() + TELL_EVERY_S
            say("supervisor", "not ready yet", answer=trouble)
        return trouble is None

    def _served_chain(self) -> ChainName:
        """The chain that the API serves, as it says."""
        network = self._ask("/v1/network")
        if not isinstance(network, dict):
            raise ServiceFailed("api", 0)
        return ChainName(int(network["chain_id"]), Hash32(from_hex(network["genesis"])))

    def _ask(self, path: str) -> object:
        """What the API answers there; None where it does not, or not with success."""
        try:
            with urllib.request.urlopen(self.url + path, timeout=ASK_TIMEOUT_S) as answer:  # noqa: S310 - our own API
                found: object = json.loads(answer.read(MOST_ANSWER_BYTES))
                return found
        except (OSError, ValueError, HTTPException):
            return None

    # ------------------------------------------------------------------------------------------------ at work

    def _tick(self) -> None:
        if self._chain is not None:
            self._chain.tick()
            self._follow(where_it_answers(self._home.chain))
        if self._served is not None:
            self._take_up(self._served)
        for process in self._at_work:
            process.tick()

    def _follow(self, found: Answers | None) -> None:
        """Has the others go on where the chain answers now: a chain that was killed may have forgotten something."""
        if found is None or found == self._answers:
            return
        if self._answers is not None:
            say("supervisor", "the local chain was started again", url=found.url)
            for process in self._at_work:
                process.start_again()
        self._answers = found

    def _take_up(self, served: Manifest) -> None:
        """Has the others begin anew where a currency was deployed since: they know the ledgers of their start."""
        written = manifests_as_written(self._home)
        if written == self._written:
            return
        self._written = written
        try:
            deployed = deployed_on(self._home, served.chain)
        except ChainwalletError as error:  # those at work go on with what they know
            say("supervisor", f"leaves a manifest alone: {error}")
            return
        news = {one.currency for one in deployed.contracts} - {one.currency for one in served.contracts}
        if news:
            say("supervisor", "takes up what was deployed", currencies=sorted(news))
            self._served = deployed
            for process in self._at_work:
                process.start_again()

    # ------------------------------------------------------------------------------------------------ what is run

    def _process(self, name: str, command: Callable[[], Command]) -> Process:
        return Process(name, command, time.monotonic)

    def _chain_command(self) -> Command:
        return commands.chain_command(self._config, self._hold.descriptor)

    def _worker_command(self) -> Command:
        return commands.worker_command(self._config, self._rpc(), self._hold.descriptor, self._hears)

    def _api_command(self) -> Command:
        listening = self._listening.fileno()
        return commands.api_command(self._config, self._rpc(), self._hold.descriptor, listening, self._rings)

    def _rpc(self) -> str:
        if self._config.rpc is not None:
            return self._config.rpc
        assert self._answers is not None  # noqa: S101 - nothing that asks is started before
        return self._answers.url

    def _note(self, *, is_ready: bool) -> None:
        self._hold.write(Note(self.url, os.getpid(), self._started_at, is_ready).text())

    # ------------------------------------------------------------------------------------------------ stopping

    def _stop_all(self) -> bool:
        """API, worker, chain: each finishes what is in hand before the next is asked; whether none had to be killed.

        After a second signal all are.
        """
        say("supervisor", "stops")
        self._listening.close()
        chain = () if self._chain is None else ((self._chain.process, CHAIN_GRACE_S),)
        ended = [
            self._end(process, grace_s)
            for process, grace_s in ((self._api, API_GRACE_S), (self._worker, WORKER_GRACE_S), *chain)
        ]
        self._hold.write("")
        return all(ended)

    def _end(self, process: Process, grace_s: float) -> bool:
        process.ask_to_end()
        give_up_at = time.monotonic() + grace_s
        while not process.has_ended():
            if self._stop.heard > 1 or time.monotonic() > give_up_at:
                say("supervisor", f"kills {process.name}", pid=process.pid)
                process.kill()
                return False
            self._stop.wait(TICK_S)
        return True
