"""Addresses whose keys are elsewhere: added by a signature over a text that is good once, here and for minutes."""

import threading
from dataclasses import replace

import pytest
from eth_account import Account as EthAccount
from eth_account.messages import encode_defunct

from chainwallet import accounts
from chainwallet.accounts import Asked, Caller
from chainwallet.accounts.addresses import MOST_OPEN, MOST_WALLETS
from chainwallet.errors import AlreadyExists, BadSignature, BadValue, Expired, Forbidden, NotFound
from chainwallet.evm import ZERO_ADDRESS, Address, parse_address
from chainwallet.payments import AccountDirectory, payee_of
from chainwallet.rules.sign_in_message import LIFETIME_S, Site
from chainwallet.store import wallets
from chainwallet.store.account_wallets import OwnWallet
from chainwallet.store.database import Database
from chainwallet.store.wallets import Wallet
from tests.accounts.conftest import NOW_S, SITE, Town
from tests.postgres import on_both

pytestmark = on_both

KEY = "0x" + "46" * 32
ADDRESS = parse_address(EthAccount.from_key(KEY).address)
EXPECTED = """wallet.example wants you to sign in with your Ethereum account:
{address}

Add this address to the account @ana. This moves no money and costs no gas.

URI: https://wallet.example/v1
Version: 1
Chain ID: 31337
Nonce: {nonce}
Issued At: 2027-01-15T08:00:00Z
Expiration Time: 2027-01-15T08:05:00Z"""


@pytest.fixture
def ana(town: Town) -> Caller:
    return town.signed_in()


def signed(text: str, key: str = KEY) -> bytes:
    """As a wallet signs it: an independent implementation of ERC-191."""
    return bytes(EthAccount.sign_message(encode_defunct(text=text), key).signature)


def asked(town: Town, caller: Caller, address: Address = ADDRESS, site: Site = SITE) -> Asked:
    return accounts.ask_for_address(town.accounts, caller, address, site)


def taken(town: Town, caller: Caller, nonce: str, signature: bytes, site: Site = SITE) -> OwnWallet:
    return accounts.take_address(town.accounts, caller, nonce, signature, site)


def names(town: Town, caller: Caller) -> list[str]:
    return [owned.wallet.name for owned in accounts.own_wallets(town.accounts, caller)]


def test_the_whole_text_is_ours(town: Town, ana: Caller) -> None:
    """The text is ERC-4361's, made here to the last letter: domain, address, account, chain, nonce and both times."""
    one = asked(town, ana)
    assert one.text == EXPECTED.format(address=EthAccount.from_key(KEY).address, nonce=one.nonce)
    assert one.expires_at_s - NOW_S == LIFETIME_S <= 300
    assert len(one.nonce) >= 8
    assert one.nonce.isalnum()


def test_a_signed_text_adds_the_address(town: Town, ana: Caller) -> None:
    """The owner's signature adds the address as a wallet that is signed for elsewhere; the handle's wallet stays."""
    one = asked(town, ana)
    owned = taken(town, ana, one.nonce, signed(one.text))
    assert owned.wallet == Wallet("@ana 2", ADDRESS, "external", "person")
    assert not owned.is_default
    assert names(town, ana) == ["@ana", "@ana 2"]


def test_a_text_is_good_once(town: Town, ana: Caller) -> None:
    """The same signature again is refused, and so it is after the address found its way to nobody else."""
    one = asked(town, ana)
    signature = signed(one.text)
    taken(town, ana, one.nonce, signature)
    with pytest.raises(BadValue, match="a challenge that was not answered before"):
        taken(town, ana, one.nonce, signature)
    again = asked(town, ana)
    with pytest.raises(AlreadyExists):
        taken(town, ana, again.nonce, signed(again.text))
    assert names(town, ana) == ["@ana", "@ana 2"]


def test_of_two_at_the_same_time_one_is_answered(town: Town, ana: Caller) -> None:
    """One signature that arrives many times at the same moment adds one wallet."""
    one = asked(town, ana)
    signature, outcomes = signed(one.text), list[object]()

    def take() -> None:
        try:
            outcomes.append(taken(town, ana, one.nonce, signature))
        except (BadValue, AlreadyExists) as error:
            outcomes.append(error)

    threads = [threading.Thread(target=take) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert (len([one for one in outcomes if isinstance(one, OwnWallet)]), len(outcomes)) == (1, 6)


def test_a_text_is_good_for_five_minutes(town: Town, ana: Caller) -> None:
    """A signature that comes after five minutes is refused with the time when it was over."""
    one = asked(town, ana)
    town.clock.time_s += LIFETIME_S
    with pytest.raises(Expired):
        taken(town, ana, one.nonce, signed(one.text))
    assert names(town, ana) == ["@ana"]


def test_somebody_elses_signature_is_refused(town: Town, ana: Caller) -> None:
    """Only the address's own key adds it; then the right signature is still taken."""
    one = asked(town, ana)
    for signature in (signed(one.text, "0x" + "47" * 32), signed(one.text + " "), b"", bytes(65), b"\xff" * 65):
        with pytest.raises(BadSignature):
            taken(town, ana, one.nonce, signature)
    assert names(town, ana) == ["@ana"]
    taken(town, ana, one.nonce, signed(one.text))


def test_somebody_elses_challenge_is_none(town: Town, ana: Caller) -> None:
    """A text that one account was given adds nothing to another, whoever signed it."""
    ben = town.signed_in("ben")
    one = asked(town, ana)
    with pytest.raises(NotFound):
        taken(town, ben, one.nonce, signed(one.text))
    with pytest.raises(NotFound):
        taken(town, ben, "0" * 32, signed(one.text))
    assert names(town, ben) == ["@ben"]


@pytest.mark.parametrize(
    "foreign", [replace(SITE, domain="evil.example"), replace(SITE, chain_id=1), replace(SITE, uri="https://evil/")]
)
def test_a_text_for_another_service_or_chain_is_worth_nothing(town: Town, ana: Caller, foreign: Site) -> None:
    """A signature over a text that names another domain, service or chain adds nothing here."""
    one = asked(town, ana, site=foreign)
    with pytest.raises(BadSignature):
        taken(town, ana, one.nonce, signed(one.text))
    assert names(town, ana) == ["@ana"]


def test_an_address_is_one_accounts(town: Town, ana: Caller, database: Database) -> None:
    """An address that is an account's, or whose key is held here, is not added to another."""
    ben = town.signed_in("ben")
    one = asked(town, ana)
    taken(town, ana, one.nonce, signed(one.text))
    two = asked(town, ben)
    with pytest.raises(AlreadyExists):
        taken(town, ben, two.nonce, signed(two.text))
    other = "0x" + "48" * 32
    managed = Wallet("Cem", parse_address(EthAccount.from_key(other).address), "managed", "person")
    with database.transaction() as tx:
        wallets.add(tx, managed, NOW_S)
    three = asked(town, ben, managed.address)
    with pytest.raises(AlreadyExists):
        taken(town, ben, three.nonce, signed(three.text, other))
    assert names(town, ben) == ["@ben"]


def test_a_name_that_the_operator_gave_stays(town: Town, ana: Caller, database: Database) -> None:
    """An external wallet of this home becomes the account's whose owner signs, under the name it has."""
    with database.transaction() as tx:
        wallets.add(tx, Wallet("Hardware", ADDRESS, "external", "person"), NOW_S)
    one = asked(town, ana)
    taken(town, ana, one.nonce, signed(one.text))
    assert names(town, ana) == ["@ana", "Hardware"]


def test_a_payee_is_a_handle_or_an_address(town: Town, ana: Caller) -> None:
    """A handle stands for its account's first wallet, an address for itself; what is neither is refused by name."""
    (own,) = accounts.own_wallets(town.accounts, ana)
    directory = AccountDirectory(town.accounts.database, Address(b"\x11" * 20))
    for text in ("@Ana", "ana"):
        assert payee_of(directory, text, None) == own.wallet.address
    assert payee_of(directory, EthAccount.from_key(KEY).address, None) == ADDRESS
    assert accounts.own_account(town.accounts, ana).handle == "ana"
    with pytest.raises(NotFound, match="no '@ben' here"):
        payee_of(directory, "@ben", None)
    for text in ("@аna", "0xab", ""):
        with pytest.raises(BadValue, match=r"^payee: "):
            payee_of(directory, text, None)


def test_challenges_and_wallets_are_bounded(town: Town, ana: Caller) -> None:
    """Of an account's open challenges the latest stay, and it has at most so many wallets."""
    first = asked(town, ana)
    for second in range(MOST_OPEN):
        town.clock.time_s = NOW_S + 1 + second
        asked(town, ana)
    with pytest.raises(NotFound):
        taken(town, ana, first.nonce, signed(first.text))
    for number in range(1, MOST_WALLETS + 1):
        key = "0x" + f"{number:064x}"
        one = asked(town, ana, parse_address(EthAccount.from_key(key).address))
        if number < MOST_WALLETS:
            taken(town, ana, one.nonce, signed(one.text, key))
        else:
            with pytest.raises(BadValue, match=f"at most {MOST_WALLETS}"):
                taken(town, ana, one.nonce, signed(one.text, key))
    assert len(names(town, ana)) == MOST_WALLETS


def test_an_app_adds_no_address_and_nobody_the_zero_address(town: Town, ana: Caller) -> None:
    """Addresses are added by whoever signed in with the password; what has no key cannot be added."""
    by_key = town.caller(town.make_key(ana, "app", sorted(ana.scopes)).token)
    with pytest.raises(Forbidden):
        asked(town, by_key)
    one = asked(town, ana)
    with pytest.raises(Forbidden):
        taken(town, by_key, one.nonce, signed(one.text))
    with pytest.raises(BadValue, match=r"^address: "):
        asked(town, ana, ZERO_ADDRESS)
