"""A database role that row-level security limits to one tenant, for tests in this process."""

from django.db import connection


def limit_to_tenant(role: str) -> None:
    """Create the role and the policies in the database of the tests, as its owner."""
    # Not at the top: conftest.py imports this module before Django is set up.
    from people.db import app_role, row_policies  # noqa: PLC0415

    with connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [role])
        if cursor.fetchone() is None:
            cursor.execute(f"CREATE ROLE {connection.ops.quote_name(role)}")
    # Before the others, because it takes back what else the role may do with the history.
    app_role.grant(role)
    with connection.cursor() as cursor:
        # pytest-django empties the tables after a test that has committed.
        for table in row_policies.tables():
            cursor.execute(f'GRANT TRUNCATE ON "{table}" TO {connection.ops.quote_name(role)}')
    row_policies.create()
