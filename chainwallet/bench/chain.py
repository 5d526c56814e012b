"""Fills a local chain with real events: transfers of a ``Cash``, so many in each block."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import cycle, islice
from pathlib import Path

from chainwallet import deployment, issuing
from chainwallet.abi.calls import call_data
from chainwallet.errors import NodeRefused
from chainwallet.evm import Address, Hash32, Transaction, keccak256
from chainwallet.keys.signer import LocalSigner
from chainwallet.rpc import Node, SendAnswer
from chainwallet.rules.cash import Cash
from chainwallet.rules.money import Money, currency_of
from chainwallet.rules.submission import Deliver
from chainwallet.store.database import Database

CURRENCY = currency_of("EUR")
PAYERS = 20
PAYEES = 2_000
MOST_UNITS = 1_000  # token units of one transfer, at most
FUNDS_MINOR = 110_000_000  # what a payer has: enough for all that the largest bench gives away
GIVEN_AT_ONCE = 300  # transfers in a block: its gas limit
GAS_MONEY_WEI = 10**21  # of a test chain: costs nothing
GAS_LIMIT = 100_000  # a transfer needs about 35,000
MAX_FEE_WEI = 10**11  # far above any base fee of a local chain
TIP_WEI = 1


@dataclass(frozen=True)
class Filling:
    """What is to be written: ``events`` transfers, ``per_block`` in each block."""

    events: int
    per_block: int


def payers() -> list[LocalSigner]:
    """Who pays on the bench's chain: keys that everybody knows, of no use elsewhere."""
    return [LocalSigner(keccak256(b"chainwallet bench payer %d" % number)) for number in range(PAYERS)]


def payee(number: int) -> Address:
    """Somebody who is paid."""
    return Address(keccak256(b"chainwallet bench payee %d" % (number % PAYEES))[12:])


def prepare(
    node: Node,
    database: Database,
    deliver: Deliver,
    roles: deployment.Roles,
    manifests: Path,
    now_s: int,
) -> Cash:
    """A new ``Cash`` whose payers have what they will pay."""
    chain = deployment.chain_of(node)
    manifest, _ = deployment.deploy(node, database, deliver, manifests, roles, [CURRENCY], now_s)
    contract = manifest.contract(CURRENCY)
    assert contract is not None  # noqa: S101 - it was deployed just now
    cash = Cash(chain, CURRENCY, contract.address)
    amounts = {signer.address: Money(FUNDS_MINOR, CURRENCY) for signer in payers()}
    for payer in amounts:
        node.set_balance(payer, GAS_MONEY_WEI)
    issuing.top_up(database, deliver, roles.issuer, cash, amounts, "bench", now_s)
    return cash


def fill(node: Node, cash: Cash, filling: Filling, report: Callable[[int], None]) -> None:
    """Writes ``filling``; the payers have money and ETH. ``report`` hears how many events there are.

    Raises ``NodeRefused`` where the chain does not take a transaction.
    """
    signers = payers()
    nonces = {signer.address: node.transaction_count(signer.address) for signer in signers}
    turns = cycle(signers)
    node.set_automine(on=False)
    for written in range(0, filling.events, filling.per_block):
        count = min(filling.per_block, filling.events - written)
        raws = []
        for number, signer in enumerate(islice(turns, count), written):
            raws.append(_transfer(cash, signer, nonces[signer.address], number))
            nonces[signer.address] += 1
        _send(node, raws)
        node.mine()
        report(written + count)
    node.set_automine(on=True)


def give(node: Node, cash: Cash, accounts: Sequence[Address], units: int) -> None:
    """Has every one of ``accounts`` hold ``units`` token units more, from the payers. Raises as ``fill``."""
    signers = payers()
    nonces = {signer.address: node.transaction_count(signer.address) for signer in signers}
    turns = cycle(signers)
    node.set_automine(on=False)
    for start in range(0, len(accounts), GIVEN_AT_ONCE):
        raws = []
        for account, signer in zip(accounts[start : start + GIVEN_AT_ONCE], turns, strict=False):
            raws.append(_signed(cash, signer, nonces[signer.address], account, units))
            nonces[signer.address] += 1
        _send(node, raws)
        node.mine()
        _require_done(node, raws)
    node.set_automine(on=True)


def _transfer(cash: Cash, signer: LocalSigner, nonce: int, number: int) -> bytes:
    return _signed(cash, signer, nonce, payee(number), 1 + number % MOST_UNITS)


def _signed(cash: Cash, signer: LocalSigner, nonce: int, to: Address, units: int) -> bytes:
    data = call_data("transfer(address,uint256)", to, units)
    chain_id = cash.chain.chain_id
    return signer.sign_transaction(Transaction(chain_id, nonce, cash.address, data, GAS_LIMIT, MAX_FEE_WEI, TIP_WEI))


def _require_done(node: Node, raws: Sequence[bytes]) -> None:
    receipts = node.receipts([Hash32(keccak256(raw)) for raw in raws])
    if not all(receipt is not None and receipt.succeeded for receipt in receipts):
        raise NodeRefused("evm_mine", 0, "a transfer that gives somebody their money was not carried out")


def _send(node: Node, raws: Sequence[bytes]) -> None:
    for sent in node.send_raw_many(raws):
        if sent.answer not in (SendAnswer.ACCEPTED, SendAnswer.ALREADY_KNOWN):
            raise NodeRefused("eth_sendRawTransaction", 0, sent.reason)
