"""What everybody may know of the network."""

from chainwallet.evm import checksum, to_hex
from tests.api.service import Asking
from tests.chain.bench import Deployed


def test_the_network_says_where_the_money_is(client: Asking, deployed: Deployed) -> None:
    """Anybody is told the chain, and each currency's contract, without signing in."""
    answer = client.get("/v1/network")
    assert answer.status_code == 200
    told = answer.json()
    assert (told["chain_id"], told["genesis"]) == (deployed.chain.chain_id, to_hex(deployed.chain.genesis))
    assert told["confirmations"] == 1
    assert [(one["currency"], one["decimals"], one["contract"], one["code_hash"]) for one in told["currencies"]] == [
        (one.currency, one.money_currency.decimals, checksum(one.address), to_hex(one.code_hash))
        for one in deployed.manifest.contracts
    ]
