"""Runs the long campaigns over the contracts and writes what the tools printed into ``contracts/PROOFS.md``.

``make proofs`` runs all, ``make proofs STAGES="fuzz slither"`` some of the stages. The report keeps what the others
said last, each with its own date and the hash of the sources it was run on, so that an old result is seen to be old.
"""

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CONTRACTS = ROOT / "contracts"
REPORT = CONTRACTS / "PROOFS.md"
RESULTS = CONTRACTS / "proofs.json"
PROOF_TOOLS = ROOT / ".venv-proofs" / "bin"
KEPT_LINES = 60  # most lines of a tool's output that the report shows


@dataclass(frozen=True)
class Result:
    """What one stage came to: the command, when and on which sources it ran, how long, and the lines that say it."""

    command: str
    ended_at: str
    sources: str
    seconds: int
    succeeded: bool
    lines: list[str]


@dataclass(frozen=True)
class Stage:
    """One campaign: what it is, its command, what is set in its environment, and which lines of its output say it."""

    title: str
    command: list[str]
    settings: dict[str, str]
    says: str
    fails: str = "(?!)"
    """What must not be printed, whatever the exit status."""


FORGE = "./forge"
STAGES: dict[str, Stage] = {
    "fuzz": Stage(
        "Fuzz tests, 100,000 runs each",
        [FORGE, "test", "--match-test", "testFuzz"],
        {"FOUNDRY_PROFILE": "long"},
        r"\(runs: |^Suite result|tests? passed|FAIL",
        r"\[FAIL",
    ),
    "invariants": Stage(
        "Invariants, 1,000,000 calls",
        [FORGE, "test", "--match-contract", "InvariantsTest", "--match-test", "invariant_"],
        {"FOUNDRY_PROFILE": "long"},
        r"\(runs: |^Suite result|tests? passed|FAIL",
        r"\[FAIL",
    ),
    "differential": Stage(
        "The differential test against OpenZeppelin's token, 1,000,000 calls",
        [FORGE, "test", "--match-contract", "DifferentialTest", "--match-test", "invariant_"],
        {"FOUNDRY_PROFILE": "long"},
        r"\(runs: |^Suite result|tests? passed|FAIL",
        r"\[FAIL",
    ),
    "halmos": Stage(
        "Symbolic execution",
        ["make", "-C", "..", "--no-print-directory", "halmos"],
        {},
        r"\[(PASS|FAIL|ERROR|TIMEOUT)\]|^Symbolic test result|Counterexample",
    ),
    "slither": Stage(
        "Static analysis",
        [str(PROOF_TOOLS / "slither"), "src/Cash.sol", "--config-file", "slither.config.json"],
        {},
        r"analyzed|result\(s\) found|^Detector",
    ),
    "coverage": Stage(
        "Coverage of lines and branches",
        [FORGE, "coverage", "--report", "summary"],
        {"FOUNDRY_PROFILE": "coverage"},
        r"^\| (src/|File)",
    ),
    "mutation": Stage(
        "Mutation",
        [
            str(ROOT / ".venv" / "bin" / "python"),
            "-m",
            "scripts.mutate",
            "--again",
            "mutation.json",
            "--json",
            "mutation.json",
        ],
        {"PYTHONPATH": ".."},
        r"^survived|^hung|^\{",
    ),
}


def sources_hash() -> str:
    """What names the sources that a stage ran on: the beginning of a SHA-256 over all of them."""
    digest = sha256()
    for path in sorted((CONTRACTS / "src").glob("*.sol")):
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:16]


def run(stage: Stage) -> Result:
    """Runs ``stage`` to its end, showing what it prints, and picks the lines that say what it came to."""
    sources, started = sources_hash(), time.monotonic()
    environment = {**os.environ, "NO_COLOR": "1", **stage.settings}
    tools = os.pathsep.join([str(CONTRACTS / "node_modules" / ".bin"), str(PROOF_TOOLS), environment.get("PATH", "")])
    printed: list[str] = []
    with subprocess.Popen(  # noqa: S603 - our own tools
        stage.command,
        cwd=CONTRACTS,
        env={**environment, "PATH": tools},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as child:
        assert child.stdout is not None  # noqa: S101 - it was asked for
        for line in child.stdout:
            print(line, end="", flush=True)
            printed.append(re.sub(r"\x1b\[[0-9;]*m", "", line.rstrip()))
    said = [line for line in printed if re.search(stage.says, line)]
    has_failed = any(re.search(stage.fails, line) for line in printed)
    return Result(
        command=_shown(stage),
        ended_at=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        sources=sources,
        seconds=int(time.monotonic() - started),
        succeeded=child.returncode == 0 and not has_failed,
        lines=said[-KEPT_LINES:] or printed[-5:],
    )


def _shown(stage: Stage) -> str:
    """The command as somebody would type it in ``contracts``, without this machine's paths."""
    words = [f"{name}={value}" for name, value in stage.settings.items()]
    words += [word.replace(f"{ROOT}/", "../") for word in stage.command]
    return " ".join(words)


def report(results: dict[str, Result], now: str) -> str:
    """The report: each stage that ever ran, in order, and those that never did by name."""
    parts = [
        "# What the long campaigns said\n",
        f"Written by `make proofs`; the sources of today are `{now}`. Another hash: older sources.\n",
    ]
    for name, stage in STAGES.items():
        result = results.get(name)
        parts.append(f"## {stage.title} (`{name}`)\n")
        if result is None:
            parts.append("Not run yet.\n")
            continue
        verdict = "passed" if result.succeeded else "did NOT pass"
        age = "" if result.sources == now else ", on OLDER sources"
        minutes, seconds = divmod(result.seconds, 60)
        parts.append(f"{result.ended_at}, {minutes} min {seconds} s, sources `{result.sources}`{age}: {verdict}.\n")
        parts.append("```\n" + "\n".join([f"$ {result.command}", *result.lines]) + "\n```\n")
    explained = CONTRACTS / "mutants-explained.json"
    if explained.exists():
        parts.append("## Mutants that survive, and why\n")
        parts += [f"- `{name}`: {why}" for name, why in json.loads(explained.read_text("utf-8")).items()]
        parts.append("")
    return "\n".join(parts)


def main(say: Callable[[str], None] = print) -> int:
    """Runs the stages named as arguments, or all; 1 where one of them did not pass."""
    wanted = sys.argv[1:] or list(STAGES)
    unknown = sorted(set(wanted) - STAGES.keys())
    if unknown:
        say(f"stages: got {', '.join(unknown)}, expected some of {', '.join(STAGES)}")
        return 2
    for name in wanted:
        result = run(STAGES[name])
        stored = json.loads(RESULTS.read_text("utf-8")) if RESULTS.exists() else {}
        stored[name] = asdict(result)
        RESULTS.write_text(json.dumps(stored, indent=1, sort_keys=True) + "\n", "utf-8")
        results = {stage: Result(**fields) for stage, fields in stored.items()}
        REPORT.write_text(report(results, sources_hash()), "utf-8")
    return 0 if all(results[name].succeeded for name in wanted) else 1


if __name__ == "__main__":
    sys.exit(main())
