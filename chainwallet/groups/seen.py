"""Groups, members and invitations as their people are shown them: with handles and names."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from chainwallet.groups.standing import Standing
from chainwallet.rules.handle import Handle
from chainwallet.store import account_wallets, accounts, members
from chainwallet.store.database import Transaction
from chainwallet.store.group_events import GroupEvent
from chainwallet.store.invitations import Invitation
from chainwallet.store.members import Group, Member
from chainwallet.store.wallets import Custody


@dataclass(frozen=True)
class SeenMember:
    """A member; ``handle`` and ``custody`` are None for a guest, who can neither sign nor be paid yet."""

    member: Member
    handle: Handle | None
    custody: Custody | None


@dataclass(frozen=True)
class SeenGroup:
    """A group as ``me`` sees it: with all of its people, those who left at the end."""

    group: Group
    me: Member
    people: tuple[SeenMember, ...]


@dataclass(frozen=True)
class SeenInvitation:
    """An invitation to ``group``. ``invited`` is whom it is for; None: whoever has the link."""

    invitation: Invitation
    group: Group
    made_by: SeenMember
    invited: Handle | None
    guest: Member | None


@dataclass(frozen=True)
class SeenEvent:
    """What was done in a group, and by whom; None: by the service."""

    event: GroupEvent
    actor: Handle | None


def see_group(tx: Transaction, standing: Standing) -> SeenGroup:
    """The group in which somebody stands."""
    in_order = sorted(standing.people, key=lambda one: not one.is_here)
    return SeenGroup(standing.group, standing.me, see_members(tx, in_order))


def see_members(tx: Transaction, people: Collection[Member]) -> tuple[SeenMember, ...]:
    """``people`` with their handles and how they sign."""
    numbers = {one.account_id for one in people if one.account_id is not None}
    handles, wallets = accounts.handles(tx, numbers), account_wallets.default_of(tx, numbers)
    return tuple(
        SeenMember(one, handles.get(one.account_id or 0), wallet.custody if wallet else None)
        for one in people
        for wallet in [wallets.get(one.account_id or 0)]
    )


def see_invitations(tx: Transaction, found: Sequence[Invitation]) -> tuple[SeenInvitation, ...]:
    """``found`` with the names of those whom they are about."""
    groups = members.groups_with_ids(tx, {one.group_id for one in found})
    people = members.with_ids(tx, {name for one in found for name in (one.made_by, one.guest) if name is not None})
    seen = {one.member.id: one for one in see_members(tx, people.values())}
    handles = accounts.handles(tx, {one.invited for one in found if one.invited is not None})
    return tuple(
        SeenInvitation(
            one,
            groups[one.group_id],
            seen[one.made_by],
            handles.get(one.invited or 0),
            people.get(one.guest or ""),
        )
        for one in found
    )


def see_events(tx: Transaction, found: Sequence[GroupEvent]) -> tuple[SeenEvent, ...]:
    """``found`` with who did what."""
    handles = accounts.handles(tx, {one.actor for one in found if one.actor is not None})
    return tuple(SeenEvent(one, handles.get(one.actor or 0)) for one in found)
