"""The commands of the service's own processes, and what each of them is told."""

import os
from collections.abc import Mapping, Sequence

from chainwallet.assembly import own_command, supervisor_command
from chainwallet.config import Config
from chainwallet.serve.process import Command
from chainwallet.settings import ENVIRONMENT_PREFIX

NOT_THEIRS = ("DEPLOYER_KEY", "PASSPHRASE", "KEYSTORE", "SIGNER_COMMAND")
"""Ways to the deployer's key: a service deploys on its local chain alone, with the home's own deployer."""


def chain_command(config: Config, lock: int) -> Command:
    """Runs the local chain."""
    return Command(supervisor_command(config), _environ(config, None), (lock,))


def deploy_command(config: Config, rpc: str, currencies: Sequence[str], lock: int) -> Command:
    """Deploys ``currencies`` on the local chain that answers at ``rpc``."""
    options = [word for code in currencies for word in ("--currency", code)]
    return Command(own_command(config.home, "deploy", *options), _environ(config, rpc), (lock,))


def worker_command(config: Config, rpc: str, lock: int, hears: int) -> Command:
    """Carries payments and follows the chain."""
    words = ("serve", "--role", "worker", "--bell", str(hears))
    return Command(own_command(config.home, *words), _environ(config, rpc), (lock, hears))


def api_command(config: Config, rpc: str, lock: int, listening: int, rings: int) -> Command:
    """Answers HTTP."""
    words = ("serve", "--role", "api", "--socket", str(listening), "--bell", str(rings))
    return Command(own_command(config.home, *words), _environ(config, rpc), (lock, listening, rings))


def _environ(config: Config, rpc: str | None) -> Mapping[str, str]:
    """Our environment without the deployer's secrets, and with what flags said."""
    dropped = {ENVIRONMENT_PREFIX + name for name in NOT_THEIRS}
    kept = {name: value for name, value in os.environ.items() if name not in dropped}
    told = {
        "RPC": rpc,
        "DATABASE": config.database,
        "RELAYERS": config.relayers,
        "CONFIRMATIONS": config.limits.confirmations,
    }
    return {**kept, **{ENVIRONMENT_PREFIX + name: str(value) for name, value in told.items() if value is not None}}
