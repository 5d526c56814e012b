"""Groups in and out as files, and the methods of the client for them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from chainwallet.client.asking import Asking, route
from chainwallet.client.documents import read
from chainwallet.client.groups import Group


@dataclass(frozen=True)
class ListedImport:
    """A file that was sent; ``stage`` is previewed, committed or undone, ``made_by`` a member's id."""

    id: str
    file_name: str
    stage: str
    made_at: datetime
    made_by: str


@dataclass(frozen=True)
class ImportedPerson:
    """As whom somebody in a file takes part."""

    name: str
    member: str
    is_new_guest: bool


@dataclass(frozen=True)
class ReconciledPerson:
    """Somebody's final net as the file's total row, its cells and its bills have it; texts, for some are fractions."""

    member: str
    total: str | None
    exact: str
    net: str
    difference: str


@dataclass(frozen=True)
class ReconciledCurrency:
    """A file's figures in one currency beside those of its bills."""

    currency: str
    people: tuple[ReconciledPerson, ...]


@dataclass(frozen=True)
class Import(ListedImport):
    """A file that was sent, and all that it brings in: how many ``bills``, whose, and what was unusual."""

    people: tuple[ImportedPerson, ...]
    bills: int
    totals: tuple[ReconciledCurrency, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Imports:
    """The latest imports into a group."""

    imports: tuple[ListedImport, ...]


class InterchangeMethods:
    """The client's methods about files; each raises as all of its do."""

    def preview_import(
        self: Asking,
        group_id: str,
        file_name: str,
        content: str,
        *,
        people: Mapping[str, str] | None = None,
        key: str | None = None,
    ) -> Import:
        """What importing the text of a file that Splitwise exported would do; only the file is kept.

        ``people`` says which members some of its people are (name to member id). Once for the Idempotency-Key ``key``.
        """
        body = {"file_name": file_name, "content": content, "people": dict(people or {})}
        answer = self._transport.make(_path(group_id), body, key=key)
        return read(Import, answer)

    def imports(self: Asking, group_id: str) -> tuple[ListedImport, ...]:
        """The latest imports into a group, the newest first."""
        return read(Imports, self._transport.get(_path(group_id))).imports

    def one_import(self: Asking, group_id: str, import_id: str) -> Import:
        """An import, with its figures beside the file's."""
        return read(Import, self._transport.get(_path(group_id, import_id)))

    def commit_import(self: Asking, group_id: str, import_id: str) -> Import:
        """Brings in all of the file's bills at once; asked for again, it is the same."""
        return read(Import, self._transport.post(_path(group_id, import_id, "commit"), repeats=True))

    def undo_import(self: Asking, group_id: str, import_id: str) -> Import:
        """Takes all of an import's bills out again; asked for again, it is the same."""
        return read(Import, self._transport.post(_path(group_id, import_id, "undo"), repeats=True))

    def export_csv(self: Asking, group_id: str) -> bytes:
        """The group's bills as the CSV that Splitwise exports."""
        return self._transport.get_bytes(route("groups", group_id, "export.csv"))

    def bring_in_group(self: Asking, content: str, me: str, *, key: str | None = None) -> Group:
        """The group of a file that ``export_json`` gave, in which one is the member ``me`` and all others are guests.

        Once for the Idempotency-Key ``key``.
        """
        body = {"content": content, "me": me}
        answer = self._transport.make("/v1/group-imports", body, key=key)
        return read(Group, answer)

    def export_json(self: Asking, group_id: str) -> bytes:
        """All of the group as canonical JSON (RFC 8785), with the signatures of what settled its debts."""
        return self._transport.get_bytes(route("groups", group_id, "export.json"))


def _path(group_id: str, *parts: str) -> str:
    return route("groups", group_id, "imports", *parts)
