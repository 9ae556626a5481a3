"""Drives the connections of one process."""

import itertools
import socket
import urllib.parse
from collections.abc import Sequence

from orjson import loads

from tests.bench.load import people
from tests.bench.load.connection import Answer, Connection
from tests.bench.load.operations import Client, wrong_status
from tests.bench.load.people import Person
from tests.bench.load.phase import Outcome, Phase
from tests.bench.load.settings import Settings


class Loop:
    def __init__(self, settings: Settings, slots: Sequence[int]) -> None:
        url = urllib.parse.urlsplit(settings.base)
        address = (socket.gethostbyname(url.hostname or ""), url.port or 80)
        self.settings = settings
        self.clients = [Client(settings, slot) for slot in slots]
        self.connections = [Connection(address) for _ in slots]

    def run(self, phase: str, seconds: float, counts: Sequence[int], rate: float) -> Outcome:
        for client in self.clients:
            client.resources = 0
        pairs = zip(self.clients, counts, strict=True)
        queues = [client.operations(phase, count) for client, count in pairs]
        outcome = Phase(self.connections, queues, timeout=self.settings.timeout).run(seconds, rate)
        outcome.resources = sum(client.resources for client in self.clients)
        return outcome

    def read_back(self, phase: str, removed: Sequence[Person]) -> list[str]:
        """Tell, after a writing phase, where the server has not what it said it has."""
        operations = [
            client.get(person)
            for client in self.clients
            for person in client.random.sample(client.people, min(5, len(client.people)))
        ]
        if phase == "delete":
            operations += [self.clients[0].gone(person) for person in removed]
        wrong = [operation.check(*self._exchange(operation.wire)) for operation in operations]
        return [f"read back: {text}" for text in wrong if text]

    def warm_up(self, count: int) -> None:
        """Send requests that are not measured, so that every worker of the server has begun."""
        client = self.clients[0]
        wire = client.request("GET", f"{client.path}/no-such-user")
        for _ in range(count):
            self._exchange(wire)

    def count_total(self) -> int:
        client = self.clients[0]
        wire = client.request("GET", f"{client.path}?startIndex=1&count=1")
        status, body = self._exchange(wire)
        return int(loads(body).get("totalResults", 0)) if status == 200 else 0

    def attach(self, wanted: int, shares: int, share: int) -> None:
        """Adopt users that the server already has, spread over its whole list."""
        page, total = self.settings.page, self.count_total()
        step = max(page, total // max(1, wanted // page))
        for start in list(range(1, total + 1, step))[share::shares]:
            self._adopt(start)
        for owner in self.clients:
            owner.numbers = itertools.count(total + owner.slot, self.settings.concurrency)

    def _adopt(self, start: int) -> None:
        client, page = self.clients[0], self.settings.page
        wire = client.request("GET", f"{client.path}?startIndex={start}&count={page}")
        status, body = self._exchange(wire)
        if status != 200:
            raise SystemExit(f"attach: {wrong_status(status, body)}")
        for number, found in enumerate(loads(body).get("Resources", []), start):
            owner = self.clients[number % len(self.clients)]
            owner.people.append(people.adopted_person(number, found))

    def _exchange(self, wire: bytes) -> Answer:
        """Send one request on a connection of its own, outside the measurement."""
        connection = Connection(self.connections[0].address)
        connection.send(wire)
        while (answer := connection.receive()) is None:
            pass
        connection.close()
        return answer
