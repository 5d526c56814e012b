"""The home's local chain while the service runs: somebody else's, or a process of ours that is started when needed."""

from dataclasses import dataclass, replace
from pathlib import Path

from chainwallet.anvil.directory import ChainDirectory
from chainwallet.config import Config
from chainwallet.errors import Installation, NotFound
from chainwallet.home import Home
from chainwallet.serve.process import Process


@dataclass(frozen=True)
class Answers:
    """One life of the local chain: where it answers, and whose process runs it."""

    url: str
    pid: int


def where_it_answers(chain_dir: Path) -> Answers | None:
    """Where the chain answers, by its note and its lock; None where nobody runs it for others, or not yet."""
    directory = ChainDirectory(chain_dir)
    note = directory.running()
    if note is None or not note.supervised or directory.owner_pid() != note.pid:
        return None
    return Answers(note.url, note.pid)


class LocalChain:
    """Keeps the chain in ``chain_dir`` running, by ``process`` where nobody else runs it."""

    def __init__(self, chain_dir: Path, process: Process) -> None:
        self._directory = ChainDirectory(chain_dir)
        self.process = process

    def tick(self) -> None:
        """Starts the chain where nobody runs it."""
        if self.process.pid is not None or self._directory.owner_pid() is None:
            self.process.tick()

    def why_it_died(self) -> Installation | None:
        """Why the last process that ran it ended by itself, as it noted."""
        died = self._directory.died()
        return None if died is None else died.error


def with_node(config: Config) -> Config:
    """``config`` with a node: the given one, or the home's local chain, which others must run.

    Raises ``NotFound`` where nobody does.
    """
    if config.rpc is not None:
        return config
    found = where_it_answers(Home(config.home).chain)
    if found is None:
        hint = "start one with `chainwallet chain up`, or give --rpc"
        raise NotFound("running local chain", str(config.home), hint)
    return replace(config, rpc=found.url)
