"""What all verbs share: the settings of this call, passphrases, and how they speak."""

import json
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

import typer
from typer.core import TyperGroup

from chainwallet.errors import BadValue, InsufficientFunds, Refused

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from chainwallet.config import Config

MAX_FILE_BYTES = 20_000_000  # twice the largest file that any reader takes
MAX_ERROR_CHARS = 1_000  # a node's own words can be pages
WIDE = 1_000  # columns where nobody's terminal sets a limit: a program reads the lines

PassphraseFile = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="A file with the keystore's passphrase. Default: CHAINWALLET_PASSPHRASE, or asked for at the terminal.",
    ),
]


class UsualVerb(TyperGroup):
    """A family of verbs in which one may be left out: ``ask 20 EUR`` is short for ``ask for 20 EUR``."""

    usual: ClassVar[str]

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Puts in the verb that is meant."""
        is_verb = not args or args[0].startswith("-") or args[0] in self.commands
        return super().parse_args(ctx, args if is_verb else [self.usual, *args])


def alone(context: typer.Context) -> None:
    """The callback of a family of verbs: without a verb, says which there are."""
    if context.invoked_subcommand is None:
        print(context.get_help())


def config_of(context: typer.Context, **flags: object) -> "Config":
    """The settings for this call: its flags, the environment, the home's file."""
    import platformdirs

    from chainwallet.settings import load_config

    default_home = Path(platformdirs.user_data_path("chainwallet"))
    return load_config({**context.obj, **flags}, os.environ, default_home)


def passphrase(config: "Config", file: Path | None, question: str, *, twice: bool = False) -> str:
    """A passphrase: from ``file``, from CHAINWALLET_PASSPHRASE, or asked for at the terminal.

    Raises ``BadValue`` where there is none of them, or an empty one.
    """
    if file is not None:
        answer = read_file(file, "passphrase-file").decode("utf-8", "surrogateescape").rstrip("\r\n")
    elif config.passphrase is not None:
        answer = config.passphrase
    elif sys.stdin is not None and sys.stdin.isatty():
        answer = str(typer.prompt(question, hide_input=True, confirmation_prompt=twice, err=True))
    else:
        answer = ""
    if not answer:
        expected = "one in --passphrase-file, in CHAINWALLET_PASSPHRASE, or typed at the terminal"
        raise BadValue("passphrase", "none", expected)
    return answer


def read_file(path: Path, field: str) -> bytes:
    """The file's bytes, at most ``MAX_FILE_BYTES``; raises ``BadValue`` naming ``field`` where it cannot be read."""
    try:
        with path.open("rb") as file:
            return file.read(MAX_FILE_BYTES)
    except OSError as error:
        raise BadValue(field, str(path), f"a file that can be read ({error.strerror})") from error


def written(parameter: typer.CallbackParam, value: str | None) -> str | None:
    """The callback of free text: ``value``, where UTF-8 can write it; raises ``BadValue`` naming the option."""
    try:
        (value or "").encode()
    except UnicodeEncodeError:
        raise BadValue(parameter.opts[0].removeprefix("--"), value, "text that UTF-8 can write") from None
    return value


@contextmanager
def told_how_to_go_on(
    what: str, option: str, key: str, refusals: tuple[type[Exception], ...] = (Refused,)
) -> Iterator[None]:
    """Where the block ends early, notes at the error how the same ``what`` is continued instead of made anew.

    One of ``refusals`` needs no such note, except for the sender's ETH: by then what was asked for is stored, to be
    sent later.
    """
    try:
        yield
    except BaseException as error:
        lacks_eth = isinstance(error, InsufficientFunds) and error.required.endswith(" ETH")
        if lacks_eth or not isinstance(error, refusals):
            error.add_note(f"go on with the same {what} by {option} {key}")
        raise


def told_to_stop() -> threading.Event:
    """Is set by the first SIGINT or SIGTERM; a second one ends the process as usual."""
    stop = threading.Event()
    usual = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def ask(number: int, _frame: FrameType | None) -> None:
        signal.signal(number, usual[signal.Signals(number)])
        stop.set()

    for number in usual:
        signal.signal(number, ask)
    return stop


def console(*, stderr: bool = False, quiet: bool = False) -> "Console":
    """A console on stdout or stderr; lines are as long as they are where no terminal breaks them."""
    from rich.console import Console

    class Pipe(Console):
        def on_broken_pipe(self) -> None:
            raise BrokenPipeError

    stream = sys.stderr if stderr else sys.stdout
    is_terminal = stream is not None and stream.isatty()
    return Pipe(
        stderr=stderr,
        quiet=quiet or stream is None,
        width=None if is_terminal else WIDE,
        highlight=False,
        markup=False,  # names are names
        emoji=False,
    )


def say(console: "Console", text: str = "") -> None:
    """A line as it is: hashes are not broken."""
    console.print(text, soft_wrap=True)


def utc(time_s: int) -> str:
    """A time, in seconds since 1970, for a person."""
    return time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(time_s))


def say_json(document: object) -> None:
    """``document`` as one line of JSON on stdout, in ASCII where stdout cannot take all characters."""
    unicode = sys.stdout is not None and sys.stdout.encoding.lower().replace("-", "") == "utf8"
    print(json.dumps(document, ensure_ascii=not unicode))


def plain(text: str) -> str:
    """``text`` of somebody else as one line: line ends and control characters are shown, not obeyed."""
    return "".join(char if char.isprintable() else ascii(char)[1:-1] for char in text)


def say_error(text: str) -> None:
    """One line on stderr, whatever ``text`` holds."""
    line = plain(text)
    if len(line) > MAX_ERROR_CHARS:
        line = line[: MAX_ERROR_CHARS - 1] + "…"
    with suppress(OSError):  # there is nobody else to tell
        print(line, file=sys.stderr, flush=True)


def table(*columns: str, figures: bool = True) -> "Table":
    """A table whose columns after the first are ``figures``, aligned right, or else text."""
    from rich import box
    from rich.table import Table

    made = Table(box=box.SIMPLE_HEAD, show_edge=False)
    for number, column in enumerate(columns):
        made.add_column(column, justify="right" if figures and number else "left", overflow="fold")
    return made
