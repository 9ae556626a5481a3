"""Makes many people by SQL, and measures the pages with them; tests.bench.pages runs it."""

import json
import statistics
import sys
from collections.abc import Callable
from functools import partial
from time import perf_counter
from typing import Any, Final

import django
from django.db import connection
from django.test import Client

django.setup()

from people import tenancy  # noqa: E402
from people.models import Department, Person, Scope  # noqa: E402
from people.operations.api_tokens import create_api_token  # noqa: E402
from people.tenancy import across_tenants  # noqa: E402
from scim.models import Connection  # noqa: E402
from tests.bench.pages import PAGES  # noqa: E402
from tests.bench.walk import connected, send, user  # noqa: E402

DEPARTMENTS: Final = 200
BAR_MS: Final = 250
# A copy differs from its template in what must be unique, in its names, and in what is filtered by.
COPIES: Final = """
CREATE TEMPORARY TABLE copy AS
SELECT number, md5('person' || number)::uuid AS id, md5('user' || number)::uuid AS scim_id,
       (ARRAY['Ada','Bob','Chloe','Dmitri','Eve','Fatima','Grace','Hedy'])[number %% 8 + 1]
           AS given,
       'Family' || md5(number::text) AS family, 'p' || number || '@acme.example.com' AS email
FROM generate_series(1, %(people)s) number;

INSERT INTO people_department
SELECT (jsonb_populate_record(one, jsonb_build_object('id', one.id + number,
        'name', 'Department ' || number, 'name_key', 'department ' || number))).*
FROM people_department one, generate_series(1, %(departments)s) number
WHERE one.id = (SELECT MIN(id) FROM people_department);

INSERT INTO people_person
SELECT (jsonb_populate_record(one, jsonb_build_object(
        'id', copy.id, 'given_name', copy.given, 'family_name', copy.family,
        'email', copy.email, 'email_key', copy.email,
        'department_id', one.department_id + 1 + number %% %(departments)s,
        'manager_id', CASE WHEN number > 50 THEN md5('person' || (number / 50))::uuid END,
        'state', CASE WHEN number %% 20 = 0 THEN 'inactive' WHEN number %% 7 = 0 THEN 'invited'
                      ELSE 'active' END,
        'joined_at', CASE WHEN number %% 20 = 0 OR number %% 7 <> 0 THEN now() END,
        'deactivated_at', CASE WHEN number %% 20 = 0 THEN now() - number * interval '1 second' END,
        'deactivated_by', CASE WHEN number %% 20 = 0 THEN 'scim:okta' ELSE '' END
        ))).*
FROM people_person one, copy WHERE one.email = %(template)s ORDER BY number;

INSERT INTO scim_scimuser
SELECT (jsonb_populate_record(one, jsonb_build_object(
        'id', one.id + number, 'scim_id', copy.scim_id, 'person_id', copy.id,
        'scim_external_id', 'external-' || number,
        'scim_username', copy.email, 'user_name_key', copy.email))).*
FROM scim_scimuser one, people_person template, copy
WHERE template.id = one.person_id AND template.email = %(template)s ORDER BY number;

INSERT INTO people_event
SELECT (jsonb_populate_record(one, jsonb_build_object(
        'id', one.id + 10 + number * 10 + turn, 'person_id', copy.id,
        'happened_at', now() - number * interval '20 second', 'dispatched_at', now()))).*
FROM people_event one, people_person template, copy, generate_series(1, 3) turn
WHERE template.id = one.person_id AND template.email = %(template)s AND one.kind = 'person.added'
ORDER BY number DESC;
"""


def measure(people: int, rounds: int) -> None:
    """Make the company, and print how long each page takes, the slowest first."""
    scim = connected()
    send(scim, "POST", "/Users", user("template"))
    began = perf_counter()
    _copy(people)
    sys.stdout.write(f"{people:,} people were made in {perf_counter() - began:.0f} s\n")

    with across_tenants():
        owner = Person.objects.get(email="owner@acme.example.com")
        with tenancy.use(owner.tenant_id):
            token = create_api_token(owner, "pages", scopes=Scope.values, actor=owner.actor)
        facts = {
            "connection": Connection.objects.get().pk,
            "department": Department.objects.latest("pk").pk,
            "person": Person.objects.get(email="p47@acme.example.com").pk,
        }
    browser, api = Client(), Client(headers={"Authorization": f"Bearer {token}"})
    browser.force_login(owner)
    clients = {"/api/": api, "/scim": scim}
    rows = [
        _row(name, partial(clients.get(path[:5], browser).get, path.format(**facts)), rounds)
        for name, path in PAGES.items()
    ]
    for row in sorted(rows, key=lambda row: -row["most_ms"]):
        sys.stdout.write(
            f"{row['page']:36} {row['status']} {row['median_ms']:8.0f} {row['most_ms']:8.0f}"
            f" {row['database_ms']:8.0f} {row['queries']:4} {row['kb']:7.1f} kB\n"
        )
    slow = [row["page"] for row in rows if row["most_ms"] > BAR_MS]
    sys.stdout.write(json.dumps({"people": people, "slow": slow, "pages": rows}) + "\n")


def _copy(people: int) -> None:
    values: dict[str, int | str] = {
        "people": people,
        "departments": DEPARTMENTS,
        "template": "template@acme.example.com",
    }
    with connection.cursor() as cursor:
        # Foreign keys and triggers would check what the copies have from their template.
        cursor.execute("SET session_replication_role = replica; SET statement_timeout = 0")
        for statement in COPIES.split(";\n"):
            if statement.strip():
                cursor.execute(statement, values)
        cursor.execute("VACUUM ANALYZE")
        cursor.execute("RESET session_replication_role; RESET statement_timeout")


def _row(name: str, read: Callable[[], Any], rounds: int) -> dict[str, Any]:
    """Read it several times; return the times of the server, and of the database in them."""
    took, database, queries = [], [], 0
    read()
    for _ in range(rounds):
        spent: list[float] = []

        def note(execute: Any, *arguments: Any, spent: list[float] = spent) -> Any:
            began = perf_counter()
            try:
                return execute(*arguments)
            finally:
                spent.append(perf_counter() - began)

        began = perf_counter()
        with connection.execute_wrapper(note):
            answer = read()
            content = answer.getvalue()
        took.append(1000 * (perf_counter() - began))
        database.append(1000 * sum(spent))
        queries = len(spent)
    return {
        "page": name,
        "status": answer.status_code,
        "median_ms": round(statistics.median(took)),
        "most_ms": round(max(took)),
        "database_ms": round(statistics.median(database)),
        "queries": queries,
        "kb": round(len(content) / 1024, 1),
    }
