"""The answers about invitations: how people come into groups, and how guests become people with accounts."""

from dataclasses import dataclass, replace

from chainwallet.accounts import Caller, require
from chainwallet.accounts.tokens import INVITATION, hashed, kind_of, new_token
from chainwallet.errors import AlreadyExists, BadValue, Expired, Forbidden, NotFound, TooLate
from chainwallet.groups.leaving import let_go
from chainwallet.groups.seen import SeenGroup, SeenInvitation, see_group, see_invitations
from chainwallet.groups.standing import Standing, standing
from chainwallet.groups.tools import Tools, require_few_groups, require_no_pair, require_room
from chainwallet.rules.handle import parse_handle, shown
from chainwallet.store import accounts, invitations, members
from chainwallet.store.accounts import Account
from chainwallet.store.database import Transaction
from chainwallet.store.invitations import Invitation, InvitedRole
from chainwallet.store.locks import take_turns
from chainwallet.store.members import Group, Member

USUAL_LIFE_S = 7 * 86_400
LONGEST_LIFE_S = 90 * 86_400
MOST_INVITATIONS = 100  # of a group that can still be accepted

_ASK = "whoever invited you can do so again"


@dataclass(frozen=True)
class MadeInvitation:
    """A new invitation, and the token of its link, which is shown this once; None where it names an account."""

    token: str | None
    seen: SeenInvitation

    def __repr__(self) -> str:
        return f"MadeInvitation(..., {self.seen!r})"


class Invitations(Tools):
    """Invitations to groups. What changes something does so in the transaction that it is given.

    All raise ``Forbidden`` where scopes or roles do not allow it, and ``NotFound`` for the group of others.
    """

    def invite(
        self,
        tx: Transaction,
        caller: Caller,
        group_id: str,
        *,
        handle: str | None = None,
        role: InvitedRole = "member",
        expires_at_s: int | None = None,
    ) -> MadeInvitation:
        """An invitation for who has ``handle``, who is told; None: a link for whoever has it.

        Raises ``BadValue`` for a time that is over or too far away, in a friendship, and above ``MOST_INVITATIONS``;
        ``NotFound`` where nobody has the handle; ``AlreadyExists`` where they are a member, or invited.
        """
        found = standing(tx, caller, group_id, "member")
        require_no_pair(found)
        invited = None if handle is None else account_called(tx, handle)
        if invited is not None:
            self._require_outside(tx, found, invited)
        made = self._make(tx, found, role, None, invited, expires_at_s)
        if invited is None:
            words = f"{found.me.name} made a link that lets one person in as a {role}"
        else:
            words = f"{found.me.name} invited {shown(invited.handle)} as a {role}"
            told = f"{shown(caller.handle)} invited you to the group {found.group.name}"
            self.note(tx, caller, found.group, "group.invited", made.seen.invitation.id, told, to=invited.id)
        self.note(tx, caller, found.group, "invitation.made", made.seen.invitation.id, words)
        return made

    def claim_link(
        self, tx: Transaction, caller: Caller, group_id: str, member_id: str, expires_at_s: int | None = None
    ) -> MadeInvitation:
        """A link by which somebody takes over a guest, with all of the guest's lines.

        Raises ``NotFound`` for no such member, ``AlreadyExists`` for one who has an account, and ``BadValue`` as
        ``invite``.
        """
        found = standing(tx, caller, group_id, "member")
        guest = found.by_id.get(member_id)
        if guest is None or not guest.is_here:
            raise NotFound("member", member_id, "the group names its members")
        if guest.account_id is not None or guest.role == "owner":  # owners have accounts
            raise AlreadyExists("account of the member", guest.name)
        made = self._make(tx, found, guest.role, guest, None, expires_at_s)
        words = f"{found.me.name} made a link by which somebody takes over {guest.name}"
        self.note(tx, caller, found.group, "invitation.made", made.seen.invitation.id, words)
        return made

    def of_group(self, caller: Caller, group_id: str) -> tuple[SeenInvitation, ...]:
        """The invitations of a group that can still be accepted, the newest first."""
        with self.database.read() as tx:
            standing(tx, caller, group_id)
            return see_invitations(tx, invitations.good_of_group(tx, group_id, self.now_s()))

    def mine(self, caller: Caller) -> tuple[SeenInvitation, ...]:
        """The invitations that name the caller and can still be accepted, the newest first."""
        require(caller, "groups:read")
        with self.database.read() as tx:
            return see_invitations(tx, invitations.good_for(tx, caller.account_id, self.now_s()))

    def revoke(self, tx: Transaction, caller: Caller, group_id: str, invitation_id: str) -> None:
        """Ends an invitation; who made it does, or the owner. Raises ``NotFound`` where there is none, or no more."""
        found = standing(tx, caller, group_id, "member")
        invitation = invitations.by_id(tx, invitation_id)
        if invitation is None or invitation.group_id != group_id or not invitation.is_good(self.now_s()):
            raise NotFound("invitation", invitation_id, "the group's list names those that can be accepted")
        if invitation.made_by != found.me.id and found.me.role != "owner":
            raise Forbidden(shown(caller.handle), f"role owner in this group, but {found.me.role}")
        invitations.revoke(tx, invitation, self.now_s())
        self.note(tx, caller, found.group, "invitation.revoked", invitation.id, f"{found.me.name} ended an invitation")

    def accept_link(self, tx: Transaction, caller: Caller, token: str) -> SeenGroup:
        """Lets the caller into the group of a link, once.

        Raises ``NotFound`` for a token that is none, ``Expired``, ``TooLate`` where it was used or revoked,
        ``AlreadyExists`` for who is in the group, or was and would take over a guest, and ``BadValue`` where group or
        caller have no room.
        """
        require(caller, "groups:write")
        invitation = invitations.by_token(tx, hashed(token)) if kind_of(token) == INVITATION else None
        if invitation is None or invitation.invited not in (None, caller.account_id):
            raise NotFound("invitation", "with this token", _ASK)
        return self._let_in(tx, caller, invitation)

    def accept(self, tx: Transaction, caller: Caller, invitation_id: str) -> SeenGroup:
        """Lets the caller into the group of an invitation that names them. Raises as ``accept_link``."""
        return self._let_in(tx, caller, self._mine(tx, caller, invitation_id))

    def decline(self, tx: Transaction, caller: Caller, invitation_id: str) -> None:
        """Ends an invitation that names the caller. Raises ``NotFound``, ``Expired`` and ``TooLate``."""
        invitation = self._mine(tx, caller, invitation_id)
        now_s = self.now_s()
        if not invitations.revoke(tx, invitation, now_s):
            raise self._over(tx, invitation.id, now_s)
        group, words = _group(tx, invitation.group_id), f"{shown(caller.handle)} did not want to join"
        asker = members.with_ids(tx, [invitation.made_by])[invitation.made_by]
        self.note(tx, caller, group, "invitation.declined", invitation.id, words, to=asker.account_id)
        if group.kind == "pair":
            let_go(tx, group, asker, now_s)

    # ------------------------------------------------------------------------------------------------ steps

    def _make(
        self,
        tx: Transaction,
        found: Standing,
        role: InvitedRole,
        guest: Member | None,
        invited: Account | None,
        expires_at_s: int | None,
    ) -> MadeInvitation:
        now_s = self.now_s()
        until_s = now_s + USUAL_LIFE_S if expires_at_s is None else expires_at_s
        if not now_s < until_s <= now_s + LONGEST_LIFE_S:
            raise BadValue("expires_at", until_s, f"a time after {now_s} and within {LONGEST_LIFE_S // 86_400} days")
        if invitations.count_good(tx, found.group.id, now_s) >= MOST_INVITATIONS:
            raise BadValue("invitations", MOST_INVITATIONS, f"at most {MOST_INVITATIONS} at a time; revoke one first")
        token = new_token(INVITATION, self.random)
        invitation = Invitation(
            self.new_id(),
            found.group.id,
            role,
            guest.id if guest else None,
            invited.id if invited else None,
            found.me.id,
            now_s,
            until_s,
        )
        invitations.add(tx, invitation, hashed(token))
        seen = see_invitations(tx, [invitation])[0]
        return MadeInvitation(token if invited is None else None, seen)

    def _require_outside(self, tx: Transaction, found: Standing, account: Account) -> None:
        if any(one.account_id == account.id and one.is_here for one in found.people):
            raise AlreadyExists("member", shown(account.handle))
        good = invitations.good_of_group(tx, found.group.id, self.now_s())
        if any(one.invited == account.id for one in good):
            raise AlreadyExists("invitation", shown(account.handle))

    def _mine(self, tx: Transaction, caller: Caller, invitation_id: str) -> Invitation:
        require(caller, "groups:write")
        invitation = invitations.by_id(tx, invitation_id)
        if invitation is None or invitation.invited != caller.account_id:
            raise NotFound("invitation", invitation_id, "the list of your invitations names those there are")
        return invitation

    def _let_in(self, tx: Transaction, caller: Caller, invitation: Invitation) -> SeenGroup:
        take_turns(tx, "groups of", str(caller.account_id))
        take_turns(tx, "group", invitation.group_id)
        now_s = self.now_s()
        people = members.of_group(tx, invitation.group_id)
        was = next((one for one in people if one.account_id == caller.account_id), None)
        if was is not None and (was.is_here or invitation.guest is not None):
            raise AlreadyExists("member", shown(caller.handle))
        if not invitations.use(tx, invitation, caller.account_id, now_s):
            raise self._over(tx, invitation.id, now_s)
        require_few_groups(tx, caller.account_id)
        group = _group(tx, invitation.group_id)
        if invitation.guest is not None:
            self._claim(tx, caller, group, next(one for one in people if one.id == invitation.guest))
        else:
            require_room(people)
            self._join(tx, caller, group, was, invitation.role)
        people = members.of_group(tx, group.id)
        me = next(one for one in people if one.account_id == caller.account_id)
        return see_group(tx, Standing(group, me, people))

    def _claim(self, tx: Transaction, caller: Caller, group: Group, guest: Member) -> None:
        """Makes the caller the guest; nobody else can be, as links to them end with the first that is used."""
        members.change(tx, replace(guest, account_id=caller.account_id))
        invitations.revoke_about(tx, guest.id, self.now_s())
        words = f"{shown(caller.handle)} is {guest.name} from now on"
        self.note(tx, caller, group, "member.claimed", guest.id, words)

    def _join(self, tx: Transaction, caller: Caller, group: Group, was: Member | None, role: InvitedRole) -> None:
        if was is None:
            me = Member(self.new_id(), group.id, caller.account_id, shown(caller.handle), role, self.now_s())
            members.add(tx, me)
        else:
            me = replace(was, role=role, left_at_s=None)
            members.change(tx, me)
        self.note(tx, caller, group, "member.joined", me.id, f"{shown(caller.handle)} joined")

    def _over(self, tx: Transaction, invitation_id: str, now_s: int) -> Exception:
        """Why an invitation cannot be used any more."""
        now = invitations.by_id(tx, invitation_id)
        assert now is not None  # noqa: S101 - invitations are never removed
        if now.used_at_s is not None:
            return TooLate("invitation", "it was used, and each is good once")
        if now.revoked_at_s is not None:
            return TooLate("invitation", "it was revoked")
        return Expired("invitation", now.expires_at_s, now_s)


def account_called(tx: Transaction, handle: str) -> Account:
    """The account with this handle; raises ``BadValue`` and ``NotFound``."""
    wanted = parse_handle(handle)
    account = accounts.by_handle(tx, wanted)
    if account is None:
        raise NotFound("account", shown(wanted), "they must sign up first; a guest needs no account")
    return account


def _group(tx: Transaction, group_id: str) -> Group:
    group = members.group_by_id(tx, group_id)
    assert group is not None  # noqa: S101 - groups are never removed
    return group
