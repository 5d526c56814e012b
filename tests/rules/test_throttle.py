"""The throttle: guessing gets slow, and nobody is locked out where they have been before."""

from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chainwallet.rules.throttle import (
    MOST_IN_A_ROW,
    OF_BOTH,
    OF_PLACE,
    Backoff,
    Counts,
    IsClosed,
    MayTry,
    MustWait,
    Tries,
    judge,
    place_of,
)

NOW_S = 1_800_000_000
COUNTS = st.builds(Tries, st.integers(0, 10**6), st.integers(NOW_S - 10**6, NOW_S + 10**6))


@dataclass
class Guesser:
    """Guesses as soon as allowed; so many got through."""

    counts: Counts = field(default_factory=Counts)
    got_through: int = 0

    def guess(self, now_s: int, *, is_familiar: bool) -> None:
        if judge(self.counts, now_s, is_familiar=is_familiar) == MayTry():
            self.got_through += 1
            self.counts = self.counts.after_try(now_s)


@given(st.lists(st.integers(0, 7_200), min_size=1, max_size=200))
def test_a_stranger_never_gets_a_hundred_and_first_guess(pauses_s: list[int]) -> None:
    """However long a stranger waits between guesses, at most 100 in a row are looked at (SP 800-63B-4, 3.2.2)."""
    guesser, now_s = Guesser(), NOW_S
    for pause_s in pauses_s * 3:
        now_s += pause_s
        guesser.guess(now_s, is_familiar=False)
    assert guesser.got_through <= MOST_IN_A_ROW == 100


def test_a_patient_guesser_at_a_known_place_gets_a_few_guesses_a_day() -> None:
    """Who guesses from where the owner signs in, asking every second, gets fewer than 40 guesses on the first day."""
    guesser = Guesser()
    for second in range(86_400):
        guesser.guess(NOW_S + second, is_familiar=True)
    assert OF_BOTH.free < guesser.got_through < 40


@given(COUNTS, COUNTS, COUNTS, st.booleans())
def test_nobody_waits_longer_than_the_longest_pause(both: Tries, place: Tries, handle: Tries, known: bool) -> None:
    """A pause is bounded whatever was counted, also where the clock was set back; what is said to wait, is enough."""
    verdict = judge(Counts(both, place, handle), NOW_S, is_familiar=known)
    if isinstance(verdict, MustWait):
        assert 0 < verdict.wait_s <= max(OF_BOTH.most_s, OF_PLACE.most_s)
        if max(both.last_at_s, place.last_at_s) <= NOW_S:
            assert judge(Counts(both, place, handle), NOW_S + verdict.wait_s, is_familiar=known) == MayTry()


@given(COUNTS, COUNTS)
def test_what_happens_elsewhere_closes_nothing_where_the_owner_has_been(place: Tries, handle: Tries) -> None:
    """Where the owner has signed in before, only guesses at this account from there count."""
    assert judge(Counts(Tries(), place, handle), NOW_S, is_familiar=True) == MayTry()


def test_a_handle_closes_to_strangers_at_a_hundred() -> None:
    """After 100 wrong passwords in a row strangers may not try, however long they wait; at 99 they may."""
    assert judge(Counts(of_handle=Tries(99, NOW_S)), NOW_S, is_familiar=False) == MayTry()
    assert judge(Counts(of_handle=Tries(100, 0)), NOW_S, is_familiar=False) == IsClosed()


def test_a_pause_doubles_up_to_its_longest_and_is_forgotten() -> None:
    """After the free tries pauses are 1, 2, 4 ... seconds; after a long silence all is as at the beginning."""
    backoff = Backoff(free=3, most_s=10, forgotten_after_s=100)
    assert [backoff.wait_s(Tries(count, NOW_S), NOW_S) for count in range(9)] == [0, 0, 0, 1, 2, 4, 8, 10, 10]
    assert backoff.wait_s(Tries(8, NOW_S), NOW_S + 4) == 6
    assert backoff.wait_s(Tries(8, NOW_S), NOW_S + 100) == 0
    assert backoff.after_try(Tries(8, NOW_S), NOW_S + 99) == Tries(9, NOW_S + 99)
    assert backoff.after_try(Tries(8, NOW_S), NOW_S + 100) == Tries(1, NOW_S + 100)


@pytest.mark.parametrize(
    ("address", "place"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:DB8:1:2::9%eth0", "2001:db8:1:2::/64"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("unix socket", "unix socket"),
        ("x" * 100, "x" * 64),
        ("", ""),
    ],
)
def test_a_place_is_an_address_or_a_network(address: str, place: str) -> None:
    """One IPv4 address, however it is written, is one place; so is one IPv6 subscriber's network."""
    assert place_of(address) == place
