"""Packing: full batches and old ones, each small enough for every node, wide and window items apart."""

from hypothesis import given
from hypothesis import strategies as st

from chainwallet.rules.packing import (
    MAX_DATA_BYTES,
    MAX_TRANSACTION_GAS,
    WIDE_ITEM_BYTES,
    WINDOW_ITEM_BYTES,
    BatchLimits,
    Waiting,
    batches,
    gas_cap,
    most_items,
    pay_gas_limit,
)

NOW_S = 1_000
WAITING = st.builds(
    Waiting, st.integers(1, 10**6), st.sampled_from(["eur", "usd"]), st.booleans(), st.integers(900, NOW_S)
)
LIMITS = st.builds(BatchLimits, st.integers(1, 50), st.integers(0, MAX_TRANSACTION_GAS), st.integers(0, 200))


@given(st.lists(WAITING, max_size=80, unique_by=lambda one: one.promise), LIMITS)
def test_every_batch_fits_and_is_of_one_kind(waiting: list[Waiting], limits: BatchLimits) -> None:
    """A batch has one ledger and one kind of nonces, fits the gas and the bytes, and no payment is in two."""
    made = batches(waiting, limits, NOW_S)
    packed = [one for batch in made for one in batch]
    assert len(packed) == len({one.promise for one in packed})
    for batch in made:
        assert len({(one.token, one.is_wide) for one in batch}) == 1
        is_wide = batch[0].is_wide
        assert len(batch) <= limits.items
        assert pay_gas_limit(len(batch), is_wide=is_wide) <= limits.gas
        assert len(batch) * (WIDE_ITEM_BYTES if is_wide else WINDOW_ITEM_BYTES) <= MAX_DATA_BYTES


@given(st.lists(WAITING, max_size=80, unique_by=lambda one: one.promise), st.integers(1, 50), st.integers(0, 200))
def test_what_is_not_packed_is_young_and_few(waiting: list[Waiting], items: int, wait_s: int) -> None:
    """A payment is left for later only where its kind fills no batch and has not waited long enough."""
    limits = BatchLimits(items, MAX_TRANSACTION_GAS, wait_s)
    packed = {one.promise for batch in batches(waiting, limits, NOW_S) for one in batch}
    left = [one for one in waiting if one.promise not in packed]
    for kind in {(one.token, one.is_wide) for one in left}:
        same = [one for one in left if (one.token, one.is_wide) == kind]
        assert len(same) < most_items(limits, is_wide=kind[1])
        assert all(NOW_S - one.since_s < wait_s for one in same)


def test_the_oldest_come_first() -> None:
    """The batch with the oldest payment is first, and so is the oldest payment in it."""
    waiting = [Waiting(number, "eur", number % 2 == 0, NOW_S - number) for number in range(1, 7)]
    first, second = batches(waiting, BatchLimits(10, MAX_TRANSACTION_GAS), NOW_S)
    assert [one.promise for one in first] == [6, 4, 2]
    assert [one.promise for one in second] == [5, 3, 1]


def test_a_clock_that_was_put_back_holds_nothing_up() -> None:
    """A payment that came in the future of our clock does not wait for it."""
    waiting = [Waiting(1, "eur", False, NOW_S + 500)]
    assert len(batches(waiting, BatchLimits(10, MAX_TRANSACTION_GAS, 60), NOW_S)) == 1


def test_a_transaction_asks_for_a_share_of_a_block() -> None:
    """A transaction asks for at most 2^24 gas (EIP-7825), and for at most half a block's."""
    assert gas_cap(10**9) == MAX_TRANSACTION_GAS == 2**24
    assert gas_cap(20_000_000) == 10_000_000


def test_too_little_gas_packs_nothing() -> None:
    """Where not even one item fits, nothing is packed."""
    assert batches([Waiting(1, "eur", False, 0)], BatchLimits(10, 10_000), NOW_S) == ()
