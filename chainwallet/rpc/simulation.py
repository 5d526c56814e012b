"""``eth_simulateV1`` (execution-apis): one transaction, simulated on top of a block; its question and its answer."""

from chainwallet.evm import Simulation
from chainwallet.rpc import shapes


def question(call: dict[str, str], at: str, timestamp_s: int | None) -> list[object]:
    """The parameters: one block with one call, at the parent's time or at ``timestamp_s``."""
    block: dict[str, object] = {"calls": [call]}
    if timestamp_s is not None:
        block["blockOverrides"] = {"time": hex(timestamp_s)}
    return [{"blockStateCalls": [block]}, at]


def answer(value: object) -> Simulation:
    """What came of the one call."""
    (block,) = shapes.items(value, 1)
    (call,) = shapes.items(shapes.fields(block).get("calls"), 1)
    fields = shapes.fields(call)
    succeeded = shapes.quantity(fields.get("status")) == 1
    returned = shapes.data(fields.get("returnData"))
    error = shapes.fields(fields.get("error") or {})
    return Simulation(
        succeeded=succeeded,
        returned=returned if succeeded else returned or shapes.revert_data(error.get("data")),
        reason="" if succeeded else str(error.get("message", "")) or "no reason given",
        gas_used=shapes.quantity(fields.get("gasUsed")),
        logs=shapes.logs(fields.get("logs")) if succeeded else (),
    )
