"""Compares a database of payments with the chain, without a line of the product's code: plain JSON-RPC and plain SQL.

    python scripts/check_payments.py --database chainwallet.db --rpc http://127.0.0.1:8545 [--asked asked.jsonl]

Prints one JSON object of figures and every problem; the exit status is 1 where there is one. It asks:

- Is every payment that was accepted on the chain exactly once, or has it ended with a reason and is not there at all?
  ``--asked`` names a file with a line of JSON for each payment that somebody was told is accepted
  (``{"payer", "payee", "value", "id"}``): none of them may be unknown here.
- Was no payer debited but by a document with their signature, or by a call of their own?
- Do the movements add up, to every balance and to the supply, on the chain and in the database?
- Is every transaction of a relayer accounted for: no gap in its nonces, at most one attempt of a nonce mined?
"""

import argparse
import json
import sqlite3
import sys
import urllib.request
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from eth_account import Account
from eth_account.messages import encode_typed_data
from sha3 import keccak_256

Row = Mapping[str, Any]
BLOCKS_AT_ONCE = 500
CALLS_AT_ONCE = 200
TIMEOUT_S = 60.0
MOST_SHOWN = 50  # problems
ZERO = "0x" + "00" * 20
WINDOW_END = 2**56  # nonces below are window nonces


def keccak(data: bytes) -> bytes:
    """Keccak-256."""
    digest: bytes = keccak_256(data).digest()
    return digest


def topic(signature: str) -> str:
    """What a log's first topic is for this event."""
    return "0x" + keccak(signature.encode()).hex()


TRANSFER = topic("Transfer(address,address,uint256)")
PAID = topic("Paid(bytes32,uint256)")
SETTLED = topic("Settled(bytes32,bytes32,uint256[])")
TAG = int.from_bytes(keccak(b"chainwallet.window-nonce"), "big") >> 56


# ------------------------------------------------------------------------------------------------ the chain


@dataclass(frozen=True)
class Movement:
    """One ``Transfer``, and the payment or settlement that made it, if one did."""

    payer: str
    payee: str
    value: int
    tx: str
    block_hash: str
    ref: str = ""  # of the payment; empty where it is none
    nonce: int = -1
    settlement: str = ""


class Chain:
    """A node, asked in batches."""

    def __init__(self, url: str) -> None:
        self._url = url

    def ask(self, *calls: tuple[str, list[Any]]) -> list[Any]:
        """The results of ``calls``; raises ``RuntimeError`` for an error in place of one."""
        results: list[Any] = []
        for start in range(0, len(calls), CALLS_AT_ONCE):
            some = calls[start : start + CALLS_AT_ONCE]
            body = [{"jsonrpc": "2.0", "id": at, "method": m, "params": p} for at, (m, p) in enumerate(some)]
            request = urllib.request.Request(  # noqa: S310 - the address is the caller's own
                self._url, json.dumps(body).encode(), {"Content-Type": "application/json"}
            )
            with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:  # noqa: S310 - as above
                told = {one["id"]: one for one in json.load(answer)}
            for at, (method, _) in enumerate(some):
                if "result" not in told[at]:
                    raise RuntimeError(f"{method}: {told[at].get('error')}")
                results.append(told[at]["result"])
        return results

    def one(self, method: str, *params: Any) -> Any:
        """The result of one call."""
        return self.ask((method, list(params)))[0]

    def call(self, to: str, signatures: Sequence[tuple[str, str]], block: str) -> list[int]:
        """The first words of the answers of views at ``block``: of each, its signature and its encoded arguments."""
        selectors = {name: "0x" + keccak(name.encode())[:4].hex() for name, _ in signatures}
        asked = [("eth_call", [{"to": to, "data": selectors[name] + words}, block]) for name, words in signatures]
        return [int(answer[:66], 16) for answer in self.ask(*asked)]

    def movements(self, token: str, head: int) -> list[Movement]:
        """Every ``Transfer`` of the ledger at ``token`` up to block ``head``, in order."""
        found: list[Movement] = []
        for first in range(0, head + 1, BLOCKS_AT_ONCE):
            last = min(head, first + BLOCKS_AT_ONCE - 1)
            logs = self.one("eth_getLogs", {"address": token, "fromBlock": hex(first), "toBlock": hex(last)})
            logs = [log for log in logs if log["topics"]]  # one of the ledger's events has none
            logs.sort(key=lambda log: (int(log["blockNumber"], 16), int(log["logIndex"], 16)))
            found += _movements_in(logs)
        return found


def _movements_in(logs: Sequence[Row]) -> Iterator[Movement]:
    settlements = {log["transactionHash"]: log["topics"][1] for log in logs if log["topics"][0] == SETTLED}
    for at, log in enumerate(logs):
        if log["topics"][0] != TRANSFER:
            continue
        payer, payee = ("0x" + word[26:] for word in log["topics"][1:3])
        terms = (payer, payee, int(log["data"], 16), log["transactionHash"], log["blockHash"])
        after = logs[at + 1] if at + 1 < len(logs) else None
        is_paid = after is not None and after["topics"][0] == PAID and after["transactionHash"] == terms[3]
        if is_paid and after is not None and int(after["logIndex"], 16) == int(log["logIndex"], 16) + 1:
            yield Movement(*terms, ref=after["topics"][1], nonce=int(after["data"], 16))
        else:
            yield Movement(*terms, settlement=settlements.get(terms[3], ""))


# ------------------------------------------------------------------------------------------------ the database


def rows_of(place: str, query: str, *values: object) -> list[dict[str, Any]]:
    """The rows that ``query`` finds, by the names of their columns; nothing is written."""
    if place.startswith(("postgresql://", "postgres://")):
        import psycopg
        from psycopg.rows import dict_row

        with closing(psycopg.connect(place, row_factory=dict_row)) as server:
            return list(server.execute(query.replace("?", "%s").encode(), values))
    with closing(sqlite3.connect(f"{Path(place).resolve().as_uri()}?mode=ro", uri=True)) as file:
        file.row_factory = sqlite3.Row
        return [dict(row) for row in file.execute(query, values)]


@dataclass
class Report:
    """What was found."""

    figures: Counter[str] = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)

    def expect(self, holds: bool, kind: str, what: str) -> None:
        """Notes a problem of ``kind`` unless it ``holds``."""
        if not holds:
            self.figures[kind] += 1
            self.problems.append(f"{kind}: {what}")


@dataclass(frozen=True)
class Case:
    """One ledger: what the chain and the database have of it."""

    chain: Chain
    place: str
    token: str
    address: str
    head: int
    final_time_s: int
    movements: Sequence[Movement]
    promises: Sequence[Row]


def check_token(chain: Chain, place: str, token: str, asked: Sequence[Row], confirmations: int, report: Report) -> None:
    """All checks of one ledger."""
    address = token.partition("/")[2].lower()
    head = int(chain.one("eth_blockNumber"), 16)
    final = chain.one("eth_getBlockByNumber", hex(max(0, head - confirmations + 1)), False)
    promises = rows_of(place, "SELECT * FROM promises WHERE token = ? ORDER BY number", token)
    time_s = int(final["timestamp"], 16)
    case = Case(chain, place, token, address, head, time_s, chain.movements(address, head), promises)
    check_payments(case, report)
    check_asked(case, asked, report)
    check_documents(case, report)
    check_debits(case, report)
    check_sums(case, report)


def reference(payer: str, token: str, payment_id: str) -> str:
    """keccak256(abi.encode(payer, token, id)): what stands for a payment on the chain."""
    text = payment_id.encode()
    head = b"".join(bytes(12) + bytes.fromhex(one[2:]) for one in (payer, token)) + (96).to_bytes(32, "big")
    return "0x" + keccak(head + len(text).to_bytes(32, "big") + text + bytes(-len(text) % 32)).hex()


def check_payments(case: Case, report: Report) -> None:
    """Every payment is on the chain exactly once, or has ended with a reason and is not there at all."""
    by_ref: defaultdict[tuple[str, str], list[Movement]] = defaultdict(list)
    for movement in case.movements:
        if movement.ref:
            by_ref[movement.payer, movement.ref].append(movement)
    gone = _gone_nonces(case)
    for promise in case.promises:
        if promise["kind"] != "payment":
            continue
        name, stage = f"payment {promise['number']} ({promise['id']})", promise["stage"]
        report.figures["accepted"] += 1
        report.figures[stage] += 1
        ref = reference(promise["payer"], case.address, promise["id"])
        report.expect(ref == promise["ref"], "wrong", f"{name} has the reference {promise['ref']}, not {ref}")
        there = by_ref[promise["payer"], ref]
        report.expect(len(there) <= 1, "duplicated", f"{name} was paid {len(there)} times")
        if stage == "final":
            report.expect(bool(there), "lost", f"{name} is final and not on the chain")
            for movement in there:
                report.expect(_is_told(promise, movement), "wrong", f"{name} is on the chain as {movement}")
        elif stage in ("expired", "canceled"):
            report.expect(not there, "wrong", f"{name} has ended as {stage} and was paid")
            report.expect(bool(promise["reason"]), "wrong", f"{name} has ended as {stage} without a reason")
            is_past = stage != "expired" or case.final_time_s >= promise["valid_before"]
            report.expect(is_past, "wrong", f"{name} has expired before its time")
            is_gone = stage != "canceled" or gone[promise["number"]]
            report.expect(is_gone, "wrong", f"{name} is canceled, and its nonce is still good")
        else:
            report.expect(False, "unfinished", f"{name} is {stage}: {promise['reason']}")
    owned = Counter((one["payer"], one["nonce"]) for one in case.promises if one["adopted_at_s"] is None)
    for (payer, nonce), count in owned.items():
        report.expect(count == 1, "wrong", f"{count} promises of {payer} have the nonce {int(nonce, 16)}")


def _is_told(promise: Row, movement: Movement) -> bool:
    ours = (promise["payee"], int(promise["value"], 16), int(promise["nonce"], 16))
    place = (promise["executed_tx"], promise["executed_block_hash"])
    return (*ours, *place) == (movement.payee, movement.value, movement.nonce, movement.tx, movement.block_hash)


def _gone_nonces(case: Case) -> dict[int, bool]:
    """Of cancelled promises, by their numbers, whether the contract takes their nonces no more."""
    canceled = [one for one in case.promises if one["stage"] == "canceled"]
    numbers = [int(one["nonce"], 16) for one in canceled]
    tagged = [TAG << 56 | number if number < WINDOW_END else number for number in numbers]
    views = [
        ("authorizationState(address,bytes32)", one["payer"][2:].zfill(64) + f"{number:064x}")
        for one, number in zip(canceled, tagged, strict=True)
    ]
    answers = case.chain.call(case.address, views, "latest")
    return {one["number"]: bool(is_gone) for one, is_gone in zip(canceled, answers, strict=True)}


def check_asked(case: Case, asked: Sequence[Row], report: Report) -> None:
    """What somebody was told is accepted is known here, with the same content."""
    known = {(one["payer"], one["id"]): one for one in case.promises if one["kind"] == "payment"}
    for order in asked:
        found = known.get((order["payer"].lower(), order["id"]))
        report.figures["asked"] += 1
        if found is None:
            report.expect(False, "lost", f"payment {order['id']} of {order['payer']} was accepted and is unknown")
            continue
        terms = (found["payee"], int(found["value"], 16))
        is_same = terms == (order["payee"].lower(), order["value"])
        report.expect(is_same, "wrong", f"payment {order['id']} was accepted as {order}, and is stored as {terms}")


def check_documents(case: Case, report: Report) -> None:
    """Each stored signature is its payer's, over a document with the promise's own terms."""
    for promise in case.promises:
        if promise["kind"] != "payment" or promise["signature"] is None:
            continue
        name, document = f"payment {promise['number']}", json.loads(promise["document"])
        message = document["message"]
        terms = (message["from"].lower(), message["to"].lower(), *(int(message[key]) for key in ("value", "nonce")))
        ours = (promise["payer"], promise["payee"], *(int(promise[key], 16) for key in ("value", "nonce")))
        report.expect(terms == ours, "wrong", f"{name} has a document about {terms}, and is about {ours}")
        signer = Account.recover_message(encode_typed_data(full_message=document), signature=promise["signature"])
        is_payers = signer.lower() == promise["payer"]
        report.expect(is_payers, "unsigned", f"the document of {name} is signed by {signer}, not by its payer")


def check_debits(case: Case, report: Report) -> None:
    """Whatever left an account of a payer known here left it by a known document, or by the payer's own call."""
    known = {(one["payer"], int(one["nonce"], 16), one["ref"]) for one in case.promises}
    consents = {(one["payer"], one["ref"]) for one in case.promises if one["kind"] == "consent"}
    signed = {(one["payer"], one["ref"]) for one in case.promises if one["signature"] or one["adopted_at_s"]}
    payers = {one["payer"] for one in case.promises}
    others: list[Movement] = []
    for movement in case.movements:
        if movement.payer == ZERO or movement.payer not in payers:
            continue
        report.figures["debits"] += 1
        payer, lacking = movement.payer, ""
        if movement.ref:
            is_known = (payer, movement.nonce, movement.ref) in known
            lacking = "promise" if not is_known else "" if (payer, movement.ref) in signed else "signature"
        elif movement.settlement:
            lacking = "" if (payer, movement.settlement) in consents else "consent"
        else:
            others.append(movement)
        report.expect(not lacking, "undocumented", f"no {lacking} here stands for {movement}")
    senders = case.chain.ask(*(("eth_getTransactionByHash", [one.tx]) for one in others))
    for movement, tx in zip(others, senders, strict=True):
        report.expect(tx["from"] == movement.payer, "undocumented", f"{tx['from']} made the movement {movement}")


def check_sums(case: Case, report: Report) -> None:
    """The movements give every balance and the supply, and so do the database's own balances."""
    balances: Counter[str] = Counter()
    for movement in case.movements:
        balances[movement.payer] -= movement.value
        balances[movement.payee] += movement.value
    supply = -balances.pop(ZERO, 0)
    accounts = sorted(balances)
    report.figures["accounts"] += len(accounts)
    views = [("balanceOf(address)", account[2:].zfill(64)) for account in accounts]
    *held, told = case.chain.call(case.address, [*views, ("totalSupply()", "")], hex(case.head))
    report.expect(told == supply, "sums", f"the supply is {told}, the movements give {supply}")
    report.expect(sum(held) == told, "sums", f"the balances sum to {sum(held)}, the supply is {told}")
    for account, value in zip(accounts, held, strict=True):
        is_same = value == balances[account]
        report.expect(is_same, "sums", f"{account} has {value}, the movements give {balances[account]}")
    (cursor,) = rows_of(case.place, "SELECT number FROM cursors WHERE token = ?", case.token)
    report.expect(cursor["number"] == case.head, "behind", f"the database ends at {cursor['number']}, not {case.head}")
    stored = rows_of(case.place, "SELECT owner, balance FROM holdings WHERE token = ?", case.token)
    kept = {row["owner"]: int(row["balance"], 16) for row in stored}
    for account in accounts if cursor["number"] == case.head else ():
        held_here, value = kept.get(account, 0), balances[account]
        report.expect(held_here == value, "sums", f"the database has {held_here} for {account}, not {value}")


def check_relayers(chain: Chain, place: str, chain_key: str, report: Report) -> None:
    """No nonce of a sender is left out below one that was signed, and of a nonce's attempts at most one was mined."""
    attempts = rows_of(place, "SELECT tx, submission_id, sender, nonce FROM attempts WHERE chain = ?", chain_key)
    submissions = rows_of(place, "SELECT id, stage, tx, block_hash FROM submissions WHERE chain = ?", chain_key)
    told = chain.ask(*(("eth_getTransactionReceipt", [one["tx"]]) for one in attempts))
    receipts = {one["tx"]: receipt for one, receipt in zip(attempts, told, strict=True)}
    mined: defaultdict[int, list[str]] = defaultdict(list)
    signed: defaultdict[str, set[int]] = defaultdict(set)
    for attempt in attempts:
        report.figures["attempts"] += 1
        signed[attempt["sender"]].add(attempt["nonce"])
        if receipts[attempt["tx"]] is not None:
            mined[attempt["submission_id"]].append(attempt["tx"])
    for submission in submissions:
        name, stage = f"submission {submission['id']}", submission["stage"]
        there = mined[submission["id"]]
        report.expect(len(there) <= 1, "wrong", f"{len(there)} attempts of {name} were mined")
        if stage == "final":
            receipt = receipts.get(submission["tx"])
            is_there = receipt is not None and receipt["blockHash"] == submission["block_hash"]
            report.expect(is_there, "wrong", f"{name} is final and not on the chain")
        elif stage == "conflict":
            report.expect(not there, "wrong", f"{name} is in conflict, and was mined")
        else:
            report.expect(stage == "failed", "unfinished", f"{name} is {stage}")
    for sender, nonces in signed.items():
        count = int(chain.one("eth_getTransactionCount", sender, "latest"), 16)
        above = [nonce for nonce in range(count, max(nonces) + 1) if nonce not in nonces]
        report.expect(not above, "gaps", f"{sender} has signed {max(nonces)}, and nothing for {above}")
        report.expect(max(nonces) < count, "gaps", f"{sender} has signed {max(nonces)}, the chain is at {count}")
        report.figures["foreign_nonces"] += sum(nonce not in nonces for nonce in range(min(nonces), count))


# ------------------------------------------------------------------------------------------------ all of it


def check(place: str, url: str, asked: Sequence[Row] = (), confirmations: int = 1) -> Report:
    """Compares the database at ``place`` with the chain behind ``url``."""
    chain, report = Chain(url), Report()
    chain_id = int(chain.one("eth_chainId"), 16)
    genesis = chain.one("eth_getBlockByNumber", "0x0", False)["hash"]
    key = f"{chain_id}-{genesis[2:10]}"
    tokens = [row["token"] for row in rows_of(place, "SELECT token FROM cursors WHERE chain = ?", key)]
    report.expect(bool(tokens), "wrong", f"the database follows no ledger on chain {key}")
    for token in tokens:
        check_token(chain, place, token, asked if len(tokens) == 1 else (), confirmations, report)
    check_relayers(chain, place, key, report)
    return report


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(description="Compare a database of payments with the chain.")
    parser.add_argument("--database", required=True, help="an SQLite file, or postgresql://USER@HOST/DATABASE")
    parser.add_argument("--rpc", required=True, help="the node's address")
    parser.add_argument("--asked", type=Path, help="a file of accepted payments, a line of JSON each")
    parser.add_argument("--confirmations", type=int, default=1, help="how deep is final")
    given = parser.parse_args()
    asked = [json.loads(line) for line in given.asked.read_text("utf-8").splitlines()] if given.asked else []
    report = check(given.database, given.rpc, asked, given.confirmations)
    shown = {"problems": len(report.problems), "first_problems": report.problems[:MOST_SHOWN]}
    print(json.dumps({**dict(sorted(report.figures.items())), **shown}, ensure_ascii=True))
    return 1 if report.problems else 0


if __name__ == "__main__":
    sys.exit(main())
