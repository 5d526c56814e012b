"""What the two kinds of databases have in common: how they are asked, and whose words their errors are told in."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import TypeVar

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from chainwallet.errors import ChainwalletError, DatabaseBusy

POOL_CONNECTIONS = 8  # kept open, for each kind of use
POOL_MORE_CONNECTIONS = 8  # opened when all of those are at work
POOL_WAIT_S = 10  # for a connection, when all are at work

T = TypeVar("T")


class Backend(ABC):
    """One database. ``name`` is what people are shown: never a password."""

    name: str

    @abstractmethod
    def migration(self) -> AbstractContextManager[Connection]:
        """A transaction that no other process's migration runs beside."""

    @abstractmethod
    def transaction(self) -> AbstractContextManager[Connection]:
        """A transaction that commits at the end of the block and rolls back when the block raises."""

    @abstractmethod
    def read(self) -> AbstractContextManager[Connection]:
        """A transaction that only reads, one state of the database throughout; it holds no writer up."""

    @abstractmethod
    def write(self, work: Callable[[Connection], T]) -> T:
        """What ``work`` returns, once its changes are committed; none of them where it raises."""

    @abstractmethod
    def foreign(self, error: DBAPIError) -> ChainwalletError:
        """``error``, where the tables that we found are not ours."""

    @abstractmethod
    def close(self) -> None:
        """Ends its threads and closes its connections."""

    @abstractmethod
    def meaning(self, error: DBAPIError) -> ChainwalletError | None:
        """What ``error`` says about the database; None where it is about a statement."""

    @contextmanager
    def in_our_words(self) -> Iterator[None]:
        """Raises what is said about the database as our errors; what is said about a statement stays as it is."""
        try:
            yield
        except IntegrityError:
            raise
        except DBAPIError as error:
            meaning = self.meaning(error)
            if meaning is None:
                raise
            raise meaning from error
        except PoolTimeout as error:
            raise DatabaseBusy(self.name, f"no free connection within {POOL_WAIT_S} s") from error
