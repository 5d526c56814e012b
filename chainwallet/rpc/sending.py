"""What became of signed bytes, from the answers of the nodes that they were offered to."""

from collections.abc import Sequence
from typing import TypeGuard, assert_never

from chainwallet.evm import keccak256, to_hex
from chainwallet.rpc.answers import SendAnswer, Sent, meaning_of_send
from chainwallet.rpc.wire import Answer, Failure, Garbled, NoAnswer, Result

TAKEN_OR_MINED = {SendAnswer.ACCEPTED, SendAnswer.ALREADY_KNOWN, SendAnswer.NONCE_TOO_LOW}


def meaning(raw: bytes, answers: Sequence[Answer]) -> Sent:
    """What the ``answers`` to ``raw`` mean together, in the order in which they were given.

    Where one node may have taken the bytes, another one's refusal does not tell that none has: it stays unknown.
    """
    said = [_meaning_of_one(raw, answer) for answer in answers]
    last = said[-1]
    may_be_taken = [
        sent
        for sent, answer in zip(said, answers, strict=True)
        if sent.answer is SendAnswer.UNKNOWN and not (isinstance(answer, NoAnswer) and answer.never_sent)
    ]
    if last.answer in TAKEN_OR_MINED or not may_be_taken:
        return last
    return Sent(SendAnswer.UNKNOWN, "; ".join(dict.fromkeys(sent.reason for sent in [*may_be_taken, last])))


def is_settled(answer: Answer) -> bool:
    """Whether no other node needs to be offered the bytes: this one took them, or says what is wrong with them."""
    return isinstance(answer, Result) or (
        isinstance(answer, Failure) and meaning_of_send(answer.message) is not SendAnswer.UNKNOWN
    )


def is_unsent(answers: Sequence[Answer]) -> TypeGuard[Sequence[NoAnswer]]:
    """Whether no node can have the bytes."""
    return all(isinstance(answer, NoAnswer) and answer.never_sent for answer in answers)


def _meaning_of_one(raw: bytes, answer: Answer) -> Sent:
    match answer:
        case Result(value):
            expected = to_hex(keccak256(raw))
            if isinstance(value, str) and value.lower() == expected:
                return Sent(SendAnswer.ACCEPTED, expected)
            return Sent(SendAnswer.UNKNOWN, f"answered another hash than {expected}")
        case Failure(code, message):
            return Sent(meaning_of_send(message), f"{message} (code {code})")
        case NoAnswer(reason) | Garbled(_, reason):
            return Sent(SendAnswer.UNKNOWN, reason)
    assert_never(answer)
