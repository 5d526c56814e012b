"""Burning: what was paid to an issuer for a withdrawal leaves the ledger, once that payment is final and not before.

The burn is queued in the transaction that notes it, under a key that its bank reference gives: killed in between and
started again, the relayer queues it once. The chain accepts the reference once, so it could not burn twice either.
"""

from chainwallet.abi.calls import call_data
from chainwallet.evm import parse_address
from chainwallet.relayer.tools import Tools
from chainwallet.rules.issue import burn_key
from chainwallet.store import submissions, withdrawals

AT_ONCE = 64  # withdrawals whose burns one tick queues


def queue_burns(tools: Tools) -> int:
    """Queues the burns of withdrawals whose payments are final; how many."""
    with tools.database.read() as tx:
        if not withdrawals.to_burn(tx, tools.chain.key, 1):
            return 0
    with tools.database.transaction() as tx:
        due = withdrawals.held_to_burn(tx, tools.chain.key, AT_ONCE)
        for one in due:
            contract = parse_address(one.withdrawal.token.partition("/")[2])
            data = call_data("burn(uint256,bytes32)", one.value, one.withdrawal.ref)
            key = burn_key(contract, one.withdrawal.ref)
            issuer, now_s = one.withdrawal.issuer, tools.now_s()
            submission_id = submissions.put(tx, tools.chain.key, key, issuer, contract, data, now_s)
            withdrawals.burn(tx, one.withdrawal, submission_id)
    return len(due)
