"""``chainwallet group``: who shares bills with whom, at a running service."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from chainwallet.cli import service
from chainwallet.cli.money import AsJson, Url
from chainwallet.cli.terminal import alone, console, say_json, table
from chainwallet.errors import BadValue, NotFound

if TYPE_CHECKING:
    from chainwallet.client import Client
    from chainwallet.client.groups import Group, Invitation, ListedGroup, MadeInvitation, Member

app = typer.Typer(
    help="Groups of people who share bills, and friends.\n\nA service is asked, as who signed in there. GROUP is a "
    "name or an id, WHO a name, handle or id.",
    invoke_without_command=True,
    callback=alone,
)

GroupName = Annotated[str, typer.Argument(metavar="GROUP", help="Its name, where you have one of it, or its id.")]
InGroup = Annotated[
    str | None, typer.Option("--group", metavar="GROUP", help="Its name or id. Default: the only one that you are in.")
]
MemberName = Annotated[str, typer.Argument(metavar="WHO", help="A member: name, handle or id.")]
Viewer = Annotated[bool, typer.Option("--viewer", help="As somebody who only looks.")]


@app.command("new")
def new(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help="What it is called, such as Porto.")],
    guests: Annotated[
        str | None, typer.Option("--with", metavar="NAMES", help="Guests, with commas: people without accounts.")
    ] = None,
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """Make a group, which you own."""
    with service.at_service(context, url) as client:
        made = client.make_group(name)
        for guest in [] if guests is None else guests.split(","):
            client.add_guest(made.id, guest)
        _tell(client.group(made.id), as_json=as_json)


@app.command("list")
def list_(context: typer.Context, url: Url = None, as_json: AsJson = False) -> None:
    """List your groups, the newest first."""
    with service.at_service(context, url) as client:
        found = client.groups()
    if as_json:
        say_json({"groups": [_listed(one) for one in found]})
        return
    if not found:
        print("you are in no group yet; `chainwallet group new Porto`")
        return
    rows = table("Id", "Name", "Kind", "You are", figures=False)
    for one in found:
        rows.add_row(one.id, one.name, one.kind, one.role)
    console().print(rows)


@app.command("show")
def show(context: typer.Context, group: GroupName, url: Url = None, as_json: AsJson = False) -> None:
    """Show a group and its people."""
    with service.at_service(context, url) as client:
        _tell(group_named(client, group), as_json=as_json)


@app.command("rename")
def rename(
    context: typer.Context,
    group: GroupName,
    name: Annotated[str, typer.Argument(metavar="NAME", help="Its new name.")],
    url: Url = None,
) -> None:
    """Give a group of yours another name."""
    with service.at_service(context, url) as client:
        found = client.rename_group(group_named(client, group).id, name)
    print(f"group {found.id} is called {found.name}")


@app.command("add")
def add(
    context: typer.Context,
    group: GroupName,
    name: Annotated[str, typer.Argument(metavar="NAME", help="What the guest is called.")],
    viewer: Viewer = False,
    url: Url = None,
) -> None:
    """Add a guest: somebody who has no account. `group claim-link` makes one theirs later."""
    with service.at_service(context, url) as client:
        found = client.add_guest(group_named(client, group).id, name, role=_role(viewer))
    print(f"{found.name} is a guest, {found.id}")


@app.command("invite")
def invite(
    context: typer.Context,
    group: GroupName,
    handle: Annotated[
        str | None, typer.Argument(metavar="HANDLE", help="Whom. Default: a link that lets one person in.")
    ] = None,
    viewer: Viewer = False,
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """Invite somebody, for a week.

    Without a handle it prints the token of a link, which is told this once; `group join` takes it.
    """
    with service.at_service(context, url) as client:
        made = client.invite(group_named(client, group).id, handle, role=_role(viewer))
    _tell_made(made, as_json=as_json)


@app.command("claim-link")
def claim_link(
    context: typer.Context, group: GroupName, who: MemberName, url: Url = None, as_json: AsJson = False
) -> None:
    """Make a link by which one person becomes a guest.

    It prints the token, which is told this once; whoever gives it to `group join` has the guest's bills from then on.
    """
    with service.at_service(context, url) as client:
        found = group_named(client, group)
        made = client.claim_link(found.id, member_named(found, who).id)
    _tell_made(made, as_json=as_json)


@app.command("join")
def join(
    context: typer.Context,
    token: Annotated[str, typer.Argument(metavar="TOKEN", help="A link's token, cwi_..., or an invitation's id.")],
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """Come into a group by a link or an invitation."""
    with service.at_service(context, url) as client:
        found = client.join(token) if token.startswith("cwi_") else client.accept_invitation(token)
    _tell(found, as_json=as_json)


@app.command("decline")
def decline(
    context: typer.Context,
    invitation: Annotated[str, typer.Argument(metavar="ID", help="The invitation's id.")],
    url: Url = None,
) -> None:
    """Decline an invitation."""
    with service.at_service(context, url) as client:
        client.decline_invitation(invitation)
    print(f"invitation {invitation} is declined")


@app.command("invitations")
def invitations(context: typer.Context, url: Url = None, as_json: AsJson = False) -> None:
    """List what you are invited to."""
    with service.at_service(context, url) as client:
        found = client.invitations()
    if as_json:
        say_json({"invitations": [_invitation(one) for one in found]})
        return
    if not found:
        print("nobody has invited you")
        return
    rows = table("Id", "To", "By", "As", "Until", figures=False)
    for one in found:
        what = "a friendship" if one.group.kind == "pair" else one.group.name
        rows.add_row(one.id, what, one.made_by, one.role, f"{one.expires_at:%Y-%m-%d %H:%M} UTC")
    console().print(rows)


@app.command("role")
def role(
    context: typer.Context,
    group: GroupName,
    who: MemberName,
    wanted: Annotated[str, typer.Argument(metavar="ROLE", help="owner, member or viewer.")],
    url: Url = None,
) -> None:
    """Give a member another role. A new owner takes your place."""
    with service.at_service(context, url) as client:
        found = group_named(client, group)
        changed = client.change_member(found.id, member_named(found, who).id, role=_checked_role(wanted))
    print(f"{changed.name} is {changed.role} of {found.name}")


@app.command("leave")
def leave(
    context: typer.Context,
    group: GroupName,
    who: Annotated[str | None, typer.Argument(metavar="WHO", help="Whom to remove. Default: yourself.")] = None,
    url: Url = None,
) -> None:
    """Leave a group, or remove somebody from yours.

    Nobody leaves who owes there or is owed.
    """
    with service.at_service(context, url) as client:
        found = group_named(client, group)
        member_id = found.me if who is None else member_named(found, who).id
        client.remove_member(found.id, member_id)
    print(f"{'you are' if who is None else who + ' is'} not in {found.name} any more")


@app.command("activity")
def activity(context: typer.Context, group: GroupName, url: Url = None, as_json: AsJson = False) -> None:
    """Show what was done in a group, the latest first."""
    with service.at_service(context, url) as client:
        found = client.activity_page(group_named(client, group).id, limit=200).activity
    if as_json:
        say_json({"activity": [{"at": f"{one.at:%Y-%m-%dT%H:%M:%SZ}", "kind": one.kind, "subject": one.subject,
                                "words": one.words, "actor": one.actor} for one in found]})  # fmt: skip
        return
    for one in found:
        print(f"{one.at:%Y-%m-%d %H:%M} UTC  {one.words}")


@app.command("friend")
def friend(
    context: typer.Context,
    handle: Annotated[str | None, typer.Argument(metavar="HANDLE", help="Whom to ask. Default: list them.")] = None,
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """Ask somebody to be your friend, or list your friends.

    With each you have a group of two.
    """
    with service.at_service(context, url) as client:
        found = client.friends() if handle is None else (client.ask_friend(handle),)
    if as_json:
        say_json({"friends": [{"handle": one.handle, "state": one.state, "group": one.group} for one in found]})
        return
    if not found:
        print("you have no friends here yet; `chainwallet group friend @ben`")
    for one in found:
        print(f"{one.handle}  {one.state}, group {one.group}")


# ------------------------------------------------------------------------------------------------ what they share


def group_named(client: "Client", text: str) -> "Group":
    """The caller's group with this id or name; raises ``BadValue`` where several have the name, and ``NotFound``."""
    mine = client.groups()
    found = [one for one in mine if one.id == text] or [one for one in mine if one.name.casefold() == text.casefold()]
    if len(found) > 1:
        raise BadValue("GROUP", text, f"the id of one of them: {', '.join(one.id for one in found)}")
    if not found:
        raise NotFound("group", text, "`chainwallet group list` names those you are in")
    return client.group(found[0].id)


def the_group(client: "Client", text: str | None) -> "Group":
    """The caller's group with this name or id, or the only one. Raises as ``group_named``."""
    if text is not None:
        return group_named(client, text)
    mine = client.groups()
    if len(mine) != 1:
        raise BadValue("group", "none", f"--group with one of {', '.join(one.name for one in mine) or 'yours'}")
    return client.group(mine[0].id)


def member_named(group: "Group", text: str) -> "Member":
    """The member of ``group`` with this id, handle or name; raises ``NotFound``."""
    here = [one for one in group.members if one.left_at is None]
    asked = text.strip().casefold()
    for one in sorted(here, key=lambda one: one.name.casefold() != asked):  # a name before another's handle
        handle = one.handle or ""
        if asked in (one.id, one.name.casefold(), handle, handle.removeprefix("@")):
            return one
    raise NotFound("member", text, f"in {group.name} are {', '.join(one.name for one in here)}")


def _role(viewer: bool) -> Any:
    return "viewer" if viewer else "member"


def _checked_role(text: str) -> Any:
    if text not in ("owner", "member", "viewer"):
        raise BadValue("ROLE", text, "owner, member or viewer")
    return text


def _tell(group: "Group", *, as_json: bool) -> None:
    if as_json:
        say_json({**_listed(group), "members": [_member(one) for one in group.members]})
        return
    print(f"{group.name}  {group.id}")
    for one in sorted(group.members, key=lambda one: (one.left_at is not None, one.name)):
        away = "" if one.left_at is None else ", has left"
        known = "" if one.handle in (None, one.name) else f" ({one.handle})"
        print(f"{one.name}{known}  {one.role if one.handle else one.role + ', a guest'}{away}")


def _tell_made(made: "MadeInvitation", *, as_json: bool) -> None:
    invitation = made.invitation
    if as_json:
        say_json({**_invitation(invitation), "token": made.token})
        return
    until = f"{invitation.expires_at:%Y-%m-%d %H:%M} UTC"
    if made.token is None:
        print(f"{invitation.handle} is invited until {until}")
    else:
        print(made.token)
        console(stderr=True).print(f"good once, until {until}")


def _listed(group: "ListedGroup") -> dict[str, str]:
    return {"id": group.id, "name": group.name, "kind": group.kind, "me": group.me, "role": group.role}


def _member(member: "Member") -> dict[str, Any]:
    away = None if member.left_at is None else f"{member.left_at:%Y-%m-%dT%H:%M:%SZ}"
    return {"id": member.id, "name": member.name, "role": member.role, "handle": member.handle, "left_at": away}


def _invitation(invitation: "Invitation") -> dict[str, Any]:
    return {
        "id": invitation.id,
        "group": invitation.group.name,
        "kind": invitation.group.kind,
        "role": invitation.role,
        "by": invitation.made_by,
        "guest": invitation.guest,
        "expires_at": f"{invitation.expires_at:%Y-%m-%dT%H:%M:%SZ}",
    }
