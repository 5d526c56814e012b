"""What the logs of ``Cash`` say: one frozen class for each event, decoded by hand from 32-byte words.

Source: the Solidity ABI specification (events); ``ICash`` for their meaning.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum

from chainwallet.abi.generated import EVENTS
from chainwallet.errors import NodeRefused
from chainwallet.evm import Address, Hash32, Log

ADDRESS_BYTES = 20  # the data of an ``AllowanceSpent``, the ledger's only log without topics
PAID_TOPIC = Hash32(EVENTS["Paid(bytes32,uint256)"])
SKIPPED_TOPIC = Hash32(EVENTS["Skipped(address,uint256,uint8)"])


class SkipReason(IntEnum):
    """``ICash.SkipReason``: why ``pay`` left an item out; newer contracts may add to the end."""

    NONE = 0
    EXPIRED = 1
    NONCE_UNAVAILABLE = 2
    INVALID_PAYEE = 3
    PAYER_FROZEN = 4
    PAYEE_FROZEN = 5
    INSUFFICIENT_BALANCE = 6
    INVALID_SIGNATURE = 7


@dataclass(frozen=True)
class Transfer:
    """``value`` token units went from ``payer`` to ``payee``; a zero payer is a mint, a zero payee a burn (ERC-20)."""

    payer: Address
    payee: Address
    value: int


@dataclass(frozen=True)
class Paid:
    """The ``Transfer`` just before carried out the payment with this reference and nonce."""

    payment_ref: Hash32
    nonce: int


@dataclass(frozen=True)
class Skipped:
    """A hint, never a fact: an item of ``payer`` with ``nonce`` was left out for ``reason`` (``SkipReason``)."""

    payer: Address
    nonce: int
    reason: int


@dataclass(frozen=True)
class Settled:
    """The ``Transfer``s just before carried out this settlement; ``nonces`` are the debtors' in their order."""

    settlement_hash: Hash32
    context: Hash32
    nonces: tuple[int, ...]


@dataclass(frozen=True)
class Minted:
    """``issuer`` made ``value`` token units for ``payee`` against the bank's ``bank_ref``."""

    bank_ref: Hash32
    issuer: Address
    payee: Address
    value: int


@dataclass(frozen=True)
class Burned:
    """``issuer`` destroyed ``value`` token units of its own against the bank's ``bank_ref``."""

    bank_ref: Hash32
    issuer: Address
    value: int


@dataclass(frozen=True)
class NoncesCanceled:
    """All window nonces of ``account`` below ``up_to`` are dead."""

    account: Address
    up_to: int


@dataclass(frozen=True)
class AuthorizationUsed:
    """The ``Transfer`` just after was authorized under ``nonce``, a number of ERC-3009."""

    authorizer: Address
    nonce: Hash32


@dataclass(frozen=True)
class AuthorizationCanceled:
    """``nonce``, a number of ERC-3009, was cancelled."""

    authorizer: Address
    nonce: Hash32


@dataclass(frozen=True)
class Approval:
    """``spender`` may take ``value`` token units from ``owner`` (ERC-20)."""

    owner: Address
    spender: Address
    value: int


@dataclass(frozen=True)
class Approved:
    """The ``Approval`` just before was its owner's own; one that nothing of the kind follows used a permit nonce."""


@dataclass(frozen=True)
class AllowanceSpent:
    """The ``Transfer`` just before used up that much of what its payer allowed ``spender``."""

    spender: Address


@dataclass(frozen=True)
class QuotaSet:
    """``issuer`` may mint within a bucket of ``capacity`` that gains ``refill_per_second`` and holds ``level`` now."""

    issuer: Address
    capacity: int
    refill_per_second: int
    level: int


@dataclass(frozen=True)
class Frozen:
    """``officer`` stopped ``account`` from sending and receiving."""

    account: Address
    officer: Address
    reason: Hash32


@dataclass(frozen=True)
class Unfrozen:
    """``officer`` lets ``account`` send and receive again."""

    account: Address
    officer: Address
    reason: Hash32


@dataclass(frozen=True)
class Paused:
    """``pauser`` stopped every movement and mint."""

    pauser: Address


@dataclass(frozen=True)
class Unpaused:
    """``pauser`` lets money move again."""

    pauser: Address


@dataclass(frozen=True)
class RoleGranted:
    """``sender`` gave ``account`` a role."""

    role: Hash32
    account: Address
    sender: Address


@dataclass(frozen=True)
class RoleRevoked:
    """``sender`` took a role from ``account``."""

    role: Hash32
    account: Address
    sender: Address


Event = (
    Transfer
    | Paid
    | Skipped
    | Settled
    | Minted
    | Burned
    | NoncesCanceled
    | AuthorizationUsed
    | AuthorizationCanceled
    | Approval
    | Approved
    | AllowanceSpent
    | QuotaSet
    | Frozen
    | Unfrozen
    | Paused
    | Unpaused
    | RoleGranted
    | RoleRevoked
)

_Decoder = Callable[[tuple[Hash32, ...], list[int]], Event]

_DECODERS: dict[bytes, _Decoder] = {
    EVENTS["Transfer(address,address,uint256)"]: lambda t, w: Transfer(_address(t[1]), _address(t[2]), w[0]),
    EVENTS["Paid(bytes32,uint256)"]: lambda t, w: Paid(t[1], w[0]),
    EVENTS["Skipped(address,uint256,uint8)"]: lambda t, w: Skipped(_address(t[1]), w[0], w[1]),
    EVENTS["Settled(bytes32,bytes32,uint256[])"]: lambda t, w: Settled(t[1], t[2], _array(w)),
    EVENTS["Minted(bytes32,address,address,uint256)"]: lambda t, w: Minted(t[1], _address(t[2]), _address(t[3]), w[0]),
    EVENTS["Burned(bytes32,address,uint256)"]: lambda t, w: Burned(t[1], _address(t[2]), w[0]),
    EVENTS["NoncesCanceled(address,uint256)"]: lambda t, w: NoncesCanceled(_address(t[1]), w[0]),
    EVENTS["AuthorizationUsed(address,bytes32)"]: lambda t, _: AuthorizationUsed(_address(t[1]), t[2]),
    EVENTS["AuthorizationCanceled(address,bytes32)"]: lambda t, _: AuthorizationCanceled(_address(t[1]), t[2]),
    EVENTS["Approval(address,address,uint256)"]: lambda t, w: Approval(_address(t[1]), _address(t[2]), w[0]),
    EVENTS["Approved()"]: lambda _, __: Approved(),
    EVENTS["QuotaSet(address,uint96,uint96,uint96)"]: lambda t, w: QuotaSet(_address(t[1]), w[0], w[1], w[2]),
    EVENTS["Frozen(address,address,bytes32)"]: lambda t, w: Frozen(_address(t[1]), _address(t[2]), _word(w[0])),
    EVENTS["Unfrozen(address,address,bytes32)"]: lambda t, w: Unfrozen(_address(t[1]), _address(t[2]), _word(w[0])),
    EVENTS["Paused(address)"]: lambda t, _: Paused(_address(t[1])),
    EVENTS["Unpaused(address)"]: lambda t, _: Unpaused(_address(t[1])),
    EVENTS["RoleGranted(bytes32,address,address)"]: lambda t, _: RoleGranted(t[1], _address(t[2]), _address(t[3])),
    EVENTS["RoleRevoked(bytes32,address,address)"]: lambda t, _: RoleRevoked(t[1], _address(t[2]), _address(t[3])),
}


def decode_event(log: Log) -> Event | None:
    """The event that ``log`` of a ``Cash`` reports; None for those of its administration that have no class here.

    Raises ``NodeRefused`` where the node's log has fewer topics or words than the event.
    """
    if not log.topics:
        return AllowanceSpent(Address(log.data)) if len(log.data) == ADDRESS_BYTES else None
    decoder = _DECODERS.get(log.topics[0])
    if decoder is None:
        return None
    words = [int.from_bytes(log.data[at : at + 32], "big") for at in range(0, len(log.data), 32)]
    try:
        return decoder(log.topics, words)
    except IndexError:
        shape = f"a log with {len(log.topics)} topics and {len(log.data)} bytes"
        raise NodeRefused("eth_getLogs", 0, f"answered {shape}, too short for its event") from None


def _array(words: list[int]) -> tuple[int, ...]:
    """The members of the only argument: words of its place, its length, its members."""
    length = words[1]
    if len(words) != 2 + length:
        raise IndexError
    return tuple(words[2:])


def _address(topic: Hash32) -> Address:
    return Address(topic[12:])


def _word(word: int) -> Hash32:
    return Hash32(word.to_bytes(32, "big"))
