"""Teller and office as the service has them, on a chain of their own: accounts, keys, ledgers, worker, all real."""

from pathlib import Path

from chainwallet import deployment
from chainwallet.assembly import now_s, office, teller, throwaway_chain
from chainwallet.config import Config
from chainwallet.payments import Wish
from chainwallet.rules import promise
from chainwallet.rules.issue import AwaitsPayment, Final, UnderWay
from chainwallet.rules.money import currency_of, parse_money

EUR = currency_of("EUR")
PASSWORD = "seven geese walk to Porto"


def test_money_comes_in_is_paid_on_and_goes_out(tmp_path: Path, anvil_binary: Path) -> None:
    """Two new accounts: one is topped up and pays the other by handle, who withdraws what came in."""
    with throwaway_chain(Config(home=tmp_path, anvil=anvil_binary)) as (connection, _):
        opened = connection.opened
        deliver, manifests = connection.relayer.deliver, opened.home.manifests
        deployment.deploy(connection.node, opened.database, deliver, manifests, connection.roles, [EUR], now_s())
        sign_up = opened.wallets.open_account
        accounts = [sign_up(opened.accounts, handle, PASSWORD, "192.0.2.1") for handle in ("ana", "ben")]
        worker, till, issuing = connection.worker, teller(connection), office(connection)
        ana, ben = till.directory.wallets_of([account.id for account in accounts]).values()
        worker.catch_up()

        def settle() -> None:
            while worker.tick():
                pass

        asked = issuing.top_up("RF18-1", "@ana", parse_money("10", EUR), "iris")
        assert isinstance(asked.stage, UnderWay)
        settle()
        assert isinstance(issuing.find_topup("RF18-1", None).stage, Final)
        paid = till.pay(ana[0], ana, Wish("order-1", "@ben", parse_money("7.50", EUR), "tickets"))
        settle()
        assert isinstance(till.find(ana, "order-1").stage, promise.Final)
        assert paid.payee == ben[0]
        till.pay(ben[0], ben, Wish("out-1", "@issuer", parse_money("7.50", EUR)))
        out = issuing.withdraw("OUT-1", "@ben", "out-1", parse_money("7.50", EUR), "iris")
        assert isinstance(out.stage, AwaitsPayment)
        settle()
        assert isinstance(issuing.find_withdrawal("OUT-1", "EUR").stage, Final)
        assert till.quote(ana[0], "@ben", parse_money("1", EUR)).relayer.basis == "measured"
