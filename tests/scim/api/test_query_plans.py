"""While tables are new and nobody has counted their rows, PostgreSQL …

It keeps to the plan that it makes then until somebody has, and the first import would get
slower with each person.
"""

from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest
from django.db import connection
from psycopg import ClientCursor

from people.db.prepared_statements import PreparedQuery
from people.models import Tenant
from scim.api import fast_queries
from scim.api.request import ScimRequest
from scim.sync import managers

pytestmark = pytest.mark.django_db

TABLES = ("scim_scimuser", "people_person", "people_invite")
SOMEBODY = UUID(int=7)


@pytest.fixture
def uncounted(tenant: Tenant) -> None:
    """Leave the tables as they are when they have just been made."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute(f"TRUNCATE {', '.join(TABLES)} CASCADE")
        cursor.execute(
            "DELETE FROM pg_statistic WHERE starelid::regclass::text = ANY(%s)", [[*TABLES]]
        )
        cursor.execute("SET LOCAL plan_cache_mode = force_generic_plan")


def plan(question: PreparedQuery) -> dict[str, Any]:
    """Return how the statement is carried out whatever its parameters are."""
    text, given = question.statement, ", ".join("%s" for _ in question.parameters)
    for number, _ in enumerate(question.parameters, 1):
        text = text.replace("%s", f"${number}", 1)
    with ClientCursor(connection.connection) as cursor:
        cursor.execute(f"PREPARE asked AS {text}".encode())
        cursor.execute(f"EXPLAIN (FORMAT JSON) EXECUTE asked ({given})", question.parameters)
        [[[explained]]] = cursor.fetchall()
        cursor.execute("DEALLOCATE asked")
    found: dict[str, Any] = explained["Plan"]
    return found


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for part in plan.get("Plans", ()):
        yield from nodes(part)


def asked() -> list[PreparedQuery]:
    finding = [
        PreparedQuery(statement, ("x" if name != "id" else SOMEBODY, "digest"), 6)
        for name, statement in fast_queries.FIND_USER_BY.items()
    ]
    document = {"userName": "ada", "externalId": "x"}
    request = ScimRequest.__new__(ScimRequest)
    request.token_digest = "digest"
    return [
        *finding,
        fast_queries.locked_user_query(request, str(SOMEBODY)),
        managers.manager_query(SOMEBODY, "ada@example.com"),
        fast_queries.new_user_query(SOMEBODY, document),
    ]


def test_finds_one_of_them_by_an_index(uncounted: None) -> None:
    for question in asked():
        read = [node for node in nodes(plan(question)) if node.get("Relation Name") in TABLES]

        assert read
        assert all("Index Cond" in node for node in read), (question.statement, read)
