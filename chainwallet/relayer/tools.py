"""What all parts of the relayer work with."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

from chainwallet.config import Limits
from chainwallet.evm import Address, ChainName
from chainwallet.keys.signer import Signer, TransactionSigner
from chainwallet.rpc import Blocks, Node
from chainwallet.rules.fees import WEI_PER_GWEI
from chainwallet.rules.submission import Patience
from chainwallet.store.database import Database

DEFAULT_CONFIRMATIONS = 5


@dataclass(frozen=True)
class Tools:
    """One process's way to one chain.

    ``senders`` are the keys whose transactions it may sign; those of ``carriers`` carry payments, and nobody outside
    this installation has the keys of ``own``. ``payers`` gives the signer of a managed wallet, None for any other
    account, and ``managed`` all such wallets. ``clock_s`` gives seconds since 1970, ``monotonic_s`` seconds that only
    grow, ``sleep_s`` waits.
    """

    database: Database
    node: Node
    chain: ChainName
    senders: Mapping[Address, TransactionSigner]
    carriers: frozenset[Address]
    own: frozenset[Address]
    payers: Callable[[Address], Signer | None]
    managed: Callable[[], Collection[Address]]
    limits: Limits
    clock_s: Callable[[], float]
    monotonic_s: Callable[[], float]
    sleep_s: Callable[[float], None]

    @property
    def blocks(self) -> Blocks:
        """The node's blocks."""
        return Blocks(self.node)

    @property
    def confirmations(self) -> int:
        """How deep is final."""
        return self.limits.confirmations or DEFAULT_CONFIRMATIONS

    @property
    def patience(self) -> Patience:
        """How long is long."""
        return Patience(self.confirmations, self.limits.resend_after_s, self.limits.bump_after_s)

    @property
    def fee_cap_wei(self) -> int:
        """The most that a transaction offers for a unit of gas."""
        return self.limits.fee_cap_gwei * WEI_PER_GWEI

    def now_s(self) -> int:
        """Whole seconds since 1970."""
        return int(self.clock_s())
