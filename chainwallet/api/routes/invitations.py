"""Invitations: how people come into groups, by name or by a link that is good once."""

from http import HTTPStatus
from typing import Annotated

from fastapi import Path, Response

from chainwallet.api.idempotency import GivenOnce
from chainwallet.api.openapi import refusals
from chainwallet.api.parts import GivenParts
from chainwallet.api.routes.groups import GroupId, MemberId, Reader, Writer
from chainwallet.api.routing import Router
from chainwallet.api.schemas.accounts import IdText
from chainwallet.api.schemas.groups import GroupDocument
from chainwallet.api.schemas.invitations import (
    ClaimLinkOrder,
    InvitationDocument,
    InvitationOrder,
    InvitationsDocument,
    MadeInvitationDocument,
    TokenOrder,
)
from chainwallet.errors import AlreadyExists, BadValue, Expired, NotFound, TooLate
from chainwallet.rules.timestamp import time_of

router = Router(tags=["groups"])

InvitationId = Annotated[IdText, Path(alias="invitation")]

_COMING_IN = (NotFound, Expired, TooLate, AlreadyExists, BadValue)


@router.post(
    "/v1/groups/{group}/invitations",
    status_code=HTTPStatus.CREATED,
    response_model=MadeInvitationDocument,
    responses=refusals(NotFound, BadValue, AlreadyExists),
)
def invite(parts: GivenParts, caller: Writer, group_id: GroupId, body: InvitationOrder, once: GivenOnce) -> Response:
    """Invites who has a handle, or makes a link that lets one person in; its token is told this once."""
    expires_at_s = _time(body.expires_at)
    call = parts.groups.invitations.invite
    return (once.secret() if body.handle is None else once).answer(
        parts,
        caller,
        lambda tx: MadeInvitationDocument.of(
            call(tx, caller, group_id, handle=body.handle, role=body.role, expires_at_s=expires_at_s)
        ),
    )


@router.get("/v1/groups/{group}/invitations", responses=refusals(NotFound))
def group_invitations(parts: GivenParts, caller: Reader, group_id: GroupId) -> InvitationsDocument:
    """The group's invitations that can still be accepted, the newest first, without their tokens."""
    found = parts.groups.invitations.of_group(caller, group_id)
    return InvitationsDocument(invitations=[InvitationDocument.of(one) for one in found])


@router.delete(
    "/v1/groups/{group}/invitations/{invitation}",
    status_code=HTTPStatus.NO_CONTENT,
    responses=refusals(NotFound),
)
def revoke_invitation(parts: GivenParts, caller: Writer, group_id: GroupId, invitation_id: InvitationId) -> None:
    """Ends an invitation, at once. Who made it does, or the group's owner."""
    parts.database.write(lambda tx: parts.groups.invitations.revoke(tx, caller, group_id, invitation_id))


@router.post(
    "/v1/groups/{group}/members/{member}/claim-link",
    status_code=HTTPStatus.CREATED,
    response_model=MadeInvitationDocument,
    responses=refusals(NotFound, BadValue, AlreadyExists),
)
def make_claim_link(
    parts: GivenParts, caller: Writer, group_id: GroupId, member_id: MemberId, body: ClaimLinkOrder, once: GivenOnce
) -> Response:
    """Makes a link by which one person becomes a guest, with all that the guest owes and is owed.

    Its token is told this once, and accepted like that of any link.
    """
    expires_at_s = _time(body.expires_at)
    call = parts.groups.invitations.claim_link
    return once.secret().answer(
        parts, caller, lambda tx: MadeInvitationDocument.of(call(tx, caller, group_id, member_id, expires_at_s))
    )


@router.get("/v1/invitations")
def invitations(parts: GivenParts, caller: Reader) -> InvitationsDocument:
    """Your invitations to groups and friendships, the newest first."""
    found = parts.groups.invitations.mine(caller)
    return InvitationsDocument(invitations=[InvitationDocument.of(one) for one in found])


@router.post("/v1/invitations/accept", response_model=GroupDocument, responses=refusals(*_COMING_IN))
def accept_link(parts: GivenParts, caller: Writer, body: TokenOrder, once: GivenOnce) -> Response:
    """Lets you into the group of a link; each is good once, for whoever comes first."""
    call = parts.groups.invitations.accept_link
    return once.answer(parts, caller, lambda tx: GroupDocument.of(call(tx, caller, body.token)))


@router.post("/v1/invitations/{invitation}/accept", response_model=GroupDocument, responses=refusals(*_COMING_IN))
def accept(parts: GivenParts, caller: Writer, invitation_id: InvitationId, once: GivenOnce) -> Response:
    """Lets you into the group of an invitation that names you, or makes you a friend."""
    call = parts.groups.invitations.accept
    return once.answer(parts, caller, lambda tx: GroupDocument.of(call(tx, caller, invitation_id)))


@router.post(
    "/v1/invitations/{invitation}/decline",
    status_code=HTTPStatus.NO_CONTENT,
    responses=refusals(NotFound, Expired, TooLate),
)
def decline(parts: GivenParts, caller: Writer, invitation_id: InvitationId) -> None:
    """Ends an invitation that names you. Who sent it is told."""
    parts.database.write(lambda tx: parts.groups.invitations.decline(tx, caller, invitation_id))


def _time(text: str | None) -> int | None:
    return None if text is None else time_of(text, "expires_at")
