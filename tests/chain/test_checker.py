"""The checker that shares no code with the product: content with a true run, it finds every lie in a false one."""

import ast
import json
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from chainwallet import payments
from chainwallet.abi.calls import call_data
from chainwallet.abi.domain import domain_of
from chainwallet.evm import Transaction, keccak256, to_hex
from chainwallet.payments import cancel, cancel_document
from chainwallet.rules.promise import Canceled, Expired, Final
from scripts import check_payments
from scripts.check_payments import Report, check
from tests.chain.bench import Bench, key_of
from tests.chain.signed_payments import item_of
from tests.chain.stories import now, tick_until, tick_until_still
from tests.postgres import on_both

SCRIPT = Path(str(check_payments.__file__))


def asked(*orders: payments.Order) -> list[dict[str, Any]]:
    return [
        {"payer": to_hex(o.payer), "payee": to_hex(o.payee), "value": o.amount.token_units, "id": o.id} for o in orders
    ]


def ended(bench: Bench) -> list[dict[str, Any]]:
    """A run in which three payments were paid, one was cancelled and one has expired; what was accepted."""
    worker = bench.worker()
    orders = [bench.order("ana", "ben", "1", id=str(number)) for number in range(3)]
    accepted = [bench.accept(order) for order in orders]
    tick_until(worker, lambda: all(isinstance(now(bench, one).stage, Final) for one in accepted))
    bench.act("pauser", "pause()")
    bench.indexer().catch_up()
    late = bench.order("ana", "ben", "2", id="late")
    late_one = payments.accept(bench.desk(lifetime_s=60), late, key_of("ana"), b"salt", bench.now_s)
    dropped = bench.order("ana", "ben", "3", id="dropped")
    dropped_one = bench.accept(dropped)
    signature = key_of("ana").sign(cancel_document(dropped_one), domain_of(bench.cash))
    cancel(bench.desk(), dropped_one, signature, key_of("relayer").address, bench.now_s)
    tick_until(worker, lambda: now(bench, dropped_one).stage == Canceled())
    bench.node.set_time(late_one.valid_before)
    bench.node.mine()
    tick_until(worker, lambda: now(bench, late_one).stage == Expired())
    bench.act("pauser", "unpause()")
    tick_until_still(worker)
    return asked(*orders, late, dropped)


@on_both
def test_a_true_run_has_no_problems(bench: Bench) -> None:
    """Paid, cancelled and expired payments all check out, and are counted."""
    accepted = ended(bench)
    report = check(bench.where, bench.url, accepted)
    assert report.problems == []
    figures = ("accepted", "asked", "final", "canceled", "expired", "debits")
    assert [report.figures[name] for name in figures] == [5, 5, 3, 1, 1, 3]


@pytest.fixture
def run(bench: Bench) -> tuple[Bench, list[dict[str, Any]]]:
    return bench, ended(bench)


def do(bench: Bench, statement: str) -> None:
    with closing(sqlite3.connect(bench.where)) as file, file:
        file.execute(statement)


TAMPERINGS = {
    "a paid one as unpaid": (
        "UPDATE promises SET stage = 'expired', reason = 'x' WHERE id = '1'",
        "wrong",
        "and was paid",
    ),
    "an unpaid one as paid": (
        "UPDATE promises SET stage = 'final', executed_tx = '0x1', executed_block_hash = '0x2' WHERE id = 'late'",
        "lost",
        "is final and not on the chain",
    ),
    "another place": ("UPDATE promises SET executed_tx = '0x1' WHERE id = '1'", "wrong", "is on the chain as"),
    "another value": (
        "UPDATE promises SET value = replace(value, 'f', 'e') || '' WHERE id = '1'",
        "wrong",
        "has a document about",
    ),
    "another value than was accepted": (
        "UPDATE promises SET value = replace(value, '4', '5') WHERE id IN ('1', '2', '0')",
        "wrong",
        "was accepted as",
    ),
    "no reason": ("UPDATE promises SET reason = '' WHERE id = 'late'", "wrong", "without a reason"),
    "too early": (
        "UPDATE promises SET valid_before = valid_before + 9999 WHERE id = 'late'",
        "wrong",
        "before its time",
    ),
    "a good nonce as gone": (
        "UPDATE promises SET stage = 'canceled', reason = 'x' WHERE id = 'late'",
        "wrong",
        "its nonce is still good",
    ),
    "one nonce twice": (
        "UPDATE promises SET nonce = (SELECT nonce FROM promises WHERE id = '1') WHERE id = 'late'",
        "wrong",
        "have the nonce",
    ),
    "not ended": ("UPDATE promises SET stage = 'queued' WHERE id = 'late'", "unfinished", "is queued"),
    "another id": ("UPDATE promises SET id = 'other' WHERE id = '1'", "lost", "was accepted and is unknown"),
    "another reference": ("UPDATE promises SET ref = '0x1' WHERE id = '1'", "wrong", "has the reference"),
    "no document": ("UPDATE promises SET nonce = replace(nonce, '0', '1')", "undocumented", "no promise here"),
    "no signature": ("UPDATE promises SET signature = NULL WHERE id = '1'", "undocumented", "no signature here"),
    "another's signature": (
        "UPDATE promises SET signature = (SELECT signature FROM promises WHERE id = '2') WHERE id = '1'",
        "unsigned",
        "not by its payer",
    ),
    "another balance": ("UPDATE holdings SET balance = replace(balance, '0', '1')", "sums", "the database has"),
    "behind": ("UPDATE cursors SET number = number - 1", "behind", "the database ends at"),
    "no ledger": ("DELETE FROM cursors", "wrong", "follows no ledger"),
    "a nonce left out": (
        "UPDATE attempts SET nonce = nonce + 2 WHERE nonce = (SELECT max(nonce) FROM attempts)",
        "gaps",
        "and nothing for",
    ),
    "a nonce not reached": (
        "UPDATE attempts SET nonce = nonce + 1 WHERE nonce = (SELECT max(nonce) FROM attempts)",
        "gaps",
        "the chain is at",
    ),
    "two mined attempts": (
        "UPDATE attempts SET submission_id = (SELECT min(submission_id) FROM attempts)",
        "wrong",
        "attempts of submission",
    ),
    "another block": (
        "UPDATE submissions SET block_hash = '0x1' WHERE stage = 'final'",
        "wrong",
        "is final and not on",
    ),
    "a conflict that is none": (
        "UPDATE submissions SET stage = 'conflict' WHERE stage = 'final'",
        "wrong",
        "is in conflict, and was mined",
    ),
    "still under way": ("UPDATE submissions SET stage = 'sent' WHERE stage = 'final'", "unfinished", "is sent"),
}
"""A change of the database, and the kind and words of the problem that it makes."""


def test_every_tampering_of_the_database_is_found(run: tuple[Bench, list[dict[str, Any]]]) -> None:
    """Whatever is changed in the database after a true run, the checker names it as what it is."""
    bench, accepted = run
    with closing(sqlite3.connect(bench.where)) as file:
        triggers = file.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall()
        for (name,) in triggers:  # whoever tampers takes these away first
            file.execute(f'DROP TRIGGER "{name}"')
        file.execute("ALTER TABLE promises RENAME TO kept")
        file.execute("CREATE TABLE promises AS SELECT * FROM kept")  # without its constraints
        file.commit()
    good = Path(bench.where).with_suffix(".good")
    with closing(sqlite3.connect(bench.where)) as source, closing(sqlite3.connect(good)) as copy:
        source.backup(copy)
    assert check(str(good), bench.url, accepted).problems == []
    for what, (statement, kind, words) in TAMPERINGS.items():
        place = good.with_name(f"{what}.db")
        with closing(sqlite3.connect(good)) as source, closing(sqlite3.connect(place)) as copy:
            source.backup(copy)
            changed = copy.execute(statement).rowcount
            copy.commit()
        assert changed > 0, what
        report = check(str(place), bench.url, accepted)
        told = [one for one in report.problems if one.startswith(f"{kind}: ") and words in one]
        assert told, (what, report.problems)


def test_a_payment_that_the_database_forgot_is_lost(run: tuple[Bench, list[dict[str, Any]]]) -> None:
    """A payment that somebody was told is accepted, and that the database does not have, is lost."""
    bench, accepted = run
    report = check(bench.where, bench.url, [*accepted, {**accepted[0], "id": "never stored"}])
    assert dict(report.figures) | {"lost": 1} == dict(report.figures)
    assert len(report.problems) == 1


def _pays_outside(bench: Bench) -> Report:
    """A document of ana's that nobody here made is carried out by a stranger."""
    from dataclasses import replace

    from tests.chain.signed_payments import document_of, send, stored

    forged = replace(document_of(stored(bench, "ana", "1")), nonce=40, valid_before=bench.now_s + 1_000)
    send(bench, "stranger", item_of(bench, forged, key_of("ana")))
    tick_until_still(bench.worker())
    return check(bench.where, bench.url)


def _pulls_by_allowance(bench: Bench) -> Report:
    """A stranger takes ana's money by an allowance: no document of a payment stands for it."""
    from tests.chain.signed_payments import send

    send(bench, "ana", call_data("approve(address,uint256)", key_of("stranger").address, 5))
    send(
        bench,
        "stranger",
        call_data("transferFrom(address,address,uint256)", key_of("ana").address, bytes(19) + b"1", 5),
    )
    tick_until_still(bench.worker())
    return check(bench.where, bench.url)


def _settles_outside(bench: Bench) -> Report:
    """Ana's consent to a settlement that nobody here knows is carried out by a stranger."""
    from chainwallet.abi.calls import settle_data
    from chainwallet.abi.typed_data import Consent, Leg, Settlement
    from chainwallet.evm import ZERO_ADDRESS, Hash32
    from tests.chain.signed_payments import send

    ana, ben = key_of("ana"), key_of("ben")
    until = bench.now_s + 1_000
    terms = Settlement((Leg(ana.address, 7),), (Leg(ben.address, 7),), Hash32(bytes(32)), ZERO_ADDRESS, until)
    consent = ana.sign(Consent(ana.address, terms, 50), domain_of(bench.cash))
    send(bench, "stranger", settle_data(terms, [(50, consent)]))
    tick_until_still(bench.worker())
    return check(bench.where, bench.url)


def _makes_money(bench: Bench) -> Report:
    """The ledger's own memory is changed: somebody holds what no movement gave."""
    owner, cash = to_hex(key_of("ben").address), to_hex(bench.cash.address)
    call = {"to": cash, "data": to_hex(call_data("balanceOf(address)", key_of("ben").address))}
    before = bench.ask("eth_call", call, "latest")
    for place in range(20):  # which variable the accounts are is the compiler's choice
        slot = to_hex(keccak256(bytes(12) + bytes.fromhex(owner[2:]) + place.to_bytes(32, "big")))
        kept = str(bench.ask("eth_getStorageAt", cash, slot, "latest"))
        if int(kept, 16):
            bench.ask("anvil_setStorageAt", cash, slot, f"0x{int(kept, 16) + 1:064x}")
            if bench.ask("eth_call", call, "latest") != before:
                return check(bench.where, bench.url)
            bench.ask("anvil_setStorageAt", cash, slot, kept)
    raise AssertionError("the account was not found")


@pytest.mark.parametrize(
    ("deed", "kinds"),
    [
        (_pays_outside, {"duplicated", "undocumented"}),
        (_pulls_by_allowance, {"undocumented"}),
        (_settles_outside, {"undocumented"}),
        (_makes_money, {"sums"}),
    ],
)
def test_what_happens_on_the_chain_without_us_is_found(
    run: tuple[Bench, list[dict[str, Any]]], deed: Callable[[Bench], Report], kinds: set[str]
) -> None:
    """A second execution of an id, and a debit without a document that we know, are told as what they are."""
    report = deed(run[0])
    for kind in kinds:
        assert report.figures[kind] > 0, report.problems


def test_a_nonce_used_behind_our_back_is_counted(bench: Bench) -> None:
    """A relayer's transaction that is not in the database is a figure of its own, and no gap."""
    worker = bench.worker()
    worker.settle(bench.accept(bench.order("ana", "ben", "1")).number)
    fees = bench.node.fees()
    rival = Transaction(bench.chain.chain_id, bench.count(), key_of("ben").address, b"", 21_000, *fees, 1)
    bench.node.send_raw(key_of("relayer").sign_transaction(rival))
    tick_until(worker, lambda: bench.count() == 2)
    tick_until_still(worker)
    report = check(bench.where, bench.url)
    assert (report.problems, report.figures["foreign_nonces"]) == ([], 1)


def test_as_a_command_it_ends_with_1_where_there_is_a_problem(bench: Bench, tmp_path: Path) -> None:
    """The script prints one JSON object; its exit status is 0 without a problem and 1 with one."""
    worker = bench.worker()
    order = bench.order("ana", "ben", "1")
    worker.settle(bench.accept(order).number)
    words = [sys.executable, str(SCRIPT), "--database", bench.where, "--rpc", bench.url]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["final"] == 1
    lines = tmp_path / "asked.jsonl"
    lines.write_text(json.dumps({**asked(order)[0], "id": "unknown"}) + "\n", "utf-8")
    done = subprocess.run([*words, "--asked", str(lines)], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert json.loads(done.stdout)["lost"] == 1


def test_it_imports_nothing_of_the_product() -> None:
    """The checker is a witness of its own: it imports no module of the package or of its tests."""
    tree = ast.parse(SCRIPT.read_text("utf-8"))
    names = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    names |= {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert not {name for name in names if name.partition(".")[0] in ("chainwallet", "tests", "scripts", "")}
