"""What all verbs share: the settings of this call, passphrases, and how a table looks."""

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from chainwallet.errors import BadValue

if TYPE_CHECKING:
    from rich.table import Table

    from chainwallet.config import Config


def config_of(context: typer.Context, **flags: object) -> "Config":
    """The settings for this call: its flags, the environment, the home's file."""
    import platformdirs

    from chainwallet.assembly import load_config

    default_home = Path(platformdirs.user_data_path("chainwallet"))
    return load_config({**context.obj, **flags}, os.environ, default_home)


def passphrase(config: "Config", file: Path | None, question: str, *, twice: bool = False) -> str:
    """A passphrase: from ``file``, from CHAINWALLET_PASSPHRASE, or asked for at the terminal.

    Raises ``BadValue`` where there is none of them, or an empty one.
    """
    if file is not None:
        answer = read_file(file, "passphrase-file").decode("utf-8", "surrogateescape").removesuffix("\n")
    elif config.passphrase is not None:
        answer = config.passphrase
    elif sys.stdin.isatty():
        answer = str(typer.prompt(question, hide_input=True, confirmation_prompt=twice, err=True))
    else:
        answer = ""
    if not answer:
        raise BadValue("passphrase", None, "--passphrase-file, CHAINWALLET_PASSPHRASE, or an answer at the terminal")
    return answer


def read_file(path: Path, field: str) -> bytes:
    """The file's bytes; raises ``BadValue`` naming ``field`` where it cannot be read."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise BadValue(field, str(path), f"a file that can be read ({error.strerror})") from error


def table(title: str, *columns: str) -> "Table":
    """A table whose columns after the first are figures, aligned right."""
    from rich import box
    from rich.table import Table

    made = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD)
    for number, column in enumerate(columns):
        made.add_column(column, justify="right" if number else "left", overflow="fold")
    return made
