"""What the facts answer: balances at a block and a date, statements page by page, then and now."""

import pytest
from sqlalchemy import event, text
from sqlalchemy.exc import IntegrityError

from chainwallet.abi.calls import pay_data
from chainwallet.evm import ZERO_ADDRESS
from chainwallet.store import facts, movements, verified
from chainwallet.store.database import Database
from tests.indexing.test_fates import payment, ref_of
from tests.indexing.town import PEOPLE, Town
from tests.postgres import on_both

ANA, BEN, CLEO = PEOPLE[:3]


@pytest.fixture
def lived(town: Town) -> Town:
    """A town whose last five blocks are: ana to ben 10, ben to cleo 4, ana to herself 3, nothing, ana to cleo 1."""
    town.indexer().catch_up()
    town.now_s = 2_000
    for payer, payee, units in ((0, 1, 10), (1, 2, 4), (0, 0, 3)):
        town.pay(payer, payee, units)
    town.node.mine()
    town.pay(0, 2, 1)
    town.indexer().catch_up()
    return town


@on_both
def test_a_balance_at_any_block_is_the_chains(lived: Town) -> None:
    """What anybody held after any block is what the chain's own state at that block says."""
    head = lived.node.block_number()
    with lived.database.read() as tx:
        for block in range(head - 6, head + 1):
            for owner in (ANA, BEN, CLEO):
                assert facts.balance_at(tx, lived.token, owner, block) == lived.held(owner, hex(block))
        assert facts.balance_at(tx, lived.token, ANA, head) == facts.balance(tx, lived.token, ANA)
        assert facts.balance(tx, lived.token, b"\x55" * 20) == 0  # type: ignore[arg-type]


@on_both
def test_a_date_stands_for_the_last_block_up_to_it(lived: Town) -> None:
    """The block of a date is the last one with facts whose timestamp is not later."""
    head = lived.node.block("latest")
    with lived.database.read() as tx:
        assert facts.block_as_of(tx, lived.token, head.timestamp_s) == head.number
        assert facts.block_as_of(tx, lived.token, head.timestamp_s - 1) < head.number
        assert facts.block_as_of(tx, lived.token, 5) == 0


@on_both
def test_movements_come_page_by_page_in_the_order_of_the_chain(lived: Town) -> None:
    """Everything that somebody paid or got comes once, in order, whatever the page's length."""
    with lived.database.read() as tx:
        whole = facts.movements(tx, lived.token, ANA, None, 100)
        pages: list[facts.Movement] = []
        while page := facts.movements(tx, lived.token, ANA, pages[-1].at if pages else None, 2):
            assert len(page) <= 2
            pages.extend(page)
    assert tuple(pages) == whole
    told = [(one.fact.cause, one.fact.payer, one.fact.payee, one.fact.value) for one in whole]
    assert told == [
        ("mint", ZERO_ADDRESS, ANA, 1_000 * 10**6),
        ("transfer", ANA, BEN, 10),
        ("transfer", ANA, ANA, 3),
        ("transfer", ANA, CLEO, 1),
    ]
    assert [one.learned_at_s for one in whole] == [1_000, 2_000, 2_000, 2_000]
    assert all(one.fact.place.happened_at_s > 1_700_000_000 for one in whole)


@on_both
def test_answers_of_the_past_can_be_given_again(lived: Town) -> None:
    """What was answered before a reorg is answered again when asked as of then, and so is what was answered after."""
    head = lived.node.block_number()

    def answers(known_at_s: int | None) -> tuple[object, ...]:
        with lived.database.read() as tx:
            return (
                facts.balance_at(tx, lived.token, ANA, head, known_at_s=known_at_s),
                facts.movements(tx, lived.token, ANA, None, 100, known_at_s=known_at_s),
                facts.rebuilt(tx, lived.token, head, known_at_s=known_at_s),
                facts.block_as_of(tx, lived.token, 2**40, known_at_s=known_at_s),
            )

    before = answers(None)
    lived.now_s = 3_000
    lived.reorg(3, [(0, 1, 500)])
    lived.indexer().catch_up()
    after = answers(None)
    lived.now_s = 4_000
    lived.reorg(2)
    lived.pay(0, 2, 600)
    lived.indexer().catch_up()
    assert answers(2_500) == answers(2_999) == before
    assert answers(3_000) == answers(3_500) == after
    assert answers(4_000) == answers(None)
    assert len({str(each) for each in (before, after, answers(None))}) == 3


@on_both
def test_the_times_of_learning_never_go_back(lived: Town) -> None:
    """A clock that is put back does not put knowledge back: what is learned later has no earlier time."""
    lived.now_s = 500
    lived.pay(0, 1, 9)
    lived.indexer().catch_up()
    with lived.database.read() as tx:
        assert facts.movements(tx, lived.token, ANA, None, 100)[-1].learned_at_s == 2_000


@on_both
def test_a_memo_of_a_payment_stands_beside_its_movement(town: Town) -> None:
    """The movement that a payment made carries its reference, so that a statement can say what it was for."""
    town.send(pay_data([town.item(payment(0, ref=4))]))
    town.indexer().catch_up()
    with town.database.read() as tx:
        moved = facts.movements(tx, town.token, BEN, None, 100)[-1].fact
    assert (moved.cause, moved.ref) == ("payment", ref_of(4))


STATEMENTS = {
    "update": "UPDATE facts SET value = '0'",
    "update of the orphaned": "UPDATE facts SET orphaned_at_s = 9 WHERE orphaned_at_s IS NOT NULL",
    "back from the orphaned": "UPDATE facts SET orphaned_at_s = NULL WHERE orphaned_at_s IS NOT NULL",
    "orphan and update": "UPDATE facts SET orphaned_at_s = 9, payer = 'x' WHERE orphaned_at_s IS NULL",
    "delete": "DELETE FROM facts",
}


@on_both
@pytest.mark.parametrize("statement", STATEMENTS)
def test_facts_are_never_changed_or_removed(lived: Town, statement: str) -> None:
    """The database itself refuses to change a fact, but for noting once that a reorg removed it, or to delete it."""
    lived.reorg(2)
    lived.indexer().catch_up()
    before = everything(lived.database)
    with pytest.raises(IntegrityError, match="append-only"), lived.database.transaction() as tx:
        tx.execute(text(STATEMENTS[statement]))
    assert everything(lived.database) == before


def everything(database: Database) -> list[object]:
    with database.read() as tx:
        return [tuple(row) for row in tx.execute(text("SELECT * FROM facts ORDER BY id"))]


def test_questions_that_payments_ask_go_by_an_index(database: Database) -> None:
    """No question about one payment, nonce or owner reads through all facts."""
    asked: list[tuple[str, object]] = []

    def note(_conn: object, _cursor: object, statement: str, parameters: object, *_: object) -> None:
        asked.append((statement, parameters))

    with database.read() as tx:
        event.listen(tx.engine, "before_cursor_execute", note)
        facts.execution(tx, "t", ANA, BEN, 5, ref_of(1), 3)
        facts.executions(tx, "t", [ref_of(1), ref_of(2)])
        facts.settlement(tx, "t", ref_of(1))
        facts.nonce_fate(tx, "t", ANA, 5, 100)
        facts.balance(tx, "t", ANA)
        facts.balance_at(tx, "t", ANA, 5)
        facts.movements(tx, "t", ANA, (5, 1), 10)
        facts.movements(tx, "t", ANA, None, 10)
        facts.movements(tx, "t", ANA, None, 10, known_at_s=5)
        movements.purposes(tx, "t", [ANA], [ref_of(1), ref_of(2)])
        movements.latest(tx, ["t"], [ANA], (5, 1), 10)
        movements.holdings_of(tx, ["t"], [ANA])
        movements.net(tx, "t", ANA, 1, 5)
        verified.kept_up_to(tx, "c", 5)
        event.remove(tx.engine, "before_cursor_execute", note)
        for statement, parameters in asked:
            plan = [row.detail for row in tx.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)]  # type: ignore[arg-type]
            assert not [step for step in plan if step.startswith("SCAN") and "anon" not in step], (plan, statement)
            assert not [step for step in plan if "ix_facts_nonce (token=? AND payer=?)" in step], (plan, statement)
            most = [step for step in plan if step.endswith(("(token=?)", "(token=? AND block<?)"))]
            assert not most, (plan, statement)
    assert len(asked) >= 13
