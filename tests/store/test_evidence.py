"""What the facts prove about many promises at once is what they prove about each alone."""

import random
from collections import Counter

import pytest
from sqlalchemy import text

from chainwallet.rules.promise import Canceled, Queued, Stage
from chainwallet.rules.window import NONCE_END, WIDTH, Free
from chainwallet.store import evidence, facts, promises
from chainwallet.store.database import Database
from tests.postgres import on_both
from tests.store.rows import ANA, AT, BEN, CASH, fact, promise

pytestmark = on_both
KINDS = ("Paid", "Consented", "AuthorizationUsed", "AuthorizationCanceled", "NoncesCanceled", "Approval")
NONCES = (0, 1, 5, 30, WIDTH - 1, WIDTH, WIDTH + 1, WIDTH + 30, 3 * WIDTH, NONCE_END + 5)
ROUNDS = 60


@pytest.mark.parametrize("seed", range(3))
def test_nonces_are_gone_together_as_each_is_alone(database: Database, seed: int) -> None:
    """A nonce that was used, cancelled or outrun by the final block, and no other, is gone; also of a canceled one."""
    dice = random.Random(seed)  # noqa: S311 - the same in every run
    seen = Counter[bool]()
    stages: tuple[Stage, ...] = (Queued(), Canceled()) * 5
    with database.transaction() as tx:
        numbers = [promise(tx, nonce, stage) for nonce, stage in zip(NONCES, stages, strict=True)]
        some = promises.every(tx, numbers)
        for _ in range(ROUNDS):
            tx.execute(text("SAVEPOINT round"))
            for at in dice.sample(range(14, 19), dice.randint(0, 5)):  # the blocks around the final one
                fact(tx, dice.choice(KINDS), at, dice.choice(NONCES), dice.choice((ANA, BEN)), dice.choice((None, 50)))
            found = evidence.of_promises(tx, CASH, some, AT)
            fates = [facts.nonce_fate(tx, CASH, ANA, nonce, AT.final_block) for nonce in NONCES]
            tx.execute(text("ROLLBACK TO SAVEPOINT round"))
            gone = [fate != Free() for fate in fates]
            assert [bool(found[number].nonce_gone) for number in numbers] == gone
            seen.update(gone)
    assert min(seen[True], seen[False]) > ROUNDS // 4
