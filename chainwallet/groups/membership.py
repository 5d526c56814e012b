"""The answers about groups: who is in them, as what, and what was done there."""

from dataclasses import replace

from chainwallet.accounts import Caller, require
from chainwallet.errors import BadValue, Forbidden, MustStay, NotFound
from chainwallet.groups.friends import Friends
from chainwallet.groups.invitations import Invitations
from chainwallet.groups.leaving import let_go
from chainwallet.groups.seen import SeenEvent, SeenGroup, SeenMember, see_events, see_group, see_members
from chainwallet.groups.standing import Standing, standing
from chainwallet.groups.tools import (
    MOST_NAME_CHARS,
    Tools,
    member_name,
    require_few_groups,
    require_new_name,
    require_no_pair,
    require_room,
)
from chainwallet.rules.handle import shown
from chainwallet.rules.text import clean_line
from chainwallet.store import group_events, members
from chainwallet.store.database import Transaction
from chainwallet.store.invitations import InvitedRole
from chainwallet.store.locks import take_turns
from chainwallet.store.members import Group, Member, MemberRole


class Groups(Tools):
    """Groups of one database. What changes something does so in the transaction that it is given.

    Who is not in a group is told that there is none (``NotFound``); whose role or scopes do not allow something,
    ``Forbidden``.
    """

    @property
    def invitations(self) -> Invitations:
        """How people come into groups."""
        return Invitations(self.database, self.now_s, self.random)

    @property
    def friends(self) -> Friends:
        """Groups of two."""
        return Friends(self.database, self.now_s, self.random)

    def create(self, tx: Transaction, caller: Caller, name: str) -> SeenGroup:
        """A new group, which the caller owns. Raises ``BadValue`` for a bad name and for one group too many."""
        require(caller, "groups:write")
        take_turns(tx, "groups of", str(caller.account_id))
        require_few_groups(tx, caller.account_id)
        now_s = self.now_s()
        group = Group(self.new_id(), clean_line(name, "name", MOST_NAME_CHARS), "group", now_s)
        owner = Member(self.new_id(), group.id, caller.account_id, shown(caller.handle), "owner", now_s)
        members.add_group(tx, group)
        members.add(tx, owner)
        self.note(tx, caller, group, "group.made", group.id, f"{owner.name} made the group {group.name}")
        return see_group(tx, Standing(group, owner, (owner,)))

    def rename(self, tx: Transaction, caller: Caller, group_id: str, name: str) -> SeenGroup:
        """Gives a group another name; its owner does. Raises ``BadValue`` for a bad one."""
        found = standing(tx, caller, group_id, "owner")
        require_no_pair(found)
        group = replace(found.group, name=clean_line(name, "name", MOST_NAME_CHARS))
        if group != found.group:
            members.rename_group(tx, group_id, group.name)
            words = f"{found.me.name} renamed the group {found.group.name} to {group.name}"
            self.note(tx, caller, group, "group.renamed", group.id, words)
        return see_group(tx, replace(found, group=group))

    def mine(self, caller: Caller) -> tuple[tuple[Group, Member], ...]:
        """The groups that the caller is in, the newest first, each with who they are there."""
        require(caller, "groups:read")
        with self.database.read() as tx:
            return members.groups_of(tx, caller.account_id)

    def show(self, caller: Caller, group_id: str) -> SeenGroup:
        """A group that the caller is in, with its people."""
        with self.database.read() as tx:
            return see_group(tx, standing(tx, caller, group_id))

    def activity(self, caller: Caller, group_id: str, below: int | None, limit: int) -> tuple[SeenEvent, ...]:
        """The latest ``limit`` things done in a group, numbered under ``below``, the newest first."""
        with self.database.read() as tx:
            standing(tx, caller, group_id)
            return see_events(tx, group_events.of_group(tx, group_id, below, limit))

    def add_guest(
        self, tx: Transaction, caller: Caller, group_id: str, name: str, role: InvitedRole = "member"
    ) -> SeenMember:
        """Somebody without an account, by a name that nobody else has there; a guest who left comes back.

        Raises ``BadValue`` for a bad name, in a friendship and in a full group, and ``AlreadyExists``.
        """
        found = standing(tx, caller, group_id, "member")
        require_no_pair(found)
        require_room(found.people)
        wanted = member_name(name)
        gone = [one for one in found.people if one.name == wanted and one.account_id is None and not one.is_here]
        if gone:
            guest = replace(gone[0], role=role, left_at_s=None)
            members.change(tx, guest)
        else:
            require_new_name(wanted, found.people)
            guest = Member(self.new_id(), group_id, None, wanted, role, self.now_s())
            members.add(tx, guest)
        words = f"{found.me.name} added {guest.name}, who has no account yet"
        self.note(tx, caller, found.group, "member.added", guest.id, words)
        return see_members(tx, [guest])[0]

    def change_member(
        self,
        tx: Transaction,
        caller: Caller,
        group_id: str,
        member_id: str,
        *,
        name: str | None = None,
        role: MemberRole | None = None,
    ) -> SeenMember:
        """Gives a member another name, or another role; as an owner they take the caller's place, who is one no more.

        Members name guests and themselves, the owner gives roles. Raises ``NotFound``, ``Forbidden``, ``BadValue`` for
        a name or role that cannot be had, and ``AlreadyExists`` for a name that somebody has.
        """
        found = standing(tx, caller, group_id, "member" if role is None else "owner")
        require_no_pair(found)
        member = one_here(found, member_id)
        if name is not None:
            member = self._rename(tx, caller, found, member, name)
        if role is not None and role != member.role:
            member = self._give_role(tx, caller, found, member, role)
        return see_members(tx, [member])[0]

    def remove(self, tx: Transaction, caller: Caller, group_id: str, member_id: str) -> None:
        """Has a member leave: the caller themselves, or, where the caller is the owner, anybody.

        Their rows and lines stay. A friendship ends for both. Raises ``NotFound``, ``Forbidden``, and ``MustStay``
        where they owe or are owed, for a member of a plan under way, and for an owner with others in the group.
        """
        found = standing(tx, caller, group_id, changes=True)
        member = one_here(found, member_id)
        if found.group.kind == "pair":
            self._end_friendship(tx, caller, found)
            return
        if member.id == found.me.id:
            kind, words = "member.left", f"{member.name} left"
            if member.role == "owner" and any(one.is_here and one.id != member.id for one in found.people):
                raise MustStay(member.name, found.group.name, "they own the group; make somebody else its owner first")
        else:
            kind, words = "member.removed", f"{found.me.name} removed {member.name}"
            if found.me.role != "owner":
                raise Forbidden(shown(caller.handle), f"role owner in this group, but {found.me.role}")
        let_go(tx, found.group, member, self.now_s())
        self.note(tx, caller, found.group, kind, member.id, words)
        if member.account_id not in (None, caller.account_id):
            self.note(tx, caller, found.group, kind, member.id, words, to=member.account_id)

    def _rename(self, tx: Transaction, caller: Caller, found: Standing, member: Member, name: str) -> Member:
        if member.account_id not in (None, caller.account_id):
            raise Forbidden(shown(caller.handle), f"right to name {member.name}, who has an account")
        wanted = member_name(name)
        if wanted == member.name:
            return member
        require_new_name(wanted, [one for one in found.people if one.id != member.id])
        renamed = replace(member, name=wanted)
        members.change(tx, renamed)
        words = f"{found.me.name} renamed {member.name} to {wanted}"
        self.note(tx, caller, found.group, "member.renamed", member.id, words)
        return renamed

    def _give_role(self, tx: Transaction, caller: Caller, found: Standing, member: Member, role: MemberRole) -> Member:
        if member.id == found.me.id:
            raise BadValue("role", role, "owner; make somebody else the owner, and you are none any more")
        if role == "owner":
            if member.account_id is None:
                raise BadValue("role", role, f"member or viewer, for {member.name} has no account")
            members.change(tx, replace(found.me, role="member"))
        changed = replace(member, role=role)
        members.change(tx, changed)
        words = f"{found.me.name} made {member.name} {role} of the group"
        self.note(tx, caller, found.group, "member.role_changed", member.id, words)
        return changed

    def _end_friendship(self, tx: Transaction, caller: Caller, found: Standing) -> None:
        self.note(tx, caller, found.group, "friend.left", found.group.id, f"{found.me.name} ended the friendship")
        for one in found.people:
            if one.is_here:
                let_go(tx, found.group, one, self.now_s())
                if one.account_id not in (None, caller.account_id):
                    words = f"{found.me.name} ended the friendship with you"
                    self.note(tx, caller, found.group, "friend.left", found.group.id, words, to=one.account_id)


def one_here(found: Standing, member_id: str) -> Member:
    """The member with this id who is in the group now; raises ``NotFound``."""
    member = found.by_id.get(member_id)
    if member is None or not member.is_here:
        raise NotFound("member", member_id, "the group names its members")
    return member
