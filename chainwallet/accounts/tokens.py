"""Tokens: what signs a session or an API key in, or lets somebody into a group. They are random, shown once, and
stored as their SHA-256 only.
"""

import base64
import hashlib
import re
from collections.abc import Callable

SESSION = "cws_"
API_KEY = "cwk_"
INVITATION = "cwi_"
SECRET_BYTES = 32

_TOKEN = re.compile(r"(cws_|cwk_|cwi_)[A-Za-z0-9_-]{43}", re.ASCII)


def new_token(prefix: str, random: Callable[[int], bytes]) -> str:
    """``prefix`` and 32 random bytes as base64url (RFC 4648, section 5) without padding."""
    return prefix + base64.urlsafe_b64encode(random(SECRET_BYTES)).rstrip(b"=").decode("ascii")


def kind_of(token: str) -> str | None:
    """The prefix of what has the form of a token; None for any other text."""
    match = _TOKEN.fullmatch(token)
    return match[1] if match else None


def hashed(token: str) -> str:
    """The SHA-256 of ``token`` as hex digits. A slow hash is for what people can remember; nobody can guess this."""
    return hashlib.sha256(token.encode("ascii")).hexdigest()
