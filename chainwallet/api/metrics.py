"""Counts of requests and gauges of what is behind, for Prometheus; each service has a registry of its own."""

from threading import Lock

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

from chainwallet.api.readiness import Readiness
from chainwallet.evm import checksum

BUCKETS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
UNKNOWN = "unknown"  # in place of a path that no route has, of which there is no end


class Metrics:
    """What this process counts."""

    media_type = CONTENT_TYPE_LATEST

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        labels = ("method", "route")
        self._requests = Counter(
            "chainwallet_http_requests", "Requests answered", (*labels, "status"), registry=self._registry
        )
        self._seconds = Histogram(
            "chainwallet_http_request_seconds", "Time to answer", labels, buckets=BUCKETS_S, registry=self._registry
        )
        self._kept: dict[tuple[str, str | None, int], tuple[Counter, Histogram]] = {}
        self._head = self._gauge("node_head_block", "The node's head")
        self._verified = self._gauge("verified_block", "The last block of the verified history")
        self._lag_blocks = self._gauge("indexer_lag_blocks", "Blocks from the verified history to the head")
        self._lag_s = self._gauge("indexer_lag_seconds", "The same in seconds of the chain's time")
        self._ready = self._gauge("ready", "1 where the service can do its work")
        self._gas = Gauge("chainwallet_carrier_gas_wei", "Gas money", ("address",), registry=self._registry)
        self._telling = Lock()  # from the first gauge that is set until all are told

    def answered(self, method: str, route: str | None, status: int, took_s: float) -> None:
        """Counts one request."""
        kept = self._kept.get((method, route, status))
        if kept is None:  # looking them up by their labels takes longer than counting
            words = (method, route or UNKNOWN)
            kept = (self._requests.labels(*words, status), self._seconds.labels(*words))
            self._kept[method, route, status] = kept
        counter, seconds = kept
        counter.inc()
        seconds.observe(took_s)

    def text(self, found: Readiness) -> bytes:
        """All of it as Prometheus reads it, with what is behind as it was ``found``.

        What is not known is NaN; gas money that is not known is not there.
        """
        values = (
            (self._head, found.head_block),
            (self._verified, None if found.verified is None else found.verified.number),
            (self._lag_blocks, found.lag_blocks),
            (self._lag_s, found.lag_s),
            (self._ready, int(not found.troubles)),
        )
        with self._telling:
            for gauge, value in values:
                gauge.set(float("nan") if value is None else value)
            self._gas.clear()
            for address, wei in (found.gas_wei or {}).items():
                self._gas.labels(checksum(address)).set(wei)
            return generate_latest(self._registry)

    def _gauge(self, name: str, meaning: str) -> Gauge:
        return Gauge(f"chainwallet_{name}", meaning, registry=self._registry)
