"""A node, asked over JSON-RPC and answering in nouns of ``chainwallet.evm``."""

import time
from collections.abc import Callable, Sequence
from functools import partial
from statistics import median_low
from typing import Literal, NamedTuple, Self, TypeVar, assert_never

from chainwallet.errors import MethodMissing, NodeRefused, NodeUnreachable, Reverted, StateMissing
from chainwallet.evm import (
    Address,
    Block,
    BlockNumber,
    ChainName,
    FeeHistory,
    Hash32,
    Log,
    Receipt,
    Simulation,
    Transaction,
    Wei,
)
from chainwallet.proofs.block import ToldBlock
from chainwallet.rpc import sealed, sending, shapes, simulation
from chainwallet.rpc.address import urls_in
from chainwallet.rpc.answers import ReadAnswer, Sent, meaning_of_read
from chainwallet.rpc.chain_pin import ChainPin
from chainwallet.rpc.endpoints import Endpoints, Limits
from chainwallet.rpc.wire import Answer, Call, Failure, Garbled, NoAnswer, Result

TIMEOUT_S = 10.0
QUESTION_S = 30.0
ATTEMPTS = 3
DUMP_TIMEOUT_S = 120.0
MOST_DUMP_BYTES = 2**31
LOG_REQUESTS_LIMIT = 10_000
"""Most requests that one ``logs`` makes when the node takes only narrow ranges."""
FEE_HISTORY_BLOCKS = 10
BASE_FEE_ROOM = 2  # six full blocks in a row, each raising the base fee by 1/8 (EIP-1559)
MIN_TIP_WEI = 1  # geth txpool pricelimit
NO_CODE = 0  # stands for a JSON-RPC code where the node gave none

BlockTag = Literal["latest", "finalized", "safe", "pending", "earliest"]
At = BlockNumber | int | BlockTag
T = TypeVar("T")


class Fees(NamedTuple):
    """EIP-1559 fees for a new transaction."""

    max_fee_per_gas_wei: Wei
    max_priority_fee_per_gas_wei: Wei


class Node:
    """The node at ``url``, or several that stand for one chain in the order of preference; threads may share it.

    Several are a list, or a text that separates them by commas.

    Every exchange with a node is over within ``timeout_s``, every question within ``question_s``, with at most
    ``attempts`` rounds through the nodes; a batch has ``question_s`` for each 100 of its questions. Only reads are
    asked again. With several nodes, two questions may be answered by two of them: what must fit together is asked by
    block number and compared by hash.

    Every method may raise ``NodeUnreachable`` (no answer after all that), ``NodeRefused`` (a JSON-RPC error, or an
    answer of another shape than the method's; ``MethodMissing`` and ``StateMissing`` where the node does not offer the
    method or does not have the state) and ``WrongChain``: each new connection is asked for its chain id and genesis
    first, which must be those of ``chain``, or of the first connection.

    The constructor makes no connection; it raises ``BadValue`` of field ``rpc`` for an address that is not http or
    https.
    """

    def __init__(
        self,
        url: str | Sequence[str],
        timeout_s: float = TIMEOUT_S,
        attempts: int = ATTEMPTS,
        chain: ChainName | None = None,
        *,
        question_s: float = QUESTION_S,
        sleep_s: Callable[[float], None] = time.sleep,
    ) -> None:
        urls = urls_in(url) if isinstance(url, str) else list(url)
        assert attempts >= 1  # noqa: S101 - a programmer's promise, not input
        assert urls  # noqa: S101 - as above
        self._urls = urls
        self._endpoints = Endpoints(urls, Limits(timeout_s, question_s, attempts), ChainPin(chain), sleep_s)
        self.shown_url = self._endpoints.shown
        """The addresses without anything that may be secret."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def hurried(self, chain: ChainName, timeout_s: float) -> "Node":
        """Another way to the same nodes, of ``chain``: every question is asked once, and over within ``timeout_s``."""
        return Node(self._urls, timeout_s, 1, chain, question_s=timeout_s)

    def close(self) -> None:
        """Close the connections. The node may be asked again."""
        self._endpoints.close()

    @property
    def answered_by(self) -> str:
        """The address of the node that answered last, without anything that may be secret."""
        return self._endpoints.answered_by.shown

    def distrust(self) -> None:
        """Ask other nodes first for a while, where there are any: the one that answered last told something false."""
        self._endpoints.answered_by.set_aside()

    @property
    def unreachable_since_s(self) -> float | None:
        """Seconds since 1970 of the first question that no node answered; None when the last one was answered."""
        return self._endpoints.unreachable_since_s

    def chain_id(self) -> int:
        """The EIP-155 chain id."""
        return self._read("eth_chainId", shapes.quantity)

    def client_version(self) -> str:
        """The node's own name and version."""
        return self._read("web3_clientVersion", shapes.text)

    def block_number(self) -> BlockNumber:
        """The head's number."""
        return BlockNumber(self._read("eth_blockNumber", shapes.quantity))

    def block(self, at: At) -> Block:
        """The header at a number or tag (see ``find_block``); raises ``StateMissing`` when there is no such block."""
        found = self.find_block(at)
        if found is None:
            raise StateMissing("eth_getBlockByNumber", NO_CODE, f"it has no block {at}")
        return found

    def find_block(self, at: At) -> Block | None:
        """The header at a number or tag; None when the node has no such block: not yet, not any more, or never.

        "finalized" and "safe" are what the node says of its own chain: after the merge what consensus has justified; on
        Anvil the head's number less 64 and 32, and block 0 while there are fewer; a chain without finality, such as
        ``geth --dev``, has none. "pending" is the block that the node would build now; geth tells no hash of it, and
        such a block is refused. Whether a block is final in the sense of this package is for the configured
        confirmations to say, by the hash.
        """
        answer = self._ask("eth_getBlockByNumber", _at(at), False)
        if _meaning(answer) is ReadAnswer.NO_STATE or answer == Result(None):
            return None
        return self._parsed("eth_getBlockByNumber", answer, shapes.block)

    def told_block(self, at: At | Hash32) -> ToldBlock:
        """The block at a number, tag or hash with every field that its hash commits to, unchecked.

        Raises ``NodeRefused`` when the node has no such block.
        """
        if isinstance(at, bytes):
            method, name = "eth_getBlockByHash", shapes.hexed(at)
        else:
            method, name = "eth_getBlockByNumber", _at(at)
        found = self._read(method, sealed.told_block, name, False)
        if found is None:
            raise NodeRefused(method, NO_CODE, f"there is no block {name}")
        return found

    def genesis_hash(self) -> Hash32:
        """The hash of block 0, which with the chain id names a chain."""
        return self.block(0).hash

    def code(self, address: Address, at: At = "latest") -> bytes:
        """The code at ``address``, empty for an account without code."""
        return self._read("eth_getCode", shapes.data, shapes.hexed(address), _at(at))

    def balance_wei(self, address: Address, at: At = "latest") -> Wei:
        """The ETH of ``address``."""
        return Wei(self._read("eth_getBalance", shapes.quantity, shapes.hexed(address), _at(at)))

    def transaction_count(self, address: Address, at: At = "latest") -> int:
        """The next nonce of ``address``; at "pending" those in the node's pool are counted."""
        return self._read("eth_getTransactionCount", shapes.quantity, shapes.hexed(address), _at(at))

    def call(self, to: Address | None, data: bytes, sender: Address | None = None, at: At = "latest") -> bytes:
        """What calling ``to`` with ``data`` would return; raises ``Reverted`` with the raw revert data."""
        return self._execute("eth_call", shapes.data, _call(to, data, sender, 0), _at(at))

    def call_many(self, to: Address, datas: Sequence[bytes], block: Hash32) -> tuple[bytes, ...]:
        """What calling ``to`` with each of ``datas`` would return at the block with this hash, asked in batches.

        Raises ``NodeRefused`` for a call that fails, and where the node has the block or its state no more.
        """
        at = {"blockHash": shapes.hexed(block)}  # EIP-1898
        return tuple(self.read_many("eth_call", [(_call(to, data, None, 0), at) for data in datas], shapes.data))

    def estimate_gas(self, sender: Address, to: Address | None, data: bytes, value_wei: int = 0) -> int:
        """Gas that the transaction would need at the head; raises ``Reverted`` when it would fail."""
        return self._execute("eth_estimateGas", shapes.quantity, _call(to, data, sender, value_wei))

    def simulate(
        self,
        sender: Address,
        to: Address | None,
        data: bytes,
        at: At = "latest",
        *,
        gas_limit: int | None = None,
        timestamp_s: int | None = None,
    ) -> Simulation:
        """What the transaction would do on top of the block ``at``, fees aside.

        It runs at the time of that block, or at ``timestamp_s``, which must not be earlier (seconds since 1970). A
        node without ``eth_simulateV1`` is asked by ``eth_call``: then ``timestamp_s`` has no effect, and neither gas
        nor logs are known.
        """
        call = _call(to, data, sender, 0)
        if gas_limit is not None:
            call["gas"] = hex(gas_limit)
        answer = self._ask("eth_simulateV1", *simulation.question(call, _at(at), timestamp_s))
        if _meaning(answer) is not ReadAnswer.NO_METHOD:
            return self._parsed("eth_simulateV1", answer, simulation.answer)
        try:
            returned = self._execute("eth_call", shapes.data, call, _at(at))
        except Reverted as refusal:
            return Simulation(succeeded=False, returned=refusal.data, reason=refusal.reason, gas_used=None, logs=None)
        return Simulation(succeeded=True, returned=returned, reason="", gas_used=None, logs=None)

    def fee_history(self, blocks: int = FEE_HISTORY_BLOCKS, percentile: int = 50) -> FeeHistory:
        """The fees of the newest ``blocks`` (the node may give fewer), with the tips at a percentile of their gas."""
        return self._read("eth_feeHistory", shapes.fee_history, hex(blocks), "latest", [percentile])

    def fees(self) -> Fees:
        """Fees that stay acceptable while the base fee at most doubles, with the middle of the tips paid lately.

        Blocks that paid no tip, most of them empty, say nothing about what a tip must be and are left out.
        """
        history = self.fee_history()
        tip_wei = median_low([tip for tip in history.tips_per_gas_wei if tip] or [MIN_TIP_WEI])
        return Fees(Wei(BASE_FEE_ROOM * history.next_base_fee_per_gas_wei + tip_wei), Wei(tip_wei))

    def receipt(self, tx: Hash32) -> Receipt | None:
        """The receipt of ``tx``, or None while it is not in a block that the node knows."""
        return self._read("eth_getTransactionReceipt", shapes.receipt, shapes.hexed(tx))

    def transaction(self, tx: Hash32) -> tuple[Transaction, bytes] | None:
        """The signed EIP-1559 transaction that the node has under ``tx``, as it tells it: its hash is not checked.

        None where it has none, and for another kind of transaction or one with an access list.
        """
        return self._read("eth_getTransactionByHash", shapes.signed_transaction, shapes.hexed(tx))

    def account_proof(self, address: Address, at: BlockNumber) -> tuple[bytes, ...]:
        """The nodes that prove the account of ``address`` in the state after block ``at`` (EIP-1186), unchecked."""
        return self._read("eth_getProof", shapes.account_proof, shapes.hexed(address), [], _at(at))

    def receipts(self, txs: Sequence[Hash32], topic: Hash32 | None = None) -> tuple[Receipt | None, ...]:
        """``receipt`` of each of ``txs``, in one batch; with ``topic``, only those of their logs that have it first."""
        parse = partial(shapes.receipt, topic=topic)
        return tuple(self.read_many("eth_getTransactionReceipt", [[shapes.hexed(tx)] for tx in txs], parse))

    def transaction_counts(self, addresses: Sequence[Address], at: At = "latest") -> tuple[int, ...]:
        """``transaction_count`` of each of ``addresses``, in one batch; blocks may pass between two of them."""
        asked = [[shapes.hexed(address), _at(at)] for address in addresses]
        return tuple(self.read_many("eth_getTransactionCount", asked, shapes.quantity))

    def balances_wei(self, addresses: Sequence[Address], at: At = "latest") -> tuple[Wei, ...]:
        """``balance_wei`` of each of ``addresses``, in one batch; blocks may pass between two of them."""
        asked = [[shapes.hexed(address), _at(at)] for address in addresses]
        return tuple(Wei(balance) for balance in self.read_many("eth_getBalance", asked, shapes.quantity))

    def logs(
        self, address: Address, from_block: int, to_block: int, topics: shapes.Topics | None = None
    ) -> tuple[Log, ...]:
        """The logs of ``address`` in the blocks ``from_block`` to ``to_block``, both included, in order.

        A range that the node finds too wide is asked in narrower ones, at most ``LOG_REQUESTS_LIMIT`` of them.
        """
        found: list[Log] = []
        start, width = from_block, to_block - from_block + 1
        for _ in range(LOG_REQUESTS_LIMIT):
            if start > to_block:
                return tuple(found)
            end = min(start + width - 1, to_block)
            wanted = {"address": shapes.hexed(address), "fromBlock": hex(start), "toBlock": hex(end)}
            if topics is not None:
                wanted["topics"] = shapes.topics(topics)  # type: ignore[assignment]
            answer = self._ask("eth_getLogs", wanted)
            is_too_large = isinstance(answer, Garbled) and answer.is_too_large
            if (is_too_large or _meaning(answer) is ReadAnswer.TOO_MUCH) and width > 1:
                width = (min(width, end - start + 1) + 1) // 2
                continue
            found.extend(self._parsed("eth_getLogs", answer, shapes.logs))
            start = end + 1
        raise NodeRefused("eth_getLogs", NO_CODE, f"more than {LOG_REQUESTS_LIMIT} requests for one range")

    def send_raw(self, raw: bytes) -> Sent:
        """Hand over a signed transaction and say what the node's answer means.

        Raises ``NodeUnreachable`` only when no connection was made, so that nothing was sent by this call.
        """
        return self.send_raw_many([raw])[0]

    def send_raw_many(self, raws: Sequence[bytes]) -> tuple[Sent, ...]:
        """``send_raw`` of each of ``raws`` in their order, in batches.

        Raises ``NodeUnreachable`` only when nothing at all was sent by this call; where some were, those that were not
        are ``UNKNOWN`` like those that got no answer.
        """
        calls = [("eth_sendRawTransaction", [shapes.hexed(raw)]) for raw in raws]
        told = self._endpoints.send(calls, sending.is_settled)
        unsent = [answers[-1] for answers in told if sending.is_unsent(answers)]
        if unsent and len(unsent) == len(raws):
            raise NodeUnreachable(self.shown_url, unsent[0].reason)
        return tuple(sending.meaning(raw, answers) for raw, answers in zip(raws, told, strict=True))

    def ask_many(self, calls: Sequence[Call]) -> tuple[Answer, ...]:
        """The node's answers to questions (method and parameters) in their order, asked in batches.

        A question that got no answer, or one that says "busy", is asked again like every read, up to the bounds; one
        that failed all the same is told by its answer. Raises ``WrongChain`` alone.
        """
        return tuple(self._endpoints.read(calls))

    def read_many(self, method: str, all_params: Sequence[Sequence[object]], parse: Callable[[object], T]) -> list[T]:
        """What ``method`` answers to each of ``all_params``, asked in batches; raises for the first that failed."""
        answers = self.ask_many([(method, params) for params in all_params])
        return [self._parsed(method, answer, parse) for answer in answers]

    # Only Anvil answers these.

    def set_balance(self, address: Address, balance_wei: int) -> None:
        """Give ``address`` this much ETH (Anvil only). No block is mined."""
        self._write("anvil_setBalance", shapes.hexed(address), hex(balance_wei))

    def mine(self, blocks: int = 1) -> None:
        """Mine blocks now (Anvil only)."""
        self._write("anvil_mine", hex(blocks))

    def set_automine(self, *, on: bool) -> None:
        """Mine a block for each transaction, or only when told to (Anvil only)."""
        self._write("evm_setAutomine", on)

    def set_block_time(self, seconds: int) -> None:
        """Mine a block every so many seconds, and at no other time (Anvil only)."""
        self._write("evm_setIntervalMining", seconds)

    def set_block_gas_limit(self, gas: int) -> None:
        """Let blocks have this much gas from now on (Anvil only)."""
        self._write("evm_setBlockGasLimit", hex(gas))

    def set_time(self, timestamp_s: int) -> None:
        """Let the chain's clock go on from ``timestamp_s``, seconds since 1970 (Anvil only)."""
        self._write("anvil_setTime", timestamp_s)

    def dump_state(self, *, history: bool, timeout_s: float = DUMP_TIMEOUT_S) -> bytes:
        """The whole chain as Anvil dumps it, a gzip stream of JSON (Anvil only); with ``history``, old states too."""
        answer = self._endpoints.once(("anvil_dumpState", [history]), timeout_s, MOST_DUMP_BYTES)
        return self._parsed("anvil_dumpState", answer, shapes.data)

    def _read(self, method: str, parse: Callable[[object], T], *params: object) -> T:
        return self._parsed(method, self._ask(method, *params), parse)

    def _write(self, method: str, *params: object) -> None:
        self._parsed(method, self._endpoints.once((method, params)), lambda value: value)

    def _execute(self, method: str, parse: Callable[[object], T], call: dict[str, str], *params: object) -> T:
        answer = self._ask(method, call, *params)
        if isinstance(answer, Failure) and _meaning(answer) is ReadAnswer.REVERTED:
            name = f"({'call' if method == 'eth_call' else 'gas estimate'} to {call.get('to', 'a new contract')})"
            raise Reverted(name, answer.message, shapes.revert_data(answer.data))
        return self._parsed(method, answer, parse)

    def _ask(self, method: str, *params: object) -> Answer:
        return self._endpoints.read([(method, params)])[0]

    def _parsed(self, method: str, answer: Answer, parse: Callable[[object], T]) -> T:
        match answer:
            case Result(value):
                try:
                    return parse(value)
                except shapes.Misshapen as error:
                    raise NodeRefused(method, NO_CODE, str(error)) from None
            case Failure(code, message):
                kind = _REFUSALS.get(meaning_of_read(code, message), NodeRefused)
                raise kind(method, code, message or "no reason given")
            case Garbled(code, reason):
                raise NodeRefused(method, code, reason)
            case NoAnswer(reason):
                raise NodeUnreachable(self.shown_url, reason)
        assert_never(answer)


_REFUSALS = {ReadAnswer.NO_METHOD: MethodMissing, ReadAnswer.NO_STATE: StateMissing}


def _meaning(answer: Answer) -> ReadAnswer | None:
    return meaning_of_read(answer.code, answer.message) if isinstance(answer, Failure) else None


def _at(at: At) -> str:
    return at if isinstance(at, str) else hex(at)


def _call(to: Address | None, data: bytes, sender: Address | None, value_wei: int) -> dict[str, str]:
    fields = {"data": shapes.hexed(data)}
    if to is not None:
        fields["to"] = shapes.hexed(to)
    if sender is not None:
        fields["from"] = shapes.hexed(sender)
    if value_wei:
        fields["value"] = hex(value_wei)
    return fields
