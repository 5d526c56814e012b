"""``chainwallet bill``: what a group spends, at a running service."""

from typing import TYPE_CHECKING, Annotated

import typer

from chainwallet.cli import service, splits
from chainwallet.cli.group import InGroup, member_named, the_group
from chainwallet.cli.money import AsJson, Url
from chainwallet.cli.splits import Wishes, in_words, payers_of, split_of, title_and_money
from chainwallet.cli.terminal import alone, console, plain, say_json, table, written
from chainwallet.errors import BadValue, NotFound

if TYPE_CHECKING:
    from datetime import date

    from chainwallet.client import Client
    from chainwallet.client.bills import Bill
    from chainwallet.client.groups import Group

app = typer.Typer(
    help="Bills that a group shares.\n\nA service is asked, as who signed in there. BILL is a title or an id; "
    "people are named as they are in the group, or by handle or id.",
    invoke_without_command=True,
    callback=alone,
)

BillName = Annotated[str, typer.Argument(metavar="BILL", help="Its title, where one bill has it, or its id.")]
Note = Annotated[str, typer.Option(metavar="TEXT", callback=written, help="More about it.")]
Day = Annotated[
    str | None,
    typer.Option("--date", metavar="DATE", help="The day of it, such as 2026-11-27. Default: today, in UTC."),
]


@app.command("add")
def add(
    context: typer.Context,
    what: splits.What,
    group: InGroup = None,
    people: splits.With = None,
    without_me: splits.WithoutMe = False,
    paid_by: splits.PaidBy = None,
    exact: splits.Exactly = None,
    percent: splits.Percent = None,
    shares: splits.Shares = None,
    adjust: splits.Adjust = None,
    items: splits.Items = None,
    tip: splits.Tip = None,
    tax: splits.Tax = None,
    service_charge: splits.Service = None,
    discount: splits.Discount = None,
    on: Day = None,
    note: Note = "",
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """Add a bill. Whom it charges is asked to accept it; an amount below 0 is a refund or income.

    Without more it is divided equally among all in the group, and you paid it.
    """
    wishes = Wishes(people, without_me, exact, percent, shares, adjust, tuple(items or ()),
                    tip, tax, service_charge, discount)  # fmt: skip
    title, money = title_and_money(what)
    with service.at_service(context, url) as client:
        here = the_group(client, group)
        split, total = split_of(here, wishes, title, money)
        payers = payers_of(here, paid_by, total)
        made = client.add_bill(here.id, title, money.currency.code, split, payers, total=total, note=note, on=_day(on))
    _tell(made, as_json=as_json)


@app.command("amend")
def amend(
    context: typer.Context,
    bill: BillName,
    what: splits.What,
    group: InGroup = None,
    people: splits.With = None,
    without_me: splits.WithoutMe = False,
    paid_by: splits.PaidBy = None,
    exact: splits.Exactly = None,
    percent: splits.Percent = None,
    shares: splits.Shares = None,
    adjust: splits.Adjust = None,
    items: splits.Items = None,
    tip: splits.Tip = None,
    tax: splits.Tax = None,
    service_charge: splits.Service = None,
    discount: splits.Discount = None,
    on: Day = None,
    note: Note = "",
    reason: Annotated[str | None, typer.Option(metavar="TEXT", callback=written, help="Why it is amended.")] = None,
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """Write a bill anew.

    Who owes the same as before is not asked again. What is not said here is as in `bill add`, not as it was.
    """
    wishes = Wishes(people, without_me, exact, percent, shares, adjust, tuple(items or ()),
                    tip, tax, service_charge, discount)  # fmt: skip
    title, money = title_and_money(what)
    with service.at_service(context, url) as client:
        here = the_group(client, group)
        old = bill_named(client, here, bill)
        split, total = split_of(here, wishes, title, money)
        payers = payers_of(here, paid_by, total)
        made = client.amend_bill(
            here.id, old.id, old.version, title, money.currency.code, split, payers,
            total=total, note=note, on=_day(on or old.date), reason=reason,
        )  # fmt: skip
    _tell(made, as_json=as_json)


@app.command("list")
def list_(
    context: typer.Context,
    group: InGroup = None,
    asks_me: Annotated[bool, typer.Option("--asks-me", help="Only those that wait for your answer.")] = False,
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """List the bills of a group, the newest first."""
    with service.at_service(context, url) as client:
        here = the_group(client, group)
        found = tuple(client.bills(here.id, asks=here.me if asks_me else None))
    if as_json:
        from chainwallet.cli.shapes import json_of

        say_json({"bills": json_of(found)})
        return
    if not found:
        print("there are no bills here" + (" that ask you" if asks_me else "; `chainwallet bill add`"))
        return
    rows = table("Id", "Day", "Bill", "Amount", "State", figures=False)
    for one in found:
        rows.add_row(one.id, one.date, one.title, f"{one.total} {one.currency}", _state(one))
    console().print(rows)


@app.command("show")
def show(
    context: typer.Context, bill: BillName, group: InGroup = None, url: Url = None, as_json: AsJson = False
) -> None:
    """Show a bill, everybody's share of it, and what was done with it."""
    with service.at_service(context, url) as client:
        here = the_group(client, group)
        story = client.bill(here.id, bill_named(client, here, bill).id)
    _tell(story, as_json=as_json)
    if not as_json:
        print(f"divided {in_words(story.split, {line.member.id: line.member.name for line in story.lines})}")
        if story.note:
            print(f"note: {plain(story.note)}")
        for done in story.activity:
            print(f"{done.at:%Y-%m-%d %H:%M} UTC  {done.words}")


@app.command("accept")
def accept(
    context: typer.Context,
    bill: Annotated[
        str | None, typer.Argument(metavar="BILL", help="Its title or id. Default: all that ask you.")
    ] = None,
    group: InGroup = None,
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """Accept a bill, or all that ask you.

    Of those, the ones that you have said nothing to yet.
    """
    with service.at_service(context, url) as client:
        here = the_group(client, group)
        if bill is None:
            found = client.accept_bills(here.id)
        else:
            one = bill_named(client, here, bill)
            found = (client.accept_bill(here.id, one.id, one.version),)
    if as_json:
        from chainwallet.cli.shapes import json_of

        say_json({"bills": json_of(found)})
        return
    for one in found:
        print(f"you accept {plain(one.title)}, {one.total} {one.currency}: {_state(one)}")
    if not found:
        print("no bill asks you")


@app.command("reject")
def reject(
    context: typer.Context,
    bill: BillName,
    reason: Annotated[str, typer.Argument(metavar="REASON", callback=written, help="Why.")],
    group: InGroup = None,
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """Reject a bill that charges you. It counts nowhere until that is resolved."""
    with service.at_service(context, url) as client:
        here = the_group(client, group)
        one = bill_named(client, here, bill)
        found = client.reject_bill(here.id, one.id, one.version, reason)
    _tell(found, as_json=as_json)


@app.command("propose")
def propose(
    context: typer.Context,
    bill: BillName,
    reason: Annotated[str, typer.Argument(metavar="REASON", callback=written, help="Why.")],
    group: InGroup = None,
    people: splits.With = None,
    without_me: splits.WithoutMe = False,
    exact: splits.Exactly = None,
    percent: splits.Percent = None,
    shares: splits.Shares = None,
    adjust: splits.Adjust = None,
    items: splits.Items = None,
    tip: splits.Tip = None,
    tax: splits.Tax = None,
    service_charge: splits.Service = None,
    discount: splits.Discount = None,
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """Propose another way to divide a bill that charges you. `bill adopt` takes it over.

    The bill comes to what it comes to: tip and the like are parts of it, and what nothing covers is divided among all.
    """
    from chainwallet.rules.money import currency_of, parse_money

    wishes = Wishes(people, without_me, exact, percent, shares, adjust, tuple(items or ()),
                    tip, tax, service_charge, discount)  # fmt: skip
    with service.at_service(context, url) as client:
        here = the_group(client, group)
        one = bill_named(client, here, bill)
        money = parse_money(format(one.total, "f"), currency_of(one.currency))
        split, _ = split_of(here, wishes, one.title, money, is_whole=True)
        found = client.propose_split(here.id, one.id, one.version, split, reason)
    _tell(found, as_json=as_json)


@app.command("adopt")
def adopt(
    context: typer.Context,
    bill: BillName,
    who: Annotated[str, typer.Argument(metavar="WHO", help="Whose proposal.")],
    group: InGroup = None,
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """Divide a bill as somebody proposed."""
    with service.at_service(context, url) as client:
        here = the_group(client, group)
        one = bill_named(client, here, bill)
        found = client.adopt_proposal(here.id, one.id, one.version, member_named(here, who).id)
    _tell(found, as_json=as_json)


@app.command("withdraw")
def withdraw(
    context: typer.Context, bill: BillName, group: InGroup = None, url: Url = None, as_json: AsJson = False
) -> None:
    """Take your rejection or proposal back."""
    with service.at_service(context, url) as client:
        here = the_group(client, group)
        one = bill_named(client, here, bill)
        found = client.withdraw_dispute(here.id, one.id, one.version)
    _tell(found, as_json=as_json)


@app.command("delete")
def delete(context: typer.Context, bill: BillName, group: InGroup = None, url: Url = None) -> None:
    """Delete a bill. `bill restore` brings it back."""
    with service.at_service(context, url) as client:
        here = the_group(client, group)
        one = bill_named(client, here, bill)
        client.delete_bill(here.id, one.id)
    print(f"{plain(one.title)} is deleted, {one.id}")


@app.command("restore")
def restore(
    context: typer.Context,
    bill: Annotated[str, typer.Argument(metavar="ID", help="The id of a deleted bill.")],
    group: InGroup = None,
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """Bring a deleted bill back."""
    with service.at_service(context, url) as client:
        found = client.restore_bill(the_group(client, group).id, bill)
    _tell(found, as_json=as_json)


@app.command("reverse")
def reverse(
    context: typer.Context,
    bill: BillName,
    group: InGroup = None,
    note: Note = "",
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """Undo a bill that is settled, by another one."""
    with service.at_service(context, url) as client:
        here = the_group(client, group)
        found = client.reverse_bill(here.id, bill_named(client, here, bill).id, note=note)
    _tell(found, as_json=as_json)


@app.command("pay")
def pay(
    context: typer.Context, bill: BillName, group: InGroup = None, url: Url = None, as_json: AsJson = False
) -> None:
    """Pay what you owe by one bill, and wait until it is final. You accept it by that."""
    with service.at_service(context, url) as client:
        here = the_group(client, group)
        one = bill_named(client, here, bill)
        made = client.pay_share(here.id, one.id, one.version)
        paid = [payment if payment.to_sign is not None else payment.wait() for payment in made]
    if as_json:
        say_json({"payments": [{"id": one.id, **one.amount.document, "stage": one.stage} for one in paid]})
        return
    for payment in paid:
        to = payment.payee.handle or payment.payee.address
        print(f"{payment.amount} to {to}: {payment.stage}, id {payment.id}")


@app.command("paid")
def paid(
    context: typer.Context,
    bill: BillName,
    people: Annotated[
        str | None, typer.Option("--by", metavar="NAMES", help="Who paid you, with commas. Default: all who owe you.")
    ] = None,
    group: InGroup = None,
    note: Annotated[str | None, typer.Option(metavar="TEXT", callback=written, help="How, such as: in cash.")] = None,
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """Say that you were paid elsewhere, in cash or at a bank."""
    with service.at_service(context, url) as client:
        here = the_group(client, group)
        one = bill_named(client, here, bill)
        debtors = [] if people is None else [member_named(here, name).id for name in people.split(",")]
        found = client.say_paid_elsewhere(here.id, one.id, one.version, debtors, note=note)
    _tell(found, as_json=as_json)


# ------------------------------------------------------------------------------------------------ what they share


def bill_named(client: "Client", group: "Group", text: str) -> "Bill":
    """The group's bill with this id or title; raises ``BadValue`` where several have the title, and ``NotFound``."""
    every = list(client.bills(group.id))
    found = [one for one in every if one.id == text] or [
        one for one in every if one.title.casefold() == text.casefold()
    ]
    if len(found) > 1:
        raise BadValue("BILL", text, f"the id of one of them: {', '.join(one.id for one in found)}")
    if not found:
        raise NotFound("bill", text, "`chainwallet bill list` has those that there are")
    return found[0]


def _day(text: str | None) -> "date | None":
    from chainwallet.rules.terms_document import parse_date

    return None if text is None else parse_date(text, "date")


def _state(bill: "Bill") -> str:
    if bill.state == "open":
        return f"open, asks {', '.join(sorted(one.name for one in bill.asked))}"
    if bill.state == "accepted" and bill.debts and all(debt.state == "settled" for debt in bill.debts):
        return "settled"
    return bill.state


def _tell(bill: "Bill", *, as_json: bool) -> None:
    if as_json:
        from chainwallet.cli.shapes import json_of

        say_json(json_of(bill))
        return
    print(f"{plain(bill.title)}, {bill.total} {bill.currency}, {bill.date}: {_state(bill)}")
    names = {line.member.id: line.member.name for line in bill.lines}
    for line in sorted(bill.lines, key=lambda line: line.member.name):
        why = f" ({plain(line.reason)})" if line.reason else ""
        answer = f": {line.answer}{why}" if line.answer else ""
        print(f"{plain(line.member.name)} has {line.share}, paid {line.paid}{answer}")
        if line.proposal is not None:
            print(f"{plain(line.member.name)} proposes {in_words(line.proposal, names)}")
    print(f"id {bill.id}, version {bill.version}")
