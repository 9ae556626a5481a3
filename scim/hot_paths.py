"""The statements that identity providers make us ask most, each fixed and prepared once.

Finding a user by userName or externalId, and reading one by id, are three quarters of a
provider's cycle: one statement checks the token, finds the user and gathers the groups.
A write begins with two more of the kind. Through the ORM the same takes twice the time and
more; the answers are the same to the byte, which tests/scim/test_hot_paths.py shows. It all
is PostgreSQL's: on SQLite the ordinary way serves.
"""

import json
from functools import cache
from uuid import UUID

from people import fixed_sql
from people.values import fold
from scim import rendering
from scim.credentials import DOOR
from scim.listing import Shown
from scim.models import ScimUser
from scim.protocol import Call, base_url, scim_uuid, wrong_token
from scim.rendering import Stored

GROUPS = """
    (SELECT json_agg(json_build_array(g.scim_id, g.scim_display_name) ORDER BY m.id)::text
       FROM scim_scimmembership m JOIN scim_scimgroup g ON g.id = m.group_id
      WHERE m.user_id = u.id)
"""
FIND = f"""
    SELECT u.scim_id::text, u.rendered, u.version, u.created_at, u.modified_at, {GROUPS}
    {DOOR}
      LEFT JOIN scim_scimuser u
             ON u.connection_id = c.id AND u.deleted_at IS NULL AND u.{{column}} = %s
     WHERE t.digest = %s AND t.revoked_at IS NULL
"""
COLUMNS = {"id": "scim_id", "userName": "user_name_key", "externalId": "scim_external_id"}
STATEMENTS = {name: FIND.format(column=column) for name, column in COLUMNS.items()}
# The index on externalId leaves out the blank ones, and has to be told that these are too.
STATEMENTS["externalId"] = STATEMENTS["externalId"].replace(
    "AND u.scim_external_id = %s", "AND u.scim_external_id <> '' AND u.scim_external_id = %s"
)


def shown_user(call: Call, attribute: str, value: str) -> Shown | None:
    """Return the user of the call's connection whose attribute has the value, if any.

    :raises UnauthorizedException: if the token is not good now.
    """
    key: str | UUID = fold(value) if attribute == "userName" else value
    if attribute == "id":
        key = scim_uuid(value)
    row = fixed_sql.one(STATEMENTS[attribute], [key, call.token_digest])
    if row is None:
        raise wrong_token()
    *stored, groups = row
    if stored[0] is None:
        return None
    text = rendering.user(Stored(*stored), base_url(), json.loads(groups) if groups else ())
    return Shown(text, stored[0], stored[2])


def locked_user(call: Call, scim_id: str) -> ScimUser | None:
    """Hold the user until the transaction ends; `related` tells its groups, id and name."""
    row = fixed_sql.one(_lock_statement(), [scim_uuid(scim_id), call.connection.pk])
    if row is None:
        return None
    *values, groups = row
    user = fixed_sql.loaded(ScimUser, values)
    user.related = json.loads(groups) if groups else []
    return user


@cache
def _lock_statement() -> str:
    return (
        f"SELECT {fixed_sql.columns(ScimUser, 'u')}, {GROUPS} FROM scim_scimuser u"  # noqa: S608  as above
        " WHERE u.scim_id = %s AND u.connection_id = %s AND u.deleted_at IS NULL"
        " FOR NO KEY UPDATE OF u"
    )
