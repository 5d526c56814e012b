"""Importing the file of another app: a preview that changes nothing, its bills all at once, and all of them undone.

The file is kept with what was decided at the preview, so that what is committed is what was seen.
"""

from collections import Counter
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace

from chainwallet.bills.record import load_each
from chainwallet.bills.writing import MOST_BILLS, New, add_each, note
from chainwallet.errors import BadValue, NotFound, TooLate
from chainwallet.evm import keccak256
from chainwallet.formats.splitwise import GroupHistory, read_splitwise
from chainwallet.formats.splitwise_bills import ReadBills, bills_of
from chainwallet.groups import Standing
from chainwallet.groups.tools import member_name, require_new_name, require_room
from chainwallet.rules import bill as life
from chainwallet.rules.text import clean_line
from chainwallet.store import bills, imports, members
from chainwallet.store.database import Transaction
from chainwallet.store.imports import Chosen, Import
from chainwallet.store.members import Member

MAX_FILE_BYTES = 2_000_000
MOST_FILE_NAME_CHARS = 100
MOST_IMPORTS = 100  # of a group that are told of


@dataclass(frozen=True)
class Incoming:
    """A file that was read: what it is called, its bytes, and the history in it."""

    name: str
    content: bytes
    history: GroupHistory


@dataclass(frozen=True)
class SeenImport:
    """An import, and the bills that it makes or made; ``names`` by the ids of members and of guests to come."""

    made: Import
    read: ReadBills
    names: Mapping[str, str]


def incoming(name: str, content: bytes) -> Incoming:
    """The file of a group's history. Raises ``BadValue`` of ``file_name`` and ``content``, and ``BadRow``."""
    clean = clean_line(name, "file_name", MOST_FILE_NAME_CHARS)
    if len(content) > MAX_FILE_BYTES:
        raise BadValue("content", f"{len(content):,} bytes", f"at most {MAX_FILE_BYTES:,} bytes")
    return Incoming(clean, content, read_splitwise(content, clean))


def preview(
    tx: Transaction,
    here: Standing,
    new_id: Callable[[], str],
    file: Incoming,
    choices: Mapping[str, str],
    now_s: int,
) -> SeenImport:
    """What importing ``file`` would do; only the file is kept.

    ``choices`` says which members some of its people are (name to member id); of the others, who is called as a member
    is that member, and the rest become guests. Raises ``BadValue``: ``people`` for a name that the file does not have,
    or a member who is chosen twice or cannot take part; ``name`` for one that no guest can have; ``bills`` and
    ``members`` for more than a group may have; and what ``bills_of`` raises.
    """
    people = _people(here, file.history, new_id, choices)
    made = Import(new_id(), here.group.id, file.name, file.content, people, here.me.id, now_s)
    seen = _seen(here, made, file.history)
    _require_room(tx, here, seen)
    imports.add(tx, made)
    return seen


def commit(tx: Transaction, here: Standing, new: Callable[[str], New], import_id: str, now_s: int) -> SeenImport:
    """The import with all its guests and bills in the group; committed already, it stays as it is.

    ``new`` names a bill of an import. Whom a bill charges is asked to accept it, as for any other. Raises ``NotFound``,
    ``TooLate`` for one that was undone, ``BadValue`` where a member it names has left or may not take part any more,
    and ``AlreadyExists`` where somebody else has the name of one of its guests by now.
    """
    made = _find(tx, here, import_id)
    seen = _seen(here, made, _history(made))
    if made.undone_at_s is not None:
        raise TooLate(f"import {import_id}", "it was undone; import the file again")
    if made.committed_at_s is not None:
        return seen
    _require_room(tx, here, seen)
    people = here.by_id
    for name, chosen in made.people.items():
        if chosen.is_new:
            _add_guest(tx, here, chosen.member_id, seen.names[chosen.member_id], now_s)
        else:
            _require_takes_part(name, people.get(chosen.member_id))
    add_each(tx, here, [(new(import_id), bill.terms) for bill in seen.read.bills], now_s)
    imports.set_committed(tx, import_id, now_s)
    words = f"{here.me.name} imported {len(seen.read.bills)} bills from {made.file_name}"
    note(tx, here, "import.committed", import_id, words, now_s)
    return replace(seen, made=replace(made, committed_at_s=now_s))


def undo(tx: Transaction, here: Standing, import_id: str, now_s: int) -> SeenImport:
    """The import with all its bills deleted, and its guests gone whom no other bill names; undone already, as it is.

    Whoever committed it and the group's owner may. Raises ``NotFound``, ``TooLate`` for one that was never committed or
    of which a bill was amended since, ``BillSettled`` and ``BillLocked`` where one of its debts is not open, and
    ``BadValue`` of ``import`` for who may not.
    """
    made = _find(tx, here, import_id)
    seen = _seen(here, made, _history(made))
    if made.undone_at_s is not None:
        return seen
    if made.committed_at_s is None:
        raise TooLate(f"import {import_id}", "it was never committed")
    if here.me.role != "owner" and here.me.id != made.made_by:
        raise BadValue("import", import_id, "one of your own; the group's owner may undo all")
    records = load_each(tx, [one for one in bills.every(tx, here.group.id) if one.import_id == import_id])
    for record in records:
        if record.bill.version != 1:
            raise TooLate(f"import {import_id}", f"{record.version.title} was amended since")
        life.check_may_delete(record.bill.id, [debt.state for debt in record.debts])
    bills.set_deleted(tx, [record.bill.id for record in records if not record.bill.is_deleted], now_s)
    _let_guests_go(tx, here, made, now_s)
    imports.set_undone(tx, import_id, now_s)
    note(tx, here, "import.undone", import_id, f"{here.me.name} undid the import of {made.file_name}", now_s)
    return replace(seen, made=replace(made, undone_at_s=now_s))


def show(tx: Transaction, here: Standing, import_id: str) -> SeenImport:
    """An import into the group. Raises ``NotFound``."""
    made = _find(tx, here, import_id)
    return _seen(here, made, _history(made))


def listed(tx: Transaction, here: Standing) -> tuple[Import, ...]:
    """The latest imports into the group, the newest first."""
    return imports.of_group(tx, here.group.id, MOST_IMPORTS)


# ------------------------------------------------------------------------------------------------ people


def _people(
    here: Standing, history: GroupHistory, new_id: Callable[[], str], choices: Mapping[str, str]
) -> dict[str, Chosen]:
    for name in choices:
        if name not in history.people:
            raise BadValue("people", name, f"a person of the file: {', '.join(history.people)}")
    by_name = {_plain(one.name): one for one in here.people if one.is_here}
    found: dict[str, Chosen] = {}
    for name in history.people:
        if name in choices:
            member = here.by_id.get(choices[name])
            _require_takes_part(name, member)
        else:
            member = by_name.get(_plain(name))
        if member is None:
            found[name] = Chosen(_guest(here, name, new_id), is_new=True)
        else:
            _require_takes_part(name, member)
            found[name] = Chosen(member.id, is_new=False)
    twice = [one for one, times in Counter(chosen.member_id for chosen in found.values()).items() if times > 1]
    if twice:
        raise BadValue("people", here.by_id[twice[0]].name, "each member for one person of the file")
    return found


def _guest(here: Standing, name: str, new_id: Callable[[], str]) -> str:
    """The id of a guest to come: of one who left and comes back, or a new one."""
    for one in here.people:
        if one.account_id is None and not one.is_here and one.name == member_name(name):
            return one.id
    require_new_name(member_name(name), here.people)
    return new_id()


def _plain(name: str) -> str:
    return name.removeprefix("@").casefold()


def _require_takes_part(name: str, member: Member | None) -> None:
    if member is None or not member.is_here or member.role == "viewer":
        raise BadValue("people", name, "a member of the group, who has not left and is more than a viewer")


def _add_guest(tx: Transaction, here: Standing, member_id: str, name: str, now_s: int) -> None:
    gone = here.by_id.get(member_id)
    if gone is not None:
        members.change(tx, replace(gone, left_at_s=None))
        return
    require_new_name(name, here.people)
    members.add(tx, Member(member_id, here.group.id, None, name, "member", now_s))


def _let_guests_go(tx: Transaction, here: Standing, made: Import, now_s: int) -> None:
    """Guests whom the import made leave again, unless another bill names them or somebody is them by now."""
    named = _named(tx, here, but=made.id)
    for chosen in made.people.values():
        member = here.by_id.get(chosen.member_id)
        if chosen.is_new and member is not None and member.account_id is None and member.id not in named:
            members.change(tx, replace(member, left_at_s=now_s))


def _named(tx: Transaction, here: Standing, but: str) -> Collection[str]:
    others = [one for one in bills.every(tx, here.group.id) if one.import_id != but and not one.is_deleted]
    versions = bills.current_versions(tx, others)
    return {line.member_id for version in versions.values() for line in version.lines}


# ------------------------------------------------------------------------------------------------ looking


def _find(tx: Transaction, here: Standing, import_id: str) -> Import:
    made = imports.by_id(tx, here.group.id, import_id)
    if made is None:
        raise NotFound("import", import_id, "the list of the group's imports names those there are")
    return made


def _history(made: Import) -> GroupHistory:
    return read_splitwise(made.content, made.file_name)


def _seen(here: Standing, made: Import, history: GroupHistory) -> SeenImport:
    ids = {name: chosen.member_id for name, chosen in made.people.items()}
    read = bills_of(history, ids, made.file_name, keccak256(made.content))
    names = {one.id: one.name for one in here.people}
    names |= {chosen.member_id: member_name(name) for name, chosen in made.people.items() if chosen.is_new}
    return SeenImport(made, replace(read, notes=(*history.notes, *read.notes)), names)


def _require_room(tx: Transaction, here: Standing, seen: SeenImport) -> None:
    new = sum(chosen.is_new for chosen in seen.made.people.values())
    if new:
        require_room(here.people, new)
    if bills.count(tx, here.group.id) + len(seen.read.bills) > MOST_BILLS:
        raise BadValue("bills", len(seen.read.bills), f"at most {MOST_BILLS} in a group")
