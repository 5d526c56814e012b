"""What a lying node may do to the receipts of a block, as JSON; each takes the list and changes it in place."""

import copy
import random
from collections.abc import Callable
from typing import Any

from chainwallet.evm import to_hex


def drop_a_log(receipts: Any, dice: random.Random) -> None:
    dice.choice([receipt for receipt in receipts if receipt["logs"]])["logs"].pop(0)


def change_data(receipts: Any, dice: random.Random) -> None:
    log = a_log(receipts, dice)
    log["data"] = flipped(log["data"], dice)


def change_topic(receipts: Any, dice: random.Random) -> None:
    log = dice.choice([log for receipt in receipts for log in receipt["logs"] if log["topics"]])
    at = dice.randrange(len(log["topics"]))
    log["topics"][at] = flipped(log["topics"][at], dice)


def change_address(receipts: Any, dice: random.Random) -> None:
    log = a_log(receipts, dice)
    log["address"] = flipped(log["address"], dice)


def swap_logs(receipts: Any, dice: random.Random) -> None:
    receipt = dice.choice([receipt for receipt in receipts if receipt["logs"]])
    receipt["logs"].reverse()


def swap_receipts(receipts: Any, dice: random.Random) -> None:
    one, other = dice.sample(range(len(receipts)), 2)
    receipts[one], receipts[other] = receipts[other], receipts[one]


def drop_a_receipt(receipts: Any, dice: random.Random) -> None:
    receipts.pop(dice.randrange(len(receipts)))


def repeat_a_receipt(receipts: Any, dice: random.Random) -> None:
    receipts.append(copy.deepcopy(dice.choice(receipts)))


def add_a_log(receipts: Any, dice: random.Random) -> None:
    receipt = dice.choice([receipt for receipt in receipts if receipt["logs"]])
    receipt["logs"].append(copy.deepcopy(receipt["logs"][0]))


def move_a_log(receipts: Any, dice: random.Random) -> None:
    one, other = dice.sample([receipt for receipt in receipts if receipt["logs"]], 2)
    other["logs"].append(one["logs"].pop())


def change_status(receipts: Any, dice: random.Random) -> None:
    receipt = dice.choice(receipts)
    receipt["status"] = "0x1" if receipt["status"] == "0x0" else "0x0"


def change_gas(receipts: Any, dice: random.Random) -> None:
    receipt = dice.choice(receipts)
    receipt["cumulativeGasUsed"] = hex(int(receipt["cumulativeGasUsed"], 16) ^ 1)


def change_bloom(receipts: Any, dice: random.Random) -> None:
    receipt = dice.choice(receipts)
    receipt["logsBloom"] = flipped(receipt["logsBloom"], dice)


def change_type(receipts: Any, dice: random.Random) -> None:
    receipt = dice.choice(receipts)
    receipt["type"] = hex(int(receipt["type"], 16) ^ dice.choice([1, 4, 0x80, 0xF9]))


def change_hash(receipts: Any, dice: random.Random) -> None:
    receipt = dice.choice(receipts)
    receipt["transactionHash"] = flipped(receipt["transactionHash"], dice)


def change_hash_of_a_log(receipts: Any, dice: random.Random) -> None:
    log = a_log(receipts, dice)
    log["transactionHash"] = flipped(log["transactionHash"], dice)


def change_place_of_a_log(receipts: Any, dice: random.Random) -> None:
    log = a_log(receipts, dice)
    name = dice.choice(["blockNumber", "logIndex"])
    log[name] = hex(int(log[name], 16) + 1)


def move_bytes_between_fields(receipts: Any, dice: random.Random) -> None:
    log = a_log(receipts, dice)
    log["address"], log["data"] = log["address"] + log["data"][2:4], "0x" + log["data"][4:]


def empty_everything(receipts: Any, _dice: random.Random) -> None:
    receipts.clear()


Change = Callable[[Any, random.Random], None]
CHANGES: list[Change] = [
    drop_a_log,
    change_data,
    change_topic,
    change_address,
    swap_logs,
    swap_receipts,
    drop_a_receipt,
    repeat_a_receipt,
    add_a_log,
    move_a_log,
    change_status,
    change_gas,
    change_bloom,
    change_type,
    change_hash,
    change_hash_of_a_log,
    change_place_of_a_log,
    move_bytes_between_fields,
    empty_everything,
]


def a_log(receipts: Any, dice: random.Random) -> Any:
    return dice.choice([log for receipt in receipts for log in receipt["logs"]])


def flipped(text: str, dice: random.Random) -> str:
    """Hex with one bit changed."""
    data = bytearray.fromhex(text[2:])
    data[dice.randrange(len(data))] ^= 1 << dice.randrange(8)
    return to_hex(bytes(data))
