"""Finding the native Anvil binary. npm's ``bin.mjs`` is only a launcher that leaves orphans when it is killed."""

import os
import platform
import re
import shutil
import subprocess
from pathlib import Path

from chainwallet.errors import BadValue, MissingTool

OLDEST_VERSION = (1, 7)  # flags, dump format and answers were recorded with 1.7.1
NEXT_MAJOR_VERSION = (2, 0)
VERSION_TIMEOUT_S = 10
CHECKOUT = Path(__file__).resolve().parents[2]
HINT = (
    "run `npm ci --prefix contracts` in a checkout of this project, or install Foundry 1.7 (https://getfoundry.sh) so "
    "that `anvil` is on PATH"
)
_ARCHITECTURES = {"x86_64": "amd64", "amd64": "amd64", "aarch64": "arm64", "arm64": "arm64"}


def find_anvil(configured: Path | None = None) -> Path:
    """The native Anvil to run: the ``configured`` one, else one on PATH, else the checkout's own from npm.

    Anvil 1.7 or a newer 1.x will do. Raises ``BadValue`` of field ``anvil`` when the configured file is not one, and
    ``MissingTool`` when none is configured or found.
    """
    if configured is not None:
        native = _native(configured)
        if native is None or not _is_known_version(native):
            raise BadValue("anvil", str(configured), "the path of a native Anvil 1.7 or newer 1.x")
        return native
    on_path = shutil.which("anvil")
    for candidate in (Path(on_path) if on_path else None, CHECKOUT / "contracts" / "node_modules" / _npm_name()):
        native = candidate and _native(candidate)
        if native and _is_known_version(native):
            return native
    raise MissingTool("Anvil 1.7", HINT)


def _npm_name() -> Path:
    """Where npm puts the native binary of this machine, below ``node_modules``."""
    architecture = _ARCHITECTURES.get(platform.machine().lower(), platform.machine().lower())
    return Path("@foundry-rs") / f"anvil-{platform.system().lower()}-{architecture}" / "bin" / "anvil"


def _native(candidate: Path) -> Path | None:
    """The native binary that ``candidate`` is, or that npm's launcher ``candidate`` stands beside."""
    found = candidate.resolve()
    if found.suffix == ".mjs":
        places = (found.parent / "node_modules", found.parent.parent.parent)
        found = next((place / _npm_name() for place in places if (place / _npm_name()).is_file()), found)
    is_native = found.suffix != ".mjs" and found.is_file() and os.access(found, os.X_OK)
    return found if is_native else None


def _is_known_version(native: Path) -> bool:
    try:
        answer = subprocess.run(  # noqa: S603 - asks the very binary that the caller wants to run
            [native, "--version"], capture_output=True, text=True, timeout=VERSION_TIMEOUT_S, check=False
        )
    except (OSError, ValueError, subprocess.TimeoutExpired):
        return False
    version = re.match(r"anvil (?:Version: )?(\d+)\.(\d+)\.", answer.stdout)
    return version is not None and OLDEST_VERSION <= (int(version[1]), int(version[2])) < NEXT_MAJOR_VERSION
