"""Prepared SQL statements for the most frequent requests of identity providers.

Three quarters of a provider's requests find a user by userName or externalId, or read one by id.
Here a single statement checks the token, finds the user and collects the groups. Most writes
begin with a similar statement. The ORM takes several times as long for the same result
(docs/adr/0002-fixed-sql-on-hot-paths.md); tests/scim/api/test_fast_queries.py shows that the
responses are equal. The statements need PostgreSQL; on SQLite the ORM runs.
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
from scim.api.request import ScimRequest, base_url, invalid_token_error
from scim.api.responses import RenderedResource
from scim.api.user_groups import shown_groups
from scim.models import Connection, ScimUser
from scim.models.sql import VALID_TOKEN, VISIBLE_TO_CONNECTION
from scim.rfc import serialize
from scim.rfc.ids import scim_uuid
from scim.rfc.serialize import StoredResource
from scim.rfc.strict_json import Json
from scim.sync import sync_errors


def _timestamp_sql(column: str) -> str:
    """Format a timestamp in the database exactly as `serialize` does, which is faster."""
    return f"""to_char({column} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')"""


# Whether a group is a member of another one is read with a LIMIT: for an EXISTS, PostgreSQL might
# hash all pairs of groups.
GROUPS = """
    (SELECT json_agg(json_build_array(
              g.scim_id, g.scim_display_name,
              (SELECT true FROM scim_scimsubgroup s WHERE s.member_id = g.id LIMIT 1)
            ) ORDER BY m.id)::text
       FROM scim_scimmembership m JOIN scim_scimgroup g ON g.id = m.group_id
      WHERE m.user_id = u.id)
"""
FIND_USER = f"""
    SELECT u.scim_id::text, u.rendered, u.version,
           {_timestamp_sql("u.created_at")}, {_timestamp_sql("u.modified_at")}, {GROUPS}
    {VALID_TOKEN}
      LEFT JOIN scim_scimuser u
             ON u.{{column}} = %s AND {{condition}} AND {VISIBLE_TO_CONNECTION} c.id
     WHERE t.digest = %s
     ORDER BY u.id
"""
# The column of each attribute, and the condition of its partial index: without it, PostgreSQL
# cannot use the index.
COLUMNS = {
    "id": ("scim_id", "true"),
    "userName": ("user_name_key", "u.deleted_at IS NULL"),
    "externalId": ("scim_external_id", "u.deleted_at IS NULL AND u.scim_external_id <> ''"),
}
NEW_USER = """
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
FIND_USER_BY = {
    name: FIND_USER.format(column=column, condition=condition)
    for name, (column, condition) in COLUMNS.items()
}


# A page of users in one statement. It begins after the anchor of the page if there is one, reads
# one user more than fits, stores the anchor of the next page, and counts all users unless this
# page is the last one. The CTEs: q parameters, c connection, s sum of the stored counts, b
# beginning, k keys, n number of users from the beginning on, w write of the anchor. MATERIALIZED
# makes PostgreSQL evaluate each only once.
# An anchor stores its total as a surplus over the stored count: the users whom earlier pages
# returned and who were deleted since. While nobody else is deleted or restored, that stays right.
USERS_PAGE = f"""
    WITH q (after, query_hash, first, many, anchors, moved, surplus, now) AS (
           SELECT %s::bigint, %s::text, %s::bigint, %s::bigint, %s::boolean, %s::bigint,
                  %s::bigint, %s::timestamptz),
         c AS (SELECT c.id, c.tenant_id {VALID_TOKEN}
                WHERE t.digest = %s),
         s AS MATERIALIZED (
           SELECT coalesce(sum(users), 0)::bigint AS users, coalesce(sum(moved), 0)::bigint AS moved
             FROM scim_usercount WHERE connection_id = (SELECT id FROM c)),
         b AS MATERIALIZED (
           SELECT coalesce(q.after, a.after) AS after, coalesce(q.moved, a.moved) AS moved,
                  coalesce(q.surplus, a.surplus) AS surplus
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
           SELECT CASE
                    WHEN (SELECT count(*) FROM k) BETWEEN 1 AND q.many THEN NULL
                    WHEN coalesce(b.after, 0) = 0 THEN s.users
                    WHEN b.moved = s.moved THEN s.users + b.surplus - (q.first - 1)
                    ELSE (SELECT count(*) FROM scim_scimuser u
                           WHERE u.connection_id = (SELECT id FROM c) AND u.deleted_at IS NULL
                             AND u.id > b.after) END AS counted
             FROM q, b, s),
         w AS (
           INSERT INTO scim_paginationanchor
                  (tenant_id, connection_id, query_hash, start_index, after, moved, surplus,
                   made_at)
           SELECT c.tenant_id, c.id, q.query_hash, q.first + q.many,
                  (SELECT max(id) FROM (SELECT id FROM k ORDER BY id LIMIT q.many) shown),
                  s.moved,
                  n.counted + CASE WHEN b.after IS NULL THEN 0 ELSE q.first - 1 END - s.users,
                  q.now
             FROM c, q, s, b, n
            WHERE q.anchors AND (SELECT count(*) FROM k) > q.many
               ON CONFLICT (connection_id, query_hash, start_index)
               DO UPDATE SET after = excluded.after, moved = excluded.moved,
                             surplus = excluded.surplus, made_at = excluded.made_at)
    SELECT b.after IS NOT NULL, n.counted, s.users, s.moved,
           u.id, u.scim_id::text, u.rendered, u.version,
           {_timestamp_sql("u.created_at")}, {_timestamp_sql("u.modified_at")}, {GROUPS}
      FROM c CROSS JOIN s CROSS JOIN b CROSS JOIN n
      LEFT JOIN k ON true LEFT JOIN scim_scimuser u ON u.id = k.id
     ORDER BY k.id
"""  # noqa: S608  all interpolated parts are constants of ours


class PageRow(NamedTuple):
    pk: int
    shown: RenderedResource


def find_users(request: ScimRequest, attribute: str, value: str) -> list[RenderedResource]:
    """Authenticate, and return the connection's users whose attribute has the value.

    Several users may have the same externalId; the other attributes are unique.

    :raises UnauthorizedException: if the token is not valid.
    """
    # userName is case-insensitive and externalId is case-exact (RFC 7643 sections 4.1.1 and 3.1).
    key: str | UUID = normalize_key(value.strip()) if attribute == "userName" else value
    if attribute == "id":
        key = scim_uuid(value)
    with authentication.tenant_of(request.token_digest):
        rows = prepared_statements.all_rows(FIND_USER_BY[attribute], [key, request.token_digest])
        if not rows:
            raise invalid_token_error()
        return _render_rows([row for row in rows if row[0] is not None])


def _render_rows(rows: Sequence[Sequence[Any]]) -> list[RenderedResource]:
    """Render users. It reads nested groups, for which their tenant must be in force."""
    groups = shown_groups([json.loads(row[-1]) if row[-1] else () for row in rows])
    shown = []
    for (*stored, _), of_user in zip(rows, groups, strict=True):
        text = serialize.user(StoredResource(*stored), base_url(), of_user)
        shown.append(RenderedResource(text, stored[0], stored[2]))
    return shown


def users_page(
    request: ScimRequest, page_request: PageRequest
) -> tuple[Page, list[RenderedResource]]:
    """Authenticate, and return a page of all users of the connection, ordered by primary key.

    :raises UnauthorizedException: if the token is not valid.
    :raises SCIMException: if the cursor is not valid, has expired or belongs to another list.
    """
    start = pagination.start_position(page_request)
    by_index = page_request.cursor is None
    anchors = by_index and page_request.count > 0
    parameters = [
        None if by_index else start.after,
        page_request.query_hash,
        start.offset + 1,
        page_request.count,
        anchors,
        start.moved,
        start.surplus,
    ]
    with authentication.tenant_of(request.token_digest):
        rows = prepared_statements.all_rows(
            USERS_PAGE, [*parameters, request.received_at, request.token_digest]
        )
        if not rows:
            raise invalid_token_error()
        # Without users there is still one row, from the connection, with NULL instead of a user.
        is_anchored, counted, stored, moved = rows[0][:4]
        users = [row[4:] for row in rows if row[4] is not None]
        rendered = _render_rows([row[1:] for row in users])
    found = [PageRow(row[0], one) for row, one in zip(users, rendered, strict=True)]
    page = pagination.build_page(
        found, page_request, start.offset, lambda: (start.offset if is_anchored else 0) + counted
    )
    shown = [row.shown for row in page.rows]
    return Page(page.rows, page.has_more, page.total, moved, page.total - stored), shown


def reserve_new_user(request: ScimRequest, document: Json) -> tuple[int, bool, bool]:
    """Reserve the primary key of a new user, and look up its identifiers.

    :returns: the key, whether a deleted user had one of the identifiers, and whether an unresolved
        sync error may be about the new user.
    """
    row = prepared_statements.fetch(new_user_query(request.connection.pk, document))
    assert row
    return row[0], row[1], row[2]


def new_user_query(connection_id: UUID, document: Json) -> PreparedQuery:
    key, external_id = normalize_key(document["userName"]), document.get("externalId", "")
    names = (key, sync_errors.key_of(external_id))
    return PreparedQuery(
        NEW_USER, (connection_id, key, connection_id, external_id, connection_id, *names), 3
    )


def authenticate_and_lock(request: ScimRequest, scim_id: str) -> None:
    """Authenticate, and lock and read the user and its person.

    :raises UnauthorizedException: if the token is not valid.
    """
    with authentication.tenant_of(request.token_digest):
        row = prepared_statements.fetch(locked_user_query(request, scim_id))
    if row is None:
        raise invalid_token_error()
    connections = len(Connection._meta.concrete_fields)
    users = connections + len(ScimUser._meta.concrete_fields)
    request.connection = row_json.from_row(Connection, row[:connections])
    authentication.cache_token_info(request.token_digest, request.connection)
    # Set even if the connection has no such user, so that `users.lock` does not query it again.
    request.lock_query_ran = True
    if row[connections] is None:
        return
    user = row_json.from_row(ScimUser, row[connections:users])
    groups, *locked_columns = row[users:]
    user.person, user.connection = locks.read_locked(locked_columns), request.connection
    user.related = json.loads(groups) if groups else []
    request.locked_user = user


def locked_user_query(request: ScimRequest, scim_id: str) -> PreparedQuery:
    parameters = (request.token_digest, scim_uuid(scim_id))
    return PreparedQuery(_locked_user_statement(), parameters, _locked_user_width())


@cache
def _locked_user_width() -> int:
    width = sum(len(model._meta.concrete_fields) for model in (Connection, ScimUser)) + 1
    return width + locks.locked_width()


@cache
def _locked_user_statement() -> str:
    connection, user = row_json.columns(Connection, "c"), row_json.columns(ScimUser, "u")
    return f"""
        WITH c AS (SELECT c.* {VALID_TOKEN} WHERE t.digest = %s),
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
    """  # noqa: S608  all interpolated parts are constants of ours
