"""The commands of our own other processes."""

import sys
from pathlib import Path

from chainwallet.config import Config


def own_command(home: Path, *words: str) -> list[str]:
    """The command that has another process of ours do something in ``home``."""
    return [sys.executable, "-P", "-m", "chainwallet", "--home", str(home), *words]


def supervisor_command(config: Config) -> list[str]:
    """The command that runs the home's local chain until it is told to stop."""
    command = own_command(config.home, "chain", "up", "--foreground")
    return [*command, "--anvil", str(config.anvil)] if config.anvil else command
