"""Groups and friends: who shares bills, and what was done there."""

from http import HTTPStatus
from typing import Annotated

from fastapi import Depends, Path, Response

from chainwallet.accounts import Caller
from chainwallet.api.callers import signed_in
from chainwallet.api.cursors import Page, paged
from chainwallet.api.idempotency import GivenOnce
from chainwallet.api.openapi import refusals
from chainwallet.api.parts import GivenParts
from chainwallet.api.routing import Router
from chainwallet.api.schemas.accounts import IdText
from chainwallet.api.schemas.groups import (
    ActivityDocument,
    ActivityEntry,
    FriendDocument,
    FriendOrder,
    FriendsDocument,
    GroupDocument,
    GroupOrder,
    GroupsDocument,
    GuestOrder,
    ListedGroup,
    MemberChange,
    MemberDocument,
)
from chainwallet.errors import AlreadyExists, BadValue, MustStay, NotFound

router = Router(tags=["groups"])

Reader = Annotated[Caller, Depends(signed_in("groups:read"))]
Writer = Annotated[Caller, Depends(signed_in("groups:write"))]
GroupId = Annotated[IdText, Path(alias="group")]
MemberId = Annotated[IdText, Path(alias="member")]


@router.post("/v1/groups", status_code=HTTPStatus.CREATED, response_model=GroupDocument, responses=refusals(BadValue))
def make_group(parts: GivenParts, caller: Writer, body: GroupOrder, once: GivenOnce) -> Response:
    """Makes a group, which you own."""
    return once.answer(parts, caller, lambda tx: GroupDocument.of(parts.groups.create(tx, caller, body.name)))


@router.get("/v1/groups")
def groups(parts: GivenParts, caller: Reader) -> GroupsDocument:
    """The groups that you are in, the newest first; friendships are groups of two."""
    return GroupsDocument(groups=[ListedGroup.listed(group, me) for group, me in parts.groups.mine(caller)])


@router.get("/v1/groups/{group}", responses=refusals(NotFound))
def group(parts: GivenParts, caller: Reader, group_id: GroupId) -> GroupDocument:
    """A group and its people."""
    return GroupDocument.of(parts.groups.show(caller, group_id))


@router.patch("/v1/groups/{group}", responses=refusals(NotFound, BadValue))
def rename_group(parts: GivenParts, caller: Writer, group_id: GroupId, body: GroupOrder) -> GroupDocument:
    """Gives the group another name. Its owner does."""
    return GroupDocument.of(parts.database.write(lambda tx: parts.groups.rename(tx, caller, group_id, body.name)))


@router.get("/v1/groups/{group}/activity", responses=refusals(NotFound, BadValue))
def activity(
    parts: GivenParts, caller: Reader, group_id: GroupId, page: Annotated[Page, Depends(paged("activity", int))]
) -> ActivityDocument:
    """Who did what in the group, the latest first; kept for good."""
    below = None if page.after is None else int(page.after[0])
    found, cursor = page.cut(parts.groups.activity(caller, group_id, below, page.wanted), lambda one: (one.event.id,))
    return ActivityDocument(activity=[ActivityEntry.of(one) for one in found], next_cursor=cursor)


@router.post(
    "/v1/groups/{group}/members",
    status_code=HTTPStatus.CREATED,
    response_model=MemberDocument,
    responses=refusals(NotFound, BadValue, AlreadyExists),
)
def add_guest(parts: GivenParts, caller: Writer, group_id: GroupId, body: GuestOrder, once: GivenOnce) -> Response:
    """Adds somebody who has no account, by a name that nobody else in the group has. A guest who left comes back."""
    return once.answer(
        parts,
        caller,
        lambda tx: MemberDocument.of(parts.groups.add_guest(tx, caller, group_id, body.name, body.role)),
    )


@router.patch("/v1/groups/{group}/members/{member}", responses=refusals(NotFound, BadValue, AlreadyExists))
def change_member(
    parts: GivenParts, caller: Writer, group_id: GroupId, member_id: MemberId, body: MemberChange
) -> MemberDocument:
    """Gives a member another name or role. Who is made owner takes the place of the owner, who is a member then."""
    change = parts.groups.change_member
    return MemberDocument.of(
        parts.database.write(lambda tx: change(tx, caller, group_id, member_id, name=body.name, role=body.role))
    )


@router.delete(
    "/v1/groups/{group}/members/{member}",
    status_code=HTTPStatus.NO_CONTENT,
    responses=refusals(NotFound, MustStay),
)
def remove_member(parts: GivenParts, caller: Writer, group_id: GroupId, member_id: MemberId) -> None:
    """Has a member leave: yourself, or, as the owner, anybody. A friendship ends for both.

    Refused while they owe there or are owed, while a plan is under way that they are part of, and to an owner who is
    not alone.
    """
    parts.database.write(lambda tx: parts.groups.remove(tx, caller, group_id, member_id))


@router.post(
    "/v1/friends",
    status_code=HTTPStatus.CREATED,
    response_model=FriendDocument,
    responses=refusals(NotFound, BadValue, AlreadyExists),
)
def ask_friend(parts: GivenParts, caller: Writer, body: FriendOrder, once: GivenOnce) -> Response:
    """Asks somebody to be your friend, for 30 days; where they asked you first, you are friends at once."""
    return once.answer(parts, caller, lambda tx: FriendDocument.of(parts.groups.friends.ask(tx, caller, body.handle)))


@router.get("/v1/friends")
def friends(parts: GivenParts, caller: Reader) -> FriendsDocument:
    """Your friends, each with the group of you two, and whom you asked."""
    return FriendsDocument(friends=[FriendDocument.of(one) for one in parts.groups.friends.mine(caller)])
