"""What to read, take back or wait for, decided from what we have and what the node says."""

from hypothesis import given
from hypothesis import strategies as st

from chainwallet.evm import BlockNumber, Hash32, keccak256
from chainwallet.rules.following import PROBES, Cursor, Point, Read, Rewind, Search, Sight, Wait, plan

FIRST = BlockNumber(10)


def block(number: int, chain: str = "a") -> Point:
    return Point(BlockNumber(number), hash_of(number, chain))


def hash_of(number: int, chain: str = "a") -> Hash32:
    return keccak256(f"{chain} {number}".encode())


def at(number: int | None, chain: str = "a") -> Cursor:
    return Cursor(FIRST, None if number is None else block(number, chain))


def test_reading_begins_with_the_contracts_block() -> None:
    """Before anything is verified, blocks from the contract's on are read, so many at most."""
    assert plan(at(None), Sight(block(50), None), span=100) == Read(FIRST, BlockNumber(50))
    assert plan(at(None), Sight(block(50), None), span=5) == Read(FIRST, BlockNumber(14))
    assert plan(at(None), Sight(block(10), None), span=5) == Read(FIRST, FIRST)


def test_a_chain_that_does_not_reach_the_contract_is_waited_for() -> None:
    """Where the head is below the contract's block, the reason to wait names both."""
    step = plan(at(None), Sight(block(9), None))
    assert isinstance(step, Wait)
    assert step.because == "the chain's head is block 9, the contract's first is 10"


def test_reading_goes_on_above_the_cursor() -> None:
    """Above a cursor that the node shares, the next blocks are read, up to the head; at the head there is nothing."""
    assert plan(at(20), Sight(block(25), hash_of(20)), span=3) == Read(BlockNumber(21), BlockNumber(23))
    assert plan(at(20), Sight(block(25), hash_of(20)), span=30) == Read(BlockNumber(21), BlockNumber(25))
    assert plan(at(20), Sight(block(20), hash_of(20))) == Wait()


def test_another_block_at_the_cursor_is_gone_back_from() -> None:
    """Whether the node's chain is longer, as long or shorter: where it differs from ours, we go back."""
    for head in (30, 20):
        assert plan(at(20), Sight(block(head, "b"), hash_of(20, "b"))) == Rewind()
    assert plan(at(20), Sight(block(15, "b"), None)) == Rewind()


def test_a_node_with_only_a_beginning_of_our_chain_is_waited_for() -> None:
    """A head below the cursor on the same chain may be a node that lags: that is said, and nothing is taken back."""
    step = plan(at(20), Sight(block(15), None, is_beginning=True))
    assert step == Wait("the node's head is block 15, below the verified 20", is_behind=True)


@given(
    numbers=st.sets(st.integers(0, 3_000), min_size=1, max_size=300),
    common=st.integers(-1, 3_001),
    head=st.integers(0, 3_500),
)
def test_the_last_block_in_common_is_found_however_deep(numbers: set[int], common: int, head: int) -> None:
    """With any blocks kept and any fork, the search ends at the last common one, with few questions of few blocks."""
    kept = [block(number) for number in sorted(numbers)]
    search, rounds = Search.among(kept), 0
    while probes := search.probes():
        assert len(probes) <= PROBES
        rounds += 1
        answers = {
            point.number: None if point.number > head else hash_of(point.number, "a" if point.number <= common else "b")
            for point in probes
        }
        search = search.narrowed(answers)
    shared = [point for point in kept if point.number <= min(common, head)]
    assert search.last_in_common == (shared[-1] if shared else None)
    assert rounds <= 4
