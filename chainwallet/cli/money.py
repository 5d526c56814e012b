"""``chainwallet pay``, ``balance`` and ``topup``: money of this home's wallets."""

import json
import secrets
from typing import Annotated

import typer

from chainwallet.cli.terminal import config_of, table

Currency = Annotated[str | None, typer.Option(help="ISO 4217 code. Default: the only currency deployed on the chain.")]
Rpc = Annotated[str | None, typer.Option(help="The node to ask. Default: the local chain of this home.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]


def pay(
    context: typer.Context,
    payer: Annotated[str, typer.Argument(metavar="FROM", help="The wallet that pays, by name or address.")],
    payee: Annotated[str, typer.Argument(metavar="TO", help="The wallet or address that is paid.")],
    amount: Annotated[str, typer.Argument(help="How much, such as 12.50.")],
    memo: Annotated[str | None, typer.Option(help="What it is for. Stays in this home; never on the chain.")] = None,
    currency: Currency = None,
    payment_id: Annotated[
        str | None, typer.Option("--id", help="Your own id for this payment: the same id again pays once.")
    ] = None,
    rpc: Rpc = None,
    as_json: AsJson = False,
) -> None:
    """Pay: the payer signs, the relayer delivers, and the chain moves the money exactly once."""
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
            relayer = home.service("relayer").address
            receipt = payments.pay(
                connection.node,
                home.database,
                connection.relayer.deliver,
                relayer,
                cash,
                order,
                signer,
                secrets.token_bytes(32),
                now_s(),
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
        print(json.dumps(document))
        return
    print(f"paid {order.amount} from {payer} to {payee} in block {receipt.block} ({receipt.gas_used:,} gas)")
    print(f"id {order.id}, transaction {document['tx']}")


def topup(
    context: typer.Context,
    payee: Annotated[str, typer.Argument(metavar="TO", help="The wallet or address that gets the money.")],
    amount: Annotated[str, typer.Argument(help="How much, such as 100.")],
    currency: Currency = None,
    bank_ref: Annotated[
        str | None, typer.Option(help="The bank's reference of the money received; the chain takes each once.")
    ] = None,
    rpc: Rpc = None,
) -> None:
    """Top up a wallet: this home's issuer creates money against money received at the bank."""
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
            (mined,) = issuing.top_up(
                home.database, connection.relayer.deliver, issuer, cash, {to: money}, reference, now_s()
            )
    print(f"topped up {payee} with {money} in block {mined.block}, bank reference {reference}")


def balance(
    context: typer.Context,
    names: Annotated[
        list[str] | None, typer.Argument(metavar="[NAME]...", help="Wallets or addresses. Default: all.")
    ] = None,
    currency: Currency = None,
    rpc: Rpc = None,
    as_json: AsJson = False,
) -> None:
    """Show what wallets hold, read from the chain now."""
    from rich.console import Console

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
        print(
            json.dumps({"balances": held, "addresses": {n: checksum(a) for n, a in owners.items()}}, ensure_ascii=False)
        )
        return
    codes = [cash.currency.code for cash in ledgers]
    shown = table("", "Wallet", *codes)
    for name, amounts in held.items():
        shown.add_row(name, *(amounts[code] for code in codes))
    Console().print(shown)
