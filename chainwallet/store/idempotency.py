"""What was answered to requests with a key of the client's own, so that asking again is answered alike.

Keys are an account's own, and are forgotten a day after. What is stored here is read by whoever reads the database:
an answer that holds a secret is stored without its text.
"""

from dataclasses import dataclass

from sqlalchemy import ColumnElement, and_, delete, insert, or_, select

from chainwallet.store.database import Transaction
from chainwallet.store.locks import free_rows, take_turns
from chainwallet.store.schema import idempotent_answers as answers

LIFETIME_S = 86_400
SWEPT_AT_ONCE = 8
"""So many that are over are removed with each that is stored: more than come in, however many there are."""


@dataclass(frozen=True)
class Answered:
    """The request that came under a key, by its SHA-256 in hex, and the answer to it; None where that was a secret."""

    request_hash: str
    answer: str | None


def find(tx: Transaction, account: str, key: str, now_s: int) -> Answered | None:
    """What was answered to ``account`` under ``key`` within the last day.

    From here to its end ``tx`` is alone with this key: who comes meanwhile waits, and finds what ``tx`` stored.
    """
    take_turns(tx, "idempotency", account, key)
    fresh = _is(account, key) & (answers.c.made_at_s > now_s - LIFETIME_S)
    row = tx.execute(select(answers.c.request_hash, answers.c.answer).where(fresh)).one_or_none()
    return Answered(row.request_hash, row.answer) if row else None


def keep(tx: Transaction, account: str, key: str, answered: Answered, now_s: int) -> None:
    """Stores what is ``answered`` under ``key``, which ``find`` did not find, and removes some that are over."""
    over = answers.c.made_at_s <= now_s - LIFETIME_S
    oldest = select(answers.c.account, answers.c.key).where(over).order_by(answers.c.made_at_s).limit(SWEPT_AT_ONCE)
    swept = [_is(row.account, row.key) for row in tx.execute(free_rows(oldest, answers))]
    tx.execute(delete(answers).where(or_(_is(account, key), *swept)))
    row = {"account": account, "key": key, "request_hash": answered.request_hash, "answer": answered.answer}
    tx.execute(insert(answers).values(**row, made_at_s=now_s))


def _is(account: str, key: str) -> ColumnElement[bool]:
    return and_(answers.c.account == account, answers.c.key == key)
