"""Who is in a group, as what: the owner's rights, guests, leaving, and what keeps somebody in."""

from collections.abc import Callable
from itertools import product

import pytest

from chainwallet.errors import AlreadyExists, BadValue, ChainwalletError, Forbidden, MustStay, NotFound
from chainwallet.groups import tools
from chainwallet.store.database import Transaction
from tests.groups.circle import Circle
from tests.postgres import on_both

HOSTILE = ["", " ", "\t", "a\x00b", "paid \u202e00.01\u202c", "a\nb", "\u200b", "\u2028", "x" * 65, "\ud800", "\u0301"]


@on_both
def test_who_makes_a_group_owns_it(circle: Circle) -> None:
    """A new group has its maker as owner, by handle, is in the maker's list, and in nobody else's."""
    group = circle.make("ana", "Porto  ")
    seen = circle.groups.show(circle["ana"], group)
    assert (seen.group.name, seen.group.kind) == ("Porto", "group")
    assert [(one.member.name, one.member.role, one.handle) for one in seen.people] == [("@ana", "owner", "ana")]
    assert [(one.id, me.id) for one, me in circle.groups.mine(circle["ana"])] == [(group, seen.me.id)]
    assert circle.groups.mine(circle["ben"]) == ()


def test_a_name_that_hides_or_turns_is_refused(circle: Circle) -> None:
    """Names that are empty, invisible, too long, of several lines or turned around are refused wherever given."""
    group = circle.make()
    guest = circle.guest(group, "Cy").member
    ana = circle["ana"]
    gives: list[Callable[[Transaction, str], object]] = [
        lambda tx, name: circle.groups.create(tx, ana, name),
        lambda tx, name: circle.groups.rename(tx, ana, group, name),
        lambda tx, name: circle.groups.add_guest(tx, ana, group, name),
        lambda tx, name: circle.groups.change_member(tx, ana, group, guest.id, name=name),
    ]
    for give, name in product(gives, HOSTILE):
        with pytest.raises(BadValue) as refusal, circle.database.transaction() as tx:
            give(tx, name)
        assert refusal.value.field == "name"
    assert circle.roles(group) == {"@ana": "owner", "Cy": "member"}


@on_both
def test_a_guest_has_a_name_that_nobody_else_has(circle: Circle) -> None:
    """A guest's name is nobody else's in whatever case, here or gone, and never looks like a handle."""
    group = circle.make()
    guest = circle.guest(group, "Gus").member
    for name in ("Gus", "gus", " GUS "):
        with pytest.raises(AlreadyExists):
            circle.guest(group, name)
    with pytest.raises(BadValue, match="as handles do"):
        circle.guest(group, "@ben")
    circle.remove("ana", group, guest.id)
    with pytest.raises(AlreadyExists):
        circle.guest(group, "gus")
    back = circle.guest(group, "Gus").member
    assert (back.id, back.is_here) == (guest.id, True)


def test_a_viewer_only_looks(circle: Circle) -> None:
    """A viewer sees all of a group and does nothing there but leave; a member gives no roles and removes nobody."""
    group = circle.make()
    ben, cleo = circle.join(group, "ben", "viewer"), circle.join(group, "cleo")
    guest = circle.guest(group, "Gus").member.id
    groups, invitations = circle.groups, circle.groups.invitations
    for_members: list[Callable[[Transaction, str], object]] = [
        lambda tx, who: groups.add_guest(tx, circle[who], group, "Dan"),
        lambda tx, who: groups.change_member(tx, circle[who], group, guest, name="Gustav"),
        lambda tx, who: invitations.invite(tx, circle[who], group),
        lambda tx, who: invitations.invite(tx, circle[who], group, handle="eve"),
        lambda tx, who: invitations.claim_link(tx, circle[who], group, guest),
    ]
    for_the_owner: list[Callable[[Transaction, str], object]] = [
        lambda tx, who: groups.rename(tx, circle[who], group, "Lisbon"),
        lambda tx, who: groups.change_member(tx, circle[who], group, guest, role="viewer"),
        lambda tx, who: groups.change_member(tx, circle[who], group, ben, role="owner"),
        lambda tx, who: groups.remove(tx, circle[who], group, guest),
        lambda tx, who: groups.remove(tx, circle[who], group, circle.me(group, "ana")),
    ]
    before = groups.show(circle["ana"], group).people
    for act, who in [(each, "ben") for each in (*for_members, *for_the_owner)] + [
        (each, "cleo") for each in for_the_owner
    ]:
        with pytest.raises(Forbidden), circle.database.transaction() as tx:
            act(tx, who)
    assert groups.show(circle["ben"], group).people == before
    for act in for_members:
        with circle.database.transaction() as tx:
            act(tx, "cleo")
    circle.remove("ben", group, ben)
    circle.remove("cleo", group, cleo)
    assert circle.roles(group) == {"@ana": "owner", "Gustav": "member", "Dan": "member"}


def test_a_stranger_is_told_that_there_is_none(circle: Circle) -> None:
    """Who was never in a group, or left it, is told that there is none, whatever they ask, as for a made-up id."""
    group = circle.make()
    ben = circle.join(group, "ben")
    circle.remove("ben", group, ben)
    groups, invitations = circle.groups, circle.groups.invitations
    acts: list[Callable[[Transaction, str, str], object]] = [
        lambda tx, who, name: groups.rename(tx, circle[who], name, "Lisbon"),
        lambda tx, who, name: groups.add_guest(tx, circle[who], name, "Dan"),
        lambda tx, who, name: groups.change_member(tx, circle[who], name, ben, name="x"),
        lambda tx, who, name: groups.change_member(tx, circle[who], name, ben, role="owner"),
        lambda tx, who, name: groups.remove(tx, circle[who], name, ben),
        lambda tx, who, name: invitations.invite(tx, circle[who], name),
        lambda tx, who, name: invitations.claim_link(tx, circle[who], name, ben),
        lambda tx, who, name: invitations.revoke(tx, circle[who], name, "0" * 16),
        lambda _, who, name: groups.show(circle[who], name),
        lambda _, who, name: groups.activity(circle[who], name, None, 10),
        lambda _, who, name: invitations.of_group(circle[who], name),
    ]
    for act in acts:
        for who, name in (("eve", group), ("ben", group), ("ana", "0" * 16)):
            with pytest.raises(NotFound) as refusal, circle.database.transaction() as tx:
                act(tx, who, name)
            assert (refusal.value.kind, refusal.value.name) == ("group", name)


def test_a_member_of_another_group_is_not_there(circle: Circle) -> None:
    """The id of somebody in another group is no id in this one, though the caller is in both."""
    mine, other = circle.make(), circle.make(name="Lisbon")
    guest = circle.guest(other, "Cy").member.id
    for act in (
        lambda tx: circle.groups.change_member(tx, circle["ana"], mine, guest, role="viewer"),
        lambda tx: circle.groups.remove(tx, circle["ana"], mine, guest),
        lambda tx: circle.groups.invitations.claim_link(tx, circle["ana"], mine, guest),
    ):
        with pytest.raises(NotFound), circle.database.transaction() as tx:
            act(tx)


@on_both
def test_there_is_always_one_owner(circle: Circle) -> None:
    """Who makes somebody else the owner is a member then; guests own nothing, and an owner with others stays."""
    group = circle.make()
    ana, ben = circle.me(group, "ana"), circle.join(group, "ben", "viewer")
    guest = circle.guest(group, "Cy").member.id

    def give(who: str, member: str, role: str) -> None:
        with circle.database.transaction() as tx:
            circle.groups.change_member(tx, circle[who], group, member, role=role)  # type: ignore[arg-type]

    with pytest.raises(BadValue, match="no account"):
        give("ana", guest, "owner")
    with pytest.raises(BadValue, match="somebody else"):
        give("ana", ana, "member")
    with pytest.raises(MustStay, match="own the group"):
        circle.remove("ana", group, ana)
    give("ana", ben, "owner")
    assert circle.roles(group) == {"@ana": "member", "@ben": "owner", "Cy": "member"}
    circle.remove("ana", group, ana)
    with pytest.raises(MustStay):
        circle.remove("ben", group, ben)
    circle.remove("ben", group, guest)
    circle.remove("ben", group, ben)
    assert circle.groups.mine(circle["ben"]) == ()


@on_both
def test_who_owes_or_is_owed_stays(circle: Circle) -> None:
    """Who has an unsettled debt neither leaves nor is removed, and is told what it is; a settled one holds nobody."""
    group = circle.make()
    ana, ben, cleo = circle.me(group, "ana"), circle.join(group, "ben"), circle.join(group, "cleo")
    first, second = circle.owe(group, ben, ana, 1_240), circle.owe(group, cleo, ben, 300, "JPY")
    with pytest.raises(MustStay) as refusal:
        circle.remove("ben", group, ben)
    assert str(refusal.value) == "@ben cannot leave 'Porto' yet: they still owe 12.40 EUR and are owed 300 JPY"
    with pytest.raises(MustStay):
        circle.remove("ana", group, ben)
    circle.say_paid(first, ana)
    with pytest.raises(MustStay, match="they still are owed 300 JPY"):
        circle.remove("ben", group, ben)
    circle.delete_bill(second)
    third = circle.owe(group, ben, cleo, 7)
    with pytest.raises(MustStay, match=r"owe 0\.07 EUR"):
        circle.remove("ben", group, ben)
    circle.replace_debt(third)
    circle.remove("ben", group, ben)
    assert circle.roles(group) == {"@ana": "owner", "@cleo": "member"}


@on_both
def test_who_is_part_of_a_plan_under_way_stays(circle: Circle) -> None:
    """Nobody leaves while a plan under way has them pay or receive; a plan that ended holds nobody."""
    group = circle.make()
    ben = circle.join(group, "ben")
    for stage in ("settled", "replaced", "withdrawn", "expired", "open", "ready"):
        circle.plan(group, ben, stage)
        if stage in ("open", "ready"):
            with pytest.raises(MustStay, match="a plan to settle up is under way"):
                circle.remove("ben", group, ben)
            circle.end_plan(stage)
        else:
            circle.remove("ben", group, ben)
            assert circle.join(group, "ben") == ben


@on_both
def test_who_comes_back_is_who_they_were(circle: Circle) -> None:
    """Somebody who left and comes in again has the same id, so that their old lines are theirs, and the new role."""
    group = circle.make()
    ben = circle.join(group, "ben")
    circle.remove("ana", group, ben)
    assert circle.join(group, "ben", "viewer") == ben
    assert circle.roles(group) == {"@ana": "owner", "@ben": "viewer"}


def test_members_name_guests_and_themselves(circle: Circle) -> None:
    """A member's name is changed by themselves alone, a guest's by any member, and each name is one person's."""
    group = circle.make()
    ben, guest = circle.join(group, "ben"), circle.guest(group, "Cy").member.id

    def name(who: str, member: str, text: str) -> None:
        with circle.database.transaction() as tx:
            circle.groups.change_member(tx, circle[who], group, member, name=text)

    name("ben", guest, "Cyprian")
    name("ben", ben, "Bo B.")
    with pytest.raises(Forbidden):
        name("ana", ben, "Robert")
    with pytest.raises(AlreadyExists):
        name("ben", ben, "CYPRIAN")
    assert set(circle.roles(group)) == {"@ana", "Bo B.", "Cyprian"}


def test_groups_and_their_people_have_a_most(circle: Circle, monkeypatch: pytest.MonkeyPatch) -> None:
    """A group takes so many people and an account so many groups, those who left not counted; the limit is named."""
    monkeypatch.setattr(tools, "MOST_MEMBERS", 3)
    monkeypatch.setattr(tools, "MOST_GROUPS", 2)
    group = circle.make()
    link = circle.link(group)
    ben = circle.join(group, "ben")
    gus = circle.guest(group, "Gus").member
    with pytest.raises(BadValue, match="at most 3"):
        circle.guest(group, "Dan")
    with pytest.raises(BadValue, match="at most 3"):
        circle.enter("cleo", link)
    circle.remove("ana", group, gus.id)
    circle.enter("cleo", link)
    circle.make("ben")
    with pytest.raises(BadValue, match="at most 2"):
        circle.make("ben")
    with pytest.raises(BadValue, match="at most 2"):
        circle.enter("ben", circle.link(circle.make("dee"), "dee"))
    circle.remove("ben", group, ben)
    circle.make("ben")


def test_scopes_are_asked_for(circle: Circle) -> None:
    """A key with groups:read changes nothing, one with groups:write sees nothing, one with neither does neither."""
    group = circle.make()
    guest = circle.guest(group, "Cy").member.id
    reads, writes, none = (circle.limited("ana", *scopes) for scopes in (["groups:read"], ["groups:write"], []))
    groups = circle.groups
    changes: list[Callable[[Transaction], object]] = [
        lambda tx: groups.create(tx, reads, "x"),
        lambda tx: groups.rename(tx, reads, group, "x"),
        lambda tx: groups.add_guest(tx, reads, group, "x"),
        lambda tx: groups.change_member(tx, reads, group, guest, name="x"),
        lambda tx: groups.remove(tx, reads, group, guest),
        lambda tx: groups.invitations.invite(tx, reads, group),
        lambda tx: groups.invitations.claim_link(tx, reads, group, guest),
        lambda tx: groups.invitations.accept_link(tx, reads, "cwi_" + "A" * 43),
        lambda tx: groups.invitations.accept(tx, reads, "0" * 16),
        lambda tx: groups.invitations.decline(tx, reads, "0" * 16),
        lambda tx: groups.friends.ask(tx, reads, "ben"),
    ]
    looks: list[Callable[[], object]] = [
        lambda: groups.mine(writes),
        lambda: groups.show(writes, group),
        lambda: groups.activity(none, group, None, 5),
        lambda: groups.invitations.mine(none),
        lambda: groups.invitations.of_group(writes, group),
        lambda: groups.friends.mine(writes),
    ]
    for change in changes:
        with pytest.raises(Forbidden, match="groups:write"), circle.database.transaction() as tx:
            change(tx)
    for look in looks:
        with pytest.raises(Forbidden, match="groups:read"):
            look()
    with circle.database.transaction() as tx:
        groups.remove(tx, writes, group, guest)


@on_both
def test_what_is_refused_leaves_no_trace(circle: Circle) -> None:
    """What is refused is neither done nor told: the activity of a group has what was done, and nothing else."""
    group = circle.make()
    ben = circle.join(group, "ben")
    circle.owe(group, ben, circle.me(group, "ana"))
    for act in (
        lambda: circle.remove("ben", group, ben),
        lambda: circle.remove("ana", group, circle.me(group, "ana")),
        lambda: circle.guest(group, "\u202e"),
        lambda: circle.guest(group, "@ben"),
    ):
        with pytest.raises(ChainwalletError):
            act()
    done = circle.groups.activity(circle["ben"], group, None, 100)
    assert [(one.event.kind, one.actor) for one in done] == [
        ("member.joined", "ben"),
        ("invitation.made", "ana"),
        ("group.made", "ana"),
    ]
    second = circle.groups.activity(circle["ben"], group, done[0].event.id, 1)
    assert second == done[1:2]
