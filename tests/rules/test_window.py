"""The replay window against what it promises, without any packing."""

from hypothesis import given
from hypothesis import strategies as st

from chainwallet.rules.window import (
    MAX_SLIDE,
    NONCE_END,
    TAG,
    WIDTH,
    Window,
    dies_by_use_of,
    is_tagged,
    is_window,
    of_authorization,
)


class Promised:
    """Which nonces were used, and the highest cancel; everything else follows."""

    def __init__(self) -> None:
        self.used: set[int] = set()
        self.cancelled_up_to = 0

    @property
    def base(self) -> int:
        return max(max(self.used, default=0) - (WIDTH - 1), self.cancelled_up_to, 0)

    def is_good(self, nonce: int) -> bool:
        return self.base <= nonce <= self.base + WIDTH - 1 + MAX_SLIDE and nonce < NONCE_END and nonce not in self.used


STEPS = st.lists(
    st.tuples(st.sampled_from(["use", "cancel"]), st.integers(-70, MAX_SLIDE + 70) | st.integers(-3, 70)), max_size=40
)


@given(STEPS)
def test_the_window_does_what_it_promises(steps: list[tuple[str, int]]) -> None:
    """Whatever is used and cancelled in whatever order, the window accepts exactly the nonces that were promised."""
    window, promised = Window(), Promised()
    for what, distance in steps:
        number = max(0, window.base + distance)
        if what == "use":
            after = window.after_use(number)
            assert (after is not None) == promised.is_good(number)
            if after is not None:
                promised.used.add(number)
        else:
            after = window.after_cancel(number)
            assert (after is not None) == (0 < number - promised.base <= MAX_SLIDE)
            if after is not None:
                promised.cancelled_up_to = number
        window = after or window
        assert window.base == promised.base
        assert window.bits == sum(1 << at for at in range(WIDTH) if window.base + at in promised.used)
        assert window.is_good(number) == promised.is_good(number)


@given(st.integers(0, 5_000), st.lists(st.integers(0, 200), max_size=20))
def test_a_nonce_dies_with_the_use_of_one_64_higher(nonce: int, before: list[int]) -> None:
    """An unused nonce is good until one that is 64 higher, or more, is used."""
    window = Window(base=max(0, nonce - 20))
    for distance in before:
        if window.base + distance not in (nonce,) and window.base + distance < dies_by_use_of(nonce):
            window = window.after_use(window.base + distance) or window
    assert window.is_good(nonce)
    killed = window.after_use(dies_by_use_of(nonce))
    assert killed is not None
    assert not killed.is_good(nonce)


def test_the_last_window_nonce_is_below_2_to_the_56() -> None:
    """Nonces from 2^56 on are wide, and never used or cancelled in the window."""
    last = Window(base=NONCE_END - WIDTH)
    assert last.is_good(NONCE_END - 1)
    assert last.after_use(NONCE_END) is None
    assert last.after_cancel(NONCE_END) is None
    assert (is_window(NONCE_END - 1), is_window(NONCE_END)) == (True, False)


def test_erc_3009_numbers_use_up_the_nonces_they_name() -> None:
    """A tagged number uses up its window nonce, a wide one itself; an untagged low one none of our documents'."""
    assert of_authorization(TAG << 56 | 5) == 5
    assert of_authorization(2**255 + 1) == 2**255 + 1
    assert of_authorization(5) is None
    assert is_tagged(TAG << 56 | NONCE_END - 1)
    assert not is_tagged(TAG << 55)
