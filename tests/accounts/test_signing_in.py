"""Signing up and in: one account for a handle, and nothing to learn or to break by guessing."""

import sqlite3
import threading
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from chainwallet import accounts
from chainwallet.accounts import Argon2id
from chainwallet.accounts.signing_in import MOST_SESSIONS, SESSION_LIFETIME_S
from chainwallet.errors import (
    AlreadyExists,
    BadValue,
    ClosedToStrangers,
    Forbidden,
    NotSignedIn,
    TooManyTries,
    WrongPassword,
)
from chainwallet.rules.handle import Handle
from chainwallet.rules.scope import scopes_of
from chainwallet.rules.throttle import MOST_IN_A_ROW, OF_BOTH, OF_PLACE
from chainwallet.store import account_wallets
from chainwallet.store import accounts as account_rows
from chainwallet.store.accounts import Account
from chainwallet.store.database import Database
from tests.accounts.conftest import HOME, NOW_S, PASSWORD, CountingHasher, Town
from tests.postgres import on_both

pytestmark = on_both

WRONG = "eight geese walk to Porto"


def wrong(town: Town, handle: str = "ana", place: str = HOME, earlier: str | None = None) -> Exception:
    """What a wrong password is answered with."""
    with pytest.raises((WrongPassword, TooManyTries, ClosedToStrangers)) as refusal:
        town.sign_in(handle, WRONG, place, earlier)
    return refusal.value


def test_an_account_opens_with_a_wallet_that_its_handle_pays(town: Town, database: Database) -> None:
    """Who signs up has a handle in lower case, the role of a person, and a managed wallet that the handle pays."""
    account = town.sign_up("@Ana")
    assert account == Account(1, Handle("ana"), NOW_S, frozenset(["person"]))
    with database.read() as tx:
        (owned,) = account_wallets.of_account(tx, account.id)
        assert account_wallets.paid_by_handle(tx, [Handle("ana"), Handle("ben")]) == {"ana": owned.wallet.address}
        assert account_wallets.handles_of(tx, [owned.wallet.address]) == {owned.wallet.address: "ana"}
    assert (owned.wallet.name, owned.wallet.custody, owned.is_default) == ("@ana", "managed", True)


def test_a_handle_is_taken_once(town: Town, database: Database) -> None:
    """A second account of a handle is refused, in any case of its letters, and no hash or key is made for it."""
    town.sign_up()
    hashed = town.hasher.hashed
    with pytest.raises(AlreadyExists, match="account: '@ana' exists already"):
        town.sign_up("ANA")
    assert town.hasher.hashed == hashed
    with database.read() as tx:
        assert [account.handle for account in account_rows.listed(tx, "", 10)] == ["ana"]


def test_of_many_who_want_a_handle_one_gets_it(town: Town, database: Database) -> None:
    """Of people who sign up for one handle at the same moment one has it, whole, and all others are told."""
    outcomes: list[object] = []
    ready = threading.Barrier(8)

    def sign_up() -> None:
        ready.wait(20)
        try:
            outcomes.append(town.sign_up())
        except AlreadyExists as error:
            outcomes.append(error)

    threads = [threading.Thread(target=sign_up) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    (account,) = [one for one in outcomes if isinstance(one, Account)]
    assert len(outcomes) == 8
    with database.read() as tx:
        assert account_rows.listed(tx, "", 10) == (account,)
        assert len(account_wallets.of_account(tx, account.id)) == 1


def test_a_sign_up_that_is_refused_leaves_nothing(town: Town, database: Database) -> None:
    """A handle or password that cannot be had is refused by name, the password unseen, before anything is made."""
    for handle, password, field in [("a", PASSWORD, "handle"), ("ana", "short", "password")]:
        with pytest.raises(BadValue, match=f"^{field}: ") as refusal:
            accounts.sign_up(town.accounts, handle, password, HOME, town.new_key)
        assert password not in str(refusal.value)
    assert (town.hasher.hashed, town.hasher.compared) == (0, 0)
    with database.read() as tx:
        assert account_rows.listed(tx, "", 10) == ()


def test_a_password_opens_a_session(town: Town) -> None:
    """Handle and password open a session whose token says who calls and with which scopes."""
    account = town.sign_up()
    signed_in = town.sign_in("@ANA")
    caller = town.caller(signed_in.token)
    assert (caller.account_id, caller.handle, caller.session_id) == (account.id, "ana", signed_in.session.id)
    assert caller.roles == {"person"}
    assert caller.key_id is None
    assert caller.scopes == scopes_of(["person"])
    assert signed_in.token.startswith("cws_")
    assert signed_in.token not in repr(signed_in)


def test_a_password_is_the_same_however_its_letters_are_composed(town: Town) -> None:
    """One password typed on two keyboards, with letters composed in different ways, is one password."""
    accounts.sign_up(town.accounts, "zoe", "Zoë schläft im Garten", HOME, town.new_key)
    assert town.sign_in("zoe", "Zoe\u0308 schla\u0308ft im Garten").session.account_id == 1


def test_each_sign_in_has_a_token_of_its_own(town: Town) -> None:
    """No two sessions share a token, and a session ends after 30 days."""
    town.sign_up()
    first, second = town.sign_in(), town.sign_in()
    assert first.token != second.token
    town.clock.time_s += SESSION_LIFETIME_S - 1
    assert town.caller(first.token).handle == "ana"
    town.clock.time_s += 1
    with pytest.raises(NotSignedIn, match="its time is over"):
        town.caller(first.token)


def test_a_handle_that_nobody_has_costs_the_same(town: Town) -> None:
    """A handle that nobody has and a wrong password are answered with the same words, after one comparison each."""
    town.sign_up()
    answers = []
    for handle in ("ana", "ben"):
        compared = town.hasher.compared
        answers.append(str(wrong(town, handle)).replace(handle, "?"))
        assert town.hasher.compared == compared + 1
    assert answers[0] == answers[1]


def test_nobody_is_told_apart_by_the_throttle(town: Town) -> None:
    """The throttle answers for a handle that nobody has as it does for one that somebody has."""
    town.sign_up()
    stories = [[type(wrong(town, handle, place)) for _ in range(30)] for handle, place in (("ana", "a"), ("ben", "b"))]
    assert stories[0] == stories[1]
    assert TooManyTries in stories[0]


# ------------------------------------------------------------------------------------------------ guessing


def test_guesses_from_one_place_are_slowed_down(town: Town) -> None:
    """After a few wrong passwords there is a pause that doubles, in which not even the right one is looked at."""
    town.sign_up()
    for _ in range(OF_BOTH.free):
        assert isinstance(wrong(town), WrongPassword)
    for pause_s in (1, 2, 4, 8):
        compared = town.hasher.compared
        with pytest.raises(TooManyTries) as refusal:
            town.sign_in()
        assert (refusal.value.retry_after_s, town.hasher.compared) == (pause_s, compared)
        town.clock.time_s += pause_s
        assert isinstance(wrong(town), WrongPassword)
    town.clock.time_s += 16
    town.sign_in()
    assert isinstance(wrong(town), WrongPassword), "the right password begins the count anew"


def test_nobody_is_locked_out_by_guesses_from_elsewhere(town: Town) -> None:
    """However many guess from elsewhere, the owner signs in at once from where they did so before."""
    town.sign_up()
    for number in range(MOST_IN_A_ROW + 50):
        wrong(town, place=f"198.51.100.{number}")
    assert town.sign_in().session.place == HOME


def test_guesses_at_one_account_are_at_most_a_hundred_in_a_row(town: Town) -> None:
    """From new places there are at most 100 guesses in a row; then only known places and devices may try."""
    town.sign_up()
    device = town.sign_in().token
    compared = town.hasher.compared
    answers = [wrong(town, place=f"198.51.100.{number}") for number in range(MOST_IN_A_ROW + 50)]
    assert town.hasher.compared - compared == MOST_IN_A_ROW
    assert {type(answer) for answer in answers[MOST_IN_A_ROW:]} == {ClosedToStrangers}
    with pytest.raises(ClosedToStrangers):
        town.sign_in(place="203.0.113.9")
    town.clock.time_s += 90 * 86_400
    with pytest.raises(ClosedToStrangers):
        town.sign_in(place="203.0.113.9", earlier="cws_" + "A" * 43)
    assert town.sign_in(place="203.0.113.9", earlier=device).session.place == "203.0.113.9"
    assert isinstance(wrong(town, place="203.0.113.10"), WrongPassword), "the owner's sign-in opened it to all again"


def test_a_device_is_not_locked_out_by_others_at_its_address(town: Town) -> None:
    """Who guesses from the owner's own address, behind the same router, does not slow down the owner's device."""
    town.sign_up()
    device = town.sign_in().token
    for _ in range(OF_BOTH.free):
        assert isinstance(wrong(town), WrongPassword)
    with pytest.raises(TooManyTries):
        town.sign_in()
    town.clock.time_s += SESSION_LIFETIME_S
    again = [type(wrong(town)) for _ in range(OF_BOTH.free + 1)]
    assert again[-1] is TooManyTries
    assert town.sign_in(earlier=device).session.place == HOME
    guesses = [type(wrong(town, earlier=device)) for _ in range(OF_BOTH.free + 1)]
    assert guesses == [WrongPassword] * OF_BOTH.free + [TooManyTries], "guesses with the device are counted too"


def test_a_revoked_session_vouches_for_nobody(town: Town) -> None:
    """A session that its owner revoked, as on a lost device, does not open what is closed to strangers."""
    town.sign_up()
    lost = town.sign_in()
    accounts.revoke_session(town.accounts, town.caller(lost.token), lost.session.id)
    for number in range(MOST_IN_A_ROW):
        wrong(town, place=f"198.51.100.{number}")
    with pytest.raises(ClosedToStrangers):
        town.sign_in(place="203.0.113.9", earlier=lost.token)
    assert accounts.reopen(town.accounts.database, "@ana").handle == "ana"
    town.sign_in(place="203.0.113.9")


def test_who_tries_many_handles_from_one_place_is_slowed_down_alone(town: Town) -> None:
    """A place that tries handle after handle has to wait, but not for an account that has signed in from there."""
    town.sign_up("ana", HOME)
    town.sign_up("ben", "203.0.113.9")
    for number in range(OF_PLACE.free):
        assert isinstance(wrong(town, f"somebody-{number}"), WrongPassword)
    assert isinstance(wrong(town, "another"), TooManyTries)
    with pytest.raises(TooManyTries):
        town.sign_in("ben")
    assert town.sign_in("ana").session.place == HOME
    assert isinstance(wrong(town, "another"), TooManyTries), "one's own account does not buy more guesses at others"
    town.clock.time_s += OF_PLACE.forgotten_after_s
    assert town.sign_in("ben").session.place == HOME


def test_an_ipv6_network_is_one_place(town: Town) -> None:
    """A guesser with a network of IPv6 addresses is slowed down as with one address."""
    town.sign_up()
    answers = [type(wrong(town, place=f"2001:db8:1:2::{number:x}")) for number in range(OF_BOTH.free + 1)]
    assert answers == [WrongPassword] * OF_BOTH.free + [TooManyTries]
    assert isinstance(wrong(town, place="2001:db8:1:3::1"), WrongPassword)


def test_guesses_at_the_same_time_are_counted_before_they_are_looked_at(town: Town) -> None:
    """Guesses that are made at the same moment are no more than guesses made in turn."""
    town.sign_up()
    outcomes: list[type] = []
    ready = threading.Barrier(12)

    def guess() -> None:
        ready.wait(20)
        outcomes.append(type(wrong(town)))

    threads = [threading.Thread(target=guess) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert outcomes.count(WrongPassword) == town.hasher.compared == OF_BOTH.free


def test_a_try_that_found_no_turn_is_none(town: Town) -> None:
    """Who is sent away because too many sign in at once loses no try, nor does anybody else."""
    town.sign_up()
    busy = Argon2id(1, 8, 1, most_at_once=1, most_wait_s=0)
    calm, town.hasher.argon2id = town.hasher.argon2id, busy
    with busy._turn():
        for _ in range(3 * OF_BOTH.free):
            with pytest.raises(TooManyTries, match="by all people here"):
                town.sign_in()
    town.hasher.argon2id = calm
    for _ in range(OF_BOTH.free):
        assert isinstance(wrong(town), WrongPassword)


@dataclass
class NoTurnToHash(CountingHasher):
    """Has a turn to compare a password, and then none to hash one."""

    def hash(self, *_: object) -> str:
        raise TooManyTries("sign-in and sign-up by all people here", 5)


def test_a_sign_in_that_found_no_turn_for_the_new_hash_is_no_try(town: Town) -> None:
    """Who gave the right password, and is sent away before it is hashed at a raised cost, loses no try."""
    town.sign_up()
    calm = town.accounts
    town.accounts = replace(calm, hasher=NoTurnToHash(Argon2id(time_cost=2, memory_cost_kib=16, parallelism=1)))
    for _ in range(3 * OF_BOTH.free):
        with pytest.raises(TooManyTries, match="by all people here"):
            town.sign_in()
    town.accounts = calm
    for _ in range(OF_BOTH.free):
        assert isinstance(wrong(town), WrongPassword)


def test_a_change_that_found_no_turn_for_the_new_hash_is_no_try(town: Town) -> None:
    """Who gave the right password, and is sent away before the wanted one is hashed, loses no try."""
    caller, wanted = town.signed_in(), "nine geese fly to Faro"
    busy = replace(town.accounts, hasher=NoTurnToHash(town.hasher.argon2id))
    for _ in range(3 * OF_BOTH.free):
        with pytest.raises(TooManyTries, match="by all people here"):
            accounts.change_password(busy, caller, PASSWORD, wanted)
    for _ in range(OF_BOTH.free):
        with pytest.raises(WrongPassword):
            accounts.change_password(town.accounts, caller, WRONG, wanted)


# ------------------------------------------------------------------------------------------------ passwords at rest


def test_a_stored_hash_follows_a_raised_cost(town: Town, database: Database) -> None:
    """A hash that was made at a lower cost is made anew at the next sign-in, for the same password."""
    town.sign_up()
    town.hasher.argon2id = Argon2id(time_cost=2, memory_cost_kib=16, parallelism=1)
    town.sign_in()
    with database.read() as tx:
        known = account_rows.credentials(tx, Handle("ana"))
    assert known is not None
    assert known.password_hash.startswith("$argon2id$v=19$m=16,t=2,p=1$")
    town.sign_in()


def test_a_changed_password_ends_all_other_sessions(town: Town) -> None:
    """Who changes the password by the old one stays signed in; other sessions are over, and the old one is wrong."""
    town.sign_up()
    other, own = town.sign_in(), town.sign_in()
    caller = town.caller(own.token)
    with pytest.raises(WrongPassword):
        accounts.change_password(town.accounts, caller, WRONG, "nine geese fly to Faro")
    with pytest.raises(BadValue):
        accounts.change_password(town.accounts, caller, PASSWORD, "too short")
    accounts.change_password(town.accounts, caller, PASSWORD, "nine geese fly to Faro")
    assert town.caller(own.token).handle == "ana"
    with pytest.raises(NotSignedIn, match="revoked"):
        town.caller(other.token)
    with pytest.raises(WrongPassword):
        town.sign_in()
    town.sign_in(password="nine geese fly to Faro")


def test_an_app_cannot_change_the_password(town: Town) -> None:
    """An API key, whatever its scopes, is no person who signed in."""
    caller = town.signed_in()
    key = town.make_key(caller, "app", sorted(caller.scopes))
    with pytest.raises(Forbidden):
        accounts.change_password(town.accounts, town.caller(key.token), PASSWORD, "nine geese fly to Faro")


def test_the_longest_unused_session_makes_room(town: Town) -> None:
    """An account has a bounded number of sessions: one more ends the one that was not used for longest."""
    town.sign_up()
    made = []
    for _ in range(MOST_SESSIONS + 1):
        town.clock.time_s += 61
        made.append(town.sign_in())
    with pytest.raises(NotSignedIn):
        town.caller(made[0].token)
    caller = town.caller(made[1].token)
    assert len(accounts.list_sessions(town.accounts, caller)) == MOST_SESSIONS


def found_in(database: Database) -> Callable[[str], bool]:
    """Whether a text is anywhere in the database: in a file of it, or in a row."""
    if database.name.endswith(".db"):
        with closing(sqlite3.connect(database.name)) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        contents = [path.read_bytes() for path in Path(database.name).parent.glob("chainwallet.db*")]
        return lambda text: any(text.encode() in content for content in contents)
    with database.read() as tx:
        tables = [row[0] for row in tx.exec_driver_sql("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")]
        rows = [str(tuple(row)) for table in tables for row in tx.exec_driver_sql(f"SELECT * FROM {table}")]  # noqa: S608
    return lambda text: any(text in row for row in rows)


def test_no_password_or_token_is_in_the_database(town: Town, database: Database) -> None:
    """Neither a password, right, wrong or typed as a handle, nor a token is found in the database."""
    town.sign_up()
    signed_in = town.sign_in()
    key = town.make_key(town.caller(signed_in.token), "shop", ["payments:read"])
    wrong(town)
    wrong(town, "my-real-password")
    is_found = found_in(database)
    assert is_found(signed_in.session.id)
    assert is_found("shop")
    for secret in (PASSWORD, WRONG, "my-real-password", signed_in.token, key.token):
        assert not is_found(secret)
        assert not is_found(secret[4:])
