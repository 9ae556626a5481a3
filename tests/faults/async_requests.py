"""The worker is killed while it processes asynchronous bulk requests: is each operation done once?

Each request is sent after the one before is finished, until the worker has died in the middle of
so many of them.
"""

import argparse
import time
from typing import Any, Final

import requests

from tests.bench.walk import user
from tests.faults.outcome import Outcome, finish
from tests.faults.stack import Stack
from tests.services.db import Connected
from tests.services.process import within

SECONDS: Final = 120
# Results after which the worker is killed.
FIRST: Final = 5
BULK: Final = "urn:ietf:params:scim:api:messages:2.0:BulkRequest"
RESULTS: Final = "SELECT count(*) FROM scim_asyncresult WHERE request_id = %s"
UNFINISHED: Final = "SELECT count(*) FROM scim_asyncrequest WHERE id = %s AND finished_at IS NULL"
ADDED: Final = """
    SELECT count(*), count(DISTINCT e.person_id) FROM people_event e
      JOIN people_tenant t ON t.id = e.tenant_id
     WHERE t.slug = %s AND e.kind = 'person.added' AND e.request_id IS NOT NULL
"""


def run(stack: Stack, *, operations: int, deaths: int) -> Outcome:
    """Send bulk requests until the worker died in so many; count what was done, and how often."""
    company, sent, interrupted, wrong = stack.connect(), 0, 0, 0
    ends_at = time.monotonic() + SECONDS * deaths
    while interrupted < deaths and time.monotonic() < ends_at:
        request_id = _send(stack, company, sent, operations)
        sent += 1
        interrupted += _kill_in_the_middle(stack, request_id)
        within(SECONDS, lambda request_id=request_id: not stack.value(UNFINISHED, request_id))  # type: ignore[misc]
        wrong += operations - _created(stack, company, request_id)
    [(added, people)] = stack.rows(ADDED, company.tenant)
    result = f"{wrong} without their result, {added} of {sent * operations} added, {people} people"
    holds = interrupted == deaths and not wrong and added == people == sent * operations
    size = f"{sent} requests of {operations} operations, {interrupted} deaths in the middle"
    return Outcome("Asynchronous requests", size, result, holds)


def _send(stack: Stack, company: Connected, number: int, operations: int) -> str:
    body: Any = {
        "schemas": [BULK],
        "Operations": [
            {
                "method": "POST",
                "path": "/Users",
                "bulkId": str(index),
                "data": user(f"bulk-{number}-{index}"),
            }
            for index in range(operations)
        ],
    }
    answer = requests.post(
        f"{stack.server.scim_url}/Bulk",
        json=body,
        headers=_headers(company) | {"Prefer": "respond-async"},
        timeout=30,
    )
    assert answer.status_code == 202, answer.text
    return answer.headers["Set-Txn"]


def _kill_in_the_middle(stack: Stack, request_id: str) -> bool:
    """Kill the worker after the first results; tell whether it had not finished."""
    within(SECONDS, lambda: stack.value(RESULTS, request_id) >= FIRST)
    within(SECONDS, lambda: stack.kill_program("worker"))
    return bool(stack.value(UNFINISHED, request_id))


def _created(stack: Stack, company: Connected, request_id: str) -> int:
    """Return how many operations the status resource lists as created."""
    address = f"{stack.server.scim_url}/AsyncRequests/{request_id}"
    answer: Any = requests.get(address, headers=_headers(company), timeout=30).json()
    return sum(one["status"] == "201" for one in answer["Operations"])


def _headers(company: Connected) -> dict[str, str]:
    return {"Authorization": f"Bearer {company.token}"}


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m tests.faults.async_requests", description=__doc__
    )
    parser.add_argument("--operations", type=int, default=500)
    parser.add_argument("--deaths", type=int, default=5)
    wanted = parser.parse_args()
    with Stack() as stack:
        finish(run(stack, operations=wanted.operations, deaths=wanted.deaths))


if __name__ == "__main__":
    main()
