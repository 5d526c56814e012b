"""How people come in: links that are good once, invitations by handle, guests who are taken over, and friends."""

import threading
from collections.abc import Callable

import pytest
from sqlalchemy import select

from chainwallet.errors import AlreadyExists, BadValue, ChainwalletError, Expired, Forbidden, NotFound, TooLate
from chainwallet.groups import invitations as answers
from chainwallet.store.group_schema import invitations
from tests.groups.circle import DAY_S, Circle
from tests.postgres import on_both


@on_both
def test_a_link_lets_one_person_in(circle: Circle) -> None:
    """A link lets in who comes first, in the role that it says; after that it is used, also for them."""
    group = circle.make()
    link = circle.link(group, role="viewer")
    assert circle.enter("ben", link).me.role == "viewer"
    with pytest.raises(AlreadyExists):
        circle.enter("ben", link)
    with pytest.raises(TooLate, match="used"):
        circle.enter("cleo", link)
    assert circle.roles(group) == {"@ana": "owner", "@ben": "viewer"}
    assert circle.groups.invitations.of_group(circle["ana"], group) == ()


@on_both
def test_of_many_who_come_at_once_one_gets_in(circle: Circle) -> None:
    """Of four people who accept one link at the same moment one gets in; the others are told that it is used."""
    group = circle.make()
    link, ready = circle.link(group), threading.Barrier(4)
    came: list[str] = []
    refused: list[ChainwalletError] = []

    def accept(who: str) -> None:
        ready.wait(20)
        try:
            circle.database.write(lambda tx: circle.groups.invitations.accept_link(tx, circle[who], link))
        except ChainwalletError as error:
            refused.append(error)
        else:
            came.append(who)

    threads = [threading.Thread(target=accept, args=(who,)) for who in ("ben", "cleo", "dee", "eve")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(came) == 1
    assert [type(error) for error in refused] == [TooLate] * 3
    assert circle.roles(group) == {"@ana": "owner", f"@{came[0]}": "member"}


@on_both
def test_a_link_ends(circle: Circle) -> None:
    """A link is good until the second when it expires, and not after it was revoked; which it was is said."""
    group = circle.make()
    short, revoked = circle.link(group, lasts_s=60), circle.link(group, lasts_s=120)
    circle.clock.at_s += 59
    assert len(circle.groups.invitations.of_group(circle["ana"], group)) == 2
    circle.clock.at_s += 1
    with pytest.raises(Expired):
        circle.enter("ben", short)
    (left,) = circle.groups.invitations.of_group(circle["ana"], group)
    with circle.database.transaction() as tx:
        circle.groups.invitations.revoke(tx, circle["ana"], group, left.invitation.id)
    with pytest.raises(TooLate, match="revoked"):
        circle.enter("ben", revoked)
    with pytest.raises(NotFound), circle.database.transaction() as tx:
        circle.groups.invitations.revoke(tx, circle["ana"], group, left.invitation.id)
    assert circle.roles(group) == {"@ana": "owner"}


NO_TOKENS = ["", "cwi_", "cwi_" + "A" * 43, "cws_" + "A" * 43, "cwi_" + "é" * 43, "' OR 1=1 --"]


def test_a_token_that_is_none_is_refused(circle: Circle) -> None:
    """A token that was never made opens no group, and is not told back."""
    circle.link(circle.make())
    for token in NO_TOKENS:
        with pytest.raises(NotFound) as refusal:
            circle.enter("ben", token)
        assert not token or token not in str(refusal.value)


def test_only_the_hash_of_a_token_is_kept(circle: Circle) -> None:
    """Neither a token nor a piece of it is in the database."""
    link = circle.link(circle.make())
    with circle.database.read() as tx:
        assert link[4:12] not in repr(tx.execute(select(invitations)).all())


@on_both
def test_who_is_invited_by_handle_accepts_or_declines(circle: Circle) -> None:
    """An invitation by handle is in the list of who has it, who accepts or declines it once; others find none."""
    group = circle.make()
    first = circle.invite(group, "@Ben")
    assert first.token is None
    (mine,) = circle.groups.invitations.mine(circle["ben"])
    assert (mine.group.name, mine.made_by.member.name, mine.invited) == ("Porto", "@ana", "ben")
    assert circle.groups.invitations.mine(circle["cleo"]) == ()
    with pytest.raises(AlreadyExists):
        circle.invite(group, "ben")

    def act(who: str, what: Callable[..., object], invitation: str) -> None:
        with circle.database.transaction() as tx:
            what(tx, circle[who], invitation)

    accept, decline = circle.groups.invitations.accept, circle.groups.invitations.decline
    for what in (accept, decline):
        with pytest.raises(NotFound):
            act("cleo", what, mine.invitation.id)
    act("ben", decline, mine.invitation.id)
    for what in (accept, decline):
        with pytest.raises(TooLate):
            act("ben", what, mine.invitation.id)
    second = circle.invite(group, "ben").seen.invitation.id
    act("ben", accept, second)
    with pytest.raises(AlreadyExists):
        circle.invite(group, "ben")
    assert circle.roles(group) == {"@ana": "owner", "@ben": "member"}


def test_nobody_is_invited_who_has_no_account(circle: Circle) -> None:
    """A handle that nobody has is refused by name."""
    with pytest.raises(NotFound, match="@nobody-here"):
        circle.invite(circle.make(), "nobody-here")


def test_an_invitation_lasts_up_to_ninety_days(circle: Circle) -> None:
    """An invitation that ends in the past, or beyond 90 days, is refused."""
    group = circle.make()
    for lasts_s in (-1, 0, 90 * DAY_S + 1, 2**62):
        with pytest.raises(BadValue, match="within 90 days"):
            circle.link(group, lasts_s=lasts_s)
    circle.link(group, lasts_s=90 * DAY_S)


def test_a_group_has_so_many_invitations_open(circle: Circle, monkeypatch: pytest.MonkeyPatch) -> None:
    """Above the most invitations that can be accepted, one must end before another is made."""
    monkeypatch.setattr(answers, "MOST_INVITATIONS", 2)
    group = circle.make()
    first = circle.link(group)
    circle.link(group)
    with pytest.raises(BadValue, match="at most 2"):
        circle.link(group)
    circle.enter("ben", first)
    circle.link(group)


@on_both
def test_invitations_end_with_who_made_them(circle: Circle) -> None:
    """When a member leaves or is removed, nobody comes in by what they made; another member's link is still good."""
    group = circle.make()
    ben, links = circle.join(group, "ben"), [circle.link(group)]
    links.append(circle.link(group, "ben"))
    circle.remove("ana", group, ben)
    with pytest.raises(TooLate, match="revoked"):
        circle.enter("ben", links[1])
    circle.enter("cleo", links[0])


def test_a_member_ends_their_own_invitations_and_the_owner_all(circle: Circle) -> None:
    """A member cannot end what another made; the owner can, but not an invitation of another group."""
    group, other = circle.make(), circle.make(name="Lisbon")
    circle.join(group, "ben")
    circle.link(group)
    circle.link(group, "ben")
    found = circle.groups.invitations.of_group(circle["ana"], group)
    by = {one.made_by.member.name: one.invitation.id for one in found}

    def revoke(who: str, where: str, invitation: str) -> None:
        with circle.database.transaction() as tx:
            circle.groups.invitations.revoke(tx, circle[who], where, invitation)

    with pytest.raises(Forbidden):
        revoke("ben", group, by["@ana"])
    with pytest.raises(NotFound):
        revoke("ana", other, by["@ana"])
    revoke("ana", group, by["@ben"])
    revoke("ana", group, by["@ana"])


# ------------------------------------------------------------------------------------------------ guests


@on_both
def test_who_claims_a_guest_is_that_guest(circle: Circle) -> None:
    """Who claims a guest has the guest's id, name and debts from then on; all other links to the guest end."""
    group = circle.make()
    ana, guest = circle.me(group, "ana"), circle.guest(group, "Cyprian").member
    circle.owe(group, guest.id, ana)
    link, other = circle.claim_link(group, guest.id), circle.claim_link(group, guest.id)
    seen = circle.enter("cleo", link)
    assert (seen.me.id, seen.me.name, seen.me.role) == (guest.id, "Cyprian", "member")
    assert {one.handle for one in seen.people} == {"ana", "cleo"}
    with pytest.raises(TooLate):
        circle.enter("dee", other)
    with pytest.raises(ChainwalletError, match=r"owe 12\.40 EUR"):
        circle.remove("cleo", group, guest.id)
    with pytest.raises(AlreadyExists):
        circle.claim_link(group, guest.id)


@on_both
def test_who_is_in_the_group_claims_nobody(circle: Circle) -> None:
    """A member, also one who left, cannot become a guest of the same group, and the link stays good for another."""
    group = circle.make()
    ben, guest = circle.join(group, "ben"), circle.guest(group, "Cyprian").member
    link = circle.claim_link(group, guest.id)
    with pytest.raises(AlreadyExists):
        circle.enter("ben", link)
    circle.remove("ben", group, ben)
    with pytest.raises(AlreadyExists):
        circle.enter("ben", link)
    assert circle.enter("cleo", link).me.id == guest.id


def test_a_guest_who_left_is_claimed_by_nobody(circle: Circle) -> None:
    """Links to a guest end when the guest is removed."""
    group = circle.make()
    guest = circle.guest(group, "Cyprian").member
    link = circle.claim_link(group, guest.id)
    circle.remove("ana", group, guest.id)
    with pytest.raises(TooLate):
        circle.enter("cleo", link)
    with pytest.raises(NotFound):
        circle.claim_link(group, guest.id)


# ------------------------------------------------------------------------------------------------ friends


def accept_all(circle: Circle, who: str) -> None:
    for one in circle.groups.invitations.mine(circle[who]):
        with circle.database.transaction() as tx:
            circle.groups.invitations.accept(tx, circle[who], one.invitation.id)


def friends(circle: Circle, who: str) -> list[tuple[str, str, str]]:
    return [(one.handle, one.state, one.group_id) for one in circle.groups.friends.mine(circle[who])]


def test_a_friendship_is_a_group_of_two(circle: Circle) -> None:
    """Who is asked and accepts is a friend, and both are in a group that nobody else comes into."""
    pair = circle.befriend("ana", "@ben")
    assert friends(circle, "ana") == [("ben", "asked", pair)]
    assert friends(circle, "ben") == []
    accept_all(circle, "ben")
    assert friends(circle, "ana") == [("ben", "friend", pair)]
    assert friends(circle, "ben") == [("ana", "friend", pair)]
    ana = circle["ana"]
    for act in (
        lambda: circle.guest(pair, "Cy"),
        lambda: circle.link(pair),
        lambda: circle.invite(pair, "cleo"),
        lambda: circle.befriend("ana", "ana"),
    ):
        with pytest.raises(BadValue):
            act()
    with pytest.raises(BadValue), circle.database.transaction() as tx:
        circle.groups.rename(tx, ana, pair, "x")
    with pytest.raises(BadValue), circle.database.transaction() as tx:
        circle.groups.change_member(tx, ana, pair, circle.me(pair, "ben"), role="owner")


@on_both
def test_there_is_one_friendship_of_two_people(circle: Circle) -> None:
    """Asking twice, or a friend, is refused; who asks somebody that asked them is their friend at once."""
    pair = circle.befriend("ana", "ben")
    with pytest.raises(AlreadyExists, match="invitation"):
        circle.befriend("ana", "ben")
    assert circle.befriend("ben", "ana") == pair
    for one, other in (("ana", "ben"), ("ben", "ana")):
        with pytest.raises(AlreadyExists, match="friend"):
            circle.befriend(one, other)
    assert friends(circle, "ben") == [("ana", "friend", pair)]


@on_both
def test_two_who_ask_each_other_at_once_have_one_friendship(circle: Circle) -> None:
    """Of two requests that cross, one makes the friendship's group and the other accepts it."""
    ready, groups = threading.Barrier(2), []

    def ask(one: str, other: str) -> None:
        ready.wait(20)
        groups.append(circle.database.write(lambda tx: circle.groups.friends.ask(tx, circle[one], other)).group_id)

    threads = [threading.Thread(target=ask, args=pair) for pair in (("ana", "ben"), ("ben", "ana"))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(groups) == 2
    assert len(set(groups)) == 1
    assert friends(circle, "ana") == [("ben", "friend", groups[0])]


@on_both
def test_a_friendship_ends_for_both(circle: Circle) -> None:
    """Either ends a friendship, where neither owes the other; then both can be asked again."""
    pair = circle.befriend("ana", "ben")
    accept_all(circle, "ben")
    ana, ben = circle.me(pair, "ana"), circle.me(pair, "ben")
    debt = circle.owe(pair, ana, ben)
    for who, member in (("ana", ana), ("ben", ben), ("ana", ben)):
        with pytest.raises(ChainwalletError, match=r"12\.40 EUR"):
            circle.remove(who, pair, member)
    circle.say_paid(debt, ben)
    circle.remove("ben", pair, ben)
    assert friends(circle, "ana") == friends(circle, "ben") == []
    assert circle.befriend("ben", "ana") != pair


@on_both
def test_who_does_not_answer_is_asked_again_in_the_same_group(circle: Circle) -> None:
    """A request that expired is made again without another group, and one that is declined leaves none behind."""
    pair = circle.befriend("ana", "ben")
    circle.clock.at_s += 31 * DAY_S
    assert friends(circle, "ana") == []
    assert circle.befriend("ana", "ben") == pair
    (asked,) = circle.groups.invitations.mine(circle["ben"])
    with circle.database.transaction() as tx:
        circle.groups.invitations.decline(tx, circle["ben"], asked.invitation.id)
    assert circle.groups.mine(circle["ana"]) == ()
    assert circle.befriend("ana", "ben") != pair
