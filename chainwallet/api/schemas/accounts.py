"""Accounts: who signs up and in, with which sessions, API keys and wallets."""

from typing import Annotated, Self

from pydantic import Field

from chainwallet.accounts import Asked, Caller, MadeKey, SignedIn
from chainwallet.api.schemas.document import Document
from chainwallet.api.schemas.payments import with_examples
from chainwallet.api.schemas.words import SIGNATURE, AddressText, TimeText, said
from chainwallet.evm import checksum
from chainwallet.rules.handle import MAX_CHARS as MOST_HANDLE_CHARS
from chainwallet.rules.handle import MIN_CHARS as LEAST_HANDLE_CHARS
from chainwallet.rules.handle import shown
from chainwallet.rules.password import MAX_CHARS as MOST_PASSWORD_CHARS
from chainwallet.rules.password import MIN_CHARS as LEAST_PASSWORD_CHARS
from chainwallet.rules.scope import ROLES, SCOPES, Role, Scope
from chainwallet.rules.timestamp import time_text
from chainwallet.store.account_wallets import OwnWallet
from chainwallet.store.accounts import Account
from chainwallet.store.api_keys import ApiKey
from chainwallet.store.sessions import Session
from chainwallet.store.wallets import Custody

_PRINTED = r"^[^\u0000-\u001f\u007f-\u009f]*$"
_LENGTH = f"{{{LEAST_HANDLE_CHARS - 2},{MOST_HANDLE_CHARS - 2}}}"  # without the first two
_HANDLE = rf"^@?([1-9A-Za-z][A-Za-z0-9_-]|0[A-WYZa-wyz0-9_-])[A-Za-z0-9_-]{_LENGTH}$"  # not as an address begins

HandleText = Annotated[
    str,
    Field(
        max_length=256,
        json_schema_extra={"pattern": _HANDLE},  # checked by the rules, which name the character that is wrong
        description="3 to 30 of a-z, 0-9, _ and -, with or without @ before them; capitals are lowered",
        examples=["@ana"],
    ),
]
PasswordText = Annotated[str, Field(max_length=MOST_PASSWORD_CHARS, pattern=_PRINTED, examples=["seven geese walk"])]
NewPasswordText = Annotated[
    str,
    Field(
        min_length=LEAST_PASSWORD_CHARS,
        max_length=MOST_PASSWORD_CHARS,
        pattern=_PRINTED,
        description="Any characters; not what everybody guesses first",
        examples=["seven geese walk to Porto"],
    ),
]
TokenText = Annotated[
    str,
    Field(
        pattern=r"^(cws_|cwk_)[A-Za-z0-9_-]{43}$",
        description="What goes into `Authorization: Bearer ...`. It is told this once, and only its hash is kept",
        examples=["cws_" + "A" * 43],
    ),
]
IdText = Annotated[
    str,
    Field(
        pattern=said(r"^[0-9a-f]{16}$", "an id of this service: 16 hex digits in lower case"),
        examples=["3f1c0d5e9a7b2468"],
    ),
]
NonceText = Annotated[str, Field(pattern=r"^[0-9a-f]{32}$", examples=["9f" * 16])]
KeyNameText = Annotated[
    str,
    Field(
        min_length=1,
        max_length=64,
        pattern=_PRINTED,
        description="For you, to tell keys apart",
        examples=["till no. 2"],
    ),
]
ScopeTexts = Annotated[
    list[Scope], Field(min_length=1, max_length=len(SCOPES), examples=[["payments:read", "payments:write"]])
]

_SIGN_UP = {"handle": "@ana", "password": "seven geese walk to Porto"}


class SignUp(Document):
    """Somebody who wants an account."""

    model_config = with_examples(_SIGN_UP)

    handle: HandleText
    password: NewPasswordText


class AccountDocument(Document):
    """An account."""

    handle: str = Field(examples=["@ana"])
    roles: list[Role]
    made_at: TimeText

    @classmethod
    def of(cls, account: Account) -> Self:
        """The document of ``account``."""
        roles = [role for role in ROLES if role in account.roles]
        return cls(handle=shown(account.handle), roles=roles, made_at=time_text(account.created_at_s))


class OwnAccountDocument(AccountDocument):
    """The caller's account, and what the caller's own token may do."""

    scopes: list[Scope] = Field(description="Of the session or API key that asks")

    @classmethod
    def seen_by(cls, caller: Caller, account: Account) -> Self:
        """The document of ``account``, which is the caller's."""
        told = AccountDocument.of(account)
        return cls(handle=told.handle, roles=told.roles, made_at=told.made_at, scopes=_in_order(caller.scopes))


class PasswordChange(Document):
    """A new password for the old one."""

    model_config = with_examples(
        {"password": "seven geese walk to Porto", "new_password": "nine cranes fly back from Porto"}
    )

    password: PasswordText = Field(description="The one that is good now")
    new_password: NewPasswordText


class SignIn(Document):
    """Somebody who wants a session."""

    model_config = with_examples(_SIGN_UP, {**_SIGN_UP, "earlier_token": "cws_" + "A" * 43})

    handle: HandleText
    password: PasswordText
    earlier_token: str | None = Field(
        None,
        max_length=128,
        description="The token of a session that this device had, also of one that is over: then its tries to sign in "
        "are counted apart from those of others, who cannot lock it out",
        examples=["cws_" + "A" * 43],
    )


class SessionDocument(Document):
    """A session: somebody who signed in by handle and password."""

    id: IdText
    place: str = Field(description="From where: an IPv4 address or an IPv6 network", examples=["192.0.2.1"])
    current: bool = Field(description="The one that asks")
    made_at: TimeText
    last_used_at: TimeText = Field(description="To a minute")
    expires_at: TimeText

    @classmethod
    def of(cls, session: Session, current: str | None) -> Self:
        """The document of ``session``; ``current`` is the id of the one that asks."""
        return cls(
            id=session.id,
            place=session.place,
            current=session.id == current,
            made_at=time_text(session.created_at_s),
            last_used_at=time_text(session.last_used_at_s),
            expires_at=time_text(session.expires_at_s),
        )


class SignedInDocument(Document):
    """A new session with its token."""

    token: TokenText
    session: SessionDocument

    @classmethod
    def of(cls, signed_in: SignedIn) -> Self:
        """The document of ``signed_in``."""
        session = signed_in.session
        return cls(token=signed_in.token, session=SessionDocument.of(session, session.id))


class SessionsDocument(Document):
    """Sessions that are good, the latest used first."""

    sessions: list[SessionDocument]


class KeyOrder(Document):
    """An API key that is asked for."""

    model_config = with_examples({"name": "till no. 2", "scopes": ["payments:read", "payments:write"]})

    name: KeyNameText
    scopes: ScopeTexts
    expires_at: TimeText | None = Field(None, description="Within ten years. Left out: good until it is revoked")


class KeyDocument(Document):
    """An API key, without its token."""

    id: IdText
    name: str
    scopes: list[Scope]
    made_at: TimeText
    last_used_at: TimeText | None = Field(description="To a minute; null: never")
    expires_at: TimeText | None = Field(description="null: good until it is revoked")

    @classmethod
    def of(cls, key: ApiKey) -> Self:
        """The document of ``key``."""
        return cls(
            id=key.id,
            name=key.name,
            scopes=_in_order(key.scopes),
            made_at=time_text(key.created_at_s),
            last_used_at=_time_or_none(key.last_used_at_s),
            expires_at=_time_or_none(key.expires_at_s),
        )


class MadeKeyDocument(Document):
    """A new API key with its token."""

    token: TokenText
    key: KeyDocument

    @classmethod
    def of(cls, made: MadeKey) -> Self:
        """The document of ``made``."""
        return cls(token=made.token, key=KeyDocument.of(made.key))


class KeysDocument(Document):
    """API keys that are good, the newest first."""

    keys: list[KeyDocument]


class ChallengeOrder(Document):
    """An address that is to be added."""

    model_config = with_examples({"address": "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"})

    address: AddressText


class ChallengeDocument(Document):
    """What the owner of the address signs to add it."""

    nonce: NonceText
    text: str = Field(
        description="To be signed exactly as it stands, by `personal_sign` (ERC-4361, ERC-191)",
        examples=["wallet.example wants you to sign in with your Ethereum account:\n..."],
    )
    expires_at: TimeText

    @classmethod
    def of(cls, asked: Asked) -> Self:
        """The document of ``asked``."""
        return cls(nonce=asked.nonce, text=asked.text, expires_at=time_text(asked.expires_at_s))


class WalletOrder(Document):
    """A signed challenge."""

    model_config = with_examples({"nonce": "9f" * 16, "signature": "0x" + "1b" * 65})

    nonce: NonceText
    signature: str = Field(
        pattern=SIGNATURE,
        description="65 bytes r||s||v (personal_sign), by the address's key over the challenge's text",
        examples=["0x" + "1b" * 65],
    )


class WalletDocument(Document):
    """A wallet of an account."""

    address: AddressText
    name: str = Field(examples=["@ana"])
    custody: Custody = Field(description="managed: its key is sealed here; external: its owner signs elsewhere")
    default: bool = Field(description="The one that pays where none is named, and is paid when the handle is")
    added_at: TimeText

    @classmethod
    def of(cls, owned: OwnWallet) -> Self:
        """The document of ``owned``."""
        return cls(
            address=checksum(owned.wallet.address),
            name=owned.wallet.name,
            custody=owned.wallet.custody,
            default=owned.is_default,
            added_at=time_text(owned.added_at_s),
        )


class WalletsDocument(Document):
    """The wallets of an account, the default one first."""

    wallets: list[WalletDocument]


def _in_order(scopes: frozenset[Scope]) -> list[Scope]:
    return [scope for scope in SCOPES if scope in scopes]


def _time_or_none(at_s: int | None) -> str | None:
    return None if at_s is None else time_text(at_s)
