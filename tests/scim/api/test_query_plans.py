"""Generic query plans on new tables without statistics use indexes.

PostgreSQL keeps such a plan until the tables are analyzed, so a bad one would slow the first
import down.
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
def tables_without_statistics(tenant: Tenant) -> None:
    """Empty the tables and delete their statistics."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute(f"TRUNCATE {', '.join(TABLES)} CASCADE")
        cursor.execute(
            "DELETE FROM pg_statistic WHERE starelid::regclass::text = ANY(%s)", [[*TABLES]]
        )
        cursor.execute("SET LOCAL plan_cache_mode = force_generic_plan")


def query_plan(question: PreparedQuery) -> dict[str, Any]:
    """Return the generic plan of the prepared statement."""
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


def nodes(query_plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield query_plan
    for part in query_plan.get("Plans", ()):
        yield from nodes(part)


def prepared_queries() -> list[PreparedQuery]:
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


def test_each_prepared_query_uses_an_index(tables_without_statistics: None) -> None:
    for question in prepared_queries():
        read = [node for node in nodes(query_plan(question)) if node.get("Relation Name") in TABLES]

        assert read
        assert all("Index Cond" in node for node in read), (question.statement, read)
