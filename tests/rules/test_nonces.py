"""Nonces: what is handed out can kill no live document, and nothing is ever handed out twice."""

from hypothesis import given, settings
from hypothesis import strategies as st

from chainwallet.evm import Hash32
from chainwallet.rules.nonces import (
    PayerNonces,
    can_be_renewed,
    next_lane_nonce,
    next_window_nonce,
    wide_nonce,
)
from chainwallet.rules.window import MAX_SLIDE, NONCE_END, WIDE_END, WIDTH, Window, is_tagged


@given(
    base=st.integers(0, 2_000),
    ahead=st.integers(0, 64),
    promised=st.none() | st.integers(0, 5_000),
    live=st.none() | st.integers(0, 5_000),
)
def test_a_window_nonce_is_new_and_kills_nothing(base: int, ahead: int, promised: int | None, live: int | None) -> None:
    """Rule 4: a window nonce is above all used and promised ones, less than 64 above every live one, and reachable."""
    known = PayerNonces(base, base + ahead, promised, live)
    nonce = next_window_nonce(known)
    expected = max(known.unused, -1 if promised is None else promised + 1)
    if nonce is None:
        is_reachable = expected - (base + WIDTH - 1) <= MAX_SLIDE
        assert (live is not None and live <= expected - WIDTH) or not is_reachable
    else:
        assert nonce == expected
        assert live is None or live > nonce - WIDTH
        assert Window(base).after_use(nonce) is not None


def test_the_last_window_nonce() -> None:
    """There is no window nonce from 2^56 on."""
    assert next_window_nonce(PayerNonces(NONCE_END - 1, NONCE_END - 1, None, None)) == NONCE_END - 1
    assert next_window_nonce(PayerNonces(NONCE_END - 1, NONCE_END, None, None)) is None


Use = st.tuples(st.booleans(), st.integers(0, 100))


@settings(max_examples=200)
@given(st.lists(Use, max_size=200))
def test_no_order_of_execution_kills_a_live_document(steps: list[tuple[bool, int]]) -> None:
    """Rule 4: however documents are handed out, executed and dropped, every live one can still be executed."""
    window, live, promised = Window(), set[int](), -1
    wide = 0
    for is_new, which in steps:
        if is_new:
            lowest = min(live) if live else None
            unused = window.base + window.bits.bit_length()
            nonce = next_window_nonce(PayerNonces(window.base, unused, promised if promised >= 0 else None, lowest))
            if nonce is None:
                wide += 1
                continue
            assert nonce > promised
            live.add(nonce)
            promised = nonce
        elif live:
            nonce = sorted(live)[which % len(live)]
            live.remove(nonce)
            used = window.after_use(nonce)
            assert used is not None
            window = used
        assert all(window.is_good(nonce) for nonce in live)


@given(st.binary(min_size=32, max_size=32), st.binary(min_size=32, max_size=32))
def test_a_wide_nonce_follows_from_its_name(first: bytes, second: bytes) -> None:
    """A wide nonce is the same for the same promise, another for another one, and none that ERC-3009 takes for ours."""
    nonce = wide_nonce(Hash32(first))
    assert nonce == wide_nonce(Hash32(first))
    assert NONCE_END <= nonce < WIDE_END
    assert not is_tagged(nonce)
    assert (nonce == wide_nonce(Hash32(second))) == (first == second)


def test_what_was_overtaken_is_not_made_again() -> None:
    """A document is made again under its nonce only where nothing promised since could kill it."""
    known = PayerNonces(base=10, unused=20, promised=80, live=None)
    assert not can_be_renewed(9, known)
    assert not can_be_renewed(16, known)
    assert can_be_renewed(17, known)
    assert can_be_renewed(NONCE_END, known)
    assert can_be_renewed(10, PayerNonces(10, 10, None, None))


@given(stored=st.none() | st.integers(0, 2**63), on_chain=st.integers(0, 2**63))
def test_a_lane_nonce_is_new_to_the_store_and_to_the_chain(stored: int | None, on_chain: int) -> None:
    """A relayer's next nonce is the lowest that neither stored bytes nor the chain have used."""
    nonce = next_lane_nonce(stored, on_chain, is_ours=True)
    assert nonce >= on_chain
    assert stored is None or nonce > stored
    assert nonce == on_chain or nonce - 1 == stored


@given(stored=st.integers(1, 2**63), below=st.integers(1, 2**63))
def test_a_nonce_that_somebody_else_left_free_comes_first(stored: int, below: int) -> None:
    """Where the chain stands at a nonce below the stored ones that we never signed, that nonce is the next."""
    on_chain = max(0, stored - below)
    assert next_lane_nonce(stored, on_chain, is_ours=False) == on_chain
