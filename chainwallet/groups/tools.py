"""What all answers about groups work with, and their limits."""

from collections.abc import Callable, Collection
from dataclasses import dataclass

from chainwallet.accounts import Caller
from chainwallet.errors import AlreadyExists, BadValue
from chainwallet.groups.standing import Standing
from chainwallet.rules.text import clean_line
from chainwallet.store import group_events, members
from chainwallet.store.database import Database, Transaction
from chainwallet.store.group_events import GroupEvent
from chainwallet.store.members import Group, Member

ID_BYTES = 8
MOST_NAME_CHARS = 64
MOST_MEMBERS = 100  # of a group, at a time
MOST_GROUPS = 500  # of an account, at a time
HANDLE_MARK = "@"
"""What the names of members who came by their handle begin with; nobody gives such a name by hand."""


@dataclass(frozen=True)
class Tools:
    """The groups of one database. ``now_s`` gives seconds since 1970, ``random`` so many unguessable bytes."""

    database: Database
    now_s: Callable[[], int]
    random: Callable[[int], bytes]

    def new_id(self) -> str:
        """An id that nothing else has."""
        return self.random(ID_BYTES).hex()

    def note(
        self,
        tx: Transaction,
        caller: Caller,
        group: Group,
        kind: str,
        subject: str,
        words: str,
        *,
        to: int | None = None,
    ) -> None:
        """Keeps what ``caller`` did in a group, to tell all of it, or the account ``to`` alone."""
        event = GroupEvent(self.now_s(), group.id, caller.account_id, kind, subject, words, account_id=to)
        group_events.note(tx, event)


def member_name(text: str) -> str:
    """``text`` as a member's name; raises ``BadValue`` of ``name``."""
    name = clean_line(text, "name", MOST_NAME_CHARS)
    if name.startswith(HANDLE_MARK):
        raise BadValue("name", name, f"a name that does not begin with {HANDLE_MARK}, as handles do")
    return name


def require_new_name(name: str, people: Collection[Member]) -> None:
    """Raises ``AlreadyExists`` where one of ``people``, here or gone, is called ``name``, in whatever case."""
    if any(one.name.casefold() == name.casefold() for one in people):
        raise AlreadyExists("member", name)


def require_room(people: Collection[Member], coming: int = 1) -> None:
    """Raises ``BadValue`` where a group of ``people`` has no room for so many more."""
    if sum(one.is_here for one in people) + coming > MOST_MEMBERS:
        raise BadValue("members", MOST_MEMBERS, f"at most {MOST_MEMBERS} in a group")


def require_few_groups(tx: Transaction, account_id: int) -> None:
    """Raises ``BadValue`` where an account is in as many groups as it may be."""
    if len(members.groups_of(tx, account_id)) >= MOST_GROUPS:
        raise BadValue("groups", MOST_GROUPS, f"at most {MOST_GROUPS} for an account; leave one first")


def require_no_pair(found: Standing) -> None:
    """Raises ``BadValue`` for a friendship, whose people stay the same."""
    if found.group.kind == "pair":
        raise BadValue("group", found.group.id, "a group; a friendship is between two, and has no roles or name")
