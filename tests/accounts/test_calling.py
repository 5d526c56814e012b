"""Sessions and API keys: who calls, what they may do, and that an end is an end."""

import threading
from contextlib import closing

import pytest
from sqlalchemy import event

from chainwallet import accounts
from chainwallet.accounts import Caller
from chainwallet.accounts.calling import USE_NOTED_EVERY_S
from chainwallet.accounts.keys import LONGEST_LIFE_S, MOST_KEYS
from chainwallet.errors import BadValue, Forbidden, NotFound, NotSignedIn
from chainwallet.rules.scope import MAY, SCOPES, Scope
from chainwallet.store.database import Database
from chainwallet.store.locks import take_turns
from tests.accounts.conftest import NOW_S, Town
from tests.postgres import on_both

pytestmark = on_both


def key_of(town: Town, caller: Caller, *scopes: Scope, expires_at_s: int | None = None) -> str:
    return town.make_key(caller, "shop", scopes, expires_at_s).token


# ------------------------------------------------------------------------------------------------ sessions


def test_a_revoked_session_is_over_at_once(town: Town) -> None:
    """A session that was revoked signs nobody in, for good; its owner's others go on."""
    caller = town.signed_in()
    lost, kept = town.sign_in(), town.sign_in()
    accounts.revoke_session(town.accounts, caller, lost.session.id)
    with pytest.raises(NotSignedIn, match="it was revoked"):
        town.caller(lost.token)
    assert town.caller(kept.token).session_id == kept.session.id
    with pytest.raises(NotFound):
        accounts.revoke_session(town.accounts, caller, lost.session.id)
    listed = accounts.list_sessions(town.accounts, caller)
    assert {session.id for session in listed} == {caller.session_id, kept.session.id}


def test_nobody_ends_or_sees_anothers_session(town: Town) -> None:
    """Somebody else's session is none at all, for who lists and for who revokes."""
    ana, ben = town.signed_in("ana"), town.signed_in("ben")
    assert ana.session_id is not None
    with pytest.raises(NotFound):
        accounts.revoke_session(town.accounts, ben, ana.session_id)
    assert [session.id for session in accounts.list_sessions(town.accounts, ben)] == [ben.session_id]
    assert [session.id for session in accounts.list_sessions(town.accounts, ana)] == [ana.session_id]


@pytest.mark.parametrize(
    "token",
    ["", "cws_", "cws_" + "a" * 42, "cws_" + "a" * 44, "cwx_" + "a" * 43, "cws_" + "ä" * 43, "cws_" + "a" * 42 + "\n"],
)
def test_what_is_no_token_is_not_looked_up(town: Town, token: str) -> None:
    """A text without the form of a token is refused as such."""
    with pytest.raises(NotSignedIn, match="a token is cws_ or cwk_"):
        town.caller(token)


@pytest.mark.parametrize("kind", ["cws_", "cwk_"])
def test_a_made_up_token_signs_nobody_in(town: Town, kind: str) -> None:
    """A token that nobody was given signs nobody in, nor does a session's token as a key's."""
    town.sign_up()
    with pytest.raises(NotSignedIn, match="there is no such"):
        town.caller(kind + "A" * 43)
    with pytest.raises(NotSignedIn, match="there is no such"):
        town.caller("cwk_" + town.sign_in().token.removeprefix("cws_"))


def test_the_last_use_is_noted_once_a_minute(town: Town, database: Database) -> None:
    """When a session or key was used last is known to the minute, and noting it costs one write in a minute."""
    caller = town.signed_in()
    token = key_of(town, caller, "keys:write")
    writes: list[str] = []
    backend = database._backend
    engine = getattr(backend, "_writing", None) or backend._engine  # type: ignore[attr-defined]  # either has one
    event.listen(engine, "before_cursor_execute", lambda *args: writes.append(args[2]))
    for second in range(0, 3 * USE_NOTED_EVERY_S, 10):
        town.clock.time_s = NOW_S + second
        town.caller(token)
    assert len([statement for statement in writes if statement.startswith("UPDATE api_keys")]) == 3
    (key,) = accounts.list_keys(town.accounts, caller)
    assert key.last_used_at_s == NOW_S + 2 * USE_NOTED_EVERY_S


def test_who_calls_is_one_question(town: Town, database: Database) -> None:
    """Who stands behind a token, with all roles, is one question to the database, answered from an index."""
    town.signed_in()
    accounts.change_role(database, "ana", "issuer", NOW_S, granted=True)
    token = town.sign_in().token
    asked: list[str] = []
    backend = database._backend
    engine = getattr(backend, "_reading")  # noqa: B009 - its type does not say so
    event.listen(engine, "before_cursor_execute", lambda *args: asked.append(args[2]))
    assert town.caller(token).roles == {"person", "issuer"}
    (question,) = [statement for statement in asked if statement.startswith("SELECT")]
    if database.name.endswith(".db"):
        with database.read() as tx:
            plan = " ".join(row[3] for row in tx.exec_driver_sql(f"EXPLAIN QUERY PLAN {question}", ("x",)))
        assert "USING INDEX sqlite_autoindex_sessions" in plan
        assert "SCAN" not in plan


def test_who_calls_beside_others_is_told_apart(town: Town) -> None:
    """Several tokens are looked up together, each with its own outcome, in their order; each use is noted."""
    ana, ben = town.signed_in("ana"), town.signed_in("ben")
    good, bens, revoked = town.sign_in("ana"), town.sign_in("ben"), town.sign_in("ana")
    accounts.revoke_session(town.accounts, ana, revoked.session.id)
    key = key_of(town, ben, "history:read")
    town.clock.time_s = NOW_S + USE_NOTED_EVERY_S
    tokens = [good.token, "none", revoked.token, key, "cws_" + "A" * 43, bens.token, good.token]
    found = accounts.callers(town.accounts, tokens)
    handles = [one.handle if isinstance(one, Caller) else None for one in found]
    assert handles == ["ana", None, None, "ben", None, "ben", "ana"]
    for place, why in ((1, "a token is"), (2, "it was revoked"), (4, "there is no such")):
        assert isinstance(found[place], NotSignedIn)
        assert why in str(found[place])
    assert isinstance(found[3], Caller)
    assert found[3].scopes == {"history:read"}
    noted = {session.id: session.last_used_at_s for session in accounts.list_sessions(town.accounts, ana)}
    assert (noted[good.session.id], noted[ana.session_id or ""]) == (town.clock.time_s, NOW_S)


def test_who_calls_does_not_wait_for_who_writes(town: Town, database: Database) -> None:
    """While another writes for long, callers are known at once; the use of their tokens is noted when it can be."""
    ana, token = town.signed_in(), town.sign_in().token
    town.clock.time_s = NOW_S + USE_NOTED_EVERY_S
    with closing(accounts.Callers(town.accounts)) as callers, database.transaction() as tx:
        take_turns(tx, "nothing that matters")
        assert [one.handle for one in callers([token]) if isinstance(one, Caller)] == ["ana"]
        assert [one.handle for one in callers([token]) if isinstance(one, Caller)] == ["ana"]
    noted = [session.last_used_at_s for session in accounts.list_sessions(town.accounts, ana)]
    assert noted == [town.clock.time_s, NOW_S]


# ------------------------------------------------------------------------------------------------ roles and scopes


def test_a_role_counts_from_its_grant_to_its_end(town: Town, database: Database) -> None:
    """What the operator grants or takes is so at once, for sessions and keys that are there already."""
    caller = town.signed_in()
    token = town.sign_in().token
    with pytest.raises(Forbidden):
        key_of(town, caller, "issuer:write")
    account = accounts.change_role(database, "@Ana", "issuer", NOW_S, granted=True)
    assert account.roles == {"person", "issuer"}
    assert accounts.change_role(database, "ana", "issuer", NOW_S, granted=True) == account
    issuer = town.caller(token)
    key = key_of(town, issuer, "issuer:write", "account:read")
    assert town.caller(key).scopes == {"issuer:write", "account:read"}
    assert accounts.change_role(database, "ana", "issuer", NOW_S, granted=False).roles == {"person"}
    assert town.caller(key).scopes == {"account:read"}
    with pytest.raises(Forbidden, match="@ana has no scope issuer:write"):
        accounts.require(town.caller(token), "issuer:write")
    with pytest.raises(NotFound):
        accounts.change_role(database, "ben", "issuer", NOW_S, granted=True)
    assert [one.handle for one in accounts.list_accounts(database)] == ["ana"]


@pytest.mark.parametrize("scope", SCOPES)
def test_a_key_may_what_it_was_made_for_and_nothing_else(town: Town, database: Database, scope: Scope) -> None:
    """A key with one scope has that one, and is refused for each other by name."""
    caller = town.signed_in()
    accounts.change_role(database, "ana", "issuer", NOW_S, granted=True)
    caller = town.caller(town.sign_in().token)
    assert caller.scopes == MAY["person"] | MAY["issuer"] == set(SCOPES)
    by_key = town.caller(key_of(town, caller, scope))
    for other in SCOPES:
        if other == scope:
            accounts.require(by_key, other)
        else:
            with pytest.raises(Forbidden, match=f"@ana by API key {by_key.key_id} has no scope {other}"):
                accounts.require(by_key, other)


def test_some_things_people_do_themselves(town: Town) -> None:
    """An API key neither lists nor ends sessions, whatever its scopes; a person who signed in does."""
    caller = town.signed_in()
    by_key = town.caller(key_of(town, caller, *sorted(caller.scopes)))
    assert caller.session_id is not None
    with pytest.raises(Forbidden, match="has no session"):
        accounts.list_sessions(town.accounts, by_key)
    with pytest.raises(Forbidden, match="has no session"):
        accounts.revoke_session(town.accounts, by_key, caller.session_id)
    accounts.require_session(caller)


# ------------------------------------------------------------------------------------------------ API keys


def test_a_key_is_shown_once_and_named_for_good(town: Town) -> None:
    """A key is listed by name, scopes and last use; its token is shown when it is made, and never again."""
    caller = town.signed_in()
    made = town.make_key(caller, "  Käse-Shop ", ["payments:read", "history:read"])
    assert made.token.startswith("cwk_")
    assert made.token not in repr(made)
    (key,) = accounts.list_keys(town.accounts, caller)
    assert key == made.key
    assert key.name == "Käse-Shop"
    assert key.scopes == {"payments:read", "history:read"}
    assert (key.created_at_s, key.last_used_at_s, key.expires_at_s) == (NOW_S, None, None)


def test_a_key_ends_when_it_is_revoked_or_its_time_is_over(town: Town) -> None:
    """A key that was revoked, or whose time is over, lets nobody in and is not listed."""
    caller = town.signed_in()
    short, lost = key_of(town, caller, "keys:write", expires_at_s=NOW_S + 10), key_of(town, caller, "keys:write")
    lost_id = town.caller(lost).key_id
    assert lost_id is not None
    accounts.revoke_key(town.accounts, caller, lost_id)
    with pytest.raises(NotSignedIn, match="it was revoked"):
        town.caller(lost)
    town.clock.time_s += 9
    assert len(accounts.list_keys(town.accounts, town.caller(short))) == 1
    town.clock.time_s += 1
    with pytest.raises(NotSignedIn, match="its time is over"):
        town.caller(short)
    assert accounts.list_keys(town.accounts, caller) == ()
    town.clock.time_s += 86_400
    key_of(town, caller, "payments:read")
    with pytest.raises(NotSignedIn, match="there is no such"):
        town.caller(lost)


def test_nobody_ends_or_sees_anothers_key(town: Town) -> None:
    """Somebody else's key is none at all, for who lists and for who revokes."""
    ana, ben = town.signed_in("ana"), town.signed_in("ben")
    made = town.make_key(ana, "shop", ["keys:write"])
    with pytest.raises(NotFound):
        accounts.revoke_key(town.accounts, ben, made.key.id)
    assert accounts.list_keys(town.accounts, ben) == ()
    assert town.caller(made.token).handle == "ana"


def test_a_key_makes_no_key_that_may_more_or_longer(town: Town) -> None:
    """A key that may make keys gives away nothing that it does not have, and for no longer than it has it."""
    caller = town.signed_in()
    ends_at_s = NOW_S + 1_000
    maker = town.caller(key_of(town, caller, "keys:write", "payments:read", expires_at_s=ends_at_s))
    with pytest.raises(Forbidden, match="payments:write"):
        key_of(town, maker, "payments:write", expires_at_s=ends_at_s)
    for expires_at_s in (None, ends_at_s + 1):
        with pytest.raises(BadValue, match=f"at most {ends_at_s}"):
            key_of(town, maker, "payments:read", expires_at_s=expires_at_s)
    assert town.caller(key_of(town, maker, "payments:read", expires_at_s=ends_at_s)).scopes == {"payments:read"}
    assert maker.key_id is not None
    accounts.revoke_key(town.accounts, caller, maker.key_id)
    with pytest.raises(Forbidden, match="any more"):
        key_of(town, maker, "payments:read", expires_at_s=ends_at_s)


@pytest.mark.parametrize(
    ("name", "scopes", "expires_at_s", "field"),
    [
        ("", ["payments:read"], None, "name"),
        ("a" * 65, ["payments:read"], None, "name"),
        ("a\nb", ["payments:read"], None, "name"),
        ("\u202eanA", ["payments:read"], None, "name"),
        ("a\u200b", ["payments:read"], None, "name"),
        ("a\ud800", ["payments:read"], None, "name"),
        ("shop", [], None, "scopes"),
        ("shop", ["payments:all"], None, "scopes"),
        ("shop", ["payments:read"], NOW_S, "expires_at"),
        ("shop", ["payments:read"], NOW_S + LONGEST_LIFE_S + 1, "expires_at"),
    ],
)
def test_a_key_that_cannot_be_is_refused(
    town: Town, name: str, scopes: list[str], expires_at_s: int | None, field: str
) -> None:
    """A key without a name that can be seen, without known scopes, or with a time that is over is refused by name."""
    caller = town.signed_in()
    with pytest.raises(BadValue) as refusal:
        town.make_key(caller, name, scopes, expires_at_s)
    assert refusal.value.field == field
    assert accounts.list_keys(town.accounts, caller) == ()


def test_an_account_has_a_bounded_number_of_keys(town: Town) -> None:
    """Also of keys that are made at the same time there are at most so many; a revoked one makes room."""
    caller = town.signed_in()
    for _ in range(MOST_KEYS - 2):
        key_of(town, caller, "payments:read")
    outcomes: list[object] = []

    def make() -> None:
        try:
            outcomes.append(town.make_key(caller, "shop", ["payments:read"]))
        except BadValue as error:
            outcomes.append(error)

    threads = [threading.Thread(target=make) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    made = [one for one in outcomes if isinstance(one, accounts.MadeKey)]
    assert (len(made), len(outcomes)) == (2, 6)
    accounts.revoke_key(town.accounts, caller, made[0].key.id)
    key_of(town, caller, "payments:read")
