"""Keys in a key service that answers as AWS KMS does: they sign payments, or wrap data keys, and never leave it.

``KmsClient`` is what boto3's client for ``kms`` offers, and what a test can offer as well.

Sources: AWS KMS API, ``Sign``, ``GetPublicKey``, ``Encrypt``, ``Decrypt`` (key spec ``ECC_SECG_P256K1``: an ASN.1 DER
signature of RFC 3279, section 2.2.3, and a public key of RFC 5280, section 4.1); EIP-2 for low s.
"""

import importlib
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, ClassVar, Protocol

from coincurve import PublicKey
from cryptography.hazmat.primitives.asymmetric.ec import SECP256K1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import load_der_public_key

from chainwallet.errors import (
    BadSignature,
    BadValue,
    KeyServiceRefused,
    KeyServiceUnreachable,
    MissingTool,
    WrongPassphrase,
)
from chainwallet.evm import Address, Hash32, checksum
from chainwallet.keys.kek import HomeKeks
from chainwallet.keys.signer import SECP256K1_ORDER, DigestSigner, SigningLimits, address_of, recover

KEY_SPEC = "ECC_SECG_P256K1"
KEY_USAGE = "SIGN_VERIFY"
ALGORITHM = "ECDSA_SHA_256"  # the one that KMS offers for this key spec; of a digest it signs the 32 bytes as they are

_PASSING = frozenset(
    {
        "DependencyTimeoutException",
        "InternalFailure",
        "KMSInternalException",
        "KeyUnavailableException",
        "LimitExceededException",
        "RequestTimeout",
        "RequestTimeoutException",
        "ServiceUnavailable",
        "ServiceUnavailableException",
        "Throttling",
        "ThrottlingException",
    }
)
"""Error codes of AWS KMS for what passes by itself."""


class KmsClient(Protocol):
    """What is asked of a key service: methods of boto3's client for ``kms``, their arguments by name.

    An exception that has boto3's ``response`` is the service's refusal, any other means that there was no answer.
    """

    @property
    def sign(self) -> Callable[..., Mapping[str, Any]]:
        """``KeyId``, ``Message``, ``MessageType``, ``SigningAlgorithm``; gives ``Signature``."""

    @property
    def get_public_key(self) -> Callable[..., Mapping[str, Any]]:
        """``KeyId``; gives ``KeyId``, ``KeySpec``, ``KeyUsage``, ``PublicKey``."""

    @property
    def encrypt(self) -> Callable[..., Mapping[str, Any]]:
        """``KeyId``, ``Plaintext``, ``EncryptionContext``; gives ``CiphertextBlob``."""

    @property
    def decrypt(self) -> Callable[..., Mapping[str, Any]]:
        """``KeyId``, ``CiphertextBlob``, ``EncryptionContext``; gives ``Plaintext``."""


class KmsSigner(DigestSigner):
    """Signs for ``address`` with the key ``key``. Each signature is one call of ``Sign``.

    The service is trusted with the key and with nothing else: a signature is given on only if ``address`` is recovered
    from it, else ``BadSignature`` is raised. Raises ``KeyServiceUnreachable`` and ``KeyServiceRefused``.
    """

    __slots__ = ("_client", "_key")

    is_here: ClassVar[bool] = False

    def __init__(self, client: KmsClient, key: str, address: Address, limits: SigningLimits | None = None) -> None:
        super().__init__(address, limits)
        self._client = client
        self._key = key

    def _sign_digest(self, digest: Hash32) -> bytes:
        ask = partial(self._client.sign, KeyId=self._key, Message=bytes(digest), MessageType="DIGEST")
        answer = _asked(self._key, lambda: ask(SigningAlgorithm=ALGORITHM))
        return recoverable(_bytes_in(answer, "Signature"), digest, self.address)

    def __repr__(self) -> str:
        return f"KmsSigner({checksum(self.address)}, {self._key})"


def account_of(client: KmsClient, key: str) -> tuple[Address, str]:
    """The account of the key that ``key`` names (an id, an ARN or an alias), and the key's own name.

    Raises ``BadValue`` where it is no key that can sign for an account, ``KeyServiceUnreachable`` and
    ``KeyServiceRefused``.
    """
    answer = _asked(key, lambda: client.get_public_key(KeyId=key))
    kind = (answer.get("KeySpec"), answer.get("KeyUsage"))
    if kind != (KEY_SPEC, KEY_USAGE):
        raise BadValue("kms_key", f"{key}: {kind[0]} for {kind[1]}", f"a key {KEY_SPEC} for {KEY_USAGE}")
    return address_of(public_key_of(_bytes_in(answer, "PublicKey"))), str(answer.get("KeyId") or key)


def public_key_of(der: bytes) -> PublicKey:
    """The point in a DER SubjectPublicKeyInfo. Raises ``BadValue`` for anything but a public key on secp256k1."""
    expected = "a SubjectPublicKeyInfo of a point on secp256k1"
    try:
        found = load_der_public_key(der)
    except ValueError:
        raise BadValue("public key", der.hex(), expected) from None
    if not isinstance(found, EllipticCurvePublicKey) or not isinstance(found.curve, SECP256K1):
        raise BadValue("public key", der.hex(), expected)
    point = found.public_numbers()
    return PublicKey.from_point(point.x, point.y)


def recoverable(der: bytes, digest: Hash32, address: Address) -> bytes:
    """The DER ``Ecdsa-Sig-Value`` as 65 bytes r||s||v with low s, by which ``address`` is recovered from ``digest``.

    Raises ``BadSignature`` where it is no such thing or somebody else's.
    """
    try:
        r, s = decode_dss_signature(der)
    except ValueError:
        raise BadSignature(checksum(address), "nobody (it is no DER signature)") from None
    if not (0 < r < SECP256K1_ORDER and 0 < s < SECP256K1_ORDER):
        raise BadSignature(checksum(address), "nobody (r or s is outside 1..order-1)")
    low_s = min(s, SECP256K1_ORDER - s)  # EIP-2: both are valid, and a service gives either
    found = []
    for v in (27, 28):
        signature = r.to_bytes(32, "big") + low_s.to_bytes(32, "big") + bytes([v])
        try:
            found.append(recover(digest, signature))
        except BadSignature:
            continue  # r is no point of the curve
        if found[-1] == address:
            return signature
    raise BadSignature(checksum(address), " or ".join(map(checksum, found)) or "nobody (r is no point of the curve)")


class KmsKey:
    """A ``KeyEncryptionKey`` that a key service has, under the id or ARN ``key``.

    What a data key is bound to goes along as the encryption context, where the service's own records show it. Raises
    ``BadValue`` for an alias, because what it names can change. Raises ``KeyServiceUnreachable`` and
    ``KeyServiceRefused`` where it is used.
    """

    def __init__(self, client: KmsClient, key: str) -> None:
        if "alias/" in key or not key:
            raise BadValue("kek_kms_key", key, "a key's id or ARN; what an alias names can change")
        self.key_id = HomeKeks.SERVICE_PREFIX + key
        self._key = key
        self._client = client

    def wrap(self, data_key: bytes | bytearray, aad: bytes) -> bytes:
        """``data_key`` encrypted by the service."""
        ask = partial(self._client.encrypt, KeyId=self._key, EncryptionContext=_context(aad))
        return _bytes_in(_asked(self._key, lambda: ask(Plaintext=bytes(data_key))), "CiphertextBlob")

    def unwrap(self, wrapped: bytes, aad: bytes) -> bytearray:
        """The data key. Raises ``WrongPassphrase`` if ``wrapped`` was not made by this key for ``aad``."""
        ask = partial(self._client.decrypt, KeyId=self._key, EncryptionContext=_context(aad))
        return bytearray(_bytes_in(_asked(self._key, lambda: ask(CiphertextBlob=wrapped)), "Plaintext"))

    def __repr__(self) -> str:
        return f"KmsKey({self._key})"


def _context(aad: bytes) -> dict[str, str]:
    return {"chainwallet": aad.decode("ascii")}


def _asked(key: str, ask: Callable[[], Mapping[str, Any]]) -> Mapping[str, Any]:
    """What the service answers. Only a refusal's words are shown: a client's might repeat what was sent."""
    try:
        return ask()
    except Exception as failure:  # the client's errors are its own; nothing of it is imported
        response = getattr(failure, "response", None)
        said = response.get("Error", {}) if isinstance(response, dict) else {}
        name = type(failure).__name__
    code = str(said.get("Code", ""))
    if not said or code in _PASSING:
        raise KeyServiceUnreachable(key, code or name)
    if code in {"InvalidCiphertextException", "IncorrectKeyException"}:
        raise WrongPassphrase(f"a data key with the key service's key {key}")
    raise KeyServiceRefused(key, f"{code}: {said.get('Message', '')}".removesuffix(": "))


def _bytes_in(answer: Mapping[str, Any], field: str) -> bytes:
    value = answer.get(field)
    if not isinstance(value, bytes):
        raise BadValue(f"{field} of the key service", type(value).__name__, "bytes")
    return value


def client_of(name: str) -> KmsClient:
    """The client that the setting ``kms`` names: ``aws``, or a function ``MODULE:FUNCTION`` that makes one.

    Raises ``BadValue`` for a name that is neither, and ``MissingTool`` where boto3 is needed and not installed.
    """
    if name == "aws":
        return _aws_client()
    module, _, function = name.partition(":")
    try:
        made: KmsClient = getattr(importlib.import_module(module), function)()
    except (ImportError, AttributeError, ValueError) as error:
        expected = f"aws, or MODULE:FUNCTION that can be imported ({error})"
        raise BadValue("kms", name, expected) from None
    return made


def _aws_client() -> KmsClient:
    try:
        boto3, config = importlib.import_module("boto3"), importlib.import_module("botocore.config")
    except ImportError:
        raise MissingTool("boto3", "AWS KMS needs it: `pip install boto3` where chainwallet is installed") from None
    patience = config.Config(connect_timeout=5, read_timeout=10, retries={"total_max_attempts": 4, "mode": "standard"})
    made: KmsClient = boto3.client("kms", config=patience)
    return made
