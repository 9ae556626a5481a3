"""Whose token a request bears."""

from functools import cache

from people import fixed_sql, row_sql, tenancy
from scim.models import Connection, Token

# The way from a token to what it opens; `hot_paths` takes it too.
DOOR = """
      FROM scim_token t
      JOIN scim_connection c ON c.id = t.connection_id AND c.disconnected_at IS NULL
      JOIN people_tenant n ON n.id = t.tenant_id AND n.is_active
"""


def connection_of(token_digest: str) -> Connection | None:
    """Return the connection whose token has the digest and is good now."""
    if fixed_sql.available():
        row = fixed_sql.one(_statement(), [token_digest])
        return row_sql.loaded(Connection, row) if row else None
    with tenancy.across_tenants():
        tokens = Token.objects.alive().select_related("connection")
        token = tokens.filter(digest=token_digest).first()
    return token.connection if token else None


@cache
def _statement() -> str:
    held = row_sql.columns(Connection, "c")
    return f"SELECT {held} {DOOR} WHERE t.digest = %s AND t.revoked_at IS NULL"
