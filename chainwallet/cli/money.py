"""``chainwallet pay``, ``balance`` and ``topup``: money of this home's wallets."""

import secrets
from typing import Annotated

import typer

from chainwallet.cli.terminal import config_of, console, say_json, table, told_how_to_go_on, written

Currency = Annotated[
    str | None,
    typer.Option(metavar="CODE", help="The currency's ISO 4217 code. Default: the only one deployed on the chain."),
]
Rpc = Annotated[
    str | None,
    typer.Option(metavar="URL", help="The node to ask, or several with commas. Default: the local chain of this home."),
]
Url = Annotated[
    str | None,
    typer.Option(metavar="URL", help="The service to ask, as who signed in there. Default: the one of this home."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]


def pay(
    context: typer.Context,
    payer: Annotated[str, typer.Argument(metavar="FROM", help="The wallet that pays, by name or address.")],
    payee: Annotated[str, typer.Argument(metavar="TO", help="The wallet or address that is paid.")],
    amount: Annotated[str, typer.Argument(metavar="AMOUNT", help="How much, such as 12.50.")],
    memo: Annotated[
        str | None,
        typer.Option(metavar="TEXT", callback=written, help="What it is for. Stays in this home; never on the chain."),
    ] = None,
    currency: Currency = None,
    payment_id: Annotated[
        str | None,
        typer.Option(
            "--id",
            metavar="TEXT",
            callback=written,
            help="Your own id for this payment: the same id again pays once. Default: a random one.",
        ),
    ] = None,
    rpc: Rpc = None,
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """Pay from one wallet to another, exactly once.

    The payer signs, the relayer delivers and pays for the gas, and the chain moves the money. With --url, or where FROM
    is the handle that is signed in at this home's running service, that service is asked.
    """
    from chainwallet.cli import service

    if url is not None or service.is_signed_in_here(context, payer):
        paid = service.pay(
            context, payer, payee, amount, url=url, currency=currency, memo=memo,
            payment_id=payment_id if payment_id is not None else secrets.token_hex(16),
        )  # fmt: skip
        if as_json:
            say_json(paid)
        else:
            print(f"paid {paid['amount']} {paid['currency']} from {payer} to {payee} in block {paid['block']}, final")
            print(f"id {paid['id']}, transaction {paid['tx']}")
        return
    from chainwallet import payments
    from chainwallet.assembly import connect, now_s, open_home
    from chainwallet.evm import to_hex
    from chainwallet.rules.money import parse_money

    with open_home(config_of(context, rpc=rpc)) as home:
        wallet = home.wallets.find(payer)
        to = home.wallets.address_of(payee, "payee")
        signer = home.wallets.signer(wallet)
        with connect(home) as connection:
            cash, _ = connection.cash(currency)
            order = payments.Order(
                id=payment_id if payment_id is not None else secrets.token_hex(16),
                payer=wallet.address,
                payee=to,
                amount=parse_money(amount, cash.currency),
                memo=memo,
            )
            with told_how_to_go_on("payment", "--id", order.id):
                receipt = payments.pay(
                    connection.desk(cash), connection.worker, order, signer, secrets.token_bytes(32), now_s()
                )
    document = {
        "id": order.id,
        "amount": order.amount.decimal,
        "currency": cash.currency.code,
        "paymentRef": to_hex(receipt.payment_ref),
        "tx": to_hex(receipt.tx),
        "block": receipt.block,
        "gas_used": receipt.gas_used,
    }
    if as_json:
        say_json(document)
        return
    print(f"paid {order.amount} from {payer} to {payee} in block {receipt.block} ({receipt.gas_used:,} gas)")
    print(f"id {order.id}, transaction {document['tx']}")


def topup(
    context: typer.Context,
    payee: Annotated[str, typer.Argument(metavar="TO", help="The wallet or address that gets the money.")],
    amount: Annotated[str, typer.Argument(metavar="AMOUNT", help="How much, such as 100.")],
    currency: Currency = None,
    bank_ref: Annotated[
        str | None,
        typer.Option(
            metavar="TEXT",
            callback=written,
            help="The bank's reference of the money received; the chain takes each once. Default: a random one.",
        ),
    ] = None,
    rpc: Rpc = None,
    url: Annotated[
        str | None, typer.Option(metavar="URL", help="A service to ask, as an issuer who signed in there.")
    ] = None,
) -> None:
    """Top up a wallet against money received at the bank.

    This home's issuer makes the money on the chain; with --url that of a service.
    """
    if url is not None:
        from chainwallet.cli import service

        wanted = bank_ref if bank_ref is not None else secrets.token_hex(16)
        print(service.topup(context, payee, amount, currency, wanted, url))
        return
    from chainwallet import issuing
    from chainwallet.assembly import connect, now_s, open_home
    from chainwallet.rules.money import parse_money

    with open_home(config_of(context, rpc=rpc)) as home:
        to = home.wallets.address_of(payee, "payee")
        with connect(home) as connection:
            cash, _ = connection.cash(currency)
            money = parse_money(amount, cash.currency)
            reference = bank_ref if bank_ref is not None else secrets.token_hex(16)
            issuer = home.service("issuer").address
            with told_how_to_go_on("top-up", "--bank-ref", reference):
                (mined,) = issuing.top_up(
                    home.database, connection.relayer.deliver, issuer, cash, {to: money}, reference, now_s()
                )
    print(f"topped up {payee} with {money} in block {mined.block}, bank reference {reference}")


def balance(
    context: typer.Context,
    names: Annotated[
        list[str] | None, typer.Argument(metavar="NAME", help="Wallets or addresses. Default: all wallets.")
    ] = None,
    currency: Annotated[
        str | None, typer.Option(metavar="CODE", help="Only the currency with this ISO 4217 code. Default: all.")
    ] = None,
    rpc: Rpc = None,
    as_json: AsJson = False,
) -> None:
    """Show what wallets hold, read from the chain now."""
    from chainwallet import payments
    from chainwallet.assembly import connect, open_home
    from chainwallet.evm import checksum

    with open_home(config_of(context, rpc=rpc)) as home:
        owners = {name: home.wallets.address_of(name, "wallet") for name in names or ()}
        owners = owners or {wallet.name: wallet.address for wallet in home.wallets.every()}
        with connect(home) as connection:
            ledgers = connection.ledgers(currency)
            held = {
                name: {cash.currency.code: payments.balance_text(connection.node, cash, owner) for cash in ledgers}
                for name, owner in owners.items()
            }
    if as_json:
        say_json({"balances": held, "addresses": {name: checksum(address) for name, address in owners.items()}})
        return
    if not held:
        print("no wallets yet; make one with `chainwallet wallet new NAME`")
        return
    codes = [cash.currency.code for cash in ledgers]
    shown = table("Wallet", *codes)
    for name, amounts in held.items():
        shown.add_row(name, *(amounts[code] for code in codes))
    console().print(shown)
