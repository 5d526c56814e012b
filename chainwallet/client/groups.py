"""Groups, invitations and friends: who shares bills, and the methods of the client for them."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from chainwallet.client.asking import USUAL_LIMIT, Asking, route, through
from chainwallet.client.documents import read, time_text

Role = Literal["owner", "member", "viewer"]


@dataclass(frozen=True)
class Member:
    """Somebody in a group, with the same id for good. ``handle`` and ``custody`` are None for a guest."""

    id: str
    name: str
    role: str
    handle: str | None
    custody: str | None
    joined_at: datetime
    left_at: datetime | None


@dataclass(frozen=True)
class ListedGroup:
    """A group without its people; ``me`` is the id of who one is there, and ``kind`` pair for two friends."""

    id: str
    name: str
    kind: str
    made_at: datetime
    me: str
    role: str


@dataclass(frozen=True)
class Group(ListedGroup):
    """A group with its people, those who left at the end."""

    members: tuple[Member, ...]


@dataclass(frozen=True)
class Groups:
    """Groups, the newest first."""

    groups: tuple[ListedGroup, ...]


@dataclass(frozen=True)
class ActivityEntry:
    """Something that the handle ``actor`` did in a group; None: the service. ``words`` are for a person."""

    id: int
    at: datetime
    kind: str
    subject: str
    words: str
    actor: str | None


@dataclass(frozen=True)
class ActivityPage:
    """What was done in a group, the latest first."""

    activity: tuple[ActivityEntry, ...]
    next_cursor: str | None


@dataclass(frozen=True)
class InvitedGroup:
    """The group that one is invited to."""

    id: str
    name: str
    kind: str


@dataclass(frozen=True)
class Invitation:
    """An invitation for who has ``handle``; None: for whoever has its link. ``guest`` is the guest whom they become."""

    id: str
    group: InvitedGroup
    role: str
    made_by: str
    handle: str | None
    guest: str | None
    made_at: datetime
    expires_at: datetime


@dataclass(frozen=True)
class MadeInvitation:
    """A new invitation, and the token of its link where it is one, which is told this once."""

    token: str | None = field(repr=False)
    invitation: Invitation


@dataclass(frozen=True)
class Invitations:
    """Invitations that can be accepted, the newest first."""

    invitations: tuple[Invitation, ...]


@dataclass(frozen=True)
class Friend:
    """A friend, or (``state`` asked) who has not answered yet, and the group of the two."""

    handle: str
    state: str
    group: str
    since: datetime


@dataclass(frozen=True)
class Friends:
    """Friends, by handle."""

    friends: tuple[Friend, ...]


class GroupMethods:
    """The client's methods about groups; each raises as all of its do.

    What is made is made once for the Idempotency-Key ``key`` (None: a new one).
    """

    def make_group(self: Asking, name: str, *, key: str | None = None) -> Group:
        """A new group, which one owns."""
        return read(Group, self._transport.make("/v1/groups", {"name": name}, key))

    def groups(self: Asking) -> tuple[ListedGroup, ...]:
        """The groups that one is in, the newest first."""
        return read(Groups, self._transport.get("/v1/groups")).groups

    def group(self: Asking, group_id: str) -> Group:
        """A group and its people."""
        return read(Group, self._transport.get(_path(group_id)))

    def rename_group(self: Asking, group_id: str, name: str) -> Group:
        """Gives a group another name."""
        return read(Group, self._transport.patch(_path(group_id), {"name": name}))

    def activity(self: Asking, group_id: str) -> Iterator[ActivityEntry]:
        """All that was done in a group, the latest first."""
        return through(lambda cursor: _page(self, group_id, cursor=cursor), lambda page: page.activity)

    def activity_page(
        self: Asking, group_id: str, *, limit: int = USUAL_LIMIT, cursor: str | None = None
    ) -> ActivityPage:
        """A page of what was done in a group; ``cursor`` is the ``next_cursor`` of the page before."""
        return _page(self, group_id, cursor=cursor, limit=limit)

    def add_guest(self: Asking, group_id: str, name: str, *, role: Role = "member", key: str | None = None) -> Member:
        """Adds somebody who has no account."""
        return read(Member, self._transport.make(f"{_path(group_id)}/members", {"name": name, "role": role}, key))

    def change_member(
        self: Asking, group_id: str, member_id: str, *, name: str | None = None, role: Role | None = None
    ) -> Member:
        """Gives a member another name or role; a new owner takes the place of the old one."""
        given = {"name": name, "role": role}
        body = {word: value for word, value in given.items() if value is not None}
        return read(Member, self._transport.patch(_path(group_id, member_id), body))

    def remove_member(self: Asking, group_id: str, member_id: str) -> None:
        """Has a member leave. ``MustStay`` says why they cannot."""
        self._transport.delete(_path(group_id, member_id))

    def invite(
        self: Asking,
        group_id: str,
        handle: str | None = None,
        *,
        role: Role = "member",
        expires_at: datetime | None = None,
        key: str | None = None,
    ) -> MadeInvitation:
        """Invites who has ``handle``; None: makes a link that lets one person in.

        Where the answer with a link is lost, the link may be there, and ``AlreadyExists`` is raised: its token is told
        to nobody again. Revoke it then and make another.
        """
        body = {"role": role, **_until(expires_at)} | ({} if handle is None else {"handle": handle})
        return read(MadeInvitation, self._transport.make(f"{_path(group_id)}/invitations", body, key))

    def claim_link(
        self: Asking, group_id: str, member_id: str, *, expires_at: datetime | None = None, key: str | None = None
    ) -> MadeInvitation:
        """A link by which one person becomes a guest. Where the answer is lost: as ``invite``."""
        return read(
            MadeInvitation, self._transport.make(f"{_path(group_id, member_id)}/claim-link", _until(expires_at), key)
        )

    def invitations_of(self: Asking, group_id: str) -> tuple[Invitation, ...]:
        """A group's invitations that can be accepted, the newest first."""
        return read(Invitations, self._transport.get(f"{_path(group_id)}/invitations")).invitations

    def revoke_invitation(self: Asking, group_id: str, invitation_id: str) -> None:
        """Ends an invitation of a group."""
        self._transport.delete(route("groups", group_id, "invitations", invitation_id))

    def invitations(self: Asking) -> tuple[Invitation, ...]:
        """The invitations that name one, the newest first."""
        return read(Invitations, self._transport.get("/v1/invitations")).invitations

    def join(self: Asking, token: str, *, key: str | None = None) -> Group:
        """Comes into the group of the link with ``token``."""
        return read(Group, self._transport.make("/v1/invitations/accept", {"token": token}, key))

    def accept_invitation(self: Asking, invitation_id: str, *, key: str | None = None) -> Group:
        """Comes into the group of an invitation that names one."""
        return read(Group, self._transport.make(route("invitations", invitation_id, "accept"), None, key))

    def decline_invitation(self: Asking, invitation_id: str) -> None:
        """Ends an invitation that names one."""
        self._transport.post(route("invitations", invitation_id, "decline"), repeats=True)

    def ask_friend(self: Asking, handle: str, *, key: str | None = None) -> Friend:
        """Asks somebody to be one's friend; who asked first is one at once."""
        return read(Friend, self._transport.make("/v1/friends", {"handle": handle}, key))

    def friends(self: Asking) -> tuple[Friend, ...]:
        """One's friends, and whom one asked, by handle."""
        return read(Friends, self._transport.get("/v1/friends")).friends


def _page(client: Asking, group_id: str, **query: str | int | None) -> ActivityPage:
    return read(ActivityPage, client._transport.get(f"{_path(group_id)}/activity", query))


def _path(group_id: str, member_id: str | None = None) -> str:
    return route("groups", group_id, *(() if member_id is None else ("members", member_id)))


def _until(expires_at: datetime | None) -> dict[str, str]:
    return {} if expires_at is None else {"expires_at": time_text(expires_at)}
