"""Invitations: how people come into groups."""

from typing import Annotated, Self

from pydantic import Field

from chainwallet.api.schemas.accounts import HandleText, IdText
from chainwallet.api.schemas.document import Document
from chainwallet.api.schemas.groups import InvitedRoleText
from chainwallet.api.schemas.payments import with_examples
from chainwallet.api.schemas.words import TimeText
from chainwallet.groups import MadeInvitation, SeenInvitation
from chainwallet.rules.handle import shown
from chainwallet.rules.timestamp import time_text
from chainwallet.store.members import GroupKind, MemberRole

InvitationToken = Annotated[
    str,
    Field(
        pattern=r"^cwi_[A-Za-z0-9_-]{43}$",
        description="Lets one person in, once. It is told this once, and only its hash is kept",
        examples=["cwi_" + "A" * 43],
    ),
]
_EXPIRY = "Within 90 days. Left out: a week from now"


class InvitationOrder(Document):
    """Somebody who is invited, or a link for whoever has it."""

    model_config = with_examples({"handle": "@ben"}, {"role": "viewer", "expires_at": "2026-12-24T18:00:00Z"})

    handle: HandleText | None = Field(None, description="Left out: a link, whose token is told this once")
    role: InvitedRoleText = "member"
    expires_at: TimeText | None = Field(None, description=_EXPIRY)


class ClaimLinkOrder(Document):
    """A link by which somebody takes over a guest."""

    model_config = with_examples({}, {"expires_at": "2026-12-24T18:00:00Z"})

    expires_at: TimeText | None = Field(None, description=_EXPIRY)


class TokenOrder(Document):
    """The token of a link."""

    model_config = with_examples({"token": "cwi_" + "A" * 43})

    token: InvitationToken


class InvitedGroup(Document):
    """The group that one is invited to."""

    id: IdText
    name: str = Field(examples=["Porto"])
    kind: GroupKind = Field(description="pair: a friendship")


class InvitationDocument(Document):
    """An invitation that can be accepted, once."""

    id: IdText
    group: InvitedGroup
    role: MemberRole = Field(description="What who accepts it becomes: member or viewer")
    made_by: str = Field(description="The name of the member who made it", examples=["@ana"])
    handle: str | None = Field(description="Whom it is for; null: whoever has the link", examples=["@ben"])
    guest: str | None = Field(description="The name of the guest whom it makes somebody", examples=[None])
    made_at: TimeText
    expires_at: TimeText

    @classmethod
    def of(cls, seen: SeenInvitation) -> Self:
        """The document of ``seen``."""
        invitation, group = seen.invitation, seen.group
        return cls(
            id=invitation.id,
            group=InvitedGroup(id=group.id, name=group.name, kind=group.kind),
            role=invitation.role,
            made_by=seen.made_by.member.name,
            handle=None if seen.invited is None else shown(seen.invited),
            guest=None if seen.guest is None else seen.guest.name,
            made_at=time_text(invitation.made_at_s),
            expires_at=time_text(invitation.expires_at_s),
        )


class MadeInvitationDocument(Document):
    """A new invitation, with the token of its link where it is one."""

    token: InvitationToken | None = Field(description="null: it names an account, which accepts it by its id")
    invitation: InvitationDocument

    @classmethod
    def of(cls, made: MadeInvitation) -> Self:
        """The document of ``made``."""
        return cls(token=made.token, invitation=InvitationDocument.of(made.seen))


class InvitationsDocument(Document):
    """Invitations that can be accepted, the newest first."""

    invitations: list[InvitationDocument]
