"""AES-256-GCM as it is used here: a random 12-byte nonce, then the ciphertext; what is opened can be overwritten.

Source: SP 800-38D; section 8.2.2 allows random 96-bit nonces for fewer than 2^32 messages under one key.
"""

import secrets

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

KEY_BYTES = 32  # AES-256
_NONCE_BYTES = 12
_TAG_BYTES = 16


def seal(cipher: AESGCM, plain: bytes | bytearray, aad: bytes) -> bytes:
    """``plain`` encrypted and bound to ``aad``."""
    nonce = secrets.token_bytes(_NONCE_BYTES)
    return nonce + cipher.encrypt(nonce, plain, aad)


def unseal(cipher: AESGCM, sealed: bytes, aad: bytes) -> bytearray:
    """What was sealed, for the caller to ``wipe``. Raises ``InvalidTag`` for other bytes, another key or ``aad``."""
    if len(sealed) < _NONCE_BYTES + _TAG_BYTES:
        raise InvalidTag
    plain = bytearray(len(sealed) - _NONCE_BYTES - _TAG_BYTES)
    cipher.decrypt_into(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], aad, plain)
    return plain


def wipe(secret: bytearray) -> None:
    """Overwrite ``secret``; Python, or a library below it, may have left other copies in memory."""
    secret[:] = bytes(len(secret))
