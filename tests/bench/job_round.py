"""One round of the periodic jobs, in a process that `tests.bench.jobs` starts."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import django

django.setup()

from django.conf import settings  # noqa: E402  Django has to be ready first.
from django.core.management import call_command  # noqa: E402
from django.db import connection, models  # noqa: E402
from django.utils import timezone  # noqa: E402
from django.utils.module_loading import import_string  # noqa: E402

from people import events, tenancy  # noqa: E402
from people.models import Department, Entity, Invite, Location, Person, Tenant  # noqa: E402
from scim.models import Connection, ScimUser, SyncError, user_count  # noqa: E402
from tests.bench.cpu import seconds_of  # noqa: E402
from tests.clients.scim import Provider, managed_by  # noqa: E402
from tests.factories import core  # noqa: E402
from tests.factories.scim import scim_connection  # noqa: E402

PEOPLE, WAITING = 20, 4
SYNC_CYCLE: Final = "scim.tasks.run_sync_cycle"
INACTIVITY: Final = "scim.connections.inactivity.check_inactivity"
# The CPU seconds that a job may take in one round; the others have no bar.
BARS_SECONDS: Final[Mapping[str, float]] = {SYNC_CYCLE: 10.0}
# These may need only so many queries, however many companies there are.
BARS_QUERIES: Final[Mapping[str, float]] = {
    INACTIVITY: 20,
    "scim.jobs.log_retention.delete_old_requests": 20,
}


def _key(column: str) -> str:
    return f"md5(one.{column}::text || number)::uuid"


# The columns that differ in a copy. Rows that refer to each other are moved by the same number.
COPIES: Final[Mapping[type[models.Model], Mapping[str, str]]] = {
    Entity: {"id": "one.id + number"},
    Department: {"id": "one.id + number"},
    Location: {"id": "one.id + number", "entity_id": "one.entity_id + number"},
    Tenant: {
        "id": "one.id + number",
        "slug": "one.slug || '-' || number",
        "default_entity_id": "one.default_entity_id + number",
    },
    Person: {
        "id": _key("id"),
        "department_id": "one.department_id + number",
        "location_id": "one.location_id + number",
    },
    Connection: {"id": _key("id")},
    ScimUser: {
        "id": "one.id + 100 * number",
        "scim_id": _key("scim_id"),
        "connection_id": _key("connection_id"),
        "person_id": _key("person_id"),
    },
    Invite: {"id": _key("id"), "person_id": _key("person_id")},
    SyncError: {
        "id": "one.id + 100 * number",
        "connection_id": _key("connection_id"),
        "user_id": "one.user_id + 100 * number",
        "person_id": _key("person_id"),
        "request_id": "NULL",
    },
}


@dataclass(frozen=True)
class Cost:
    own: float
    database: float
    queries: int

    @property
    def seconds(self) -> float:
        return self.own + self.database


def measure(companies: int, postgres: int) -> None:
    """Print the cost of each job, and whether it is over its bar."""
    call_command("migrate", verbosity=0)
    _copy(_make_company(), companies)
    people = companies * PEOPLE
    print(f"{companies:,} companies, {people:,} people, {companies * WAITING:,} without a manager")
    print(f"{'job':62}{'own, s':>8}{'PG, s':>8}{'queries':>9}")
    jobs: list[str] = [INACTIVITY, *settings.DUE_JOBS.values()]
    over = [job for job in jobs if _is_over(job, _cost_of(import_string(job), postgres))]
    print(f"Over the bar: {', '.join(over) or 'none'}")


def _is_over(job: str, cost: Cost) -> bool:
    print(f"{job:62}{cost.own:>8.2f}{cost.database:>8.2f}{cost.queries:>9,}", flush=True)
    is_slow = cost.seconds > BARS_SECONDS.get(job, float("inf"))
    return is_slow or cost.queries > BARS_QUERIES.get(job, float("inf"))


def _cost_of(job: Callable[..., Any], postgres: int) -> Cost:
    queries = 0

    def count(execute: Callable[..., Any], *arguments: Any) -> Any:
        nonlocal queries
        queries += 1
        return execute(*arguments)

    own, database = time.process_time(), seconds_of(postgres)
    with connection.execute_wrapper(count):
        job(as_of=timezone.now())
    return Cost(time.process_time() - own, seconds_of(postgres) - database, queries)


def _make_company() -> Tenant:
    tenant = core.tenant()
    with tenancy.use(tenant):
        core.owner(email="owner@example.com")
        now = timezone.now()
        okta = Provider(scim_connection(unknown_manager="hold", initial_import_finished_at=now))
        for number in range(PEOPLE - 1):
            is_waiting = number < WAITING
            values = managed_by({"value": f"nobody-{number}"}) if is_waiting else {}
            okta.add(f"person{number}", **values)
        assert ScimUser.objects.exclude(waiting_manager="").count() == WAITING
    # Nothing else is left to do for this company.
    events.dispatch_all(as_of=timezone.now())
    return tenant


def _copy(tenant: Tenant, companies: int) -> None:
    """Copy the company, so that there are so many."""
    with connection.cursor() as cursor:
        # Foreign keys and triggers would check what the copies have from their original.
        cursor.execute("SET session_replication_role = replica; SET statement_timeout = 0")
        for model, changes in COPIES.items():
            cursor.execute(_insert(model, changes), {"last": companies - 1, "tenant": tenant.pk})
        for copied in COPIES:
            table = copied._meta.db_table
            if isinstance(copied._meta.pk, models.AutoField):
                cursor.execute(
                    f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), MAX(id)) FROM {table}"  # noqa: S608 names of the schema
                )
        cursor.execute("TRUNCATE scim_usercount")
        cursor.execute(user_count.COUNT)
        cursor.execute("VACUUM ANALYZE")
        cursor.execute("RESET session_replication_role; RESET statement_timeout")


def _insert(model: type[models.Model], changes: Mapping[str, str]) -> str:
    columns = [str(column.column) for column in model._meta.concrete_fields]
    moved = {"tenant_id": "one.tenant_id + number"} | dict(changes)
    names = ", ".join(f'"{column}"' for column in columns)
    values = ", ".join(moved.get(column, f'one."{column}"') for column in columns)
    owner = "id" if model is Tenant else "tenant_id"
    return (
        f"INSERT INTO {model._meta.db_table} ({names}) SELECT {values} "  # noqa: S608 names of the schema
        f"FROM generate_series(1, %(last)s) number, {model._meta.db_table} one "
        f"WHERE one.{owner} = %(tenant)s"
    )
