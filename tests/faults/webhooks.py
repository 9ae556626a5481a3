"""Webhooks, while the receiver fails and workers are killed: does each event arrive, in order?

The receiver refuses a third of what it gets, and verifies the rest with a library of others. The
pauses between attempts are not waited for: the rows are made due at once.
"""

import argparse
import json
import random
import time
from collections import defaultdict

from tests.faults.outcome import Outcome, finish
from tests.faults.stack import Stack
from tests.faults.staged_deaths import StagedDeaths
from tests.services.webhook_receiver import Message, Receiver

PEOPLE = 50
SECONDS = 300
ADD_ENDPOINT = """
import json
from people import tenancy
from people.models import Person, Tenant
from people.operations.webhooks import endpoints
with tenancy.use(Tenant.objects.get(slug={slug!r})):
    owner = Person.objects.active_owners().get()
    endpoint, secret = endpoints.add_endpoint(
        owner, url={url!r}, description="", kinds=["person.revised"], actor=owner.actor)
print(json.dumps(secret))
"""
# Changes each of the people in turn.
CHANGES = """
from people import tenancy
from people.models import Tenant
from people.operations import people_update
from people.values import Actor, Profile
from tests.factories import core
with tenancy.use(Tenant.objects.get(slug={slug!r})):
    people = [core.person() for _ in range({people})]
    for number in range({rounds}):
        for person in people:
            profile = Profile(given_name=f"Ada {{chr(97 + number % 26)}}",
                family_name="Lovelace", email=person.email)
            people_update.revise_person(person, profile, actor=Actor("job", "changes"))
"""
EVENTS = """
    SELECT e.id, e.person_id::text FROM people_event e JOIN people_tenant t ON t.id = e.tenant_id
     WHERE t.slug = %s AND e.kind = 'person.revised' ORDER BY e.id
"""
# Other tests of the stack may leave deliveries to receivers that are gone.
WAITING = """
    SELECT count(*) FROM people_webhookdelivery d JOIN people_tenant t ON t.id = d.tenant_id
     WHERE t.slug = %s AND d.state = 'waiting'
"""
DUE_NOW = "UPDATE people_webhookdelivery SET due_at = now() WHERE state = 'waiting' RETURNING id"


def run(stack: Stack, *, events: int, deaths: int) -> Outcome:
    """Deliver so many events while workers die so many times; look for losses and disorder."""
    company = stack.connect()
    dice, plan = random.Random(17), StagedDeaths(("worker",), deaths, events)

    def status_of(_: Message) -> int:
        return 500 if plan.is_overdue(len(receiver.accepted)) or dice.random() < 1 / 3 else 200

    with Receiver(status_of=status_of) as receiver:
        receiver.secrets["/hooks"] = json.loads(
            _shell(stack, ADD_ENDPOINT.format(slug=company.tenant, url=receiver.url))
        )
        rounds = events // PEOPLE
        _shell(stack, CHANGES.format(slug=company.tenant, people=PEOPLE, rounds=rounds))
        expected = stack.rows(EVENTS, company.tenant)
        _wait_and_kill(stack, company.tenant, receiver, len(expected), plan)
    return _judge(receiver, expected, plan)


def _shell(stack: Stack, code: str) -> str:
    return stack.server.manage("shell", "--no-imports", "--command", code)


def _wait_and_kill(
    stack: Stack, tenant: str, receiver: Receiver, events: int, plan: StagedDeaths
) -> None:
    """Wait until everything has arrived, and kill the worker on the way."""
    ends_at = time.monotonic() + SECONDS
    while time.monotonic() < ends_at:
        accepted = len({one.webhook_id for one in receiver.accepted})
        if plan.is_over and accepted >= events and not stack.value(WAITING, tenant):
            break
        plan.kill_if_due(stack, accepted)
        stack.rows(DUE_NOW)
        time.sleep(0.2)


def _judge(receiver: Receiver, expected: list[tuple[int, str]], plan: StagedDeaths) -> Outcome:
    firsts: dict[str, list[int]] = defaultdict(list)
    arrived: set[int] = set()
    for message in list(receiver.accepted):
        event_id = _event(message)
        if event_id not in arrived:
            arrived.add(event_id)
            firsts[message.data["person"]].append(event_id)
    lost = len({event_id for event_id, _ in expected} - arrived)
    disordered = sum(ids != sorted(ids) for ids in firsts.values())
    repeated = len(receiver.accepted) - len(arrived)
    result = f"{lost} lost, {disordered} people out of order, {repeated} repeated"
    size = f"{len(expected)} events, {len(receiver.received)} attempts, {plan.killed} deaths"
    # A process that dies may have had one message accepted without noting it.
    holds = not lost and not disordered and repeated <= plan.killed and plan.is_over
    return Outcome("Webhooks", size, result, holds)


def _event(message: Message) -> int:
    event_id: int = message.data["id"]
    return event_id


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.faults.webhooks", description=__doc__)
    parser.add_argument("--events", type=int, default=1000)
    parser.add_argument("--deaths", type=int, default=3)
    wanted = parser.parse_args()
    with Stack() as stack:
        finish(run(stack, events=wanted.events, deaths=wanted.deaths))


if __name__ == "__main__":
    main()
