"""What is wrong with databases, key services, this machine or its home."""

from dataclasses import dataclass

from chainwallet.errors.kinds import Installation, KeyServiceTrouble, StoreTrouble


@dataclass(eq=False)
class DatabaseUnreachable(StoreTrouble):
    """No answer from the database server at ``where`` since ``since`` (UTC); ``where`` never holds a password."""

    where: str
    since: str
    reason: str

    def __str__(self) -> str:
        return f"database {self.where}: unreachable since {self.since} ({self.reason})"


@dataclass(eq=False)
class DatabaseBusy(StoreTrouble):
    """The database at ``where`` did not come to an end in time, for ``reason``; nothing was changed."""

    where: str
    reason: str

    def __str__(self) -> str:
        return f"database {self.where}: busy ({self.reason}); try again"


@dataclass(eq=False)
class LeaseLost(StoreTrouble):
    """``holder`` may no longer do ``work``: its lease expired or was taken over; nothing was changed."""

    work: str
    holder: str

    def __str__(self) -> str:
        return f"lease of {self.work}: no longer held by {self.holder}"


@dataclass(eq=False)
class KeyServiceUnreachable(KeyServiceTrouble):
    """No answer from the key service about ``key``, for ``reason``."""

    key: str
    reason: str

    def __str__(self) -> str:
        return f"key service, key {self.key}: no answer ({self.reason}); try again"


@dataclass(eq=False)
class MissingTool(Installation):
    """``tool`` is not installed; ``hint`` says how to get it."""

    tool: str
    hint: str

    def __str__(self) -> str:
        return f"{self.tool}: not found; {self.hint}"


@dataclass(eq=False)
class LocalChainDied(Installation):
    """The Anvil child ended by itself."""

    exit_status: int
    log_tail: str

    def __str__(self) -> str:
        return f"local chain: Anvil ended by itself with status {self.exit_status}: {self.log_tail or 'no output'}"


@dataclass(eq=False)
class HomeInUse(Installation):
    """Another process holds ``path``."""

    path: str
    holder: str

    def __str__(self) -> str:
        return f"home {self.path}: in use by {self.holder}"


@dataclass(eq=False)
class DamagedHome(Installation):
    """``path`` does not read back as ``expected``."""

    path: str
    expected: str

    def __str__(self) -> str:
        return f"file {self.path}: damaged, expected {self.expected}"


@dataclass(eq=False)
class HomeNotWritable(Installation):
    """``path`` cannot be written: no room, no permission."""

    path: str
    reason: str

    def __str__(self) -> str:
        return f"file {self.path}: cannot be written ({self.reason})"


@dataclass(eq=False)
class KeyServiceRefused(Installation):
    """The key service will not do with ``key`` what is needed, for ``reason``."""

    key: str
    reason: str

    def __str__(self) -> str:
        return f"key service, key {self.key}: refused ({self.reason})"


@dataclass(eq=False)
class DatabaseRefused(Installation):
    """The database server at ``where`` will not do what is needed: permission, room, tables that are not ours."""

    where: str
    reason: str

    def __str__(self) -> str:
        return f"database {self.where}: refused ({self.reason})"


@dataclass(eq=False)
class NewerDatabase(Installation):
    """The database holds schema ``found``; this version knows up to ``known``."""

    path: str
    found: str
    known: str

    def __str__(self) -> str:
        return f"database {self.path}: schema {self.found} is newer than {self.known}; use a newer chainwallet"


@dataclass(eq=False)
class ServiceFailed(Installation):
    """The service's process ``name`` ended with ``status`` before the service was ready; it said why on stderr."""

    name: str
    status: int

    def __str__(self) -> str:
        return f"service: its process {self.name} ended with status {self.status} at the start; it said why above"
