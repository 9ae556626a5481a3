"""The most frequent SQL statements of identity providers, each fixed and prepared once.

Finding a user by userName or externalId, and reading one by id, are three quarters of a
provider's cycle: one statement checks the token, finds the user and gathers the groups.
A write begins with one more of the kind. Through the ORM the same takes several times as
long; the answers are the same to the byte, which tests/scim/api/test_fast_queries.py shows. It all
is PostgreSQL's: on SQLite the ordinary way serves.
"""

import json
from collections.abc import Sequence
from functools import cache
from typing import Any, NamedTuple
from uuid import UUID

from people.db import prepared_statements, row_json
from people.db.prepared_statements import PreparedQuery
from people.operations import locks
from people.values import normalize_key
from scim.api import authentication, pagination
from scim.api.pagination import Page, PageRequest
from scim.api.request import ScimRequest, base_url, wrong_token
from scim.api.responses import RenderedResource
from scim.models import Connection, ScimUser
from scim.models.sql import CREDENTIAL_JOINS, VISIBLE_TO_CONNECTION
from scim.rfc import serialize
from scim.rfc.ids import scim_uuid
from scim.rfc.serialize import StoredResource
from scim.rfc.strict_json import Json
from scim.sync import sync_errors


def _moment(column: str) -> str:
    """Have the database write a moment as `serialize` does, which is quicker."""
    return f"""to_char({column} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')"""


GROUPS = """
    (SELECT json_agg(json_build_array(g.scim_id, g.scim_display_name) ORDER BY m.id)::text
       FROM scim_scimmembership m JOIN scim_scimgroup g ON g.id = m.group_id
      WHERE m.user_id = u.id)
"""
FIND = f"""
    SELECT u.scim_id::text, u.rendered, u.version,
           {_moment("u.created_at")}, {_moment("u.modified_at")}, {GROUPS}
    {CREDENTIAL_JOINS}
      LEFT JOIN scim_scimuser u
             ON u.{{column}} = %s AND {{known}} AND {VISIBLE_TO_CONNECTION} c.id
     WHERE t.digest = %s AND t.revoked_at IS NULL
     ORDER BY u.id
"""
# Where each is, and what the planner has to be told for the index that leaves out the rest.
COLUMNS = {
    "id": ("scim_id", "true"),
    "userName": ("user_name_key", "u.deleted_at IS NULL"),
    "externalId": ("scim_external_id", "u.deleted_at IS NULL AND u.scim_external_id <> ''"),
}
PLACE = """
    SELECT nextval(pg_get_serial_sequence('scim_scimuser', 'id')),
           EXISTS (SELECT 1 FROM scim_scimuser u
                    WHERE u.connection_id IS NOT DISTINCT FROM %s AND u.user_name_key = %s
                      AND u.deleted_at IS NOT NULL)
        OR EXISTS (SELECT 1 FROM scim_scimuser u
                    WHERE u.connection_id IS NOT DISTINCT FROM %s AND u.scim_external_id = %s
                      AND u.scim_external_id <> '' AND u.deleted_at IS NOT NULL),
           EXISTS (SELECT 1 FROM scim_syncerror e
                    WHERE e.connection_id = %s AND e.user_name_key IN (%s, %s, '')
                      AND e.resolved_at IS NULL)
"""
STATEMENTS = {
    name: FIND.format(column=column, known=known) for name, (column, known) in COLUMNS.items()
}


# A page of users in one statement: from its anchor on, where one was left, and one user more
# than fits. It leaves the anchor of the next page, and counts unless this one is the last.
PAGE = f"""
    WITH q (after, query_hash, first, many, anchors, now) AS (
           SELECT %s::bigint, %s::text, %s::bigint, %s::bigint, %s::boolean, %s::timestamptz),
         c AS (SELECT c.id, c.tenant_id {CREDENTIAL_JOINS}
                WHERE t.digest = %s AND t.revoked_at IS NULL),
         b AS MATERIALIZED (
           SELECT coalesce(q.after, a.after) AS after
             FROM c CROSS JOIN q LEFT JOIN scim_paginationanchor a
               ON a.connection_id = c.id AND a.query_hash = q.query_hash
              AND a.start_index = q.first),
         k AS MATERIALIZED (
           SELECT u.id FROM scim_scimuser u
            WHERE u.connection_id = (SELECT id FROM c) AND u.deleted_at IS NULL
              AND u.id > (SELECT coalesce(after, 0) FROM b)
            ORDER BY u.id
           OFFSET (SELECT CASE WHEN b.after IS NULL THEN q.first - 1 ELSE 0 END FROM b, q)
            LIMIT (SELECT many + 1 FROM q)),
         n AS MATERIALIZED (
           SELECT CASE WHEN (SELECT count(*) FROM k) NOT BETWEEN 1 AND (SELECT many FROM q) THEN
                    (SELECT count(*) FROM scim_scimuser u
                      WHERE u.connection_id = (SELECT id FROM c) AND u.deleted_at IS NULL
                        AND u.id > (SELECT coalesce(after, 0) FROM b)) END AS counted),
         w AS (
           INSERT INTO scim_paginationanchor
                  (tenant_id, connection_id, query_hash, start_index, after, made_at)
           SELECT c.tenant_id, c.id, q.query_hash, q.first + q.many, max(k.id), q.now
             FROM c, q, (SELECT id FROM k ORDER BY id LIMIT (SELECT many FROM q)) k
            WHERE q.anchors AND (SELECT count(*) FROM k) > q.many
            GROUP BY c.tenant_id, c.id, q.query_hash, q.first, q.many, q.now
               ON CONFLICT (connection_id, query_hash, start_index)
               DO UPDATE SET after = excluded.after, made_at = excluded.made_at)
    SELECT b.after IS NOT NULL, n.counted, u.id, u.scim_id::text, u.rendered, u.version,
           {_moment("u.created_at")}, {_moment("u.modified_at")}, {GROUPS}
      FROM c CROSS JOIN b CROSS JOIN n
      LEFT JOIN k ON true LEFT JOIN scim_scimuser u ON u.id = k.id
     ORDER BY k.id
"""  # noqa: S608  nothing in it comes from outside


class Listed(NamedTuple):
    pk: int
    shown: RenderedResource


def shown_users(request: ScimRequest, attribute: str, value: str) -> list[RenderedResource]:
    """Return the users of the connection of the request whose attribute has the value.

    Several users may share an externalId; the other attributes are unique.

    :raises UnauthorizedException: if the token is not good now.
    """
    key: str | UUID = normalize_key(value.strip()) if attribute == "userName" else value
    if attribute == "id":
        key = scim_uuid(value)
    rows = prepared_statements.every(STATEMENTS[attribute], [key, request.token_digest])
    if not rows:
        raise wrong_token()
    return [_shown(row) for row in rows if row[0] is not None]


def _shown(row: Sequence[Any]) -> RenderedResource:
    *stored, groups = row
    text = serialize.user(StoredResource(*stored), base_url(), json.loads(groups) if groups else ())
    return RenderedResource(text, stored[0], stored[2])


def users_page(request: ScimRequest, wished: PageRequest) -> tuple[Page, list[RenderedResource]]:
    """Return a page of all users of the connection of the request, in the order of their keys.

    :raises UnauthorizedException: if the token is not good now.
    """
    offset, after = pagination.beginning(wished)
    by_index = wished.cursor is None
    anchors = by_index and wished.count > 0
    asked = [None if by_index else after, wished.query_hash, offset + 1, wished.count, anchors]
    rows = prepared_statements.every(PAGE, [*asked, request.received_at, request.token_digest])
    if not rows:
        raise wrong_token()
    is_anchored, counted = rows[0][:2]
    found = [Listed(row[2], _shown(row[3:])) for row in rows if row[2] is not None]
    page = pagination.paged(found, wished, offset, lambda: (offset if is_anchored else 0) + counted)
    return page, [row.shown for row in page.rows]


def place_for(request: ScimRequest, document: Json) -> tuple[int, bool, bool]:
    """Return the primary key for a new user, and what already exists under its identifiers.

    That is: whether somebody was deleted who had them, and whether a sync error is listed.
    """
    row = prepared_statements.fetch(place_question(request.connection.pk, document))
    assert row
    return row[0], row[1], row[2]


def place_question(here: UUID, document: Json) -> PreparedQuery:
    key, external_id = normalize_key(document["userName"]), document.get("externalId", "")
    names = (key, sync_errors.key_of(external_id))
    return PreparedQuery(PLACE, (here, key, here, external_id, here, *names), 3)


def authenticate_and_lock(request: ScimRequest, scim_id: str) -> None:
    """Check the token, and read the user and its person; both are locked from here on.

    :raises UnauthorizedException: if the token is not good now.
    """
    row = prepared_statements.fetch(token_query(request, scim_id))
    if row is None:
        raise wrong_token()
    connections = len(Connection._meta.concrete_fields)
    users = connections + len(ScimUser._meta.concrete_fields)
    request.connection = row_json.from_row(Connection, row[:connections])
    authentication.cache_token_info(request.token_digest, request.connection)
    request.person_is_locked = True
    if row[connections] is None:
        return
    user = row_json.from_row(ScimUser, row[connections:users])
    groups, *held = row[users:]
    user.person, user.connection = locks.read_locked(held), request.connection
    user.related = json.loads(groups) if groups else []
    request.locked_user = user


def token_query(request: ScimRequest, scim_id: str) -> PreparedQuery:
    parameters = (request.token_digest, scim_uuid(scim_id))
    return PreparedQuery(_open_statement(), parameters, _door_width())


@cache
def _door_width() -> int:
    ours = sum(len(model._meta.concrete_fields) for model in (Connection, ScimUser)) + 1
    return ours + locks.locked_width()


@cache
def _open_statement() -> str:
    connection, user = row_json.columns(Connection, "c"), row_json.columns(ScimUser, "u")
    return f"""
        WITH c AS (SELECT c.* {CREDENTIAL_JOINS} WHERE t.digest = %s AND t.revoked_at IS NULL),
             u AS MATERIALIZED (
               SELECT u.* FROM scim_scimuser u
                WHERE u.scim_id = %s AND {VISIBLE_TO_CONNECTION} (SELECT id FROM c)
                FOR NO KEY UPDATE),
             p AS MATERIALIZED (
               SELECT p.* FROM people_person p
                WHERE p.id = (SELECT person_id FROM u)
                FOR NO KEY UPDATE)
        SELECT {connection}, {user}, {GROUPS}, {locks.locked_columns()}
          FROM c LEFT JOIN u ON true LEFT JOIN p ON true {locks.LOCKED_JOINS}
    """  # noqa: S608  as above
