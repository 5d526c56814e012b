"""The settings as the user gave them: flags, environment and file, checked and put together into a ``Config``."""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from chainwallet.config import ApiLimits, Config, Limits
from chainwallet.errors import BadValue, DamagedHome
from chainwallet.home import Home

ENVIRONMENT_PREFIX = "CHAINWALLET_"
_PATHS = {"home", "anvil", "kek_file", "keystore"}
_FLAG_AND_FILE = {
    "rpc",
    "anvil",
    "kek_file",
    "kek_kms_key",
    "kms",
    "keystore",
    "signer_command",
    "database",
    "host",
    "public_url",
    "cors_origins",
    "trusted_proxies",
}
_LISTS = {"cors_origins", "trusted_proxies"}  # with commas between
_LIMITS = {limit.name for limit in fields(Limits)}
_API_LIMITS = {limit.name for limit in fields(ApiLimits)}
_NUMBERS = {"relayers", "port", "service_fee_minor", *_LIMITS, *_API_LIMITS}
_SECRETS = {"deployer_key", "passphrase"}
_ENVIRONMENT = {"home", *_FLAG_AND_FILE, *_SECRETS, *_NUMBERS}
MOST_RELAYERS = 64
LARGEST_PORT = 65_535
_PUBLIC_URL = re.compile(r"https?://([a-z0-9.-]+|\[[0-9a-f:.]+\])(:[0-9]{1,5})?")
_DEPLOYER = {"keystore", "signer_command", "deployer_key"}  # ways to the deployer's key, of which one counts


def load_config(flags: Mapping[str, object], environ: Mapping[str, str], default_home: Path) -> Config:
    """The settings: a flag beats the environment (``CHAINWALLET_<NAME>``), which beats the home's ``chainwallet.toml``.

    A way to the deployer's key beats all others from below it. Secrets are read from the environment only. A relative
    path in the file is relative to the home. Raises ``BadValue`` for an unknown or ill-typed setting in the file, a
    path that is none, a database's URL that is none or whose password others could read, and two ways to the deployer's
    key in one place.
    """
    given = {name: value for name, value in flags.items() if value is not None}
    heard = {name: environ[key] for name in _ENVIRONMENT if environ.get(key := ENVIRONMENT_PREFIX + name.upper())}
    home = _path("home", given.get("home", heard.get("home", default_home)), Path())
    settings: dict[str, Any] = {}
    for place, base in ((_read_file(Home(home).settings), home), (heard, Path()), (given, Path())):
        ways = sorted(_DEPLOYER & place.keys())
        if len(ways) > 1:
            raise BadValue("deployer's key", " and ".join(ways), "one of them")
        if ways:
            settings = {name: value for name, value in settings.items() if name not in _DEPLOYER}
        settings |= {name: _path(name, value, base) if name in _PATHS else value for name, value in place.items()}
        if "database" in place:
            settings["database"] = _database(str(place["database"]), base, is_heard=place is heard)
    numbers = {name: _number(name, settings.pop(name)) for name in _NUMBERS & settings.keys()}
    relayers = numbers.pop("relayers", 1)
    if not 1 <= relayers <= MOST_RELAYERS:
        raise BadValue("relayers", relayers, f"1 to {MOST_RELAYERS}")
    port = numbers.pop("port", Config.port)
    if not 0 <= port <= LARGEST_PORT:
        raise BadValue("port", port, f"0 to {LARGEST_PORT}; 0 for any free one")
    fee_minor = numbers.pop("service_fee_minor", 0)
    if fee_minor != 0:
        raise BadValue("service_fee_minor", fee_minor, "0: what a payer signs names no fee (docs/decisions/0015)")
    public_url = settings.get("public_url")
    if public_url is not None and not _PUBLIC_URL.fullmatch(str(public_url)):
        raise BadValue("public_url", public_url, "a URL such as https://wallet.example, without a path")
    lists = {name: _list(str(settings.pop(name))) for name in _LISTS & settings.keys()}
    api_limits = ApiLimits(**{name: numbers.pop(name) for name in _API_LIMITS & numbers.keys()})
    bounds = {"relayers": relayers, "port": port, "limits": Limits(**numbers), "api_limits": api_limits}
    return Config(**{**settings, **lists, **bounds, "home": home})


def secret_variables() -> list[str]:
    """The environment's variables that hold secrets, or may."""
    return [*(ENVIRONMENT_PREFIX + name.upper() for name in sorted({"database", *_SECRETS})), "PGPASSWORD"]


def _number(name: str, value: object) -> int:
    try:
        return int(str(value))
    except ValueError:
        raise BadValue(name, value, "a whole number") from None


def _list(text: str) -> tuple[str, ...]:
    return tuple(part for part in map(str.strip, text.split(",")) if part)


def _path(name: str, value: object, base: Path) -> Path:
    text = str(value)
    try:
        path = base / Path(text).expanduser()
    except RuntimeError:
        raise BadValue(name, text, "a path; after ~ the name of a user with a home directory") from None
    if not text or "\0" in text:
        raise BadValue(name, text, "a path")
    return path.absolute()


def _database(where: str, base: Path, *, is_heard: bool) -> str:
    """A path or URL; with a password only where it was ``is_heard`` from the environment, which others cannot read."""
    if "://" not in where:
        return str(_path("database", where, base))
    from chainwallet.store.postgres import has_password, server_url, shown  # noqa: PLC0415 - slow, for servers alone

    url = server_url(where)
    if has_password(url) and not is_heard:
        expected = "no password here; give it in CHAINWALLET_DATABASE, in PGPASSWORD or in ~/.pgpass"
        raise BadValue("database", shown(url), expected)
    return where


def _read_file(path: Path) -> dict[str, str | int]:
    try:
        settings = tomllib.loads(path.read_text("utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except (OSError, ValueError) as error:
        raise DamagedHome(str(path), f"a TOML file ({error})") from error
    for name, value in settings.items():  # values are not shown: a key that was put here stays where it is
        if name not in _FLAG_AND_FILE | _NUMBERS:
            raise BadValue(f"setting in {path}", name, f"one of {', '.join(sorted(_FLAG_AND_FILE | _NUMBERS))}")
        if name in _NUMBERS:
            if type(value) is not int:
                raise BadValue(f"{name} in {path}", type(value).__name__, "a whole number")
        elif not isinstance(value, str):
            raise BadValue(f"{name} in {path}", type(value).__name__, "text in quotes")
    return settings
