"""Several people doing something at the same instant, each over a connection of their own."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from threading import Barrier
from typing import Any

from django.db import connection

from people.values import PeopleError


class Racers:
    """As many threads as there are actions at once; their connections live until `close`."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.pool = ThreadPoolExecutor(number)

    def __call__(self, *actions: Callable[[], Any]) -> list[Any]:
        """Run the actions from the same instant; return what each gave, or how it was refused.

        Each sees the tenant in force here. What is not a refusal is raised.
        """
        return self._race(_run, actions)

    def close(self) -> None:
        self._race(_close, [None] * self.number)
        self.pool.shutdown()

    def _race(self, run: Callable[..., Any], actions: Sequence[Any]) -> list[Any]:
        assert len(actions) == self.number
        start = Barrier(self.number, timeout=30)
        runs = [self.pool.submit(copy_context().run, run, start, action) for action in actions]
        return [run.result(60) for run in runs]


def _run(start: Barrier, action: Callable[[], Any]) -> Any:
    connection.ensure_connection()
    start.wait()
    try:
        return action()
    except PeopleError as refusal:
        return refusal


def _close(start: Barrier, _: object) -> None:
    start.wait()  # Each thread takes one of these, and none takes two.
    connection.close()
