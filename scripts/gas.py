"""Measures the gas of whole transactions, ours beside OpenZeppelin's and Solady's: ``make gas``.

Writes ``contracts/snapshots/gas.json``: for each operation what ours, theirs and the arithmetic floor cost in one run
(None where a peer has no such operation). With ``--check`` nothing is written; the exit status is 1 where a figure of
ours grew or is above its target.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

CONTRACTS = Path(__file__).resolve().parent.parent / "contracts"
SNAPSHOT = CONTRACTS / "snapshots" / "gas.json"
WHO = ("ours", "openzeppelin", "solady", "floor")
PER_PAYMENT = {"pay_50": 50, "pay_500": 500}
TARGETS = {
    "transfer": 36_700,
    "transfer_new": 53_800,
    "transfer_from": 42_300,
    "permit_first": 57_500,
    "authorization_window": 44_800,
    "authorization_random": 67_500,
    "pay_50_per_payment": 21_000,  # a plain ETH transfer
    "pay_500_per_payment": 20_600,
    "settle_10_to_1": 178_000,
    "settle_10_marginal": 14_000,
    "settle_25_to_25": 580_000,
}

Figures = dict[str, dict[str, int | None]]


def measure() -> Figures:
    """Runs forge's gas tests, each call a transaction of its own with cold slots; exits where one fails."""
    with tempfile.TemporaryDirectory(prefix="chainwallet-gas-") as snapshots:
        environment = {**os.environ, "FOUNDRY_PROFILE": "gas", "FOUNDRY_SNAPSHOTS": snapshots}
        command = ["./forge", "test"]
        ran = subprocess.run(command, check=False, cwd=CONTRACTS, env=environment, capture_output=True, text=True)  # noqa: S603 - our own tool
        if ran.returncode != 0:
            sys.exit(ran.stdout + ran.stderr)
        raw = {who: json.loads((Path(snapshots) / f"{who}.json").read_text("utf-8")) for who in WHO}
    return figures({who: {name: int(gas) for name, gas in found.items()} for who, found in raw.items()})


def figures(raw: dict[str, dict[str, int]]) -> Figures:
    """The figures by operation: batches per payment (rounded up), and what one more debtor adds to a settlement."""
    found: Figures = {}
    for name in raw["ours"]:
        count = PER_PAYMENT.get(name)
        operation = f"{name}_per_payment" if count else name
        found[operation] = {who: _per(raw[who].get(name), count or 1) for who in WHO}
    more, ten = found.pop("settle_11_to_1"), found["settle_10_to_1"]
    found["settle_10_marginal"] = {who: _difference(more[who], ten[who]) for who in WHO}
    return dict(sorted(found.items()))


def _per(gas: int | None, count: int) -> int | None:
    return None if gas is None else -(-gas // count)


def _difference(more: int | None, less: int | None) -> int | None:
    return None if more is None or less is None else more - less


def table(found: Figures) -> str:
    """The figures for a person, with each target."""
    lines = [f"{'operation':24}{'ours':>10}{'target':>10}{'OpenZeppelin':>14}{'Solady':>10}{'floor':>10}"]
    for operation, by_whom in found.items():
        columns = (
            by_whom["ours"],
            TARGETS.get(operation),
            by_whom["openzeppelin"],
            by_whom["solady"],
            by_whom["floor"],
        )
        texts = ("-" if gas is None else f"{gas:,}" for gas in columns)
        lines.append(
            f"{operation:24}"
            + "".join(f"{text:>{width}}" for text, width in zip(texts, (10, 10, 14, 10, 10), strict=True))
        )
    return "\n".join(lines)


def complaints(found: Figures, committed: Figures) -> list[str]:
    """Every figure of ours that grew, is above its target, or is missing."""
    said = []
    for operation, by_whom in committed.items():
        now, before = found.get(operation, {}).get("ours"), by_whom["ours"]
        if now is None or before is None or now > before:
            said.append(f"{operation}: {now} gas, was {before}; a larger figure needs a reason, then `make gas`")
    for operation, target in TARGETS.items():
        now = found[operation]["ours"]
        if now is None or now > target:
            said.append(f"{operation}: {now} gas, the target is {target}")
    return said


def main() -> int:
    """Measures, prints, and writes or checks."""
    found = measure()
    print(table(found))
    committed: Figures = json.loads(SNAPSHOT.read_text("utf-8")) if "--check" in sys.argv[1:] else {}
    said = complaints(found, committed)
    print("\n".join(said), file=sys.stderr)
    if "--check" not in sys.argv[1:]:
        SNAPSHOT.write_text(json.dumps(found, indent=2) + "\n", "utf-8")
    return 1 if said else 0


if __name__ == "__main__":
    sys.exit(main())
