"""How fast payments are signed: digest (EIP-712) and signature, in one process, without a chain or a database.

Times are of the processor, so that other work on the machine does not count; each figure is the median of its runs.
"""

from dataclasses import dataclass
from pathlib import Path
from statistics import median

from chainwallet.abi.typed_data import Domain, Payment
from chainwallet.bench.parts import payee
from chainwallet.bench.timing import processor_s
from chainwallet.evm import Hash32, keccak256
from chainwallet.keys.kek import FileKey
from chainwallet.keys.sealed import SealedKeys
from chainwallet.keys.signer import LocalSigner, Signer

SIGNATURES = 2_000  # in a run
VALID_BEFORE = 2**40
DOMAIN = Domain("chainwallet EUR", "1", 31_337, payee(0))


@dataclass(frozen=True)
class Figures:
    """What `bench sign` prints."""

    signatures_per_s: int
    """By a key in memory."""
    managed_per_s: int
    """By a managed wallet's key, which is opened for each signature and wiped after it."""


def figures(runs: int, directory: Path) -> Figures:
    """Measures each ``runs`` times; the managed key lies in ``directory``, an empty one."""
    local = LocalSigner(keccak256(b"chainwallet bench: who signs"))
    keys = SealedKeys(directory / "keys", FileKey.create(directory / "kek"))
    managed = keys.signer(keys.create("wallet"))
    return Figures(_per_s(local, runs), _per_s(managed, runs))


def _per_s(signer: Signer, runs: int) -> int:
    documents = [
        Payment(signer.address, payee(number), 1 + number, Hash32(keccak256(b"%d" % number)), number, VALID_BEFORE)
        for number in range(SIGNATURES)
    ]

    def sign_all() -> None:
        for document in documents:
            signer.sign(document, DOMAIN)

    return int(SIGNATURES / median(processor_s(sign_all) for _ in range(runs)))
