"""``chainwallet import`` and ``export``: a group's bills in and out as files, at a running service."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from chainwallet.cli import service
from chainwallet.cli.group import InGroup, group_named, member_named, the_group
from chainwallet.cli.money import AsJson, Url
from chainwallet.cli.terminal import UsualVerb, alone, console, plain, read_file, say_json, table
from chainwallet.errors import BadValue

if TYPE_CHECKING:
    from chainwallet.client.groups import Group
    from chainwallet.client.interchange import Import

USUAL = "file"
"""The verb that is meant where a file stands in its place."""


class ImportGroup(UsualVerb):
    """The verbs, of which ``file`` may be left out."""

    usual = USUAL


app = typer.Typer(
    cls=ImportGroup,
    help="Bring in what a group spent elsewhere.\n\nA service is asked, as who signed in there. `import trip.csv` "
    "means `import file trip.csv`.",
    invoke_without_command=True,
    callback=alone,
)

ImportId = Annotated[str, typer.Argument(metavar="ID", help="The import's id.")]


@app.command(USUAL)
def file(
    context: typer.Context,
    path: Annotated[Path, typer.Argument(metavar="FILE", help="A group's history exported from Splitwise.")],
    group: InGroup = None,
    people: Annotated[
        list[str] | None,
        typer.Option(
            "--as",
            metavar="NAMES",
            help='Who somebody in the file is: "Ana=@ana". May be given several times. Default: who has that name, or '
            "a new guest.",
        ),
    ] = None,
    commit: Annotated[bool, typer.Option("--commit", help="Bring it in at once, not only say what that does.")] = False,
    url: Url = None,
    as_json: AsJson = False,
) -> None:
    """Say what bringing in a file does.

    Its figures stand beside the file's own. With --commit it is done; `import commit` does it later, `import undo`
    takes all of it back.
    """
    try:
        content = read_file(path, "FILE").decode()
    except UnicodeDecodeError as error:
        raise BadValue("FILE", str(path), f"text that is UTF-8; byte {error.start} is not") from error
    with service.at_service(context, url) as client:
        here = the_group(client, group)
        found = client.preview_import(here.id, path.name, content, people=_members(here, people or []))
        if commit:
            found = client.commit_import(here.id, found.id)
    _tell(found, here, as_json=as_json)


@app.command("commit")
def commit(
    context: typer.Context, import_id: ImportId, group: InGroup = None, url: Url = None, as_json: AsJson = False
) -> None:
    """Bring in all bills of a file at once. Whom they charge is asked to accept them."""
    with service.at_service(context, url) as client:
        here = the_group(client, group)
        found = client.commit_import(here.id, import_id)
    _tell(found, here, as_json=as_json)


@app.command("undo")
def undo(
    context: typer.Context, import_id: ImportId, group: InGroup = None, url: Url = None, as_json: AsJson = False
) -> None:
    """Take all bills of an import out again.

    That can be while none of them is settled.
    """
    with service.at_service(context, url) as client:
        here = the_group(client, group)
        found = client.undo_import(here.id, import_id)
    _tell(found, here, as_json=as_json)


@app.command("list")
def list_(context: typer.Context, group: InGroup = None, url: Url = None, as_json: AsJson = False) -> None:
    """List the latest imports, the newest first."""
    with service.at_service(context, url) as client:
        found = client.imports(the_group(client, group).id)
    if as_json:
        from chainwallet.cli.shapes import json_of

        say_json({"imports": json_of(found)})
        return
    if not found:
        print("nothing was imported here; `chainwallet import FILE`")
        return
    rows = table("Id", "File", "Stage", "Made", figures=False)
    for one in found:
        rows.add_row(one.id, one.file_name, one.stage, f"{one.made_at:%Y-%m-%d %H:%M} UTC")
    console().print(rows)


@app.command("group")
def group_(
    context: typer.Context,
    path: Annotated[Path, typer.Argument(metavar="FILE", help="A group's JSON file, as `export` writes it.")],
    me: Annotated[str, typer.Option(metavar="NAME", help="Who you are in it; all others become guests.")],
    url: Url = None,
) -> None:
    """Bring in a whole group from another service.

    All in the file is computed and verified again first, its signatures too. A group that is here already is refused.
    """
    content = read_file(path, "file")
    with service.at_service(context, url) as client:
        made = client.bring_in_group(content.decode("utf-8", "replace"), _id_in(content, path, me))
    print(f"group {made.id}: {plain(made.name)}")


def export(
    context: typer.Context,
    group: Annotated[str, typer.Argument(metavar="GROUP", help="Its name, where you have one of it, or its id.")],
    out: Annotated[
        Path, typer.Option("--out", "-o", metavar="FILE", help="Where the file goes, ending in .csv or .json.")
    ],
    url: Url = None,
) -> None:
    """Write a group's bills into a file.

    A CSV file is as Splitwise exports them. A JSON file has all of the group, with the signatures and transactions of
    what settled its debts; `import group` brings it into another service.
    """
    if out.suffix not in (".csv", ".json"):
        raise BadValue("out", str(out), "a file ending in .csv or .json")
    with service.at_service(context, url) as client:
        here = group_named(client, group)
        content = client.export_csv(here.id) if out.suffix == ".csv" else client.export_json(here.id)
    try:
        out.write_bytes(content)
    except OSError as error:
        raise BadValue("out", str(out), f"a file that can be written ({error.strerror})") from error
    what = "the bills" if out.suffix == ".csv" else "all"
    print(f"{what} of {plain(here.name)} {'are' if out.suffix == '.csv' else 'is'} in {out}")


# ------------------------------------------------------------------------------------------------ what they share


def _id_in(content: bytes, path: Path, name: str) -> str:
    """The id of who is called ``name`` in a group's file."""
    try:
        found = {one["name"]: one["id"] for one in json.loads(content)["members"]}
    except (ValueError, TypeError, KeyError):
        raise BadValue("file", str(path), "a group's JSON file, as `chainwallet export` writes it") from None
    named = name if name in found else f"@{name}"
    if named not in found:
        raise BadValue("me", name, f"one of the people in the file: {', '.join(map(plain, found))}")
    return str(found[named])


def _members(group: "Group", people: list[str]) -> dict[str, str]:
    found = {}
    for text in people:
        name, equals, member = text.rpartition("=")
        if not equals:
            raise BadValue("as", text, "a name in the file and a member, such as Ana=@ana")
        found[name] = member_named(group, member).id
    return found


def _tell(found: "Import", group: "Group", *, as_json: bool) -> None:
    if as_json:
        from chainwallet.cli.shapes import json_of

        say_json(json_of(found))
        return
    print(f"import {found.id} of {plain(found.file_name)}: {found.stage}, {found.bills} bills")
    names = {one.member: one.name for one in found.people}
    known = {one.id: one.name for one in group.members}
    for one in found.people:
        member = plain(known.get(one.member, one.member))
        print(f"{plain(one.name)} is {'a new guest' if one.is_new_guest else member}")
    for figures in found.totals:
        for person in figures.people:
            name = plain(names.get(person.member, person.member))
            beside = "" if person.total is None else f", by the file {person.total}"
            print(f"{figures.currency}: {name} {person.net}{beside}")
    for line in found.notes:
        print(plain(line))
