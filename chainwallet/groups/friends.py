"""The answers about friends: a friendship is a group of two, so that two people share bills without making one."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from chainwallet.accounts import Caller, require
from chainwallet.errors import AlreadyExists, BadValue
from chainwallet.groups.invitations import Invitations, account_called
from chainwallet.groups.tools import Tools, require_few_groups
from chainwallet.rules.handle import Handle, shown
from chainwallet.store import accounts, invitations, members
from chainwallet.store.database import Transaction
from chainwallet.store.invitations import Invitation
from chainwallet.store.locks import take_turns
from chainwallet.store.members import Group, Member

ASKED_FOR_S = 30 * 86_400
"""So long somebody can answer whether they want to be a friend."""

FriendState = Literal["friend", "asked"]


@dataclass(frozen=True)
class Friend:
    """Somebody with whom the caller shares the group of two ``group_id``, since ``since_s``; or who was asked then."""

    handle: Handle
    group_id: str
    state: FriendState
    since_s: int


class Friends(Tools):
    """The friends of the callers."""

    def ask(self, tx: Transaction, caller: Caller, handle: str) -> Friend:
        """Asks who has ``handle`` to be the caller's friend; where they asked first, this accepts.

        Raises ``Forbidden``, ``BadValue`` for the caller's own handle and for a group too many, ``NotFound`` where
        nobody has the handle, and ``AlreadyExists`` for who is a friend, or was asked.
        """
        require(caller, "groups:write")
        other = account_called(tx, handle)
        if other.id == caller.account_id:
            raise BadValue("handle", shown(other.handle), "somebody else's handle")
        take_turns(tx, "friends", *(str(one) for one in sorted((caller.account_id, other.id))))
        for friend in (*_friends(tx, caller), *self._asked(tx, caller)):
            if friend.handle == other.handle:
                raise AlreadyExists("friend" if friend.state == "friend" else "invitation", shown(other.handle))
        theirs = self._from(tx, other.id, caller.account_id)
        if theirs is not None:
            entered = Invitations(self.database, self.now_s, self.random).accept(tx, caller, theirs.id)
            return Friend(other.handle, entered.group.id, "friend", self.now_s())
        return self._invite(tx, caller, other.handle, other.id)

    def mine(self, caller: Caller) -> tuple[Friend, ...]:
        """The caller's friends, and whom they asked, by handle. Raises ``Forbidden``."""
        require(caller, "groups:read")
        with self.database.read() as tx:
            found = (*_friends(tx, caller), *self._asked(tx, caller))
        return tuple(sorted(found, key=lambda one: one.handle))

    def _invite(self, tx: Transaction, caller: Caller, handle: Handle, account_id: int) -> Friend:
        now_s = self.now_s()
        group, owner = self._pair(tx, caller, handle, account_id)
        invitation = Invitation(
            self.new_id(), group.id, "member", None, account_id, owner.id, now_s, now_s + ASKED_FOR_S
        )
        invitations.add(tx, invitation, self.random(32).hex())  # of no token: it is accepted by its id
        words = f"{owner.name} wants to share bills with you"
        self.note(tx, caller, group, "friend.asked", invitation.id, words, to=account_id)
        return Friend(handle, group.id, "asked", now_s)

    def _pair(self, tx: Transaction, caller: Caller, handle: Handle, account_id: int) -> tuple[Group, Member]:
        """The group of two, and the caller in it: the one to which the other was invited before, or a new one."""
        earlier = members.alone_in_pair(tx, caller.account_id, account_id)
        if earlier is not None:
            return earlier
        require_few_groups(tx, caller.account_id)
        now_s = self.now_s()
        group = Group(self.new_id(), f"{shown(caller.handle)} and {shown(handle)}", "pair", now_s)
        owner = Member(self.new_id(), group.id, caller.account_id, shown(caller.handle), "owner", now_s)
        members.add_group(tx, group)
        members.add(tx, owner)
        return group, owner

    def _asked(self, tx: Transaction, caller: Caller) -> Sequence[Friend]:
        asked = invitations.friends_asked(tx, caller.account_id, self.now_s())
        handles = accounts.handles(tx, {one.invited for one in asked if one.invited is not None})
        return [Friend(handles[one.invited or 0], one.group_id, "asked", one.made_at_s) for one in asked]

    def _from(self, tx: Transaction, asker: int, asked: int) -> Invitation | None:
        """The invitation to a friendship that ``asker`` sent ``asked`` and that can still be accepted."""
        sent = invitations.friends_asked(tx, asker, self.now_s())
        return next((one for one in sent if one.invited == asked), None)


def _friends(tx: Transaction, caller: Caller) -> Sequence[Friend]:
    pairs = {group.id: group for group, _ in members.groups_of(tx, caller.account_id) if group.kind == "pair"}
    others = [
        one
        for one in members.of_groups(tx, pairs.keys())
        if one.is_here and one.account_id not in (None, caller.account_id)
    ]
    handles = accounts.handles(tx, {one.account_id for one in others if one.account_id is not None})
    return [Friend(handles[one.account_id or 0], one.group_id, "friend", one.joined_at_s) for one in others]
