"""Trying a batch out before it is signed: which of its payments the contract would leave out now, and why.

With ``eth_simulateV1`` the events say so. A node without it answers how many would be carried out; then those that
would not are looked for among the beginnings of the batch, and the reason is read from the accounts.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from chainwallet.abi.calls import call_data, reason_of, uints_of
from chainwallet.abi.events import SKIPPED_TOPIC, Skipped, SkipReason, decode_event
from chainwallet.errors import NodeRefused, Reverted
from chainwallet.evm import Address, Block, Log
from chainwallet.relayer.taking import batch_data
from chainwallet.rpc import Node
from chainwallet.rules.packing import pay_gas_limit
from chainwallet.rules.window import Window, is_window
from chainwallet.store.items import Item

WORDS = {
    SkipReason.EXPIRED: "expired",
    SkipReason.NONCE_UNAVAILABLE: "its nonce is not available",
    SkipReason.INVALID_PAYEE: "the payee cannot be paid",
    SkipReason.PAYER_FROZEN: "the payer is frozen",
    SkipReason.PAYEE_FROZEN: "the payee is frozen",
    SkipReason.INSUFFICIENT_BALANCE: "the payer's balance is too low",
    SkipReason.INVALID_SIGNATURE: "the signature is not the payer's",
}


@dataclass(frozen=True)
class Trial:
    """By the promises' numbers, why those would be left out that would be."""

    reasons: Mapping[int, str]


def skip_words(reason: int) -> str:
    """What a reason of the contract's means; newer contracts may have more of them."""
    try:
        return WORDS.get(SkipReason(reason), "no reason")
    except ValueError:
        return f"reason {reason}"


def skipped_in(logs: Sequence[Log], contract: Address) -> dict[tuple[Address, int], str]:
    """By payer and nonce, why the contract left items out. A hint: anybody can cause such an event."""
    events = (decode_event(log) for log in logs if log.address == contract and log.topics[:1] == (SKIPPED_TOPIC,))
    return {(one.payer, one.nonce): skip_words(one.reason) for one in events if isinstance(one, Skipped)}


def try_out(
    node: Node,
    sender: Address,
    contract: Address | None,
    batch: Sequence[Item],
    data: bytes,
    head: Block,
    now_s: int,
) -> Trial:
    """What would become of ``batch``, which ``data`` carries, in the next block."""
    assert contract is not None  # noqa: S101 - a batch is a call
    gas_limit = pay_gas_limit(len(batch), is_wide=not is_window(batch[0].nonce))
    time_s = max(head.timestamp_s + 1, now_s)
    if all(time_s < one.valid_before for one in batch) and _is_whole(node, sender, contract, data, len(batch)):
        return Trial({})
    outcome = node.simulate(sender, contract, data, gas_limit=gas_limit, timestamp_s=time_s)
    if not outcome.succeeded:
        why = reason_of(outcome.returned) if outcome.returned else outcome.reason
        return Trial({one.number: why for one in batch})
    if outcome.logs is None:
        return Trial(_by_counting(node, sender, contract, batch, outcome.returned, time_s))
    skipped = skipped_in(outcome.logs, contract)
    return Trial({one.number: skipped[one.payer, one.nonce] for one in batch if (one.payer, one.nonce) in skipped})


# ------------------------------------------------------------------------------------------------ a plain node


def _by_counting(
    node: Node, sender: Address, contract: Address, batch: Sequence[Item], answer: bytes, time_s: int
) -> dict[int, str]:
    """The shortest beginning of the batch of which less is carried out than its length ends with one left out."""
    reasons: dict[int, str] = {}
    good = list(batch)
    (paid,) = uints_of(answer, 1)
    while paid < len(good):
        low, high = 0, len(good)  # the beginning of length low is carried out whole, the one of length high is not
        while high - low > 1:
            middle = (low + high) // 2
            is_whole = _paid(node, sender, contract, good[:middle]) == middle
            low, high = (middle, high) if is_whole else (low, middle)
        left_out = good.pop(low)
        reasons[left_out.number] = _explained(node, contract, left_out, time_s)
        paid = _paid(node, sender, contract, good) if good else 0
    return reasons


def _is_whole(node: Node, sender: Address, contract: Address, data: bytes, count: int) -> bool:
    """Whether all would be carried out: a number to read, where the simulation answers with hundreds of events."""
    try:
        return uints_of(node.call(contract, data, sender), 1) == (count,)
    except (Reverted, NodeRefused):
        return False  # the simulation says why


def _paid(node: Node, sender: Address, contract: Address, batch: Sequence[Item]) -> int:
    (count,) = uints_of(node.call(contract, batch_data(batch), sender), 1)
    return count


def _explained(node: Node, contract: Address, item: Item, time_s: int) -> str:
    """Why the contract leaves the payment out, as the accounts show it, in the contract's own order of reasons."""
    payer, payee = (
        uints_of(node.call(contract, call_data("accountState(address)", account)), 5)
        for account in (item.payer, item.payee)
    )
    balance, bits, base, _, is_frozen = payer
    reasons = (
        (time_s >= item.valid_before, SkipReason.EXPIRED),
        (is_window(item.nonce) and not Window(base, bits).is_good(item.nonce), SkipReason.NONCE_UNAVAILABLE),
        (bool(is_frozen), SkipReason.PAYER_FROZEN),
        (bool(payee[4]), SkipReason.PAYEE_FROZEN),
        (item.value > balance, SkipReason.INSUFFICIENT_BALANCE),
    )
    return next((WORDS[reason] for holds, reason in reasons if holds), "the node does not say why")
