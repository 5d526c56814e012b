"""Faults: a proxy between a client and a node that fails as real nodes and networks do, as often as it is told to.

``fate`` decides what happens to a request, ``view`` what a node that is behind would say; both are pure. ``proxy`` is
the HTTP server that does it, and counts what it did.
"""

from chainwallet.faults.fate import FAULTS, FaultName, Rates, parse_rate
from chainwallet.faults.proxy import Faults, Second

__all__ = ["FAULTS", "FaultName", "Faults", "Rates", "Second", "parse_rate"]
