"""What the people of a group are told: each thing once, who is there, and nobody else."""

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from chainwallet.notifier import Notifier
from chainwallet.store import account_events, group_events
from chainwallet.store.group_events import GroupEvent
from tests.groups.circle import Circle
from tests.postgres import on_both

pytestmark = on_both


def test_all_of_a_group_are_told_what_is_done_there(circle: Circle) -> None:
    """Each account in a group is told what anybody did there, once, with who did it and in words; others are not."""
    group = circle.make()
    circle.join(group, "ben")
    circle.told("ana")
    guest = circle.guest(group, "Cyprian", by="ben").member
    for who in ("ana", "ben"):
        told = circle.told(who)[-1]
        assert (told.kind, told.owner, told.promised, told.movement) == ("member.added", None, None, None)
        assert told.done is not None
        assert (told.done.group_id, told.done.subject, told.done.actor) == (group, guest.id, "ben")
        assert told.done.words == "@ben added Cyprian, who has no account yet"
    assert (
        circle.heard("ana") == circle.heard("ana") == ["group.made", "invitation.made", "member.joined", "member.added"]
    )
    assert circle.heard("eve") == []


def test_who_is_invited_is_told_and_nobody_else(circle: Circle) -> None:
    """An invitation by handle is told to whom it is for; the group is told that it was made."""
    group = circle.make()
    circle.invite(group, "ben")
    assert circle.heard("ben") == ["group.invited"]
    told = circle.told("ben")[0].done
    assert told is not None
    assert (told.group_id, told.words, told.actor) == (group, "@ana invited you to the group Porto", "ana")
    assert "group.invited" not in circle.heard("ana")
    assert circle.heard("cleo") == []


def test_who_left_is_told_nothing_more(circle: Circle) -> None:
    """Who was removed is told that, and then nothing of the group; who comes back hears what is done from then on."""
    group = circle.make()
    ben = circle.join(group, "ben")
    circle.told("ben")
    circle.remove("ana", group, ben)
    circle.guest(group, "Cyprian")
    assert circle.heard("ben")[-1] == "member.removed"
    before = circle.heard("ben")
    circle.guest(group, "Dan")
    assert circle.heard("ben") == before
    link = circle.link(group)
    assert circle.heard("ben") == before
    circle.enter("ben", link)
    assert circle.heard("ben") == [*before, "member.joined"]


def test_friends_are_told(circle: Circle) -> None:
    """Who is asked is told, who asked is told the answer, and who is left is told that."""
    pair = circle.befriend("ana", "ben")
    assert circle.heard("ben") == ["friend.asked"]
    circle.befriend("ben", "ana")
    assert circle.heard("ana") == ["member.joined"]
    circle.remove("ana", pair, circle.me(pair, "ana"))
    assert circle.heard("ben")[-1] == "friend.left"
    circle.befriend("cleo", "ana")
    (asked,) = circle.groups.invitations.mine(circle["ana"])
    with circle.database.transaction() as tx:
        circle.groups.invitations.decline(tx, circle["ana"], asked.invitation.id)
    assert circle.heard("cleo") == ["invitation.declined"]


def test_several_notifiers_tell_each_thing_once(circle: Circle) -> None:
    """The notifiers of two chains on one database tell what is done in groups once between them, a few at a time."""
    group = circle.make()
    circle.join(group, "ben")
    for number in range(5):
        circle.guest(group, f"Guest {number}")
    notifiers = [
        Notifier(circle.database, chain, 1, lambda *_: {}, circle.clock, batch=2) for chain in ("1-0a", "2-0b")
    ]
    while [one for one in notifiers if one.tick()]:
        pass
    assert (
        circle.heard("ben")
        == circle.heard("ana")
        == [
            "group.made",
            "invitation.made",
            "member.joined",
            *["member.added"] * 5,
        ]
    )


def test_an_event_of_no_group_is_told_to_its_account(circle: Circle) -> None:
    """What concerns one account and no group, as a request does, is told to that account; the service has no handle."""
    with circle.database.transaction() as tx:
        event = GroupEvent(7, None, None, "request.made", "r1", "somebody asks you for 5.00 EUR", account_id=2)
        group_events.note(tx, event)
    (told,) = circle.told("ben")
    assert told.done is not None
    assert (told.kind, told.at_s, told.done.group_id, told.done.actor) == ("request.made", 7, None, None)


def test_what_was_told_stays(circle: Circle) -> None:
    """The database itself refuses to tell an account the same twice, to change what was told, or to take it back."""
    circle.make()
    circle.told("ana")
    for statement in (
        "UPDATE account_events SET account = 2",
        "DELETE FROM account_events",
        "UPDATE group_events SET words = ''",
        "UPDATE group_events SET told_at_s = NULL",
        "UPDATE group_events SET told_at_s = 99",
        "DELETE FROM group_events",
        "INSERT INTO account_events (account, kind, at_s, group_event) "  # noqa: ISC004 - one statement
        "SELECT account, kind, 9, group_event FROM account_events",
        "INSERT INTO account_events (account, kind, at_s, owner, group_event) "  # noqa: ISC004 - one statement
        "SELECT 2, kind, 9, '0x0a', group_event FROM account_events",
        "INSERT INTO account_events (account, kind, at_s) VALUES (1, 'x', 9)",
    ):
        with pytest.raises(IntegrityError), circle.database.transaction() as tx:
            tx.execute(text(statement))
    with circle.database.read() as tx:
        assert len(account_events.after(tx, 1, 0, 10)) == 1
