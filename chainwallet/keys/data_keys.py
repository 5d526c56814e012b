"""The data keys of a store, all in one file: each wrapped by a key-encryption key, on a line of its own.

A new wallet's data key is appended; a rotation writes the file anew and puts it in the old one's place, so that either
all data keys are under the new key-encryption key or none is, and no wallet's file is touched. Of several lines for one
address the last counts. A line that cannot be read, such as one that a crash cut off, costs nobody but its own address.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from chainwallet.evm import Address, checksum
from chainwallet.keys import secret_file


@dataclass(frozen=True)
class WrappedKey:
    """A data key, encrypted by the key-encryption key that ``key_id`` names."""

    key_id: str
    wrapped: bytes


class DataKeys:
    """The wrapped data keys in the file at ``path``; a missing file has none. Writers hold the store's lock."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._found: dict[str, WrappedKey] | None = None

    def find(self, address: Address) -> WrappedKey | None:
        """The wrapped data key of ``address`` as last read, read now if it is not there."""
        name = checksum(address)
        if self._found is None or name not in self._found:
            self.read_again()
        return (self._found or {}).get(name)

    def read_again(self) -> None:
        """Takes in what other processes wrote. Raises ``OSError`` where the file cannot be read."""
        try:
            content = self.path.read_bytes()
        except FileNotFoundError:
            content = b""
        lines = map(_parsed, content.split(b"\n"))
        self._found = dict(line for line in lines if line is not None)

    def append(self, address: Address, key: WrappedKey) -> None:
        """Adds a line, and forces it to disk."""
        secret_file.append_line(self.path, _line(address, key))
        self._found = None

    def replace(self, keys: Mapping[Address, WrappedKey]) -> None:
        """Gives the file this content, at once and whole."""
        content = b"".join(_line(address, key) + b"\n" for address, key in keys.items())
        secret_file.replace_all({self.path: content})
        self._found = None


def _line(address: Address, key: WrappedKey) -> bytes:
    shown = {"address": checksum(address), "key_id": key.key_id, "wrapped_key": key.wrapped.hex()}
    return json.dumps(shown).encode()


def _parsed(line: bytes) -> tuple[str, WrappedKey] | None:
    try:
        shown = json.loads(line)
        return str(shown["address"]), WrappedKey(str(shown["key_id"]), bytes.fromhex(shown["wrapped_key"]))
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
