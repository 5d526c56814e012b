"""What a node that stands at an older block says: how a question is asked for it, and what of the answer it has not.

Blocks above ``head`` do not exist there, and neither do their receipts; the head's tags all mean ``head``.
"""

from typing import Any

Call = dict[str, Any]
"""A JSON-RPC question, or the answer to one."""

TAGS = ("latest", "pending", "safe", "finalized")
_BLOCK_AT = {
    "eth_getBlockByNumber": 0,
    "eth_getBlockReceipts": 0,
    "eth_getBalance": 1,
    "eth_getTransactionCount": 1,
    "eth_getCode": 1,
    "eth_call": 1,
    "eth_estimateGas": 1,
    "eth_simulateV1": 1,
    "eth_feeHistory": 1,
    "eth_getStorageAt": 2,
    "eth_getProof": 2,
}
"""At which place each method's parameters name a block; where that is left out, it is the latest one."""
_BLOCKS = {"eth_getBlockByNumber", "eth_getBlockByHash"}
_PLACED = {"eth_getTransactionReceipt", "eth_getTransactionByHash"}


def question_at(call: Call, head: int) -> Call:
    """The question that makes a node answer as of block ``head``; the same question where that makes no difference."""
    method, params = call["method"], list(call.get("params") or [])
    if method == "eth_getLogs" and params and isinstance(params[0], dict):
        bounds = {key: _tag_at(value, head) for key, value in params[0].items() if key in ("fromBlock", "toBlock")}
        return {**call, "params": [{"toBlock": hex(head), **params[0], **bounds}]}
    place = _BLOCK_AT.get(method)
    if place is None or len(params) < place:
        return call
    named = params[place] if len(params) > place else "latest"
    there = _tag_at(named, head)
    return call if there == named else {**call, "params": [*params[:place], there, *params[place + 1 :]]}


def answer_at(call: Call, answer: Call, head: int) -> Call:
    """What of ``answer`` a node that stands at block ``head`` can have; the same answer where that is all of it."""
    method, result = call["method"], answer.get("result")
    if method == "eth_blockNumber" and _number(result) > head:
        return {**answer, "result": hex(head)}
    if method in _BLOCKS and isinstance(result, dict) and _number(result.get("number")) > head:
        return {**answer, "result": None}
    if method in _PLACED and isinstance(result, dict) and _number(result.get("blockNumber")) > head:
        return {**answer, "result": None}
    if method == "eth_getBlockReceipts" and isinstance(result, list) and result:
        return {**answer, "result": None} if _number(result[0].get("blockNumber")) > head else answer
    return answer


def contradicted(call: Call, answer: Call) -> Call:
    """``answer`` with another hash of its block, where it has one; the same answer where it has none."""
    result = answer.get("result")
    if call["method"] not in _BLOCKS or not isinstance(result, dict) or not result.get("hash"):
        return answer
    other = f"0x{int(result['hash'], 16) ^ 1:064x}"
    return {**answer, "result": {**result, "hash": other}}


def _tag_at(named: Any, head: int) -> Any:
    return hex(head) if named in TAGS else named


def _number(value: Any) -> int:
    """A JSON-RPC quantity; -1 for anything else."""
    try:
        return int(value, 16)
    except (TypeError, ValueError):
        return -1
