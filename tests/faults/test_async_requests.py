"""Asynchronous bulk requests while the worker is killed."""

from tests.faults import async_requests
from tests.faults.stack import Stack


def test_each_operation_is_executed_once(stack: Stack) -> None:
    outcome = async_requests.run(stack, operations=150, deaths=1)

    assert outcome.holds, outcome
