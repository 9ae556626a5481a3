"""The reads that identity providers ask most, each one fixed SQL statement.

Finding a user by userName or externalId, and reading one by id, are three quarters of a
provider's cycle. The statement checks the token, finds the user and gathers the groups at
once; the same through the ORM takes three queries and twice the time. The answer is the
same to the byte, which tests/scim/test_hot_paths.py shows. PostgreSQL only: on SQLite the
ordinary way serves.
"""

import json
from uuid import UUID

from django.db import connection

from people.values import fold
from scim import rendering
from scim.listing import Shown
from scim.protocol import Call, base_url, scim_uuid, wrong_token
from scim.rendering import Stored

SELECT = """
    SELECT u.scim_id::text, u.document::text, u.version, u.created_at, u.modified_at,
           (SELECT json_agg(json_build_array(g.scim_id, g.scim_display_name) ORDER BY m.id)::text
              FROM scim_scimmembership m JOIN scim_scimgroup g ON g.id = m.group_id
             WHERE m.user_id = u.id)
      FROM scim_token t
      JOIN scim_connection c ON c.id = t.connection_id AND c.disconnected_at IS NULL
      JOIN people_tenant n ON n.id = t.tenant_id AND n.is_active
      LEFT JOIN scim_scimuser u
             ON u.connection_id = c.id AND u.deleted_at IS NULL AND u.{column} = %s
     WHERE t.digest = %s AND t.revoked_at IS NULL
"""
COLUMNS = {"id": "scim_id", "userName": "user_name_key", "externalId": "scim_external_id"}
STATEMENTS = {name: SELECT.format(column=column) for name, column in COLUMNS.items()}


def available() -> bool:
    return connection.vendor == "postgresql"


def user(call: Call, attribute: str, value: str) -> Shown | None:
    """Return the user of the call's connection whose attribute has the value, if any.

    :raises UnauthorizedException: if the token is not good now.
    """
    key: str | UUID = fold(value) if attribute == "userName" else value
    if attribute == "id":
        key = scim_uuid(value)
    with connection.cursor() as cursor:
        cursor.execute(STATEMENTS[attribute], [key, call.token_digest])
        row = cursor.fetchone()
    if row is None:
        raise wrong_token()
    *stored, groups = row
    if stored[0] is None:
        return None
    text = rendering.user(Stored(*stored), base_url(), json.loads(groups) if groups else ())
    return Shown(text, stored[0], stored[2])
