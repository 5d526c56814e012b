"""PostgreSQL: a server that several processes share, over connections that may break and come back."""

import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from sqlalchemy import URL, Connection, create_engine, event, make_url, text
from sqlalchemy.exc import ArgumentError, DBAPIError, OperationalError

from chainwallet.errors import BadValue, ChainwalletError, DatabaseBusy, DatabaseRefused, DatabaseUnreachable
from chainwallet.store.backend import POOL_CONNECTIONS, POOL_MORE_CONNECTIONS, POOL_WAIT_S, Backend

SCHEMES = ("postgresql", "postgres")
DRIVER = "postgresql+psycopg"

READ_ONLY = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY"

CONNECT_TIMEOUT_S = 3  # for each address of the server
NETWORK_TIMEOUT_MS = 10_000  # for the network to take what we send
KEEPALIVE_S = 5  # between signs of life on an idle connection, of which three may fail
LOCK_TIMEOUT_S = 10  # how long a statement waits for another transaction
STATEMENT_TIMEOUT_S = 30
IDLE_TRANSACTION_TIMEOUT_S = 15  # then the server ends a paused process's transaction and frees its locks
MIGRATION_TIMEOUT_S = 600  # for each statement of a migration, and for another process's migration

WRITE_TRIES = 5  # of a transaction that the server ended for another one's sake
WRITE_RETRY_S = 0.02  # doubled each time; a random part of it is waited
MIGRATION_LOCK = 0x636861696E77616C  # "chainwal"
MAX_REASON_CHARS = 300
MAX_PORT = 65_535

_CONFLICTS = {"40001", "40P01"}  # serialization_failure, deadlock_detected
_TOO_LONG = {"55P03": "a lock", "57014": "a statement"}  # lock_not_available, query_canceled
_GONE = ("08", "57P")  # connection exceptions; operator intervention: the server stops or starts
_WILL_NOT = ("25006", "28", "42501", "53")  # read only, authorization, privilege, no room or memory or connections

_SECRET_QUERY = {"password", "sslpassword"}

T = TypeVar("T")


class PostgresServer(Backend):
    """One database of a PostgreSQL server, by its URL; READ COMMITTED, every wait bounded.

    Asking it raises ``DatabaseUnreachable`` (and connects again by itself the next time), ``DatabaseBusy`` where a
    lock, a connection or a statement took too long, and ``DatabaseRefused``.
    """

    def __init__(self, url: URL) -> None:
        self.name = shown(url)
        self._lost_since_s: float | None = None
        self._state = threading.Lock()  # guards the one above
        self._engine = create_engine(
            url.set(drivername=DRIVER),
            isolation_level="READ COMMITTED",
            pool_size=POOL_CONNECTIONS,
            max_overflow=POOL_MORE_CONNECTIONS,
            pool_timeout=POOL_WAIT_S,
            pool_pre_ping=True,  # a connection that broke while it was idle is replaced before anyone gets it
            hide_parameters=True,  # memos and signatures do not belong into an error's text
            use_native_hstore=False,  # spares a question at each connection
            connect_args={
                "connect_timeout": CONNECT_TIMEOUT_S,
                "keepalives_idle": KEEPALIVE_S,
                "keepalives_interval": KEEPALIVE_S,
                "keepalives_count": 3,
                "tcp_user_timeout": NETWORK_TIMEOUT_MS,
                "application_name": "chainwallet",
            },
        )
        event.listen(self._engine, "connect", _set_up)
        self._reading = self._engine.execution_options()  # the same connections, other events
        event.listen(self._reading, "begin", lambda connection: connection.exec_driver_sql(READ_ONLY))

    @contextmanager
    def migration(self) -> Iterator[Connection]:
        """A transaction under a lock that all migrations take."""
        with self.transaction() as tx:
            for setting in ("lock_timeout", "statement_timeout"):
                tx.execute(text(f"SET LOCAL {setting} = '{MIGRATION_TIMEOUT_S}s'"))
            tx.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": MIGRATION_LOCK})
            yield tx

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """A transaction at READ COMMITTED: what must not change under it is locked by its statements."""
        with self.in_our_words(), self._engine.begin() as tx:
            yield tx

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """The state at the block's first statement, whatever is written meanwhile."""
        with self.in_our_words(), self._reading.connect() as tx:
            yield tx  # and roll back: it has changed nothing

    def write(self, work: Callable[[Connection], T]) -> T:
        """In a transaction of its own, again where the server ended it for another one's sake."""
        with self.in_our_words():
            for tried in range(WRITE_TRIES):
                if tried:
                    time.sleep(random.uniform(0, WRITE_RETRY_S * 2**tried))  # noqa: S311 - keeps two apart, no secret
                try:
                    with self._engine.begin() as tx:
                        return work(tx)
                except DBAPIError as error:
                    if _state_of(error) not in _CONFLICTS or tried == WRITE_TRIES - 1:
                        raise
        raise AssertionError("the last try returns or raises")

    def foreign(self, error: DBAPIError) -> ChainwalletError:
        """The database holds tables of another program."""
        return DatabaseRefused(self.name, f"its tables are not chainwallet's: {_reason(error)}")

    def close(self) -> None:
        """Closes all connections."""
        self._engine.dispose()

    @contextmanager
    def in_our_words(self) -> Iterator[None]:
        """As for every database; where all goes well, the server is known to be there."""
        with super().in_our_words():
            yield
        if self._lost_since_s is not None:
            with self._state:
                self._lost_since_s = None

    def meaning(self, error: DBAPIError) -> ChainwalletError | None:
        """By SQLSTATE (PostgreSQL's Appendix A); without one, by whether there still is a connection."""
        state = _state_of(error)
        if state in _CONFLICTS:
            return DatabaseBusy(self.name, f"another transaction was in the way: {_reason(error)}")
        if state in _TOO_LONG:
            return DatabaseBusy(self.name, f"{_TOO_LONG[state]} took too long: {_reason(error)}")
        if (
            error.connection_invalidated
            or state.startswith(_GONE)
            or (not state and isinstance(error, OperationalError))
        ):
            return self._lost(error)
        if state.startswith(_WILL_NOT):
            return DatabaseRefused(self.name, _reason(error))
        return None

    def _lost(self, error: DBAPIError) -> DatabaseUnreachable:
        with self._state:
            if self._lost_since_s is None:
                self._lost_since_s = time.time()
            since = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(self._lost_since_s))
        return DatabaseUnreachable(self.name, since, _reason(error))


def server_url(where: str) -> URL:
    """The PostgreSQL URL that ``where`` is; raises ``BadValue``, which shows nothing that may be a password."""
    expected = "postgresql://USER@HOST/DATABASE, or the path of an SQLite file"
    scheme = where.partition("://")[0]
    if scheme not in SCHEMES:
        raise BadValue("database", f"{scheme}://...", expected)
    try:
        url = make_url(where).set(drivername=DRIVER)
    except (ArgumentError, ValueError):
        raise BadValue("database", f"{scheme}://...", expected) from None
    if not url.database or (url.port is not None and not 0 < url.port <= MAX_PORT):
        raise BadValue("database", shown(url), expected)
    return url


def has_password(url: URL) -> bool:
    """Whether ``url`` itself holds a secret."""
    return url.password is not None or not _SECRET_QUERY.isdisjoint(url.query)


def shown(url: URL) -> str:
    """``url`` as people are shown it: without passwords."""
    bare = URL.create(SCHEMES[0], url.username, None, url.host, url.port, url.database, url.query)
    return bare.difference_update_query(_SECRET_QUERY).render_as_string(hide_password=False)


def _set_up(connection: Any, _record: object) -> None:
    settings = {
        "lock_timeout": f"{LOCK_TIMEOUT_S}s",
        "statement_timeout": f"{STATEMENT_TIMEOUT_S}s",
        "idle_in_transaction_session_timeout": f"{IDLE_TRANSACTION_TIMEOUT_S}s",
    }
    connection.autocommit = True
    for name, value in settings.items():
        connection.execute("SELECT set_config(%s, %s, false)", (name, value))
    # What is answered must be on the disk. Where the server already asks for more than that, it stays so.
    connection.execute(
        "SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'"
    )
    connection.autocommit = False


def _state_of(error: DBAPIError) -> str:
    return getattr(error.orig, "sqlstate", None) or ""


def _reason(error: DBAPIError) -> str:
    return " ".join(str(error.orig).split())[:MAX_REASON_CHARS]
