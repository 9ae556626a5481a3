"""SQL fragments of several prepared statements."""

# Joins a valid token to its connection and tenant: not revoked, and both are active.
VALID_TOKEN = """
      FROM scim_token t
      JOIN scim_connection c ON c.id = t.connection_id AND c.disconnected_at IS NULL
                            AND t.revoked_at IS NULL
      JOIN people_tenant n ON n.id = t.tenant_id AND n.is_active
"""  # noqa: S105  SQL, and no secret
# The users that a connection may see. With `=` and `IS NULL`, PostgreSQL would plan with an
# index of all users while the table is new and has no statistics, and keep that plan.
VISIBLE_TO_CONNECTION = "num_nulls(u.deleted_at) = 1 AND u.connection_id IS NOT DISTINCT FROM"
