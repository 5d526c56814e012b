"""An Anvil that tells the truth except once: a real one behind a small proxy. Run as the ``anvil`` of a home.

lying_anvil.py FAULT ANVIL ARGUMENT...
"""

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from chainwallet.abi.generated import EVENTS, FUNCTIONS
from chainwallet.anvil.child import Child
from chainwallet.evm import to_hex

BALANCE_OF = to_hex(FUNCTIONS["balanceOf(address)"])
TOTAL_SUPPLY = to_hex(FUNCTIONS["totalSupply()"])
TRANSFER = to_hex(EVENTS["Transfer(address,address,uint256)"])
SETTLED = to_hex(EVENTS["Settled(bytes32,bytes32,uint256[])"])

Lie = Callable[[str, list[Any], Any], Any]
"""From method, parameters and the true result to what is told."""


def one_more(word: str) -> str:
    return f"0x{int(word, 16) + 1:064x}"


def second_answer_of(selector: str) -> Lie:
    """One unit more when the first call with this selector is asked again, at the later block."""
    asked: Counter[str] = Counter()

    def lie(method: str, params: list[Any], result: Any) -> Any:
        if method != "eth_call" or not params[0]["data"].startswith(selector):
            return result
        asked[params[0]["data"]] += 1
        is_first = params[0]["data"] == next(iter(asked))
        return one_more(result) if is_first and asked[params[0]["data"]] == 2 else result

    return lie


def transfer_event(method: str, _params: list[Any], result: Any) -> Any:
    """One unit more in the first event that moved money."""
    if method == "eth_getLogs":
        moved = next(log for log in result if log["topics"][0] == TRANSFER)
        moved["data"] = one_more(moved["data"])
    return result


def settlement_event(method: str, _params: list[Any], result: Any) -> Any:
    """Another context in the settlement's own event."""
    if method == "eth_getTransactionReceipt" and result:
        for log in result["logs"]:
            if log["topics"][0] == SETTLED:
                log["topics"][2] = one_more(log["topics"][2])
    return result


FAULTS: dict[str, Callable[[], Lie]] = {
    "balance": lambda: second_answer_of(BALANCE_OF),
    "supply": lambda: second_answer_of(TOTAL_SUPPLY),
    "transfer": lambda: transfer_event,
    "settlement": lambda: settlement_event,
}


def handler(port: int, lie: Lie) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            anvil = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
            anvil.request("POST", "/", body, {"Content-Type": "application/json"})
            answer = json.loads(anvil.getresponse().read())
            anvil.close()
            asked = json.loads(body)
            if "result" in answer:
                answer["result"] = lie(asked["method"], asked["params"], answer["result"])
            told = json.dumps(answer).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(told)))
            self.end_headers()
            self.wfile.write(told)

        def log_message(self, format: str, *_arguments: object) -> None:  # noqa: A002 - the base class's name
            """Nothing: stderr is Anvil's log."""

    return Handler


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def end(_number: int, _frame: object) -> None:
    raise SystemExit(0)


def main(fault: str, anvil: str, *arguments: str) -> None:
    if "--version" in arguments:
        subprocess.run([anvil, "--version"], check=True)
        return
    signal.signal(signal.SIGTERM, end)
    told, inner = list(arguments), free_port()
    place = told.index("--port") + 1
    port, told[place] = int(told[place]), str(inner)
    child = Child(Path(anvil), told, Path.cwd(), Path(os.devnull))
    try:
        ThreadingHTTPServer(("127.0.0.1", port), handler(inner, FAULTS[fault]())).serve_forever()
    finally:
        child.stop()


if __name__ == "__main__":
    main(*sys.argv[1:])
