"""Sorting a list of more people than it counts."""

from itertools import pairwise
from typing import Any

import pytest
from django.db import connection
from django.test import Client

from people.models import Person, Tenant
from people.presentation import page_links
from tests.clients.pages import queries_of, signed_in
from tests.factories import core

pytestmark = pytest.mark.django_db

COLUMNS = ("name", "role", "department", "location", "manager", "state")
# All but the first 50 people have a manager; all are in a department.
MANY = """
    INSERT INTO people_person (
        id, password, given_name, family_name, email, email_key, pending_email, role, role_source,
        role_assigned_at, state, joined_at, deactivated_at, deactivated_by, withheld_roles,
        session_epoch, is_operator, managed_fields, manually_overridden_fields, custom_values,
        created_at, changed_at, tenant_id, department_id, manager_id)
    SELECT md5('many' || n)::uuid, '!', 'Ada', md5(n::text), n || '@example.com',
           n || '@example.com', '', 'BUSINESS_USER', '', now(),
           CASE WHEN n %% 20 = 0 THEN 'inactive' ELSE 'active' END, now(),
           CASE WHEN n %% 20 = 0 THEN now() END, '', '{}', 0, false, '{}', '{}', '{}', now(), now(),
           %(tenant)s, %(department)s + n %% 9,
           CASE WHEN n > 50 THEN md5('many' || n / 50)::uuid END
    FROM generate_series(1, 20000) n
"""


@pytest.fixture
def client(tenant: Tenant) -> Client:
    if connection.vendor != "postgresql":
        pytest.skip("SQLite sorts the list as Django does")
    return signed_in(core.administrator())


def pages(client: Client, column: int) -> list[Person]:
    """Return the people of all pages, in their order."""
    found: list[Person] = []
    for number in (1, 2, 3):
        answer: Any = client.get("/people/", {"o": column, "p": number})
        assert answer.status_code == 200
        found += answer.context["cl"].result_list
    return found


def shown(person: Person, name: str) -> tuple[bool, str]:
    """Return a sort key of the value in the column; empty values are last."""
    value = {
        "name": person.family_name,
        "role": person.role,
        "department": person.department and person.department.name,
        "location": person.location and person.location.name,
        "manager": person.manager and person.manager.family_name,
        "state": person.state,
    }[name]
    return value is None, value or ""


@pytest.fixture
def few(client: Client, monkeypatch: pytest.MonkeyPatch) -> Client:
    """Add people with various values, more than the list counts."""
    monkeypatch.setattr(page_links, "COUNTED_AT_MOST", 130)
    departments = [core.department(f"D{n}") for n in (2, 0, 1)]
    locations = [core.location(f"L{n}") for n in (1, 0)]
    managers = [core.person(email=f"m{n}@example.com", family_name=f"M{5 - n}") for n in range(5)]
    for n in range(130):
        core.person(
            email=f"p{n}@example.com",
            family_name=f"F{n * 37 % 130:03}",
            department=departments[n % 3] if n % 7 else None,
            location=locations[n % 2] if n % 5 else None,
            manager=managers[n % 5] if n % 11 else None,
            role=Person.Role.BOOKKEEPER if n % 13 == 0 else Person.Role.CARDHOLDER,
            state=Person.State.ACTIVE if n % 4 else Person.State.INVITED,
        )
    return client


@pytest.mark.parametrize("name", COLUMNS)
def test_pages_contain_each_person_once_in_order(few: Client, name: str) -> None:
    number = COLUMNS.index(name) + 1
    rising, falling = pages(few, number), pages(few, -number)

    assert len({one.pk for one in rising}) == len(rising) == 130
    for before, after in pairwise(rising):
        mine, yours = shown(before, name), shown(after, name)
        assert mine < yours or (mine == yours and before.family_name <= after.family_name)
    for before, after in pairwise(falling):
        assert shown(before, name) >= shown(after, name)


def test_queries_do_not_sort_or_scan_all_people(client: Client, tenant: Tenant) -> None:
    first, *_ = [core.department(f"D{n}") for n in range(9)]
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute(MANY, {"tenant": tenant.pk, "department": first.pk})
        cursor.execute("SET LOCAL session_replication_role = origin")
        cursor.execute("ANALYZE people_person")
    for name in COLUMNS:
        for sign in ("", "-"):
            number = COLUMNS.index(name) + 1
            queries = queries_of(client, f"/people/?o={sign}{number}")
            assert most_rows_sorted(queries) < 5000, (sign, name)


def most_rows_sorted(queries: list[str]) -> int:
    """Return how many people the largest sort or sequential scan of these queries reads."""
    most = 0
    for sql in queries:
        if sql.startswith("SELECT") and "people_person" in sql and "COUNT(" not in sql:
            with connection.cursor() as cursor:
                cursor.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {sql}")
                [[[explained]]] = cursor.fetchall()
            most = max(most, *map(rows_of, nodes(explained["Plan"])))
    return most


def nodes(plan: dict[str, Any]) -> list[dict[str, Any]]:
    return [plan, *(below for part in plan.get("Plans", ()) for below in nodes(part))]


def rows_of(node: dict[str, Any]) -> int:
    is_counted = node["Node Type"] in ("Sort", "Seq Scan")
    removed = node.get("Rows Removed by Filter", 0)
    children = sum(int(part["Actual Rows"]) for part in node.get("Plans", ()))
    return max(int(node["Actual Rows"]) + removed, children) if is_counted else 0
