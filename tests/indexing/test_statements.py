"""Statements: everybody's movements from the newest back, with their own memos, and balances, from verified facts."""

from dataclasses import replace

import pytest
from sqlalchemy import event

from chainwallet.abi.calls import pay_data
from chainwallet.abi.typed_data import Payment
from chainwallet.errors import HistoryBehind
from chainwallet.evm import ZERO_ADDRESS, ZERO_HASH, Address, BlockNumber
from chainwallet.history import Chronicle, Line, Witness
from chainwallet.indexer import Source
from chainwallet.rpc import Node
from chainwallet.store import promises
from chainwallet.store.promises import Promise
from tests.indexing.test_fates import payment, ref_of
from tests.indexing.town import PEOPLE, Town
from tests.postgres import on_both

pytestmark = on_both

ANA, BEN, CLEO = PEOPLE[:3]


def chronicle_of(town: Town, confirmations: int = 1, node: Node | None = None) -> Chronicle:
    """As ``assembly`` makes it; everybody but the zero address has a handle, and nobody waits for a second to pass."""
    moments = iter(range(0, 10**6, 2))
    witness = Witness(node or town.node, lambda: next(moments))
    names = {person: f"citizen{number}" for number, person in enumerate(PEOPLE)}
    return Chronicle(
        town.database,
        (town.cash,),
        confirmations,
        witness,
        lambda _, asked: {address: names[address] for address in asked if address in names},
    )


def promised(town: Town, one: Payment, memo: str, *, adopted: bool = False) -> None:
    """Has the payer's promise of ``one`` stored."""
    row = Promise(
        token=town.token,
        payer=one.payer,
        kind="payment",
        id=f"id of {memo}",
        nonce=one.nonce,
        content_hash=ZERO_HASH,
        document="{}",
        signature=None,
        memo=memo,
        payee=one.payee,
        value=one.value,
        ref=one.payment_ref,
        valid_before=one.valid_before,
        made_at_block=BlockNumber(0),
        created_at_s=5,
        adopted_at_s=5 if adopted else None,
    )
    with town.database.transaction() as tx:
        promises.add(tx, row)


def whole(chronicle: Chronicle, *owners: Address, limit: int = 200) -> list[Line]:
    """The whole statement, page by page."""
    found: list[Line] = []
    before, is_more = None, True
    while is_more:
        page = chronicle.statement(owners, before, limit)
        found += page.lines
        before, is_more = page.next, page.next is not None
    return found


def told(lines: tuple[Line, ...] | list[Line]) -> list[tuple[object, ...]]:
    return [(one.direction, one.handle, one.units) for one in lines]


# ------------------------------------------------------------------------------------------------ statements


def test_a_statement_tells_who_paid_whom_from_the_newest_back(town: Town) -> None:
    """Each movement is told once, newest first, with direction, the other's handle, amount, place and cause."""
    town.pay(0, 1, 10)
    tx = town.pay(2, 0, 4)
    town.pay(0, 0, 3)
    town.pay(1, 2, 9)
    town.indexer().catch_up()
    page = chronicle_of(town).statement([ANA], None, 10)
    assert told(page.lines) == [
        ("self", "citizen0", 3),
        ("in", "citizen2", 4),
        ("out", "citizen1", 10),
        ("in", None, 1_000 * 10**6),
    ]
    assert page.next is None
    head = town.node.block("latest")
    assert (page.standing.block, page.standing.hash, page.standing.head) == (head.number, head.hash, head.number)
    newest, second = page.lines[:2]
    assert (newest.place.block, second.place.tx) == (head.number - 1, tx)
    assert (page.lines[-1].cause, page.lines[-1].counterparty) == ("mint", ZERO_ADDRESS)


@pytest.mark.parametrize("limit", [1, 2, 3, 7])
def test_pages_of_any_length_give_the_same_statement(town: Town, limit: int) -> None:
    """Whatever the page's length, all pages together are the whole statement, and many movements stand in one block."""
    town.live(blocks=4, payments=12)
    town.indexer().catch_up()
    chronicle = chronicle_of(town)
    at_once = whole(chronicle, ANA)
    assert whole(chronicle, ANA, limit=limit) == at_once
    places = [(one.place.block, one.place.log_index) for one in at_once]
    assert places == sorted(places, reverse=True)
    assert sum(one.units * {"in": 1, "out": -1, "self": 0}[one.direction] for one in at_once) == town.held(ANA)


def test_one_person_with_two_addresses_has_one_statement(town: Town) -> None:
    """Movements of all addresses of one person are in one order; one between two of them is told from both sides."""
    town.live(blocks=3, payments=6)
    town.pay(0, 1, 5)
    town.indexer().catch_up()
    chronicle = chronicle_of(town)
    both = chronicle.statement([ANA, BEN], None, 2)
    assert sorted(told(both.lines)) == [("in", "citizen0", 5), ("out", "citizen1", 5)]
    assert len(chronicle.statement([ANA, BEN], None, 1).lines) == 2
    for limit in (1, 2, 5, 200):
        lines = whole(chronicle, ANA, BEN, limit=limit)
        assert len(lines) == len(whole(chronicle, ANA)) + len(whole(chronicle, BEN))
        assert len({(one.place.block, one.place.log_index, one.owner) for one in lines}) == len(lines)


@pytest.mark.parametrize("adopted", [False, True])
def test_a_memo_is_its_payers_alone(town: Town, adopted: bool) -> None:
    """The payer reads id and memo beside the movement; the payee, and any auditor, read neither."""
    one, other = payment(3, ref=1), payment(4, ref=2, value=6)
    promised(town, one, "dinner", adopted=adopted)
    promised(town, payment(0, ref=2, payer=BEN, payee=CLEO), "ben's own, under the same reference", adopted=adopted)
    town.send(pay_data([town.item(one), town.item(other)]))
    town.indexer().catch_up()
    chronicle = chronicle_of(town)
    payers, payees = (chronicle.statement([owner], None, 2).lines for owner in (ANA, BEN))
    assert [one.purpose and (one.purpose.id, one.purpose.memo) for one in payers] == [None, ("id of dinner", "dinner")]
    assert [one.ref for one in payees] == [ref_of(2), ref_of(1)]
    assert [one.purpose for one in payees] == [None, None]
    for owner in (ANA, BEN):
        public = chronicle.movements_of(owner, None, 2).lines
        assert [(one.handle, one.purpose) for one in public] == [(None, None)] * 2


def test_a_movement_is_final_as_deep_as_was_asked_for(town: Town) -> None:
    """With three confirmations the last two blocks' movements are not final, and the third's is."""
    for _ in range(4):
        town.pay(0, 1, 1)
    town.indexer().catch_up()
    page = chronicle_of(town, confirmations=3).statement([ANA], None, 4)
    assert [one.is_final for one in page.lines] == [False, False, True, True]
    assert page.standing.final_block == town.node.block_number() - 2


def test_pages_go_on_below_a_reorg(town: Town) -> None:
    """A reorg and new movements between two pages change nothing on the second, which is below them."""
    for units in range(1, 9):
        town.pay(0, 1, units)
    town.indexer().catch_up()
    chronicle = chronicle_of(town)
    first = chronicle.statement([ANA], None, 4)
    before = chronicle.statement([ANA], first.next, 4)
    town.reorg(3, [(0, 2, 50)])
    town.pay(0, 2, 60)
    town.indexer().catch_up()
    second = chronicle.statement([ANA], first.next, 4)
    assert (second.lines, second.next) == (before.lines, before.next)
    assert [one.units for one in second.lines] == [4, 3, 2, 1]
    assert [one.units for one in whole(chronicle, ANA)][:6] == [60, 50, 5, 4, 3, 2]


def test_somebody_without_movements_has_an_empty_statement(town: Town) -> None:
    """An address that nobody ever paid has no movements, and the answer says on which block it stands."""
    town.indexer().catch_up()
    page = chronicle_of(town).statement([Address(b"\x55" * 20)], None, 10)
    assert (page.lines, page.next, page.standing.block) == ((), None, town.node.block_number())


# ------------------------------------------------------------------------------------------------ balances


def test_available_is_held_less_what_is_promised(town: Town) -> None:
    """Open promises are kept back from what facts show; together they are never below nothing."""
    town.pay(0, 1, 5)
    town.indexer().catch_up()
    chronicle = chronicle_of(town)
    held = town.held(ANA)
    ((cash, before),) = chronicle.balances([ANA]).holdings
    assert (cash, before.held, before.reserved, before.available) == (town.cash, held, 0, held)
    promised(town, payment(3, value=7), "one")
    promised(town, payment(4, ref=1, value=8), "another")
    promised(town, payment(4, payer=BEN, value=9), "somebody else's")
    found = chronicle.balances([ANA, BEN])
    assert [(one.owner, one.held, one.reserved) for _, one in found.holdings] == [
        (ANA, held, 15),
        (BEN, town.held(BEN), 9),
    ]
    promised(town, payment(5, ref=3, value=2 * held), "more than there is")
    ((_, after),) = chronicle.balances([ANA]).holdings
    assert after.available == 0
    assert found.standing.hash == town.node.block("latest").hash


# ------------------------------------------------------------------------------------------------ where it stands


def test_nothing_is_said_before_the_first_verified_block(town: Town) -> None:
    """Before a ledger is followed there are no balances of 0 but a refusal that says why."""
    with pytest.raises(HistoryBehind, match="no block of the ledger of EUR is verified yet"):
        chronicle_of(town).balances([ANA])


@pytest.mark.parametrize("depth", [1, 5])
def test_nothing_is_said_while_a_reorg_is_not_taken_in(town: Town, depth: int) -> None:
    """From the moment the node's chain differs until the indexer has followed it, there is no answer; then the new."""
    town.live(blocks=6)
    town.pay(0, 1, 5)
    town.indexer().catch_up()
    chronicle = chronicle_of(town)
    assert chronicle.statement([ANA], None, 1).lines[0].units == 5
    town.reorg(depth, [(0, 1, 77)])
    for ask in (chronicle.balances, lambda owners: chronicle.statement(owners, None, 1)):
        with pytest.raises(HistoryBehind, match="a reorg is being taken in"):
            ask([ANA])
    town.indexer().catch_up()
    assert chronicle.statement([ANA], None, 1).lines[0].units == 77
    assert chronicle.balances([ANA]).holdings[0][1].held == town.held(ANA)


def test_nothing_is_said_of_a_chain_that_went_back(town: Town) -> None:
    """A node that lost blocks, as after kill -9, gets no answers from the blocks that it lost."""
    town.live(blocks=6)
    town.indexer().catch_up()
    town.ask("anvil_rollback", 3)
    with pytest.raises(HistoryBehind, match="its chain went back"):
        chronicle_of(town).balances([ANA])
    town.indexer().catch_up()
    assert chronicle_of(town).balances([ANA]).holdings[0][1].held == town.held(ANA)


def test_nothing_is_said_of_now_far_below_the_head(town: Town) -> None:
    """A history that is many blocks behind says nothing of "now"; one that is a few behind says how many."""
    town.indexer().catch_up()
    verified = town.node.block_number()
    town.node.mine(32)
    standing = chronicle_of(town).balances([ANA]).standing
    assert (standing.block, standing.head) == (verified, verified + 32)
    town.node.mine(1)
    with pytest.raises(HistoryBehind, match=f"verified up to block {verified}, the chain's head is block"):
        chronicle_of(town).balances([ANA])


def test_the_past_is_told_while_the_node_is_away(town: Town) -> None:
    """Without a node, answers are as of the last verified block, say so, and name no head."""
    town.pay(0, 1, 5)
    town.indexer().catch_up()
    with Node("http://127.0.0.1:9", attempts=1) as away:
        page = chronicle_of(town, node=away).statement([ANA], None, 1)
    assert (page.lines[0].units, page.standing.head) == (5, None)
    assert page.standing.block == town.node.block_number()


def test_a_thousand_answers_ask_the_node_once(town: Town) -> None:
    """The node is asked about the verified block once a second, however many answers are given."""
    town.indexer().catch_up()
    now_s = 0.0
    asked: list[float] = []

    class Counting(Node):
        def block_number(self) -> BlockNumber:
            asked.append(now_s)
            return super().block_number()

    with Counting(town.url) as node:
        chronicle = replace(chronicle_of(town), witness=Witness(node, lambda: now_s))
        for _ in range(50):
            chronicle.balances([ANA])
        assert asked == [0.0]
        now_s = 1.5
        chronicle.balances([ANA])
        assert asked == [0.0, 1.5]


def test_ledgers_that_are_not_as_far_as_each_other_are_no_state(town: Town) -> None:
    """While one ledger of several comes up to the others, there is no common block, and nothing is answered."""
    town.live(blocks=3)
    town.indexer().catch_up()
    young = replace(town.cash, address=Address(b"\x77" * 20))
    two = replace(chronicle_of(town), ledgers=(town.cash, young))
    with pytest.raises(HistoryBehind, match="no block of the ledger"):
        two.balances([ANA])
    follower = town.indexer(span=2)
    follower._sources[young.token] = Source(young.token, young.address, town.source.first)
    follower.tick()
    behind, head = town.source.first + 1, town.node.block_number()
    with pytest.raises(HistoryBehind, match=f"up to block {behind} only, others up to {head};"):
        two.balances([ANA])
    follower.catch_up()
    assert len(two.balances([ANA]).holdings) == 2


def test_an_answer_is_a_few_questions_to_the_database(town: Town) -> None:
    """However many movements and memos a page has, and however many addresses' balances, it takes no more questions."""
    for number in range(6):
        one = payment(number, number)
        promised(town, one, f"memo {number}")
        town.send(pay_data([town.item(one)]))
    town.indexer().catch_up()
    chronicle, asked = chronicle_of(town), list[str]()

    def note(_conn: object, _cursor: object, statement: str, *_: object) -> None:
        asked.append(statement)

    with town.database.read() as tx:
        engine = tx.engine
    event.listen(engine, "before_cursor_execute", note)
    counts = []
    for limit, owners in ((1, [ANA]), (6, PEOPLE)):
        asked.clear()
        lines = chronicle.statement([ANA], None, limit).lines
        assert [one.purpose.memo for one in lines if one.purpose] == [
            f"memo {number}" for number in range(5, 5 - limit, -1)
        ]
        assert len(chronicle.balances(owners).holdings) == len(owners)
        counts.append(len(asked))
    event.remove(engine, "before_cursor_execute", note)
    assert counts[0] == counts[1]
