"""Accounts: signing up and in, sessions, API keys, and addresses whose keys are elsewhere."""

from http import HTTPStatus
from typing import Annotated

from fastapi import Depends, Path, Request, Response

from chainwallet import accounts
from chainwallet.accounts import Caller
from chainwallet.api.callers import signed_in
from chainwallet.api.idempotency import GivenOnce
from chainwallet.api.limits import limited_sign_in, limited_sign_up
from chainwallet.api.openapi import refusals
from chainwallet.api.parts import GivenParts
from chainwallet.api.routing import Router
from chainwallet.api.schemas.accounts import (
    AccountDocument,
    ChallengeDocument,
    ChallengeOrder,
    IdText,
    KeyDocument,
    KeyOrder,
    KeysDocument,
    MadeKeyDocument,
    OwnAccountDocument,
    PasswordChange,
    SessionDocument,
    SessionsDocument,
    SignedInDocument,
    SignIn,
    SignUp,
    WalletDocument,
    WalletOrder,
    WalletsDocument,
)
from chainwallet.api.schemas.words import AddressText
from chainwallet.errors import (
    AlreadyExists,
    BadSignature,
    BadValue,
    ClosedToStrangers,
    Expired,
    Installation,
    KeyServiceTrouble,
    NotFound,
    StoreTrouble,
    TooManyTries,
    WrongPassword,
)
from chainwallet.evm import from_hex, parse_address
from chainwallet.rules.timestamp import time_of

router = Router(tags=["accounts"])

Person = Annotated[Caller, Depends(signed_in("session"))]
Reader = Annotated[Caller, Depends(signed_in("account:read"))]
KeyMaker = Annotated[Caller, Depends(signed_in("keys:write"))]
OwnAddress = Annotated[AddressText, Path(description="One of your addresses")]
OwnId = Annotated[IdText, Path(alias="id")]

_TRYING = (BadValue, WrongPassword, TooManyTries, ClosedToStrangers)


@router.post(
    "/v1/accounts",
    status_code=HTTPStatus.CREATED,
    dependencies=[Depends(limited_sign_up)],
    responses=refusals(BadValue, AlreadyExists, TooManyTries, StoreTrouble, KeyServiceTrouble, Installation),
)
def sign_up(parts: GivenParts, body: SignUp, request: Request) -> AccountDocument:
    """Opens an account with a wallet, whose key is kept here. Sign in to use it."""
    return AccountDocument.of(parts.open_account(body.handle, body.password, request.state.client))


@router.post(
    "/v1/sessions",
    status_code=HTTPStatus.CREATED,
    dependencies=[Depends(limited_sign_in)],
    responses=refusals(*_TRYING, StoreTrouble),
)
def sign_in(parts: GivenParts, body: SignIn, request: Request) -> SignedInDocument:
    """Opens a session, for 30 days; its token is told this once.

    An unknown handle and a wrong password are answered alike. Wrong ones cost the next try more and more time.
    """
    place: str = request.state.client
    return SignedInDocument.of(accounts.sign_in(parts.accounts, body.handle, body.password, place, body.earlier_token))


@router.get("/v1/sessions")
def sessions(parts: GivenParts, caller: Person) -> SessionsDocument:
    """The caller's sessions that are good, the latest used first."""
    found = accounts.list_sessions(parts.accounts, caller)
    return SessionsDocument(sessions=[SessionDocument.of(one, caller.session_id) for one in found])


@router.delete("/v1/sessions/{id}", status_code=HTTPStatus.NO_CONTENT, responses=refusals(NotFound))
def sign_out(parts: GivenParts, caller: Person, session_id: OwnId) -> None:
    """Ends one of the caller's sessions, at once; also the one that asks."""
    accounts.revoke_session(parts.accounts, caller, session_id)


@router.post(
    "/v1/keys",
    status_code=HTTPStatus.CREATED,
    response_model=MadeKeyDocument,
    responses=refusals(BadValue, AlreadyExists),
)
def make_key(parts: GivenParts, caller: KeyMaker, body: KeyOrder, once: GivenOnce) -> Response:
    """Makes an API key with scopes that the caller has; its token is told this once.

    A key makes no key that is good for longer than itself. Under an Idempotency-Key that came before nothing is made,
    and the token is not told again.
    """
    expires_at_s = None if body.expires_at is None else time_of(body.expires_at, "expires_at")
    make = accounts.new_key(parts.accounts, caller, body.name, body.scopes, expires_at_s)
    return once.secret().answer(parts, caller, lambda tx: MadeKeyDocument.of(make(tx)))


@router.get("/v1/keys")
def keys(parts: GivenParts, caller: KeyMaker) -> KeysDocument:
    """The caller's API keys that are good, the newest first, without their tokens."""
    return KeysDocument(keys=[KeyDocument.of(key) for key in accounts.list_keys(parts.accounts, caller)])


@router.delete("/v1/keys/{id}", status_code=HTTPStatus.NO_CONTENT, responses=refusals(NotFound))
def revoke_key(parts: GivenParts, caller: KeyMaker, key_id: OwnId) -> None:
    """Ends one of the caller's API keys, at once and for good."""
    accounts.revoke_key(parts.accounts, caller, key_id)


@router.get("/v1/account")
def account(parts: GivenParts, caller: Reader) -> OwnAccountDocument:
    """The caller's account, and what the caller's token may do."""
    return OwnAccountDocument.seen_by(caller, accounts.own_account(parts.accounts, caller))


@router.post(
    "/v1/account/password",
    status_code=HTTPStatus.NO_CONTENT,
    dependencies=[Depends(limited_sign_in)],
    responses=refusals(*_TRYING),
)
def change_password(parts: GivenParts, caller: Person, body: PasswordChange) -> None:
    """Changes the password, and ends all sessions but the one that asks."""
    accounts.change_password(parts.accounts, caller, body.password, body.new_password)


@router.post("/v1/wallets/challenges", status_code=HTTPStatus.CREATED, responses=refusals(BadValue))
def ask_for_address(parts: GivenParts, caller: Person, body: ChallengeOrder) -> ChallengeDocument:
    """The text that adds an address to the caller's account once the address's owner has signed it.

    Good once, for five minutes.
    """
    address = parse_address(body.address, "address")
    return ChallengeDocument.of(accounts.ask_for_address(parts.accounts, caller, address, parts.site))


@router.post(
    "/v1/wallets",
    status_code=HTTPStatus.CREATED,
    responses=refusals(BadValue, NotFound, Expired, BadSignature, AlreadyExists),
)
def take_address(parts: GivenParts, caller: Person, body: WalletOrder) -> WalletDocument:
    """Adds the address of a challenge that its owner signed."""
    signature = from_hex(body.signature)
    return WalletDocument.of(accounts.take_address(parts.accounts, caller, body.nonce, signature, parts.site))


@router.get("/v1/wallets")
def wallets(parts: GivenParts, caller: Reader) -> WalletsDocument:
    """The caller's wallets, the default one first."""
    return WalletsDocument(wallets=[WalletDocument.of(one) for one in accounts.own_wallets(parts.accounts, caller)])


@router.post("/v1/wallets/{address}/default", responses=refusals(BadValue, NotFound))
def use_address(parts: GivenParts, caller: Person, address: OwnAddress) -> WalletsDocument:
    """Makes one of the caller's wallets the default one: it pays, is paid, and settles up where none is named.

    What is under way goes on with the wallets that it has.
    """
    found = accounts.use_address(parts.accounts, caller, parse_address(address, "address"))
    return WalletsDocument(wallets=[WalletDocument.of(one) for one in found])
