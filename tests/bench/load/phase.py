"""One measured phase: keep every connection busy, and time every answer."""

import array
import collections
import selectors
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from tests.bench.load.connection import Answer, Connection
from tests.bench.load.operations import Operation

UNREADABLE = (ValueError, KeyError, IndexError, TypeError, AttributeError)


@dataclass
class Outcome:
    """One phase in one process."""

    started: float = 0.0
    ended: float = 0.0
    cpu: float = 0.0
    reconnects: int = 0
    resources: int = 0
    latencies: dict[str, "array.array[float]"] = field(default_factory=dict)
    errors: collections.Counter[str] = field(default_factory=collections.Counter)


class Phase:
    def __init__(
        self,
        connections: Sequence[Connection],
        queues: Sequence[Iterator[Operation]],
        *,
        timeout: float,
    ) -> None:
        self.connections = connections
        self.queues = queues
        self.timeout = timeout
        self.selector = selectors.EpollSelector()
        self.outcome = Outcome()
        self.waiting = collections.deque(range(len(connections)))
        self.active: dict[int, tuple[Operation, float]] = {}
        self.answered = self.failed = 0
        self.interval = self.due = self.deadline = 0.0

    def run(self, seconds: float, rate: float) -> Outcome:
        outcome = self.outcome
        before = sum(connection.reconnects for connection in self.connections)
        for connection in self.connections:
            connection.watched = None
        cpu = time.process_time()
        outcome.started = self.due = time.monotonic()
        self.deadline = outcome.started + seconds
        self.interval = 1 / rate if rate else 0.0
        while self._turn():
            pass
        outcome.ended = time.monotonic()
        outcome.cpu = time.process_time() - cpu
        outcome.reconnects = sum(c.reconnects for c in self.connections) - before
        self.selector.close()
        return outcome

    def _turn(self) -> bool:
        """Send what is due, take what came, and tell whether anything is left to do."""
        now = time.monotonic()
        while self.waiting and now < self.deadline and (not self.interval or self.due <= now):
            self._send_next(self.waiting.popleft())
        if not self.active and (not self.waiting or now >= self.deadline):
            return False
        timeout = self.timeout
        if self.interval and self.waiting and now < self.deadline:
            timeout = max(0.0, self.due - time.monotonic())
        ready = self.selector.select(timeout)
        if not ready and timeout == self.timeout:
            self._give_up()
            return False
        for key, _ in ready:
            self._receive(key.data)
        return True

    def _send_next(self, slot: int) -> None:
        operation = next(self.queues[slot], None)
        if operation is None:
            return
        connection = self.connections[slot]
        began = self.due if self.interval else time.monotonic()
        self.due += self.interval
        try:
            connection.send(operation.wire)
        except OSError as error:
            self._not_sent(slot, operation, error)
            return
        self._watch(connection, slot)
        self.active[slot] = (operation, began)

    def _not_sent(self, slot: int, operation: Operation, error: OSError) -> None:
        self.outcome.errors[f"{operation.kind}: {error}"] += 1
        self.failed += 1
        self.connections[slot].close()
        if self.failed <= 50:
            self.waiting.append(slot)

    def _receive(self, slot: int) -> None:
        connection = self.connections[slot]
        if slot not in self.active:  # the server closes an idle connection
            connection.close()
            self._watch(connection, slot)
            return
        answer = connection.receive()
        self._watch(connection, slot)
        if answer is not None:
            self._judge(slot, answer, time.monotonic())

    def _judge(self, slot: int, answer: Answer, ended: float) -> None:
        operation, began = self.active.pop(slot)
        try:
            error = operation.check(*answer)
        except UNREADABLE as wrong:
            error = f"unreadable answer: {wrong!r}"
        self.answered += 1
        if error is None:
            times = self.outcome.latencies.setdefault(operation.kind, array.array("d"))
            times.append(ended - began)
        else:
            self.outcome.errors[f"{operation.kind}: {error}"] += 1
            self.failed += 1
        if self.failed < 50 or self.failed * 2 < self.answered:  # else give the phase up
            self.waiting.append(slot)

    def _give_up(self) -> None:
        self.outcome.errors[f"no answer in {self.timeout} s"] += len(self.active)
        for slot in self.active:
            self.connections[slot].close()

    def _watch(self, connection: Connection, slot: int) -> None:
        """Keep the selector at the connection's present socket."""
        if connection.sock is connection.watched:
            return
        if connection.watched is not None:
            self.selector.unregister(connection.watched)
        if connection.sock is not None:
            self.selector.register(connection.sock, selectors.EVENT_READ, slot)
        connection.watched = connection.sock
