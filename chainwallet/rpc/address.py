"""Where a node is: addresses of nodes, how to show them, and the proxy that the environment names for them."""

import base64
import ipaddress
import re
from dataclasses import dataclass
from functools import cached_property
from urllib.parse import SplitResult, quote, unquote, urlsplit
from urllib.request import getproxies, proxy_bypass

from chainwallet.errors import BadValue

_BETWEEN_URLS = re.compile(r"[,\s]+(?=https?://)", re.IGNORECASE)
_IN_TARGETS = "%/?:@!$&'()*+,;=-._~[]"  # RFC 3986: what may stand in a path and a query as it is


def shown_url(url: str) -> str:
    """``url`` without what may be secret: user and password, path and query (hosted nodes carry their keys there)."""
    try:
        parts = urlsplit(url.strip())
        port = "" if parts.port is None else f":{parts.port}"
    except ValueError:
        return "an address that does not parse"
    if not parts.hostname:
        return f"{parts.scheme}://..." if parts.scheme else url.strip().partition("/")[0].rpartition("@")[2] + "/..."
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    more = "/..." if parts.path.strip("/") or parts.query or parts.fragment else ""
    return f"{parts.scheme}://{host}{port}{more}"


def parse_url(url: str) -> SplitResult:
    """The parts of an http or https ``url``; raises ``BadValue`` of field ``rpc`` for anything else."""
    try:
        parts = urlsplit(url)
        good = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        good = False
    if not good or any(c.isspace() or not c.isprintable() for c in url):
        raise BadValue("rpc", shown_url(url), "an http:// or https:// address of a node")
    return parts


def urls_in(text: str) -> list[str]:
    """The addresses of nodes that ``text`` lists, separated by commas or spaces."""
    return _BETWEEN_URLS.split(text.strip())


@dataclass(frozen=True)
class Proxy:
    """The HTTP proxy that stands between us and a node."""

    host: str
    port: int
    headers: dict[str, str]


class NodeAddress:
    """The http or https address of a node, in the parts that HTTP needs; raises ``BadValue`` of field ``rpc``."""

    def __init__(self, url: str) -> None:
        parts = parse_url(url)
        self.shown = shown_url(url)
        """The address without anything that may be secret."""
        self.is_secure = parts.scheme == "https"
        self.host = parts.hostname or ""
        self.port = parts.port or (443 if self.is_secure else 80)
        self.target = quote((parts.path or "/") + (f"?{parts.query}" if parts.query else ""), safe=_IN_TARGETS)
        """What the request line names."""
        self.headers = _authorization("Authorization", parts)

    @cached_property
    def proxy(self) -> Proxy | None:
        """The proxy of the environment; None for a node on this machine, whatever the environment names."""
        if self.host == "localhost" or _is_loopback(self.host) or proxy_bypass(f"{self.host}:{self.port}"):
            return None
        named = getproxies().get("https" if self.is_secure else "http")
        if not named:
            return None
        parts = urlsplit(named if "//" in named else f"//{named}")
        return Proxy(parts.hostname or "", parts.port or 80, _authorization("Proxy-Authorization", parts))


def _authorization(header: str, parts: SplitResult) -> dict[str, str]:
    """Basic authentication (RFC 7617) of the user and password in an address."""
    if parts.username is None:
        return {}
    pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
    return {header: "Basic " + base64.b64encode(pair.encode()).decode()}


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
