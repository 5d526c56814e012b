"""Help, and what is said about a command line that cannot be read."""

import re

import pytest

from chainwallet import __version__
from tests.cli.command import Command, Done, refusal_in

FAMILIES = [
    *("", "account", "ask", "group", "bill", "clear", "import", "keys", "wallet", "payments", "relayer", "chain"),
    *("contracts", "index", "bench"),
]
VERBS = [
    *FAMILIES,
    *("demo", "serve", "serve status", "pay", "balance", "topup", "deploy", "faults"),
    *("account list", "account role", "account reopen", "withdraw", "history"),
    *("account sign-up", "account sign-in", "account sign-out", "account show", "keys new", "keys list", "keys revoke"),
    *("ask for", "ask list", "ask show", "ask pay", "ask decline", "ask cancel", "ask remind", "ask link", "ask qr"),
    *("group new", "group list", "group show", "group rename", "group add", "group invite", "group claim-link"),
    *(
        "group join",
        "group decline",
        "group invitations",
        "group role",
        "group leave",
        "group activity",
        "group friend",
    ),
    *("bill add", "bill amend", "bill list", "bill show", "bill accept", "bill reject", "bill propose", "bill adopt"),
    *("bill withdraw", "bill delete", "bill restore", "bill reverse", "bill pay", "bill paid", "balances"),
    *("clear up", "clear sign", "clear show", "clear list", "clear drop", "clear withdraw"),
    *("import file", "import commit", "import undo", "import list", "import group", "export"),
    *("wallet new", "wallet list", "wallet show", "wallet import", "wallet export", "wallet rotate"),
    *("chain up", "chain status", "chain down"),
    *("contracts verify", "contracts bundle"),
    *("index run", "index status", "index check", "bench index", "bench payments", "bench split"),
    *("payments list", "payments show", "payments retry", "payments cancel"),
    *("relayer run", "relayer status", "relayer recover"),
]
MISTAKES = {
    "frobnicate": "No such command 'frobnicate'; see `chainwallet --help`",
    "chain sideways": "No such command 'sideways'; see `chainwallet chain --help`",
    "pay Ana": "Missing argument 'TO'; see `chainwallet pay --help`",
    "pay Ana Ben -5": "No such option: -5; see `chainwallet pay --help`",
    "ask 20 EUR --frm ben": "No such option: --frm (Possible options: --from, --url); see `chainwallet ask for --help`",
    "deploy": "Missing option '--currency'; see `chainwallet deploy --help`",
    "balance --jsn": "No such option: --jsn (Possible options: --json); see `chainwallet balance --help`",
}


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Done]:
    """What is answered to each command line, all in one home that nobody has made."""
    command = Command(tmp_path_factory.mktemp("nothing") / "home")
    lines = [*(f"{verb} --help" for verb in VERBS), *FAMILIES, *MISTAKES, "--version"]
    done = dict(zip(lines, command.each([line.split() for line in lines]), strict=True))
    assert not command.home.exists()
    return done


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_explains_itself(answers: dict[str, Done], verb: str) -> None:
    """`--help` of each verb says what it does and what each option is for, and makes nothing."""
    done = answers[f"{verb} --help"]
    assert (done.returncode, done.stderr) == (0, "")
    usage, purpose = done.stdout.split("\n\n")[:2]
    assert usage.startswith(f"Usage: chainwallet {verb}".rstrip())
    assert re.fullmatch(r"  [A-Z][^.]*\..*", purpose, re.DOTALL)
    described = re.findall(r"^  --[a-z-]+(?: [A-Z]+)?\n? {2,}\S", done.stdout, re.MULTILINE)
    assert len(described) == len(re.findall(r"^  --", done.stdout, re.MULTILINE))
    assert "None" not in done.stdout
    assert "..." not in done.stdout.partition("Commands:")[2]


@pytest.mark.parametrize("family", FAMILIES)
def test_without_a_verb_the_verbs_are_shown(answers: dict[str, Done], family: str) -> None:
    """The command alone, and a family of verbs alone, show their help."""
    assert answers[family].returncode == 0
    assert answers[family].stdout == answers[f"{family} --help"].stdout


@pytest.mark.parametrize("line", MISTAKES)
def test_a_command_line_that_cannot_be_read_is_refused(answers: dict[str, Done], line: str) -> None:
    """A verb, argument or option that is wrong or missing is named, with the help to look at; exit status 2."""
    assert refusal_in(answers[line]) == f"error: {MISTAKES[line]}\n"


def test_the_version_is_the_packages(answers: dict[str, Done]) -> None:
    """`--version` names the command and the package's version."""
    assert answers["--version"].stdout == f"chainwallet {__version__}\n"
