"""A key service on this machine that answers as AWS KMS does, by boto3's methods; its keys are files in a directory.

The cryptography is OpenSSL's, not the product's: signatures have random nonces and, as from AWS, high s half the time.
"""

import os
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

ARN = "arn:aws:kms:eu-central-1:111122223333:key/"
CURVES: dict[str, ec.EllipticCurve] = {"ECC_SECG_P256K1": ec.SECP256K1(), "ECC_NIST_P256": ec.SECP256R1()}


class ClientError(Exception):
    """Shaped as botocore's."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.response = {"Error": {"Code": code, "Message": f"as {code} says"}}


class LocalKms:
    """Keys in ``directory``. ``calls`` are the operations asked for; ``failure`` is raised by the next of them."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self.calls: list[str] = []
        self.failure: Exception | None = None

    def create_key(self, name: str, spec: str = "ECC_SECG_P256K1") -> str:
        """A new key; its ARN."""
        if spec == "SYMMETRIC_DEFAULT":
            content = AESGCM.generate_key(256)
        else:
            content = ec.generate_private_key(CURVES[spec]).private_bytes(
                serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        self._directory.mkdir(exist_ok=True)
        (self._directory / f"{name}.{spec}").write_bytes(content)
        return ARN + name

    def sign(self, *, KeyId: str, Message: bytes, MessageType: str, SigningAlgorithm: str) -> dict[str, Any]:  # noqa: N803 - AWS's names
        key, _ = self._signing("Sign", KeyId)
        if MessageType != "DIGEST" or SigningAlgorithm != "ECDSA_SHA_256" or len(Message) != 32:
            raise ClientError("ValidationException")
        signature = key.sign(Message, ec.ECDSA(Prehashed(hashes.SHA256())))
        return {"KeyId": ARN + _name(KeyId), "Signature": signature, "SigningAlgorithm": SigningAlgorithm}

    def get_public_key(self, *, KeyId: str) -> dict[str, Any]:  # noqa: N803 - as above
        key, spec = self._signing("GetPublicKey", KeyId)
        der = key.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
        return {"KeyId": ARN + _name(KeyId), "PublicKey": der, "KeySpec": spec, "KeyUsage": "SIGN_VERIFY"}

    def encrypt(self, *, KeyId: str, Plaintext: bytes, EncryptionContext: dict[str, str]) -> dict[str, Any]:  # noqa: N803 - as above
        cipher, nonce = self._cipher("Encrypt", KeyId), os.urandom(12)
        blob = nonce + cipher.encrypt(nonce, Plaintext, repr(sorted(EncryptionContext.items())).encode())
        return {"KeyId": KeyId, "CiphertextBlob": blob}

    def decrypt(self, *, KeyId: str, CiphertextBlob: bytes, EncryptionContext: dict[str, str]) -> dict[str, Any]:  # noqa: N803 - as above
        cipher, context = self._cipher("Decrypt", KeyId), repr(sorted(EncryptionContext.items())).encode()
        try:
            plain = cipher.decrypt(CiphertextBlob[:12], CiphertextBlob[12:], context)
        except InvalidTag:
            raise ClientError("InvalidCiphertextException") from None
        return {"KeyId": KeyId, "Plaintext": plain}

    def _signing(self, operation: str, key_id: str) -> tuple[ec.EllipticCurvePrivateKey, str]:
        path = self._found(operation, key_id)
        spec = path.suffix[1:]
        if spec not in CURVES:
            raise ClientError("InvalidKeyUsageException" if operation == "Sign" else "UnsupportedOperationException")
        key = serialization.load_der_private_key(path.read_bytes(), None)
        assert isinstance(key, ec.EllipticCurvePrivateKey)
        return key, spec

    def _cipher(self, operation: str, key_id: str) -> AESGCM:
        path = self._found(operation, key_id)
        if path.suffix != ".SYMMETRIC_DEFAULT":
            raise ClientError("InvalidKeyUsageException")
        return AESGCM(path.read_bytes())

    def _found(self, operation: str, key_id: str) -> Path:
        self.calls.append(operation)
        if self.failure is not None:
            raise self.failure
        found = list(self._directory.glob(f"{_name(key_id)}.*"))
        if not found:
            raise ClientError("NotFoundException")
        return found[0]


def _name(key_id: str) -> str:
    return key_id.removeprefix(ARN).removeprefix("alias/")


def client() -> LocalKms:
    """The service that the tests of the command reach."""
    return LocalKms(Path(os.environ["LOCAL_KMS"]))
