"""What a lost database forgot: every document that a wallet may have signed is made useless on the chain.

A window nonce was handed out only as far as the contract would slide the window in one step from where it stands, and
cancelling all nonces up to there kills them. A wide nonce follows from the payment's name, so the same payment asked
for again gets the same one: the two documents can never both be carried out.
"""

from collections.abc import Sequence

from chainwallet.abi.calls import call_data
from chainwallet.abi.domain import domain_of
from chainwallet.abi.typed_data import CancelNonces
from chainwallet.evm import Address, checksum
from chainwallet.promises import account_state
from chainwallet.relayer import Tools
from chainwallet.rules.cash import Cash
from chainwallet.rules.submission import CANCEL, Conflict, Deliver, Failed
from chainwallet.rules.window import MAX_SLIDE, WIDTH
from chainwallet.store import submissions

STEPS = (MAX_SLIDE, MAX_SLIDE + WIDTH)
"""How far above the window's base nonces may have been handed out, in steps that the contract takes."""


def cancel_forgotten(tools: Tools, deliver: Deliver, ledgers: Sequence[Cash], relayer: Address, now_s: int) -> int:
    """Has every managed wallet cancel all its window nonces on ``ledgers`` that may be under way; how many wallets."""
    payers = sorted(tools.managed())
    for cash in ledgers:
        bases = {payer: account_state(tools.node, cash, payer).window_base for payer in payers}
        for step in STEPS:
            deliver([_cancel(tools, cash, payer, bases[payer] + step, relayer, now_s) for payer in payers])
    return len(payers)


def _cancel(tools: Tools, cash: Cash, payer: Address, up_to: int, relayer: Address, now_s: int) -> int:
    signer = tools.payers(payer)
    assert signer is not None  # noqa: S101 - the caller named wallets whose keys are here
    valid_before = max(now_s, tools.node.block("latest").timestamp_s) + tools.limits.lifetime_s
    signature = signer.sign(CancelNonces(payer, up_to, valid_before), domain_of(cash))
    data = call_data("cancelNonces(address,uint256,uint256,bytes)", payer, up_to, valid_before, signature)
    key = f"{CANCEL}{checksum(cash.address)}:{checksum(payer)}:below {up_to}"
    with tools.database.transaction() as tx:
        known = submissions.by_key(tx, cash.chain.key, key)  # of an earlier run, with another time in it
        if known is not None and not isinstance(known.stage, Failed | Conflict):
            return known.id
        return submissions.put(tx, cash.chain.key, key, relayer, cash.address, data, now_s)
