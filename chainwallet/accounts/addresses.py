"""Addresses whose keys are elsewhere: added to an account when their owner signs a text that names both (ERC-4361).

A signature by the address's own key is needed (ERC-191); that of a smart account (ERC-1271) is not taken.
"""

from dataclasses import dataclass

from chainwallet.accounts.calling import Caller, require, require_session
from chainwallet.accounts.tools import Accounts
from chainwallet.errors import AlreadyExists, BadSignature, BadValue, Expired, NotFound
from chainwallet.evm import ZERO_ADDRESS, Address, checksum
from chainwallet.keys.signer import recover
from chainwallet.rules.handle import shown
from chainwallet.rules.sign_in_message import LIFETIME_S, SignInMessage, Site
from chainwallet.store import account_wallets, challenges, wallets
from chainwallet.store.account_wallets import OwnWallet
from chainwallet.store.challenges import Challenge
from chainwallet.store.database import Transaction
from chainwallet.store.locks import take_turns
from chainwallet.store.wallets import Wallet

NONCE_BYTES = 16  # ERC-4361 asks for at least 8 letters or digits; this makes 32
MOST_OPEN = 10  # challenges of one account; the next one takes the oldest's place
MOST_WALLETS = 20  # of one account


@dataclass(frozen=True)
class Asked:
    """What the owner of an address is asked to sign, exactly as it stands, before ``expires_at_s``."""

    nonce: str
    text: str
    expires_at_s: int


def ask_for_address(accounts: Accounts, caller: Caller, address: Address, site: Site) -> Asked:
    """The text that adds ``address`` to the caller's account once its owner has signed it.

    Raises ``Forbidden`` for an API key, and ``BadValue`` for the zero address.
    """
    require_session(caller)
    if address == ZERO_ADDRESS:
        raise BadValue("address", checksum(address), "an address that has a key")
    now_s = accounts.now_s
    nonce = accounts.random(NONCE_BYTES).hex()
    challenge = Challenge(nonce, caller.account_id, address, now_s, now_s + LIFETIME_S)

    def store(tx: Transaction) -> None:
        take_turns(tx, "wallets of", str(caller.account_id))
        challenges.add(tx, challenge, MOST_OPEN)

    accounts.database.write(store)
    return Asked(nonce, _message(caller, challenge, site).text, challenge.expires_at_s)


def take_address(accounts: Accounts, caller: Caller, nonce: str, signature: bytes, site: Site) -> OwnWallet:
    """The wallet of the address that was asked for with ``nonce``, now the caller's.

    Raises ``Forbidden`` for an API key; ``NotFound`` where the caller was not asked with this nonce; ``BadValue`` where
    that was answered before, or for a wallet above ``MOST_WALLETS``; ``Expired``; ``BadSignature`` where the signature
    is not by the address's key over exactly that text; and ``AlreadyExists`` where the address is an account's, or one
    whose key is held here.
    """
    require_session(caller)
    return accounts.database.write(lambda tx: _take(tx, caller, nonce, signature, site, accounts.now_s))


def use_address(accounts: Accounts, caller: Caller, address: Address) -> tuple[OwnWallet, ...]:
    """The caller's wallets, of which that of ``address`` is the default one from now on.

    What is under way goes on with the wallets that it has. Raises ``Forbidden`` for an API key, and ``NotFound`` where
    the address is not the caller's.
    """
    require_session(caller)

    def use(tx: Transaction) -> tuple[OwnWallet, ...]:
        take_turns(tx, "wallets of", str(caller.account_id))
        own = account_wallets.of_account(tx, caller.account_id)
        wanted = next((one.wallet for one in own if one.wallet.address == address), None)
        if wanted is None:
            raise NotFound("wallet", checksum(address), "one of your own addresses")
        account_wallets.make_default(tx, caller.account_id, wanted.name)
        return account_wallets.of_account(tx, caller.account_id)

    return accounts.database.write(use)


def own_wallets(accounts: Accounts, caller: Caller) -> tuple[OwnWallet, ...]:
    """The caller's wallets, the default one first. Raises ``Forbidden`` without the scope ``account:read``."""
    require(caller, "account:read")
    with accounts.database.read() as tx:
        return account_wallets.of_account(tx, caller.account_id)


def _take(tx: Transaction, caller: Caller, nonce: str, signature: bytes, site: Site, now_s: int) -> OwnWallet:
    take_turns(tx, "wallets of", str(caller.account_id))
    challenge = challenges.by_nonce(tx, caller.account_id, nonce)
    if challenge is None:
        raise NotFound("challenge", nonce, "ask for one, and sign it within five minutes")
    if challenge.used_at_s is not None:
        raise BadValue("nonce", nonce, "a challenge that was not answered before")
    if now_s >= challenge.expires_at_s:
        raise Expired("the challenge", challenge.expires_at_s, now_s)
    signer = recover(_message(caller, challenge, site).digest, signature)
    if signer != challenge.address:
        raise BadSignature(checksum(challenge.address), checksum(signer))
    count = account_wallets.count(tx, caller.account_id)
    if count >= MOST_WALLETS:
        raise BadValue("wallets", count, f"at most {MOST_WALLETS} in one account")
    challenges.use(tx, nonce, now_s)
    owned = OwnWallet(_wallet(tx, caller, challenge.address, count, now_s), caller.account_id, False, now_s)
    account_wallets.add(tx, owned)
    return owned


def _wallet(tx: Transaction, caller: Caller, address: Address, count: int, now_s: int) -> Wallet:
    """The external wallet of ``address``, which may have a name here already that the operator gave it."""
    known = wallets.by_address(tx, address)
    if known is None:
        known = Wallet(f"{shown(caller.handle)} {count + 1}", address, "external", "person")
        wallets.add(tx, known, now_s)
    elif known.custody != "external":
        raise AlreadyExists("wallet", checksum(address))
    return known


def _message(caller: Caller, challenge: Challenge, site: Site) -> SignInMessage:
    return SignInMessage(
        site, challenge.address, caller.handle, challenge.nonce, challenge.issued_at_s, challenge.expires_at_s
    )
