"""Groups: who shares bills, as what, and what was done there."""

from typing import Annotated, Literal, Self

from pydantic import Field

from chainwallet.api.schemas.accounts import HandleText, IdText
from chainwallet.api.schemas.document import Document
from chainwallet.api.schemas.payments import with_examples
from chainwallet.api.schemas.words import TimeText
from chainwallet.groups import MOST_NAME_CHARS, Friend, SeenEvent, SeenGroup, SeenMember
from chainwallet.rules.handle import shown
from chainwallet.rules.timestamp import time_text
from chainwallet.store.members import Group, GroupKind, Member, MemberRole
from chainwallet.store.wallets import Custody

NameText = Annotated[
    str,
    Field(
        min_length=1,
        max_length=4 * MOST_NAME_CHARS,
        description=f"1 to {MOST_NAME_CHARS} characters that can be seen, on one line, in one direction",
        examples=["Porto"],
    ),
]
InvitedRoleText = Literal["member", "viewer"]

_ROLES = "owner: also names the group, gives roles and removes; member: adds and answers; viewer: only looks"


class GroupOrder(Document):
    """A group that is wanted, or its new name."""

    model_config = with_examples({"name": "Porto"})

    name: NameText


class GuestOrder(Document):
    """Somebody without an account."""

    model_config = with_examples({"name": "Cy"}, {"name": "Cy", "role": "viewer"})

    name: NameText = Field(examples=["Cy"])
    role: InvitedRoleText = Field("member", description="What they are, also once they have an account")


class MemberChange(Document):
    """What is to be changed of a member; what is left out stays."""

    model_config = with_examples({"role": "viewer"}, {"name": "Cyprian"})

    name: NameText | None = Field(None, description="Guests are named by members, others name themselves")
    role: MemberRole | None = Field(None, description="Given by the owner; a new owner takes the old one's place")


class MemberDocument(Document):
    """Somebody in a group: the same id for good, whatever they are called."""

    id: IdText
    name: str = Field(examples=["@ana"])
    role: MemberRole = Field(description=_ROLES)
    handle: str | None = Field(description="null: a guest", examples=["@ana"])
    custody: Custody | None = Field(
        description="How they sign when they pay. null: a guest, who can neither pay nor be paid until somebody is them"
    )
    joined_at: TimeText
    left_at: TimeText | None = Field(description="null: is here", examples=[None])

    @classmethod
    def of(cls, seen: SeenMember) -> Self:
        """The document of ``seen``."""
        member = seen.member
        return cls(
            id=member.id,
            name=member.name,
            role=member.role,
            handle=None if seen.handle is None else shown(seen.handle),
            custody=seen.custody,
            joined_at=time_text(member.joined_at_s),
            left_at=None if member.left_at_s is None else time_text(member.left_at_s),
        )


class ListedGroup(Document):
    """A group, without its people."""

    id: IdText
    name: str = Field(examples=["Porto"])
    kind: GroupKind = Field(description="pair: two friends")
    made_at: TimeText
    me: IdText = Field(description="Who you are there: a member's id")
    role: MemberRole = Field(description="Yours. " + _ROLES)

    @classmethod
    def listed(cls, group: Group, me: Member) -> Self:
        """The document of ``group`` for ``me``."""
        made_at = time_text(group.created_at_s)
        return cls(id=group.id, name=group.name, kind=group.kind, made_at=made_at, me=me.id, role=me.role)


class GroupsDocument(Document):
    """Groups that one is in, the newest first."""

    groups: list[ListedGroup]


class GroupDocument(ListedGroup):
    """A group with its people."""

    members: list[MemberDocument] = Field(description="As they joined; those who left at the end")

    @classmethod
    def of(cls, seen: SeenGroup) -> Self:
        """The document of ``seen``."""
        told = ListedGroup.listed(seen.group, seen.me)
        return cls(**told.model_dump(), members=[MemberDocument.of(one) for one in seen.people])


class ActivityEntry(Document):
    """Something that was done in a group."""

    id: int = Field(ge=1, examples=[512])
    at: TimeText
    kind: str = Field(description="`member.joined`, `bill.added`, `plan.made` ...", examples=["member.joined"])
    subject: str = Field(description="The id of the bill, member, plan or request", examples=["3f1c0d5e9a7b2468"])
    words: str = Field(description="For a person", examples=["@ben joined"])
    actor: str | None = Field(description="Whose handle did it; null: the service", examples=["@ben"])

    @classmethod
    def of(cls, seen: SeenEvent) -> Self:
        """The document of ``seen``."""
        event = seen.event
        return cls(
            id=event.id,
            at=time_text(event.at_s),
            kind=event.kind,
            subject=event.subject,
            words=event.words,
            actor=None if seen.actor is None else shown(seen.actor),
        )


class ActivityDocument(Document):
    """What was done in a group, the latest first."""

    activity: list[ActivityEntry]
    next_cursor: str | None = Field(description="Of the next page; null: this was the last", examples=[None])


class FriendOrder(Document):
    """Somebody who is asked to be a friend."""

    model_config = with_examples({"handle": "@ben"})

    handle: HandleText


class FriendDocument(Document):
    """A friend, or who was asked to be one."""

    handle: str = Field(examples=["@ben"])
    state: Literal["friend", "asked"] = Field(description="asked: has not answered yet")
    group: IdText = Field(description="The group of you two, whose bills are yours alone")
    since: TimeText

    @classmethod
    def of(cls, friend: Friend) -> Self:
        """The document of ``friend``."""
        return cls(
            handle=shown(friend.handle), state=friend.state, group=friend.group_id, since=time_text(friend.since_s)
        )


class FriendsDocument(Document):
    """Friends, and who was asked to be one, by handle."""

    friends: list[FriendDocument]
