"""What the service answers about files that come in and go out."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from chainwallet.accounts import Caller
from chainwallet.bills import Bills
from chainwallet.groups import SeenGroup, standing
from chainwallet.groups.seen import see_group
from chainwallet.interchange import bringing, exporting, importing
from chainwallet.interchange.bringing import Arriving
from chainwallet.interchange.importing import Incoming, SeenImport
from chainwallet.store.database import Database, Transaction
from chainwallet.store.imports import Import


@dataclass(frozen=True)
class Interchange:
    """Files into and out of the groups whose ``bills`` these are. What changes something is given its transaction."""

    bills: Bills

    @property
    def database(self) -> Database:
        """Where all is."""
        return self.bills.database

    def preview(
        self, tx: Transaction, caller: Caller, group_id: str, file: Incoming, choices: Mapping[str, str]
    ) -> SeenImport:
        """What importing ``file`` would do. Raises as ``importing.preview``."""
        here = standing(tx, caller, group_id, "member")
        return importing.preview(tx, here, self._new_id, file, choices, self.bills.now_s())

    def commit(self, tx: Transaction, caller: Caller, group_id: str, import_id: str) -> SeenImport:
        """The import's bills are the group's. Raises as ``importing.commit``."""
        here = standing(tx, caller, group_id, "member")
        return importing.commit(tx, here, self.bills.new, import_id, self.bills.now_s())

    def undo(self, tx: Transaction, caller: Caller, group_id: str, import_id: str) -> SeenImport:
        """The import's bills are deleted. Raises as ``importing.undo``."""
        here = standing(tx, caller, group_id, "member")
        return importing.undo(tx, here, import_id, self.bills.now_s())

    def show(self, caller: Caller, group_id: str, import_id: str) -> SeenImport:
        """An import. Raises ``NotFound``."""
        with self.database.read() as tx:
            return importing.show(tx, standing(tx, caller, group_id), import_id)

    def listed(self, caller: Caller, group_id: str) -> tuple[Import, ...]:
        """The latest imports into a group, the newest first."""
        with self.database.read() as tx:
            return importing.listed(tx, standing(tx, caller, group_id))

    def splitwise(self, caller: Caller, group_id: str) -> bytes:
        """The group's bills as the CSV that Splitwise exports."""
        today = datetime.fromtimestamp(self.bills.now_s(), UTC).date()
        with self.database.read() as tx:
            return exporting.splitwise(tx, standing(tx, caller, group_id), today)

    def bring_in(self, tx: Transaction, caller: Caller, file: Arriving, me: str) -> SeenGroup:
        """The group of a file of our own, in which the caller is the member ``me``. Raises as ``bringing.bring_in``."""
        return see_group(tx, bringing.bring_in(tx, caller, file, me, self.bills.now_s()))

    def document(self, caller: Caller, group_id: str) -> bytes:
        """All of the group as a file of our own."""
        with self.database.read() as tx:
            return exporting.document(tx, standing(tx, caller, group_id))

    def _new_id(self) -> str:
        return self.bills.new().id
