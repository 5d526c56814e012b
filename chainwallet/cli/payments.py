"""``chainwallet payments``: how payments stand, and how they came there."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer

from chainwallet.cli.money import AsJson, Rpc
from chainwallet.cli.terminal import alone, config_of, console, say_json, table, utc

if TYPE_CHECKING:
    from chainwallet.assembly import Connection, OpenHome
    from chainwallet.payments import Desk, Shown
    from chainwallet.rules.cash import Cash
    from chainwallet.store.promises import Promise

app = typer.Typer(
    help="See how payments stand and why; retry, cancel.",
    invoke_without_command=True,
    callback=alone,
)

MOST_LISTED = 10_000
Id = Annotated[str, typer.Argument(metavar="ID", help="The payment's id.")]
Payer = Annotated[
    str | None, typer.Option("--payer", metavar="NAME", help="Whose payment, where several payers have this id.")
]
Stage = Annotated[
    str | None,
    typer.Option(
        metavar="STAGE",
        help="Only those that are offered, queued, carried, canceling, executed, final, canceled or expired; or open: "
        "all that may still take the payer's money.",
    ),
]


@app.command("list")
def list_(
    context: typer.Context,
    payer: Payer = None,
    stage: Stage = None,
    limit: Annotated[int, typer.Option(metavar="NUMBER", min=1, max=MOST_LISTED, help="How many at most.")] = 50,
    rpc: Rpc = None,
    as_json: AsJson = False,
) -> None:
    """List payments and consents and what they wait for.

    The newest come first; all are of the chain at hand.
    """
    from chainwallet import payments
    from chainwallet.assembly import books, open_home
    from chainwallet.store import promises

    stages = _stages(stage)
    with open_home(config_of(context, rpc=rpc), alone=False) as home:
        address = None if payer is None else home.wallets.address_of(payer, "payer")
        kept = books(home)
        with home.database.read() as tx:
            found = promises.listed(tx, kept.chain, stages=stages, payer=address, limit=limit)
        shown = [payments.show(home.database, promise, kept.confirmations) for promise in found]
        names, ledgers = _names(home), _by_token(kept.ledgers)
    if as_json:
        say_json({"payments": [_document(one, names, ledgers) for one in shown]})
        return
    if not shown:
        print("no payments")
        return
    rows = table("Id", "From", "To", "Amount", "Stage", "Waits for", figures=False)
    for one in shown:
        promise = one.promise
        rows.add_row(
            promise.id, _name(names, promise.payer), _payee(names, promise), _amount(ledgers, promise),
            one.stage, one.waits,
        )  # fmt: skip
    console().print(rows)


@app.command("show")
def show(context: typer.Context, payment_id: Id, payer: Payer = None, rpc: Rpc = None, as_json: AsJson = False) -> None:
    """Tell the story of one payment: every stage, when and why."""
    from chainwallet import payments
    from chainwallet.assembly import books, open_home

    with open_home(config_of(context, rpc=rpc), alone=False) as home:
        kept = books(home)
        promise = _find(home, kept.chain, payment_id, payer)
        shown = payments.show(home.database, promise, kept.confirmations)
        names, ledgers = _names(home), _by_token(kept.ledgers)
    if as_json:
        say_json({**_document(shown, names, ledgers), "story": [_line_document(line) for line in shown.story]})
        return
    _tell(shown, names, ledgers)


@app.command("retry")
def retry(
    context: typer.Context, payment_id: Id, payer: Payer = None, rpc: Rpc = None, as_json: AsJson = False
) -> None:
    """Try a waiting payment at once.

    It is signed again where its document expired. The nonce stays the same, so that it can be paid once at most.
    `chainwallet relayer run` delivers it.
    """
    from chainwallet import payments
    from chainwallet.assembly import now_s

    with _at_work(context, rpc) as (home, connection):
        promise = _find(home, connection.chain.key, payment_id, payer)
        connection.worker.catch_up()
        signer = home.wallets.signer_of(promise.payer)
        again = payments.retry(_desk(connection, promise), promise, signer, now_s())
        _say_state(home, connection, again, as_json=as_json)


@app.command("cancel")
def cancel(
    context: typer.Context, payment_id: Id, payer: Payer = None, rpc: Rpc = None, as_json: AsJson = False
) -> None:
    """Cancel a payment that is not paid yet.

    Its nonce is made useless on the chain.

    What was signed once may be anywhere, so only the chain can end it: the payer signs a cancel, the relayer delivers
    it, and whichever of the two the chain takes first counts.
    """
    from chainwallet import payments
    from chainwallet.abi.domain import domain_of
    from chainwallet.assembly import now_s

    with _at_work(context, rpc) as (home, connection):
        promise = _find(home, connection.chain.key, payment_id, payer)
        connection.worker.catch_up()
        desk = _desk(connection, promise)
        signer = home.wallets.signer(home.wallets.find(_hex(promise.payer)))
        signature = signer.sign(payments.cancel_document(promise), domain_of(desk.cash))
        relayer = home.service("relayer").address
        submission_id = payments.cancel(desk, promise, signature, relayer, now_s())
        connection.worker.relayer.deliver([submission_id])
        connection.worker.catch_up()
        _say_state(home, connection, promise, as_json=as_json)


# ------------------------------------------------------------------------------------------------ what they share


@contextmanager
def _at_work(context: typer.Context, rpc: str | None) -> Iterator[tuple["OpenHome", "Connection"]]:
    from chainwallet.assembly import connect, open_home

    with open_home(config_of(context, rpc=rpc), alone=False) as home, connect(home) as connection:
        yield home, connection


def _find(home: "OpenHome", chain: str, payment_id: str, payer: str | None) -> "Promise":
    from chainwallet import payments

    address = None if payer is None else home.wallets.address_of(payer, "payer")
    return payments.find(home.database, chain, payment_id, address)


def _desk(connection: "Connection", promise: "Promise") -> "Desk":
    from chainwallet.errors import NotFound

    for cash in connection.ledgers(None):
        if cash.token == promise.token:
            return connection.desk(cash)
    raise NotFound("ledger", promise.token, "its contract is in none of this home's manifests")


def _stages(stage: str | None) -> tuple[str, ...]:
    from chainwallet.errors import BadValue
    from chainwallet.rules.promise import OPEN, stage_name
    from chainwallet.rules.story import STAGES

    named = set(map(stage_name, STAGES))
    if stage is None:
        return ()
    if stage == "open":
        return tuple(map(stage_name, OPEN))
    if stage not in named:
        raise BadValue("stage", stage, f"open, or one of {', '.join(sorted(named))}")
    return (stage,)


def _names(home: "OpenHome") -> dict[bytes, str]:
    return {wallet.address: wallet.name for wallet in home.wallets.every()}


def _by_token(ledgers: Iterable["Cash"]) -> dict[str, "Cash"]:
    return {cash.token: cash for cash in ledgers}


def _name(names: dict[bytes, str], address: bytes) -> str:
    return names.get(address) or _hex(address)


def _hex(address: bytes) -> str:
    from chainwallet.evm import Address, checksum

    return checksum(Address(address))


def _payee(names: dict[bytes, str], promise: "Promise") -> str:
    return "a settlement" if promise.payee is None else _name(names, promise.payee)


def _amount(ledgers: dict[str, "Cash"], promise: "Promise") -> str:
    from chainwallet.rules.money import amount_text

    cash = ledgers.get(promise.token)
    return f"{promise.value} units" if cash is None else f"{amount_text(promise.value, cash.currency)} {cash.currency}"


def _state(shown: "Shown") -> str:
    return f"{shown.stage} ({shown.waits})" if shown.waits else shown.stage


def _tell(shown: "Shown", names: dict[bytes, str], ledgers: dict[str, "Cash"]) -> None:
    promise = shown.promise
    what = f"{_amount(ledgers, promise)} from {_name(names, promise.payer)} to {_payee(names, promise)}"
    print(f"{promise.kind} {promise.id}: {what}")
    print(f"{_state(shown)}; nonce {promise.nonce}")
    print()
    for line in shown.story:
        where = f"submission {line.submission_id}: " if line.submission_id is not None else ""
        print(f"{utc(line.at_s)}  {where}{line.words}")


def _say_state(home: "OpenHome", connection: "Connection", promise: "Promise", *, as_json: bool) -> None:
    from chainwallet import payments

    shown = payments.show(home.database, promise, connection.confirmations)
    if as_json:
        say_json(_document(shown, _names(home), _by_token(connection.ledgers(None))))
    else:
        print(f"payment {promise.id}: {_state(shown)}")


def _document(shown: "Shown", names: dict[bytes, str], ledgers: dict[str, "Cash"]) -> dict[str, Any]:
    from chainwallet.evm import to_hex
    from chainwallet.rules.money import amount_text
    from chainwallet.rules.promise import Executed, Final, stage_name

    promise, cash = shown.promise, ledgers.get(shown.promise.token)
    execution = promise.stage.execution if isinstance(promise.stage, Executed | Final) else None
    return {
        "id": promise.id,
        "kind": promise.kind,
        "payer": _hex(promise.payer),
        "payerName": names.get(promise.payer),
        "payee": None if promise.payee is None else _hex(promise.payee),
        "amount": None if cash is None else amount_text(promise.value, cash.currency),
        "currency": None if cash is None else cash.currency.code,
        "units": str(promise.value),
        "stage": stage_name(type(promise.stage)),
        "waits": shown.waits,
        "reason": promise.reason,
        "nonce": str(promise.nonce),
        "validBefore": promise.valid_before,
        "paymentRef": to_hex(promise.ref),
        "tx": None if execution is None else to_hex(execution.tx),
        "block": None if execution is None else execution.block,
        "submission": promise.submission_id,
    }


def _line_document(line: Any) -> dict[str, Any]:
    return {"at": line.at_s, "event": line.name, "words": line.words, "submission": line.submission_id}
