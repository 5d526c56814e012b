"""The ledger that a row of transfers makes: what an auditor computes from events alone."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from chainwallet.errors import HistoryMismatch
from chainwallet.evm import ZERO_ADDRESS, Address, checksum


@dataclass
class Ledger:
    """Balances and supply in token units, folded from transfers in their order on the chain."""

    balances: dict[Address, int] = field(default_factory=dict)
    supply: int = 0

    def apply(self, payer: Address, payee: Address, value: int) -> None:
        """Takes in one transfer; the zero address creates and destroys (ERC-20).

        Raises ``HistoryMismatch`` where the payer would go below zero: the row of transfers is not complete.
        """
        if payer == ZERO_ADDRESS:
            self.supply += value
        else:
            self.balances[payer] = self.balances.get(payer, 0) - value
            if self.balances[payer] < 0:
                raise HistoryMismatch(
                    f"balance of {checksum(payer)} by events", "at least 0", str(self.balances[payer])
                )
        if payee == ZERO_ADDRESS:
            self.supply -= value
        else:
            self.balances[payee] = self.balances.get(payee, 0) + value


def differences(rebuilt: Ledger, balances: dict[Address, int], supply: int) -> Iterable[HistoryMismatch]:
    """Every figure in which the chain's own ``balances`` and ``supply`` differ from what the events rebuilt."""
    if rebuilt.supply != supply:
        yield HistoryMismatch("total supply by events", str(supply), str(rebuilt.supply))
    if sum(rebuilt.balances.values()) != rebuilt.supply:
        yield HistoryMismatch("sum of balances by events", str(rebuilt.supply), str(sum(rebuilt.balances.values())))
    for address in sorted({*balances, *rebuilt.balances}):
        expected, found = balances.get(address, 0), rebuilt.balances.get(address, 0)
        if expected != found:
            yield HistoryMismatch(f"balance of {checksum(address)} by events", str(expected), str(found))
