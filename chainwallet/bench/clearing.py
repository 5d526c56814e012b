"""How long a group takes from "settle up" to final: the plan, everybody's consent, one block, and the verified fact.

The service is run as its users run it, on a chain with a block each second; its people ask over HTTP, each on a
connection of their own, and all who pay sign at the same time.
"""

import json
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from http.client import HTTPConnection
from statistics import median
from typing import Any
from urllib.parse import urlsplit

from chainwallet.bench.api import Crowd, Running
from chainwallet.bench.load import Person
from chainwallet.errors import NodeRefused
from chainwallet.rules.money import Currency, Money

SHARE_MINOR = 12_40  # what each of those who pay owes in a run
PATIENCE_S = 60  # for one clearing
POLL_S = 0.02


@dataclass(frozen=True)
class Figures:
    """What the runs found, in seconds by the clock on the wall: of half of them at most, and of the slowest."""

    people: int
    payers: int
    runs: int
    clearing_s: float
    clearing_slowest_s: float
    planned_s: float
    """Until the plan was there (of half of the runs at most)."""
    signed_s: float
    """Until all had signed."""


@dataclass(frozen=True)
class Run:
    """One clearing: seconds since it was asked for."""

    planned_s: float
    signed_s: float
    final_s: float


class Asking:
    """Somebody with a session and a connection."""

    def __init__(self, service: Running, person: Person) -> None:
        place = urlsplit(service.url)
        self._connection = HTTPConnection(place.hostname or "", place.port, timeout=PATIENCE_S)
        self._headers = {"Authorization": f"Bearer {person.token}", "Content-Type": "application/json"}
        self.handle = person.handle

    def ask(self, method: str, path: str, body: object = None) -> Any:
        """The answer. Raises ``NodeRefused`` where it is a refusal."""
        text = None if body is None else json.dumps(body)
        self._connection.request(method, f"/v1{path}", text, self._headers)
        answer = self._connection.getresponse()
        told = answer.read()
        if answer.status >= 400:
            raise NodeRefused(f"{method} {path}", answer.status, told.decode("utf-8", "replace"))
        return json.loads(told)


@dataclass(frozen=True)
class Group:
    """A group of people, the first of whom pays every bill."""

    id: str
    people: Sequence[Asking]
    members: Sequence[str]

    @classmethod
    def of(cls, service: Running, crowd: Crowd) -> "Group":
        """All of ``crowd`` in a new group."""
        first, *others = (Asking(service, person) for person in crowd.people)
        group = first.ask("POST", "/groups", {"name": "bench"})
        path = f"/groups/{group['id']}"
        for other in others:
            made = first.ask("POST", f"{path}/invitations", {"handle": other.handle})
            other.ask("POST", f"/invitations/{made['invitation']['id']}/accept")
        members = {one["handle"]: one["id"] for one in first.ask("GET", path)["members"]}
        people = (first, *others)
        return cls(group["id"], people, [members[f"@{one.handle}"] for one in people])

    def spend(self, currency: Currency) -> None:
        """A bill that the first one pays for all in equal parts, accepted by everybody."""
        total = Money(SHARE_MINOR * len(self.people), currency)
        order = {
            "title": "bench",
            "currency": currency.code,
            "total": total.decimal,
            "split": {"mode": "equal", "people": list(self.members)},
            "payers": [{"member": self.members[0], "amount": total.decimal}],
        }
        first, *others = self.people
        bill = first.ask("POST", f"/groups/{self.id}/bills", order)
        for other in others:
            other.ask("POST", f"/groups/{self.id}/bills/{bill['id']}/accept", {"version": 1})

    def clear(self, currency: Currency, each: Callable[[Callable[[Asking], Any]], object]) -> Run:
        """Settles up: ``each`` has all who pay do something at the same time. Raises ``NodeRefused``."""
        first, path, began_s = self.people[0], f"/groups/{self.id}/plans", time.monotonic()
        plan = first.ask("POST", path, {"currency": currency.code})
        planned_s = time.monotonic() - began_s
        path = f"{path}/{plan['id']}"
        each(lambda payer: payer.ask("POST", f"{path}/consent"))
        signed_s = time.monotonic() - began_s
        while not plan["is_final"]:
            if time.monotonic() - began_s > PATIENCE_S:
                raise NodeRefused("bench", 0, f"plan {plan['id']} is not final: {plan['stage']}, {plan['waits']}")
            time.sleep(POLL_S)
            plan = first.ask("GET", path)
        return Run(planned_s, signed_s, time.monotonic() - began_s)


def measured(service: Running, crowd: Crowd, currency: Currency, runs: int) -> Figures:
    """Clears a new group of all of ``crowd`` that often, after a bill each. Raises ``NodeRefused``."""
    group = Group.of(service, crowd)
    _, *payers = group.people
    with ThreadPoolExecutor(len(payers)) as pool:

        def each(work: Callable[[Asking], Any]) -> object:
            return list(pool.map(work, payers))

        found: list[Run] = []
        for _ in range(runs):
            group.spend(currency)
            found.append(group.clear(currency, each))
    return Figures(
        people=len(crowd.people),
        payers=len(payers),
        runs=runs,
        clearing_s=round(median(run.final_s for run in found), 3),
        clearing_slowest_s=round(max(run.final_s for run in found), 3),
        planned_s=round(median(run.planned_s for run in found), 3),
        signed_s=round(median(run.signed_s for run in found), 3),
    )
