"""Authentication: find the connection of a bearer token.

On PostgreSQL, reads of users and writes to existing users authenticate in `fast_queries` instead,
in the statement that reads the rows. Both use the condition `VALID_TOKEN`.
"""

from contextlib import AbstractContextManager
from functools import cache
from typing import NamedTuple
from uuid import UUID

from people import tenancy
from people.db import prepared_statements, row_json
from people.db.prepared_statements import PreparedQuery
from scim.models import Connection, Token
from scim.models.sql import VALID_TOKEN


class TokenInfo(NamedTuple):
    """The connection of a token, which never changes."""

    connection_id: UUID
    tenant_id: int


_token_info: dict[str, TokenInfo] = {}


def cache_token_info(token_digest: str, connection: Connection) -> None:
    """Cache the token's connection, so that `prefetch` knows which rows a request will look up.

    It only names the rows to prefetch; the query that authenticates checks the token again.
    """
    if token_digest not in _token_info:
        _token_info[token_digest] = TokenInfo(connection.pk, connection.tenant_id)


def cached_token_info(token_digest: str) -> TokenInfo | None:
    """Return the cached connection; the database decides whether the token is still valid."""
    return _token_info.get(token_digest)


def tenant_of(token_digest: str) -> AbstractContextManager[None]:
    """Put the token's tenant in force for the statement that authenticates.

    The token determines the tenant, so a token that is not cached is looked up among all tenants.
    """
    known = cached_token_info(token_digest)
    return tenancy.use(known.tenant_id) if known else tenancy.across_tenants()


def connection_of(token_digest: str) -> Connection | None:
    """Return the connection of the token with this digest, or None if the token is not valid."""
    if prepared_statements.available():
        with tenant_of(token_digest):
            row = prepared_statements.fetch(connection_query(token_digest))
        if row is None:
            return None
        connection = row_json.from_row(Connection, row)
        cache_token_info(token_digest, connection)
        return connection
    with tenancy.across_tenants():
        tokens = Token.objects.active().select_related("connection")
        token = tokens.filter(digest=token_digest).first()
    return token.connection if token else None


def connection_query(token_digest: str) -> PreparedQuery:
    """Return the SQL that reads the connection of a token."""
    return PreparedQuery(_statement(), (token_digest,), len(Connection._meta.concrete_fields))


@cache
def _statement() -> str:
    columns = row_json.columns(Connection, "c")
    return f"SELECT {columns} {VALID_TOKEN} WHERE t.digest = %s"
