"""PostgreSQL query plans of an audit log with 30,000 events."""

import json
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from people.models import Event, Person, Tenant
from people.presentation import audit_log
from people.presentation.audit_log import AuditFilter, Place
from tests.factories import core

pytestmark = pytest.mark.django_db

# One event a second, all by SCIM and without a person; the fixture adds a few rare ones.
MANY = """
    INSERT INTO people_event (tenant_id, kind, actor, interface, changes, facts, happened_at)
    SELECT %s, 'person.revised', 'scim:okta', 'scim', '{}', '{}', now() - n * interval '1 second'
    FROM generate_series(1, 30000) n
"""


@pytest.fixture
def olga(tenant: Tenant) -> Person:
    """An Owner with one event, older than 30,000 events of others."""
    if connection.vendor != "postgresql":
        pytest.skip("the plans are PostgreSQL's")
    olga, ada = core.owner(), core.person(email="ada@example.com")
    with connection.cursor() as cursor:
        # Skip 30,000 checks of the foreign key to the tenant.
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute(MANY, [tenant.pk])
        cursor.execute("SET LOCAL session_replication_role = origin")
    rare: list[dict[str, Any]] = [
        {"actor": olga.actor, "actor_person": olga, "interface": "page"},
        {"actor": "scim:entra", "interface": "scim"},
        {"person": ada, "actor": "scim:okta", "interface": "scim"},
        {"kind": "role.granted", "actor": "scim:okta", "interface": "scim"},
        {"actor": "command:seed", "interface": "command"},
    ]
    long_ago = {"tenant": tenant, "happened_at": timezone.now() - timedelta(days=9)}
    usual = {"kind": Event.Kind.PERSON_REVISED}
    Event.objects.bulk_create(Event(**long_ago | usual | one) for one in rare)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE people_event")
        # Dead rows of earlier tests must not make a sequential scan look cheap.
        cursor.execute("SET LOCAL enable_seqscan = off")
    return olga


def pages_read(wanted: AuditFilter, place: Place | None = None) -> int:
    """Return how many pages of tables and indexes the page of the log reads."""
    events = audit_log.older_than(audit_log.matching_events(wanted), place)
    # The first run marks dead index entries of rows that earlier tests rolled back.
    for _ in range(2):
        [plan] = json.loads(events[:51].explain(format="json", analyze=True, buffers=True))
    return int(plan["Plan"]["Shared Hit Blocks"] + plan["Plan"]["Shared Read Blocks"])


def test_each_filter_and_the_last_page_read_at_most_100_pages(olga: Person) -> None:
    now, day = timezone.now(), timedelta(days=1)
    filters: list[dict[str, Any]] = [
        {},
        {"actor": olga.email},
        {"actor": "scim:okta"},
        {"actor": "scim:entra"},
        {"person": "ada@example.com"},
        {"kinds": ["role.granted", "role.withdrawn"]},
        {"kinds": ["person.revised"]},
        {"interface": "command"},
        {"interface": "scim"},
        {"until": now - day},
        {"since": now - 10 * day, "until": now - 8 * day},
        {"actor": olga.email, "interface": "page", "kinds": ["person.revised"]},
    ]
    oldest = Event.objects.order_by("happened_at", "pk").values_list("happened_at", "pk")[60]

    read = {str(wanted): pages_read(AuditFilter(**wanted)) for wanted in filters}
    read["last page"] = pages_read(AuditFilter(), Place(*oldest))

    assert {name: pages for name, pages in read.items() if pages > 100} == {}
