"""docs/operations.md beside the product: its tables name each metric and each setting that there is, and no other."""

import dataclasses
from pathlib import Path

import pytest
import typer.main
from prometheus_client.parser import text_string_to_metric_families

from chainwallet import settings
from chainwallet.api.metrics import Metrics
from chainwallet.api.readiness import LEAST_GAS_MONEY_WEI, MOST_LAG_BLOCKS, MOST_LAG_S, Readiness
from chainwallet.cli import app
from chainwallet.config import ApiLimits, Config, Limits
from chainwallet.evm import Address

PAGE = Path(__file__).resolve().parents[2] / "docs" / "operations.md"
OF_THE_LIBRARY = ("_created",)  # when a counter was made: prometheus_client's own


def tables() -> list[tuple[list[str], list[list[str]]]]:
    """The page's tables: names of the columns, and rows of cells without their backticks."""
    found, lines = [], iter(PAGE.read_text("utf-8").splitlines())
    for line in lines:
        if not line.startswith("| "):
            continue
        head = cells(line)
        assert set(next(lines)) <= set("|-: ")
        rows = []
        while (row := next(lines, "")).startswith("| "):
            rows.append(cells(row))
            assert len(rows[-1]) == len(head), row
        found.append((head, rows))
    return found


def cells(line: str) -> list[str]:
    return [cell.strip().replace("`", "") for cell in line.strip("|").split("|")]


def table(*head: str) -> list[list[str]]:
    """The rows of all tables with this head."""
    return [row for names, rows in tables() if tuple(names[: len(head)]) == head for row in rows]


# ------------------------------------------------------------------------------------------------ metrics


def exported() -> dict[str, tuple[str, str]]:
    """Type and labels of each metric that a service gives to Prometheus, by its name."""
    metrics = Metrics()
    metrics.answered("GET", "/v1/network", 200, 0.1)
    text = metrics.text(Readiness(1, 1, None, has_database=True, gas_wei={Address(bytes(20)): 1})).decode("utf-8")
    found = {}
    for family in text_string_to_metric_families(text):
        if not family.name.endswith(OF_THE_LIBRARY):
            name = family.name + ("_total" if family.type == "counter" else "")
            labels = sorted({label for sample in family.samples for label in sample.labels} - {"le"})
            found[name] = (family.type, ", ".join(labels))
    return found


def test_every_metric_has_its_row() -> None:
    """Name, type and labels of each metric stand in the page, with what to do about it, and no others do."""
    rows = table("metric", "type", "labels", "unit")
    assert {name: (kind, labels) for name, kind, labels, *_ in rows} == exported()
    assert all(cell for _, _, _, *words in rows for cell in words)


def test_the_page_gives_the_bounds_of_readiness() -> None:
    """From which lag and below which gas money the service is not ready, the page says as the service does."""
    said = {name: odd for name, *_, odd in table("metric")}
    assert f"above {MOST_LAG_BLOCKS} with more than {MOST_LAG_S} s" in said["chainwallet_indexer_lag_blocks"]
    assert f"below 10^{len(str(LEAST_GAS_MONEY_WEI)) - 1} " in said["chainwallet_carrier_gas_wei"]


# ------------------------------------------------------------------------------------------------ settings


def test_every_setting_has_its_row() -> None:
    """Each setting stands in one of the page's tables, and nothing stands there that is none."""
    named = [row[0] for row in table("setting")]
    assert sorted(named) == sorted(settings._ENVIRONMENT)


def test_the_page_says_where_a_setting_may_be_set() -> None:
    """Variable and place in the file are those that the service reads; a secret has none in the file."""
    in_file = settings._FLAG_AND_FILE | settings._NUMBERS
    for name, _, variable, in_the_file, _ in table("setting", "flag"):
        assert variable == settings.ENVIRONMENT_PREFIX + name.upper()
        assert in_the_file == (name if name in in_file else ""), name


def test_the_flags_of_the_page_are_there() -> None:
    """Each flag in the table of settings is an option of some command."""
    there_are: set[str] = set()
    waiting = [typer.main.get_command(app)]
    while waiting:
        command = waiting.pop()
        waiting += getattr(command, "commands", {}).values()
        there_are |= {option for parameter in command.params for option in parameter.opts}
    flags = {flag for _, flag, *_ in table("setting", "flag") if flag}
    assert flags <= there_are


@pytest.mark.parametrize("bounds", [Limits(), ApiLimits()], ids=["relayer", "callers"])
def test_the_page_gives_the_defaults(bounds: Limits | ApiLimits) -> None:
    """The default of each bound is the one that counts where nothing is set."""
    said = {name: default for name, default, _ in table("setting", "default")}
    usual = {field.name: getattr(bounds, field.name) for field in dataclasses.fields(bounds)}
    assert {name: said[name] for name in usual} == {
        name: "1 or 5" if value is None else str(value) for name, value in usual.items()
    }
    assert said["relayers"] == str(Config.relayers)
    assert said["service_fee_minor"] == str(Config.service_fee_minor)
