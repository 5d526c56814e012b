"""One node, one chain: every new connection says which chain it leads to before it is used for anything."""

import threading

from chainwallet.errors import WrongChain
from chainwallet.evm import ChainName, Hash32, to_hex
from chainwallet.rpc import shapes
from chainwallet.rpc.answers import ReadAnswer, meaning_of_read
from chainwallet.rpc.connection import Trouble
from chainwallet.rpc.wire import Answer, Ask, Failure, Garbled, NoAnswer, NotANode, Result


class ChainPin:
    """The chain that every connection of a ``Node`` must lead to: ``expected``, or the first that one led to.

    The EIP-155 id is compared always, the hash of block 0 where the node gives it.
    """

    def __init__(self, expected: ChainName | None) -> None:
        self._chain_id = expected.chain_id if expected else None
        self._genesis = expected.genesis if expected else None
        self._lock = threading.Lock()

    def greet(self, ask: Ask) -> None:
        """Asks over a new connection; raises ``WrongChain`` where it leads to another chain than those before it,
        ``Trouble`` where no answer came and ``NotANode`` where it cannot be understood.
        """
        chain_id = _chain_id(ask("eth_chainId", []))
        genesis = _genesis(ask("eth_getBlockByNumber", ["0x0", False]))
        with self._lock:
            if self._chain_id not in (None, chain_id):
                raise WrongChain("chain id", str(self._chain_id), str(chain_id))
            if genesis and self._genesis not in (None, genesis):
                raise WrongChain("genesis", to_hex(self._genesis or b""), to_hex(genesis))
            self._chain_id = chain_id
            self._genesis = self._genesis or genesis


def _chain_id(answer: Answer) -> int:
    _check_answered(answer)
    match answer:
        case Result(value):
            try:
                return shapes.quantity(value)
            except shapes.Misshapen as error:
                raise NotANode(Garbled(0, str(error))) from None
        case Failure(code, message):
            raise NotANode(Garbled(code, f"does not tell its chain id: {message}"))
        case Garbled():
            raise NotANode(answer)
    raise AssertionError("unreachable: no answer was refused above")


def _genesis(answer: Answer) -> Hash32 | None:
    """The hash of block 0; None where the node has it no more."""
    _check_answered(answer)
    if not isinstance(answer, Result):
        return None
    try:
        return shapes.hash32(shapes.fields(answer.value).get("hash"))
    except shapes.Misshapen:
        return None


def _check_answered(answer: Answer) -> None:
    """Nothing was sent over this connection yet but questions of ours."""
    if isinstance(answer, NoAnswer):
        raise Trouble(answer.reason, never_sent=True, retry_after_s=answer.retry_after_s)
    if isinstance(answer, Failure) and meaning_of_read(answer.code, answer.message) is ReadAnswer.BUSY:
        raise Trouble(answer.message, never_sent=True, retry_after_s=answer.retry_after_s)
