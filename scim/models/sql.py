"""SQL fragments of several prepared statements."""

# The valid tokens with their connections and tenants, which are all active. A statement only adds
# which token it means: `WHERE t.digest = %s`.
VALID_TOKEN = """
      FROM scim_token t
      JOIN scim_connection c
        ON c.id = t.connection_id AND t.revoked_at IS NULL AND c.disconnected_at IS NULL
      JOIN people_tenant n ON n.id = t.tenant_id AND n.is_active
"""  # noqa: S105  this is SQL, and contains no token
# The users that a connection may see. With `=` and `IS NULL`, PostgreSQL would plan with an
# index of all users while the table is new and has no statistics, and keep that plan.
VISIBLE_TO_CONNECTION = "num_nulls(u.deleted_at) = 1 AND u.connection_id IS NOT DISTINCT FROM"
