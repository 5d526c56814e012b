"""The hash of a password: Argon2id at the cost that RFC 9106 recommends, and never more at once than memory allows."""

import threading
from itertools import pairwise

import pytest
from argon2 import extract_parameters
from argon2.profiles import RFC_9106_LOW_MEMORY

from chainwallet.accounts import Argon2id, load_blocklist
from chainwallet.accounts.hashing import SALT_BYTES
from chainwallet.errors import TooManyTries

PASSWORD = "seven geese walk to Porto"


def cheap(**limits: float) -> Argon2id:
    return Argon2id(1, 8, 1, int(limits.get("most_at_once", 2)), limits.get("most_wait_s", 20))


def test_passwords_are_hashed_as_rfc_9106_recommends() -> None:
    """Hashes are Argon2id with the parameters of RFC 9106's second recommended option."""
    hasher = Argon2id()
    stored = hasher.hash(PASSWORD, b"s" * SALT_BYTES)
    assert extract_parameters(stored) == RFC_9106_LOW_MEMORY
    assert hasher.is_of(stored, PASSWORD)
    assert not hasher.is_of(stored, PASSWORD.upper())
    assert not hasher.is_outdated(stored)
    assert cheap().is_outdated(stored)


def test_nobodys_hash_costs_as_much_as_anybodys() -> None:
    """What is compared where nobody has a handle has the parameters of a real hash, and is no password's."""
    hasher = Argon2id()
    assert extract_parameters(hasher._nobodys) == RFC_9106_LOW_MEMORY
    assert not hasher.is_of(None, PASSWORD)
    assert not hasher.is_of(None, "")


def test_one_password_has_many_hashes() -> None:
    """Two people with one password cannot be seen to have it."""
    one, other = (cheap().hash(PASSWORD, salt * SALT_BYTES) for salt in (b"a", b"b"))
    assert one != other


def test_too_many_at_once_are_told_to_come_back() -> None:
    """Where as many passwords are hashed as there is memory for, the next waits, and is told when it was too long."""
    hasher = cheap(most_at_once=1, most_wait_s=0.01)
    with hasher._turn(), pytest.raises(TooManyTries) as refusal:
        hasher.is_of(None, PASSWORD)
    assert refusal.value.retry_after_s > 0
    assert not hasher.is_of(None, PASSWORD)


def test_those_who_wait_get_their_turn() -> None:
    """Many people who sign in at once are all answered, so many at a time."""
    hasher = cheap(most_at_once=2)
    stored = hasher.hash(PASSWORD, b"s" * SALT_BYTES)
    answers: list[bool] = []
    threads = [threading.Thread(target=lambda: answers.append(hasher.is_of(stored, PASSWORD))) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert answers == [True] * 16


def test_the_bundled_list_is_sorted_and_plain() -> None:
    """The bundled list holds lower-case letters and digits, sorted, each entry once."""
    entries = sorted(load_blocklist().passwords)
    assert len(entries) > 500
    assert all(entry.isascii() and entry.isalnum() and entry == entry.lower() for entry in entries)
    assert all(one < other for one, other in pairwise(entries))
