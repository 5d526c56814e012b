"""A mutation campaign over ``contracts/src``: changes one token at a time and expects a test to go red.

Each mutant is compiled as it is developed (without the IR optimizer) in a copy of ``contracts`` and run against the
whole forge suite, which stops at the first red test. What survives is printed, and belongs killed by a new test or
explained in ``contracts/mutants-explained.json`` (``file: original -> mutant`` to reason).
"""

import argparse
import json
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from scripts.proofs import sources_hash

CONTRACTS = Path(__file__).resolve().parent.parent / "contracts"
EXPLAINED = CONTRACTS / "mutants-explained.json"
WORKERS = 2
TIMEOUT_S = 900  # a mutant that hangs is counted apart: neither killed by a test nor survived
LEFT_OUT = {"ICash.sol"}  # an interface has no code

# (pattern, replacements): each occurrence gives one mutant for each replacement.
OPERATORS: tuple[tuple[str, tuple[str, ...]], ...] = (
    (r" < ", (" <= ", " > ")),
    (r" <= ", (" < ",)),
    (r" > ", (" >= ", " < ")),
    (r" >= ", (" > ",)),
    (r" == ", (" != ",)),
    (r" != ", (" == ",)),
    (r" && ", (" || ",)),
    (r" \|\| ", (" && ",)),
    (r" \+ ", (" - ",)),
    (r" - ", (" + ",)),
    (r" & ", (" | ",)),
    (r" \| ", (" & ",)),
    (r" << ", (" >> ",)),
    (r" >> ", (" << ",)),
    (r" \+= ", (" -= ", " = ")),
    (r" -= ", (" += ", " = ")),
    (r"~", ("",)),
    (r"(?<![\w.])0x20(?!\w)", ("0x40",)),
    (r"(?<=[ (,])(\d[\d_]*)(?=[;), ])", ("+1",)),
    (r"\btrue\b", ("false",)),
    (r"\bfalse\b", ("true",)),
    (r"\bwhenMovable\b", ("",)),
    (r"\bonlyRole\(\w+\)", ("",)),
    (r"\binitializer\b", ("",)),
    (r"\bshl\(", ("shr(",)),
    (r"\bshr\(", ("shl(",)),
    (r"\(from, to,", ("(to, from,",)),
)
STATEMENT = re.compile(
    r"^ +(if \(.*\) (?:revert|return|continue).*;|revert .*;|emit .*;|[\w.]+\(.*\);|[\w.\[\]()]+ = .*;|unchecked \{)$"
)


@dataclass(frozen=True)
class Mutant:
    """One change of one line."""

    file: str
    line: int
    before: str
    after: str

    @property
    def name(self) -> str:
        """What names it in ``EXPLAINED``, whatever its line number is."""
        return f"{self.file}: {self.before.strip()} -> {self.after.strip() or '(removed)'}"


def mutants_of(path: Path) -> Iterator[Mutant]:
    """Every mutant of one source, in order; comments, imports and declarations of errors are left alone."""
    for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
        code = line.split("//")[0]
        if not code.strip() or code.lstrip().startswith(("/", "*", "import", "pragma", "error", "event", '"')):
            continue
        for pattern, replacements in OPERATORS:
            for found in re.finditer(pattern, code):
                for replacement in replacements:
                    with_it = _next(found.group()) if replacement == "+1" else replacement
                    yield Mutant(path.name, number, line, line[: found.start()] + with_it + line[found.end() :])
        if STATEMENT.match(code.rstrip()) and "unchecked" not in code:
            yield Mutant(path.name, number, line, "")


def _next(number: str) -> str:
    return str(int(number.replace("_", "")) + 1)


def judge(mutant: Mutant, place: Path, forge: Path) -> str:
    """``killed``, ``survived``, ``hung`` or ``invalid`` (compiles not). ``place``: a copy of contracts, put back."""
    source = place / "src" / mutant.file
    text = source.read_text("utf-8")
    lines = text.splitlines(keepends=True)
    lines[mutant.line - 1] = mutant.after + "\n"
    environment = {**os.environ, "FOUNDRY_PROFILE": "mutation"}
    source.write_text("".join(lines), "utf-8")
    try:
        if _run([forge, "build"], place, environment).returncode != 0:
            return "invalid"
        ran = _run([forge, "test", "--fail-fast"], place, environment)
    except subprocess.TimeoutExpired:
        return "hung"
    finally:
        source.write_text(text, "utf-8")
    return "killed" if ran.returncode != 0 or "[FAIL" in ran.stdout else "survived"  # --fail-fast exits 0 all the same


def _run(command: list[str | Path], place: Path, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603 - our own tool
        command, check=False, cwd=place, env=environment, capture_output=True, text=True, timeout=TIMEOUT_S
    )


def campaign(mutants: list[Mutant], forge: Path) -> dict[Mutant, str]:
    """The verdict on each mutant, ``WORKERS`` at a time."""
    verdicts: dict[Mutant, str] = {}
    with tempfile.TemporaryDirectory(prefix="chainwallet-mutants-") as root:
        places = [_copy(Path(root) / str(worker)) for worker in range(WORKERS)]

        whole = Mutant(
            "Cash.sol", 1, first := (CONTRACTS / "src" / "Cash.sol").read_text("utf-8").splitlines()[0], first
        )
        if judge(whole, places[0], forge) != "survived":
            sys.exit("the suite is red without any mutant")

        def work(worker: int) -> None:
            for at in range(worker, len(mutants), WORKERS):
                verdict = verdicts[mutants[at]] = judge(mutants[at], places[worker], forge)
                if verdict in ("survived", "hung"):
                    print(f"{verdict}: {mutants[at].name} (line {mutants[at].line})", flush=True)
                if len(verdicts) % 20 == 0:
                    print(f"{len(verdicts)} of {len(mutants)} judged", flush=True)

        with ThreadPoolExecutor(WORKERS) as pool:
            list(pool.map(work, range(WORKERS)))
    return verdicts


def _copy(place: Path) -> Path:
    place.mkdir()
    for name in ("src", "test"):
        shutil.copytree(CONTRACTS / name, place / name)
    for name in ("foundry.toml", "solc"):
        shutil.copy(CONTRACTS / name, place / name)
    (place / "node_modules").symlink_to(CONTRACTS / "node_modules")
    return place


def main() -> int:
    """Runs the campaign; 1 where a mutant survives that is not explained."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--sample", type=int, help="only so many mutants, chosen by --seed")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--file", action="append", help="only this source, such as Account.sol; may be repeated")
    parser.add_argument("--json", type=Path, help="write the verdicts here")
    parser.add_argument(
        "--again", type=Path, help="only what survived by this file, which --json wrote on these sources"
    )
    chosen = parser.parse_args()
    sources = [p for p in sorted((CONTRACTS / "src").glob("*.sol")) if p.name not in LEFT_OUT]
    mutants = [m for p in sources if not chosen.file or p.name in chosen.file for m in mutants_of(p)]
    earlier = _earlier(chosen.again)
    if earlier is not None:
        mutants = [m for m in mutants if asdict(m) in earlier["survivors"]]
    if chosen.sample is not None and chosen.sample < len(mutants):
        choice = random.Random(chosen.seed)  # noqa: S311 - a choice that can be repeated
        mutants = sorted(choice.sample(mutants, chosen.sample), key=lambda m: (m.file, m.line))
    started = time.monotonic()
    verdicts = campaign(mutants, CONTRACTS / "forge")
    explained = json.loads(EXPLAINED.read_text("utf-8")) if EXPLAINED.exists() else {}
    survivors = [m for m, verdict in verdicts.items() if verdict == "survived"]
    unexplained = [m for m in survivors if m.name not in explained]
    counts = {verdict: list(verdicts.values()).count(verdict) for verdict in ("killed", "survived", "hung", "invalid")}
    seconds = int(time.monotonic() - started)
    if earlier is not None:
        counts = {
            verdict: count + (earlier[verdict] if verdict != "survived" else 0) for verdict, count in counts.items()
        }
        seconds += earlier["seconds"]
    summary = {**counts, "mutants": sum(counts.values()), "unexplained": len(unexplained), "seconds": seconds}
    summary |= {"judged_again": len(mutants)} if earlier is not None else {}
    print(json.dumps(summary))
    if chosen.json is not None:
        told = {**summary, "sources": sources_hash(), "survivors": [asdict(m) for m in survivors]}
        chosen.json.write_text(json.dumps(told, indent=2) + "\n", "utf-8")
    return 1 if unexplained else 0


def _earlier(path: Path | None) -> dict[str, Any] | None:
    """An earlier campaign on the same sources; None where there is none. Killed stays killed: tests are only added."""
    if path is None or not path.exists():
        return None
    found: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return found if found.get("sources") == sources_hash() else None


if __name__ == "__main__":
    sys.exit(main())
