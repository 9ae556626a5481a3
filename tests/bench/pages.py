"""How long the administrators' pages and the lists of programs take with many people.

python -m tests.bench.pages --people 1000000

People, users and events are copied by SQL from one person whom a provider has created; a million
need about 6 GB of disk and 10 minutes. Server time only: no browser, no network.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from time import perf_counter
from typing import Any, Final

from django.db import connection
from django.test import Client

from tests.bench.walk import ROOT, connected, send, user
from tests.services.postgres_redis_smtp import Postgres

DEPARTMENTS: Final = 200
BAR_MS: Final = 250
# A copy differs from its template in what must be unique, in its names, and in what is filtered by.
COPIES: Final = """
CREATE TEMPORARY TABLE copy AS
SELECT number, md5('person' || number)::uuid AS id, md5('user' || number)::uuid AS scim_id,
       (ARRAY['Ada','Bob','Chloe','Dmitri','Eve','Fatima','Grace','Hedy'])[number %% 8 + 1] AS given,
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
PAGES: Final = {
    "Overview": "/overview/",
    "People": "/people/",
    "People, name": "/people/?q=Family00",
    "People, two words": "/people/?q=Ada+Familyab",
    "People, address": "/people/?q=p4711@acme.example.com",
    "People, nothing found": "/people/?q=xyzzy",
    "People, common word": "/people/?q=acme",
    "People, sorted by status": "/people/?o=5",
    "People, sorted by name, descending": "/people/?o=-1",
    "People, inactive": "/people/?state=inactive",
    "People, by role": "/people/?role__exact=BUSINESS_OWNER",
    "People, department": "/people/?department__id__exact={department}",
    "People without a manager": "/people/?without=manager",
    "People, page 10,000": "/people/?p=10000",
    "A person": "/people/{person}/",
    "Search, name": "/search/?q=Family00",
    "Search, common word": "/search/?q=acme",
    "Choosing a manager": "/autocomplete/?app_label=people&model_name=person&field_name=manager&term=Family0",
    "Organization chart": "/people/org-chart/",
    "Departments": "/people/departments/",
    "Locations": "/people/locations/",
    "Roles": "/people/roles/",
    "Access diagnosis, known": "/people/why/?who=p4711@acme.example.com",
    "Access diagnosis, unknown": "/people/why/?who=nobody@acme.example.com",
    "Access diagnosis, name": "/people/why/?who=Familyab",
    "Scheduled terminations": "/people/departures/",
    "Terminated people": "/people/terminated/",
    "Bulk changes": "/people/bulk-changes/",
    "Team updates": "/people/updates/errors/",
    "Team updates, invites": "/people/updates/invites/",
    "Team updates, inactive": "/people/updates/inactive/",
    "Team updates, review": "/people/updates/review/",
    "Audit log": "/audit-log/",
    "Audit log, one action": "/audit-log/?action=deactivated",
    "Audit log, one person": "/audit-log/?person=p4711@acme.example.com",
    "Audit log, one actor": "/audit-log/?actor=nobody",
    "Company settings": "/tenants/acme/settings/",
    "Authentication settings": "/tenants/acme/auth-settings/",
    "Provisioned members": "/tenants/acme/provisioned-members/",
    "Integrations": "/integrations/",
    "Okta": "/integrations/okta/",
    "Setup review": "/integrations/okta/setup/review/",
    "SCIM settings": "/integrations/scim/{connection}/",
    "Request log": "/integrations/scim/{connection}/requests/",
    "API: people": "/api/v1/people",
    "API: people, inactive": "/api/v1/people?state=inactive",
    "API: needs attention": "/api/v1/attention",
    "API: audit events": "/api/v1/audit-events",
    "SCIM: first 100": "/scim/v2/Users?count=100",
    "SCIM: 100 from 500,001": "/scim/v2/Users?count=100&startIndex=500001",
    "SCIM: userName eq": '/scim/v2/Users?filter=userName eq "p4711@acme.example.com"',
    "SCIM: userName sw": '/scim/v2/Users?filter=userName sw "p471"&count=100',
    "SCIM: userName co": '/scim/v2/Users?filter=userName co "p4711"&count=100',
    "SCIM: name.familyName eq": '/scim/v2/Users?filter=name.familyName eq "Nobody"&count=100',
    "SCIM: title eq": '/scim/v2/Users?filter=title eq "Nobody"&count=100',
    "SCIM: displayName sw": '/scim/v2/Users?filter=displayName sw "Nob"&count=100',
}


def main() -> None:
    """Start PostgreSQL, and a process whose settings name its database."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=5)
    wanted = parser.parse_args()
    postgres = Postgres({"fsync": "off", "max_wal_size": "8GB", "shared_buffers": "1GB"})
    environment = {
        "DATABASE_URL": postgres.create("pages"),
        "SECRET_KEY": "of the benchmark",
        "ALLOWED_HOSTS": "testserver",
    }
    call = f"from tests.bench import pages; pages.measure({wanted.people}, {wanted.rounds})"
    try:
        subprocess.run(
            [sys.executable, "-c", call], env=os.environ | environment, check=True, cwd=ROOT
        )
    finally:
        postgres.stop()


def measure(people: int, rounds: int) -> None:
    """Make the company, and print how long each page takes, the slowest first."""
    scim = connected()
    send(scim, "POST", "/Users", user("template"))
    began = perf_counter()
    _copy(people)
    sys.stdout.write(f"{people:,} people were made in {perf_counter() - began:.0f} s\n")

    from people import tenancy
    from people.models import Department, Person, Scope
    from people.operations.api_tokens import create_api_token
    from people.tenancy import across_tenants
    from scim.models import Connection

    with across_tenants():
        owner = Person.objects.get(email="owner@acme.example.com")
        with tenancy.use(owner.tenant_id):
            token = create_api_token(owner, "pages", scopes=Scope.values, actor=owner.actor)
        facts = {
            "connection": Connection.objects.get().pk,
            "department": Department.objects.latest("pk").pk,
            "person": Person.objects.get(email="p4711@acme.example.com").pk,
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
    values = {
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


if __name__ == "__main__":
    main()
