"""The hourly job, measured in a process that `tests.bench.scheduled_terminations` starts."""

import sys
import tracemalloc
from datetime import UTC, datetime, timedelta
from time import perf_counter

import django

django.setup()

from django.core.management import call_command  # noqa: E402  Django has to be ready first.
from django.db import connection  # noqa: E402

from people import tenancy  # noqa: E402
from people.models import Person, ScheduledTermination, Tenant  # noqa: E402
from people.operations.offboarding.job import BATCH, _due, terminate_due  # noqa: E402
from tests.factories import core  # noqa: E402

DUE = 50
FEW, MANY = 1_000, 100_000
CHUNK = 2_000
TURNS = 8
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


def main() -> int:
    call_command("migrate", verbosity=0)
    print(f"{'inactive':>9}{'due':>5}{'ms a person':>13}{'ms, nobody due':>16}{'peak KiB':>10}")
    costs = [measure(people) for people in (FEW, MANY)]
    ratio = costs[1] / costs[0]
    plan = _plan()
    print(f"\nA due person among {MANY:,} costs {ratio:.2f} times what one among {FEW:,} costs.\n")
    print(plan)
    return 0 if ratio < 1.5 and "scheduled_termination_due" in plan else 1


def measure(people: int) -> float:
    """Return how many milliseconds each of those who are due costs, at best."""
    _fill(people)
    best = idle = float("inf")
    for turn in range(TURNS):
        as_of = NOW + timedelta(days=turn)
        _have_due(as_of)
        began = perf_counter()
        assert terminate_due(as_of=as_of) == DUE
        best = min(best, (perf_counter() - began) * 1000 / DUE)
        tracemalloc.start()
        began = perf_counter()
        assert terminate_due(as_of=as_of) == 0
        idle = min(idle, (perf_counter() - began) * 1000)
        tracemalloc.stop()
    _have_due(NOW + timedelta(days=TURNS))
    tracemalloc.start()
    terminate_due(as_of=NOW + timedelta(days=TURNS))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    print(f"{people:>9,}{DUE:>5}{best:>13.2f}{idle:>16.2f}{peak / 1024:>10,.0f}")
    return best


def _fill(people: int) -> None:
    """Make a company with so many people whom Okta has deactivated; their days are to come."""
    tenant = core.tenant(auto_terminate_days=45)
    with tenancy.use(tenant):
        core.owner()
        for begin in range(0, people, CHUNK):
            gone = [
                _person(tenant.pk, number) for number in range(begin, min(begin + CHUNK, people))
            ]
            Person.objects.bulk_create(gone)
            ScheduledTermination.objects.bulk_create(
                ScheduledTermination(
                    tenant=tenant, person=person, due_at=NOW + timedelta(days=30, seconds=number)
                )
                for number, person in enumerate(gone, begin)
            )
    _analyse()


def _person(tenant_id: int, number: int) -> Person:
    email = f"person-{tenant_id}-{number}@example.com"
    return Person(
        tenant_id=tenant_id,
        given_name="Ada",
        family_name=f"Lovelace {number}",
        email=email,
        email_key=email,
        password="!",
        role_source="scim:okta",
        role_assigned_at=NOW,
        joined_at=NOW,
        state=Person.State.INACTIVE,
        deactivated_at=NOW - timedelta(days=15),
        deactivated_by="scim:okta",
    )


def _have_due(as_of: datetime) -> None:
    """Let fifty of the newest company be due."""
    with tenancy.use(Tenant.objects.latest("pk")):
        them = ScheduledTermination.objects.filter(due_at__gt=as_of).order_by("pk")[:DUE]
        keys = list(them.values_list("pk", flat=True))
        ScheduledTermination.objects.filter(pk__in=keys).update(due_at=as_of)


def _analyse() -> None:
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")


def _plan() -> str:
    """Return how PostgreSQL finds what is due."""
    _have_due(NOW + timedelta(days=TURNS + 1))
    with tenancy.across_tenants():
        due = _due(NOW + timedelta(days=TURNS + 1)).order_by("due_at", "pk")[:BATCH]
        plan: str = due.explain(analyze=True)
        return plan


if __name__ == "__main__":
    sys.exit(main())
