"""What carrying payments really cost: the gas of batches that are final."""

from sqlalchemy import func, select

from chainwallet.rules.quote import Carried
from chainwallet.store.database import Transaction
from chainwallet.store.schema import promises, submissions

BATCHES = 16  # the latest that are looked at


def carried_lately(tx: Transaction, chain: str) -> Carried | None:
    """What the latest final batches on ``chain`` used, and for how many payments; None where there are none."""
    is_batch = (submissions.c.chain == chain) & (submissions.c.kind == "payments") & (submissions.c.stage == "final")
    latest = select(submissions.c.id, submissions.c.gas_used).where(is_batch)
    batches = {row.id: row.gas_used for row in tx.execute(latest.order_by(submissions.c.id.desc()).limit(BATCHES))}
    if not batches:
        return None
    is_paid = promises.c.submission_id.in_(list(batches)) & promises.c.stage.in_(("executed", "final"))
    rows = tx.execute(select(promises.c.submission_id, func.count()).where(is_paid).group_by(promises.c.submission_id))
    paid = {row[0]: int(row[1]) for row in rows}
    carried = Carried(sum(batches[number] for number in paid), sum(paid.values()))
    return carried if carried.payments else None
