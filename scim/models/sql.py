"""Pieces of SQL that statements of several modules share."""

# From a token to its connection and tenant, while all three are in use.
CREDENTIAL_JOINS = """
      FROM scim_token t
      JOIN scim_connection c ON c.id = t.connection_id AND c.disconnected_at IS NULL
      JOIN people_tenant n ON n.id = t.tenant_id AND n.is_active
"""
# Which users a connection may see. `num_nulls` and IS NOT DISTINCT FROM keep PostgreSQL from
# planning with an index of all users while the table is new and has no statistics; it would
# keep to that plan.
VISIBLE_TO_CONNECTION = "num_nulls(u.deleted_at) = 1 AND u.connection_id IS NOT DISTINCT FROM"
