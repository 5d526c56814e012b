"""What the tests of payments do with signed documents, beside and against the product."""

import json
from dataclasses import replace

from chainwallet.abi.calls import call_data, pay_data, pay_item
from chainwallet.abi.domain import domain_of
from chainwallet.abi.events import PAID_TOPIC, decode_event
from chainwallet.abi.typed_data import Payment, from_typed_data
from chainwallet.evm import Address, Hash32, Receipt
from chainwallet.keys.signer import LocalSigner, to_compact
from chainwallet.store.promises import Promise
from tests.chain.bench import Bench, key_of


def stored(bench: Bench, payer: str = "ana", promise_id: str = "1") -> Promise:
    promise = bench.promise(payer, promise_id)
    assert promise is not None
    return promise


def document_of(promise: Promise) -> Payment:
    document, _ = from_typed_data(json.loads(promise.document))
    assert isinstance(document, Payment)
    return document


def paid_events(bench: Bench, ref: Hash32) -> list[object]:
    """All ``Paid`` events with a reference, ever."""
    logs = bench.node.logs(bench.cash.address, 0, bench.node.block_number(), [PAID_TOPIC, ref])
    return [decode_event(log) for log in logs]


def send(bench: Bench, name: str, data: bytes) -> Receipt:
    """Any call of the ledger by somebody, with ETH for its gas."""
    bench.node.set_balance(key_of(name).address, 10**18)
    return bench.send(name, data)


def cancel_up_to(bench: Bench, nonce: int) -> None:
    send(bench, "ana", call_data("cancelNonces(uint256)", nonce))


def item_of(bench: Bench, payment: Payment, signer: LocalSigner, as_payer: Address | None = None) -> bytes:
    """Call data with one payment, signed by ``signer`` as if it were the payer; ``as_payer`` is who it says pays."""
    r, vs = to_compact(signer.sign(replace(payment, payer=signer.address), domain_of(bench.cash)))
    return pay_data([pay_item(replace(payment, payer=as_payer or payment.payer), r + vs)])


def deliver_for_somebody(bench: Bench, promise: Promise) -> None:
    """A stranger, who saw the signed document, delivers it."""
    assert promise.signature is not None
    r, vs = to_compact(promise.signature)
    data = pay_data([pay_item(document_of(promise), r + vs)])
    send(bench, "stranger", data)
