"""Who a caller is in a group, and what they may do there."""

from collections.abc import Mapping
from dataclasses import dataclass

from chainwallet.accounts import Caller, require
from chainwallet.errors import Forbidden, NotFound
from chainwallet.rules.handle import shown
from chainwallet.store import account_wallets, members
from chainwallet.store.database import Transaction
from chainwallet.store.locks import take_turns
from chainwallet.store.members import Group, Member, MemberRole
from chainwallet.store.wallets import Wallet

_RANK: Mapping[MemberRole, int] = {"viewer": 0, "member": 1, "owner": 2}


@dataclass(frozen=True)
class Standing:
    """A caller in a group: who they are there, and who is with them, also those who left."""

    group: Group
    me: Member
    people: tuple[Member, ...]

    @property
    def by_id(self) -> Mapping[str, Member]:
        """The people by their ids."""
        return {one.id: one for one in self.people}


def standing(
    tx: Transaction, caller: Caller, group_id: str, least: MemberRole = "viewer", *, changes: bool = False
) -> Standing:
    """Who ``caller`` is in a group, where they are at least ``least``.

    What needs more than a viewer, or says so, ``changes`` something: until its transaction ends, it alone does so in
    this group. Raises
    ``NotFound`` where the caller is not in the group, or not any more: a stranger does not learn that it exists; and
    ``Forbidden`` where their role or their scopes do not allow it.
    """
    changes = changes or least != "viewer"
    require(caller, "groups:write" if changes else "groups:read")
    if changes:
        take_turns(tx, "group", group_id)
    group, me = members.group_by_id(tx, group_id), members.of_account(tx, group_id, caller.account_id)
    if group is None or me is None or not me.is_here:
        raise NotFound("group", group_id, "the list of your groups names those you are in")
    if _RANK[me.role] < _RANK[least]:
        raise Forbidden(shown(caller.handle), f"role {least} in this group, but {me.role}")
    return Standing(group, me, members.of_group(tx, group_id))


def wallet_of(tx: Transaction, member: Member) -> Wallet | None:
    """The wallet with which a member pays and is paid; None for a guest."""
    if member.account_id is None:
        return None
    owned = account_wallets.of_account(tx, member.account_id)
    return owned[0].wallet if owned else None
