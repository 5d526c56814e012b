"""What all parts of clearing work with."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from chainwallet.errors import BadValue, NotFound
from chainwallet.evm import Address
from chainwallet.keys.signer import Signer
from chainwallet.payments import Desk
from chainwallet.store.database import Database


@dataclass(frozen=True)
class Tools:
    """The ledgers of one chain, by the currency's code, and ``relayer``, who alone may deliver a settlement.

    ``signer_of`` gives None for an account whose key is elsewhere; ``new_id`` an id that nothing else has.
    """

    database: Database
    desks: Mapping[str, Desk]
    relayer: Address
    signer_of: Callable[[Address], Signer | None]
    new_id: Callable[[], str]
    clock_s: Callable[[], float]

    def now_s(self) -> int:
        """Whole seconds since 1970."""
        return int(self.clock_s())

    def desk(self, currency: str) -> Desk:
        """The ledger of ``currency``. Raises ``BadValue`` for one that has none here."""
        found = self.desks.get(currency)
        if found is None:
            raise BadValue("currency", currency, f"one that has a ledger here: {', '.join(sorted(self.desks))}")
        return found

    def desk_at(self, token: str) -> Desk:
        """The ledger ``token``. Raises ``NotFound`` for one of another chain, or one that is not deployed any more."""
        found = self.find_desk(token)
        if found is None:
            raise NotFound("ledger", token, "it is not on the chain that is served here")
        return found

    def find_desk(self, token: str) -> Desk | None:
        """As ``desk_at``; None where there is none."""
        return next((desk for desk in self.desks.values() if desk.cash.token == token), None)
