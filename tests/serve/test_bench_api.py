"""The bench of the HTTP service: the service as its users run it, under load, and a look at what became of it."""

from pathlib import Path

from chainwallet.assembly import throwaway_chain
from chainwallet.bench import soak as soaking
from chainwallet.bench.payments import executions
from chainwallet.bench.soak import soak
from chainwallet.cli.bench import measuring_on
from chainwallet.config import Config
from chainwallet.evm import BlockNumber

PEOPLE, PER_S, SECONDS = 5, 10, 2.0


def test_a_soak_looks_for_every_payment_on_the_chain(tmp_path: Path, anvil_binary: Path) -> None:
    """Every accepted payment is found on the chain, one that was not made is missed, and memory is told throughout."""
    config = Config(home=tmp_path, anvil=anvil_binary)
    with (
        throwaway_chain(config) as (ground, url),
        measuring_on(ground, url, PEOPLE, 4, lambda _: None) as measuring,
    ):
        found = soak(measuring, ground.node, SECONDS, PER_S)
        currency = measuring.cash.currency
        one_too_many = soaking.orders(measuring.crowd, currency, [*range(found.accepted), found.accepted])
        missed = executions(ground.node, measuring.cash, BlockNumber(1), one_too_many)
    assert (found.errors, found.lost, found.duplicated, found.notes) == (0, 0, 0, ())
    assert found.accepted == found.final >= SECONDS * PER_S
    assert found.reads >= SECONDS * PER_S
    assert missed.lost == 1
    for name in ("api", "worker"):
        assert all(found.rss_mb[name][when] > 0 for when in ("start", "middle", "end", "peak"))
    times = [sample.after_s for sample in found.samples]
    assert len(times) > 2
    assert times == sorted(times)
