"""Signers: they take a typed document or a transaction, never a digest, and check their limits before they sign.

A signature is 65 bytes r||s||v with v 27 or 28 and s in the lower half of the group order (EIP-2), so that nobody can
turn one valid signature into another. The compact form is 64 bytes r||yParityAndS (EIP-2098). Signing is deterministic
(RFC 6979).
"""

import re
from abc import ABC, abstractmethod
from dataclasses import dataclass
from types import TracebackType
from typing import Any, ClassVar, NoReturn, Protocol, Self, assert_never

from coincurve import GLOBAL_CONTEXT, PublicKey
from coincurve._libsecp256k1 import ffi, lib

from chainwallet.abi import typed_data
from chainwallet.abi.typed_data import (
    CancelAuthorization,
    CancelNonces,
    Consent,
    Document,
    Domain,
    Payment,
    Permit,
    ReceiveWithAuthorization,
    TransferWithAuthorization,
)
from chainwallet.errors import BadSignature, BadValue
from chainwallet.evm import Address, Hash32, Transaction, checksum, keccak256
from chainwallet.keys.gcm import wipe
from chainwallet.keys.transaction import encode_signed, encode_unsigned

SECP256K1_ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141  # SEC 2, section 2.4.1
HIDDEN = "<hidden>"
"""Stands in errors where a secret was given."""

_HALF_ORDER = SECP256K1_ORDER // 2
_HIGH_BIT = 1 << 255
_PRIVATE_KEY = re.compile(r"(?:0x)?([0-9a-fA-F]{64})")


class Signer(Protocol):
    """Signs documents for one account."""

    @property
    def address(self) -> Address:
        """The account whose signatures this makes."""

    @property
    def is_here(self) -> bool:
        """Whether the key is opened in this process: signing waits for nobody, and nobody else sees what is made."""

    def sign(self, document: Document, domain: Domain) -> bytes:
        """65 bytes r||s||v over the EIP-712 digest. Raises ``BadValue`` naming the field that the limits refuse."""


class TransactionSigner(Protocol):
    """Signs transactions for one account."""

    @property
    def address(self) -> Address:
        """The account whose transactions this signs."""

    def sign_transaction(self, tx: Transaction) -> bytes:
        """The raw EIP-1559 transaction, ready to send. Raises ``BadValue`` naming the field that is refused."""


class AccountSigner(Signer, TransactionSigner, Protocol):
    """Signs documents and transactions for one account."""


@dataclass(frozen=True)
class SigningLimits:
    """What a signer may sign; None allows all.

    A signer with ``max_value`` signs no transactions, because their data could move any amount.
    """

    chain_ids: frozenset[int] | None = None
    contracts: frozenset[Address] | None = None
    """Verifying contracts of documents, and receivers of transactions."""
    max_value: int | None = None
    """Token units that one document may move or allow; of a consent, the signer's own debit counts."""

    def check_document(self, document: Document, domain: Domain, signer: Address) -> None:
        """Raise ``BadValue`` if ``document`` names another signer than ``signer`` or is beyond these limits."""
        if self.chain_ids is not None and domain.chain_id not in self.chain_ids:
            raise BadValue("chain_id", domain.chain_id, f"one of {sorted(self.chain_ids)}")
        if self.contracts is not None and domain.contract not in self.contracts:
            raise BadValue("contract", checksum(domain.contract), self._allowed_contracts())
        named = typed_data.signer_of(document)
        if named not in (None, signer):
            raise BadValue(str(document.SIGNER), checksum(named), f"{checksum(signer)}, which signs here")
        value = _value_at_stake(document, signer)
        if self.max_value is not None and value > self.max_value:
            raise BadValue("value", value, f"at most {self.max_value} token units")

    def check_transaction(self, tx: Transaction) -> None:
        """Raise ``BadValue`` if ``tx`` is beyond these limits."""
        if self.max_value is not None:
            raise BadValue("transaction", "a transaction", "a typed document, because this signer limits values")
        if self.chain_ids is not None and tx.chain_id not in self.chain_ids:
            raise BadValue("chain_id", tx.chain_id, f"one of {sorted(self.chain_ids)}")
        if self.contracts is not None and tx.to not in self.contracts:
            raise BadValue("to", None if tx.to is None else checksum(tx.to), self._allowed_contracts())

    def _allowed_contracts(self) -> str:
        return f"one of {', '.join(checksum(contract) for contract in sorted(self.contracts or ()))}"


class DigestSigner(ABC):
    """An ``AccountSigner`` that is held to its limits, wherever its key is: only how a digest is signed differs."""

    __slots__ = ("_limits", "address")

    is_here: ClassVar[bool] = True

    def __init__(self, address: Address, limits: SigningLimits | None = None) -> None:
        self.address = address
        self._limits = limits or SigningLimits()

    def sign(self, document: Document, domain: Domain) -> bytes:
        """65 bytes r||s||v, low s, over the EIP-712 digest of ``document`` for ``domain``.

        Raises ``BadValue`` naming the field if the document names another signer (for a consent: if this account is not
        among its debits) or is beyond the limits, before the key is touched; then what reaching the key raises.
        """
        self._limits.check_document(document, domain, self.address)
        return self._sign_digest(typed_data.digest(document, domain))

    def sign_transaction(self, tx: Transaction) -> bytes:
        """The raw signed EIP-1559 transaction (EIP-2718 type 2), which always carries its chain id.

        Raises ``BadValue`` naming a field that is out of range or beyond the limits, and as ``sign``.
        """
        self._limits.check_transaction(tx)
        return encode_signed(tx, self._sign_digest(keccak256(encode_unsigned(tx))))

    @abstractmethod
    def _sign_digest(self, digest: Hash32) -> bytes:
        """65 bytes r||s||v, low s, by this account's key."""

    def __repr__(self) -> str:
        return f"{type(self).__name__}({checksum(self.address)})"


class LocalSigner(DigestSigner):
    """Signs with a secret in this process's memory; closed, it raises ``BadValue``.

    ``secret`` is 32 bytes, a number from 1 to the group order less 1; other bytes raise ``BadValue`` (which does not
    show them). The secret cannot be shown, pickled or copied. ``close`` (or leaving a ``with``) overwrites it; Python
    may have left other copies in memory.
    """

    __slots__ = ("__weakref__", "_is_open", "_secret")

    def __init__(self, secret: bytes | bytearray, limits: SigningLimits | None = None) -> None:
        self._secret = bytearray(secret)
        self._is_open = True
        super().__init__(address_of_secret(self._secret), limits)

    @classmethod
    def from_hex(cls, text: str, field: str = "private key", limits: SigningLimits | None = None) -> Self:
        """The signer of the key written as 64 hex digits, with or without ``0x``, spaces around it ignored.

        Raises ``BadValue`` (naming ``field``, never showing ``text``) for anything else.
        """
        match = _PRIVATE_KEY.fullmatch(text.strip())
        secret = bytes.fromhex(match[1]) if match else b""
        if not 0 < int.from_bytes(secret, "big") < SECP256K1_ORDER:
            raise BadValue(field, HIDDEN, "64 hex digits of a secp256k1 private key")
        return cls(secret, limits)

    def close(self) -> None:
        """Overwrite the secret; nothing can be signed afterwards. Closing twice is fine."""
        self._is_open = False
        wipe(self._secret)

    def _sign_digest(self, digest: Hash32) -> bytes:
        if not self._is_open:
            raise BadValue("signer", "closed", "an open signer")
        return sign_digest(self._secret, digest)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __del__(self) -> None:
        if hasattr(self, "_secret"):
            self.close()

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError("a LocalSigner is neither pickled nor copied: it holds a private key")


def sign_digest(secret: bytearray, digest: Hash32) -> bytes:
    """65 bytes r||s||v by ``secret``, which is not copied. For the signers of this room, after their limits."""
    made, signature = ffi.new("secp256k1_ecdsa_recoverable_signature *"), ffi.new("unsigned char[64]")
    recovery_id = ffi.new("int *")
    with ffi.from_buffer("unsigned char[32]", secret) as key:
        is_signed = lib.secp256k1_ecdsa_sign_recoverable(GLOBAL_CONTEXT.ctx, made, digest, key, ffi.NULL, ffi.NULL)
    if not is_signed:
        raise _no_private_key()
    lib.secp256k1_ecdsa_recoverable_signature_serialize_compact(GLOBAL_CONTEXT.ctx, signature, recovery_id, made)
    return bytes(ffi.buffer(signature)) + bytes([27 + recovery_id[0]])


def address_of_secret(secret: bytearray) -> Address:
    """The account of ``secret``, which is not copied. Raises ``BadValue``, not showing it, for no private key."""
    public_key = ffi.new("secp256k1_pubkey *")
    if len(secret) != 32:
        raise _no_private_key()
    with ffi.from_buffer("unsigned char[32]", secret) as key:
        if not lib.secp256k1_ec_pubkey_create(GLOBAL_CONTEXT.ctx, public_key, key):
            raise _no_private_key()
    return address_of(PublicKey(public_key))


def _no_private_key() -> BadValue:
    return BadValue("private key", HIDDEN, "32 bytes from 1 to the order of secp256k1 less 1")


def address_of(public_key: PublicKey) -> Address:
    """The account of ``public_key``: the last 20 bytes of the Keccak-256 of its 64 bytes (Yellow Paper, appendix F)."""
    return Address(keccak256(public_key.format(compressed=False)[1:])[12:])


def recover(digest: Hash32, signature: bytes) -> Address:
    """The account whose key signed ``digest``; ``signature`` is 65 bytes, or 64 in the compact form.

    Raises ``BadSignature`` for another length, an r or s outside 1..order-1, a high s, a v other than 27 or 28, and an
    r that is no point of the curve.
    """
    r, s, v = _parts(signature)
    try:
        public_key = PublicKey.from_signature_and_message(r + s + bytes([v - 27]), digest, hasher=None)
    except ValueError:
        raise _malformed("r is no point of the curve") from None
    return address_of(public_key)


def verify_signature(document: Document, domain: Domain, signature: bytes, expected: Address) -> None:
    """Return if ``expected``'s key signed ``document`` for ``domain``; ``signature`` as in ``recover``.

    Raises ``BadSignature`` naming who signed, or why nobody did. Whether ``expected`` is the document's own signer is
    the caller's to ask (``typed_data.signer_of``); a smart account's signature (ERC-1271) is the chain's to judge.
    """
    try:
        signer = recover(typed_data.digest(document, domain), signature)
    except BadSignature as malformed:
        raise BadSignature(checksum(expected), malformed.recovered) from None
    if signer != expected:
        raise BadSignature(checksum(expected), checksum(signer))


def to_compact(signature: bytes) -> tuple[bytes, bytes]:
    """``(r, vs)``, 32 bytes each, as the contracts take them (EIP-2098). Raises ``BadSignature`` if malformed."""
    r, s, v = _parts(signature)
    return r, (int.from_bytes(s, "big") | (_HIGH_BIT if v == 28 else 0)).to_bytes(32, "big")


def _parts(signature: bytes) -> tuple[bytes, bytes, int]:
    match len(signature):
        case 65:
            r, s, v = signature[:32], signature[32:64], signature[64]
        case 64:
            vs = int.from_bytes(signature[32:], "big")
            r, s, v = signature[:32], (vs & ~_HIGH_BIT).to_bytes(32, "big"), 28 if vs & _HIGH_BIT else 27
        case length:
            raise _malformed(f"{length} bytes")
    if v not in (27, 28):
        raise _malformed(f"v is {v}")
    if not 0 < int.from_bytes(r, "big") < SECP256K1_ORDER:
        raise _malformed("r is outside 1..order-1")
    if not 0 < int.from_bytes(s, "big") <= _HALF_ORDER:
        raise _malformed("s is 0 or above half the order")
    return r, s, v


def _malformed(reason: str) -> BadSignature:
    return BadSignature("65 bytes r||s||v with low s and v 27 or 28, or 64 bytes r||vs", f"nobody ({reason})")


def _value_at_stake(document: Document, signer: Address) -> int:
    """Token units that ``signer`` stands to lose; raises ``BadValue`` for a consent that does not debit ``signer``."""
    match document:
        case Payment() | TransferWithAuthorization() | ReceiveWithAuthorization() | Permit():
            return document.value
        case CancelAuthorization() | CancelNonces():
            return 0
        case Consent():
            debits = [leg.amount for leg in document.settlement.debits if leg.account == signer]
            if not debits:
                raise BadValue("debits", _accounts(document), f"{checksum(signer)}, which signs here, among them")
            return sum(debits)
        case _:
            assert_never(document)


def _accounts(consent: Consent) -> list[Any]:
    return [checksum(leg.account) for leg in consent.settlement.debits]
