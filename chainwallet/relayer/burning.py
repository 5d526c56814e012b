"""Burning: what was paid to an issuer for a withdrawal leaves the ledger, once that payment is final and not before.

The burn is queued in the transaction that notes it, under a key that its bank reference gives: killed in between and
started again, the relayer queues it once. The chain accepts the reference once, so it could not burn twice either.
"""

from dataclasses import replace

from chainwallet.abi.calls import call_data
from chainwallet.evm import parse_address
from chainwallet.relayer.tools import Tools
from chainwallet.rules.issue import burn_key
from chainwallet.store import submissions, withdrawals
from chainwallet.store.database import Transaction
from chainwallet.store.withdrawals import Withdrawal

AT_ONCE = 64  # withdrawals whose burns one tick queues


def queue_burns(tools: Tools) -> int:
    """Queues the burns of withdrawals whose payments are final; how many."""
    with tools.database.read() as tx:
        if not withdrawals.to_burn(tx, tools.chain.key, 1):
            return 0
    with tools.database.transaction() as tx:
        due = withdrawals.held_to_burn(tx, tools.chain.key, AT_ONCE)
        for one in due:
            queue_burn(tx, one.withdrawal, one.value, tools.now_s())
    return len(due)


def queue_burn(tx: Transaction, withdrawal: Withdrawal, value: int, now_s: int) -> Withdrawal:
    """The withdrawal with the burn of ``value`` token units that carries it from now on, queued unless it is there."""
    chain, _, address = withdrawal.token.partition("/")
    contract = parse_address(address)
    data = call_data("burn(uint256,bytes32)", value, withdrawal.ref)
    key = burn_key(contract, withdrawal.ref)
    submission_id = submissions.put(tx, chain, key, withdrawal.issuer, contract, data, now_s)
    withdrawals.burn(tx, withdrawal, submission_id)
    return replace(withdrawal, submission_id=submission_id)
