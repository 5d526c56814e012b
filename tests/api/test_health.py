"""How the service is, for those who run it."""

from dataclasses import replace

import pytest

from chainwallet.api.app import make_app
from chainwallet.api.metrics import Metrics
from chainwallet.api.parts import Parts
from chainwallet.api.readiness import LEAST_GAS_MONEY_WEI, MOST_LAG_BLOCKS, MOST_LAG_S, Readiness
from chainwallet.evm import Address, BlockNumber, Hash32, checksum
from chainwallet.rpc import Node
from chainwallet.store.facts import Followed
from tests.api.service import Asking
from tests.chain.bench import Bench, key_of

NOBODY = "http://127.0.0.1:9"
CARRIER = Address(b"\x0a" * 20)
WELL = Readiness(
    head_block=1_000,
    head_at_s=50_000,
    verified=Followed(BlockNumber(1_000), Hash32(b"\x07" * 32), 50_000, None, None),
    has_database=True,
    gas_wei={CARRIER: 10**18},
)


def test_a_process_that_answers_is_alive(client: Asking) -> None:
    """The check for supervisors asks neither node nor database."""
    assert client.get("/healthz").json() == {"status": "ok"}


def test_a_service_is_ready_once_the_history_is_followed(client: Asking, bench: Bench) -> None:
    """Before the first verified block the service is not ready and says so; then it says how far behind it is."""
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json()["troubles"]) == (503, ["no block is verified yet"])
    bench.indexer().catch_up()
    bench.node.mine(3)
    answer = client.get("/readyz")
    told = answer.json()
    assert (answer.status_code, told["status"], told["troubles"]) == (200, "ready", [])
    assert told["indexer_lag_blocks"] == 3 == told["node_head_block"] - told["verified_block"]
    assert told["indexer_lag_s"] >= 0
    relayer = key_of("relayer").address
    assert told["carriers"] == [{"address": checksum(relayer), "gas_money_wei": str(bench.node.balance_wei(relayer))}]


def test_what_is_missing_is_named(parts: Parts, bench: Bench) -> None:
    """A carrier without gas money and a node that does not answer are named, and the service is not ready."""
    bench.indexer().catch_up()
    bench.node.set_balance(key_of("relayer").address, 10**15)
    with Asking(make_app(parts)) as client:
        assert client.get("/readyz").json()["troubles"] == ["a carrier of payments has almost no gas money"]
    with Node(NOBODY, attempts=1) as gone, Asking(make_app(Parts(**{**vars(parts), "node": gone}))) as client:
        answer = client.get("/readyz")
        assert (answer.status_code, answer.json()["troubles"]) == (503, ["the node does not answer"])
        assert answer.json()["carriers"] is None
        assert NOBODY not in answer.text


@pytest.mark.parametrize(
    ("found", "troubles"),
    [
        (WELL, ()),
        (replace(WELL, head_block=1_001 + MOST_LAG_BLOCKS, head_at_s=50_000 + MOST_LAG_S), ()),
        (replace(WELL, head_block=1_000 + MOST_LAG_BLOCKS, head_at_s=50_001 + MOST_LAG_S), ()),
        (
            replace(WELL, head_block=1_001 + MOST_LAG_BLOCKS, head_at_s=50_001 + MOST_LAG_S),
            ("the verified history is far behind the chain",),
        ),
        (replace(WELL, head_block=900, head_at_s=40_000), ()),
        (replace(WELL, has_database=False, verified=None), ("the database does not answer",)),
        (replace(WELL, verified=None), ("no block is verified yet",)),
        (replace(WELL, head_block=None, head_at_s=None, gas_wei=None), ("the node does not answer",)),
        (replace(WELL, gas_wei={CARRIER: LEAST_GAS_MONEY_WEI}), ()),
        (
            replace(WELL, gas_wei={CARRIER: LEAST_GAS_MONEY_WEI - 1}),
            ("a carrier of payments has almost no gas money",),
        ),
    ],
    ids=["well", "behind in blocks", "behind in seconds", "behind in both", "ahead of the node", "no database",
         "nothing verified", "no node", "gas money just enough", "gas money not enough"],
)  # fmt: skip
def test_troubles_are_told_one_by_one(found: Readiness, troubles: tuple[str, ...]) -> None:
    """The service is late when it is behind in blocks and in seconds; what does not answer is no other trouble too."""
    assert found.troubles == troubles


def test_metrics_count_requests_by_route(client: Asking, bench: Bench) -> None:
    """Prometheus is told how many requests each route had, not each path, and what is behind."""
    bench.indexer().catch_up()
    for path in ("/v1/network", "/v1/network", "/some/path", "/another"):
        client.get(path)
    told = client.get("/metrics").text
    assert 'chainwallet_http_requests_total{method="GET",route="/v1/network",status="200"} 2.0' in told
    assert 'chainwallet_http_requests_total{method="any",route="unknown",status="404"} 2.0' in told
    assert "/another" not in told
    assert "chainwallet_ready 1.0" in told
    assert "chainwallet_indexer_lag_blocks 0.0" in told


def test_gas_money_that_is_not_known_is_not_told() -> None:
    """While the node does not answer, Prometheus hears of no head and of no gas money, and not what they were."""
    metrics = Metrics()
    known = f'chainwallet_carrier_gas_wei{{address="{checksum(CARRIER)}"}} 1e+18'
    assert known in metrics.text(WELL).decode("utf-8")
    told = metrics.text(replace(WELL, head_block=None, head_at_s=None, gas_wei=None)).decode("utf-8")
    assert "chainwallet_carrier_gas_wei{" not in told
    for gauge in ("node_head_block", "indexer_lag_blocks", "indexer_lag_seconds"):
        assert f"chainwallet_{gauge} NaN" in told
