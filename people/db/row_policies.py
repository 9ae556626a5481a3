"""The policies of PostgreSQL's row-level security: they protect tenants if a query has no filter.

The managers filter the queries of the ORM. If a query lacks the filter, the policies limit it to
the tenant in force (`tenant_setting`), for a role that neither owns the tables nor is a superuser.
The command `row_security` creates them; docs/adr/0010-row-level-security.md has the reasons.
"""

from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from django.db import connection, transaction
from django.db.models import Model

from people.db import owned_tables
from people.db.owned_tables import TENANTS, owners, tenant_column
from people.db.statements import execute, query

# Subqueries, so that PostgreSQL evaluates the setting once for each statement and not for each row.
# An open cursor also keeps the rows of its tenant when another tenant comes into force.
TENANT: Final = "(SELECT nullif(current_setting('ramp.tenant', true), '')::bigint)"
IS_EVERY_TENANT: Final = "(SELECT current_setting('ramp.tenant', true) = '0')"

# The beginning of the names of functions that tell whether a row is another tenant's.
FUNCTION: Final = "ramp_is_foreign_"
EVENTS: Final = "people_event"
# The tables that belong to the installation and not to a tenant. A test fails if any other table
# has no policy (tests/people/db/test_row_security.py).
SHARED: Final = frozenset(
    {
        "auth_group",
        "auth_group_permissions",
        "auth_permission",
        "django_content_type",
        # The key of a session is its secret; the tenant is known only after it.
        "django_session",
        "people_countedsource",
        "people_installation",
        "provisioning_failedlogins",
        "scim_syncheartbeat",
    }
)


class Policy(NamedTuple):
    """A policy: the rows of a table that a command may touch."""

    table: str
    name: str
    command: str
    rows: str
    # Creates the function that the condition calls, if it calls one.
    function: str = ""

    def create(self) -> list[str]:
        where = f'ON "{self.table}"'
        kind = "WITH CHECK" if self.command == "INSERT" else "USING"
        # The comment tells a later run whether the policy is this one: PostgreSQL stores the
        # condition in another form.
        statements = [
            f"DROP POLICY IF EXISTS {self.name} {where}",
            f"CREATE POLICY {self.name} {where} FOR {self.command} {kind} ({self.rows})",
            f"COMMENT ON POLICY {self.name} {where} IS {_quoted(self.comment)}",
        ]
        return [self.function, *statements] if self.function else statements

    @property
    def comment(self) -> str:
        return f"{self.command}: {self.rows} {self.function}".strip()


def policies() -> list[Policy]:
    """Return the policies of all tables of the installed models."""
    return [policy for model in owned_tables.models() for policy in _policies_of(model)]


def tables() -> list[str]:
    """Return the tables of all installed models."""
    return [model._meta.db_table for model in owned_tables.models()]


def without_policy() -> set[str]:
    """Return the tables that no policy limits, although they are not shared by all tenants."""
    return {*tables()} - {policy.table for policy in policies()} - SHARED


def missing() -> list[Policy]:
    """Return the policies that the database lacks, or has in another form."""
    there = _stored()
    return [one for one in policies() if there.get((one.table, one.name)) != one.comment]


def is_on() -> bool:
    """Tell whether the command `row_security` has limited the tables."""
    return bool(
        query(
            "SELECT 1 FROM pg_class WHERE oid = to_regclass(%s) AND relrowsecurity", "people_person"
        )
    )


def create() -> int:
    """Create the policies that are missing, table by table, and return their number.

    A table is locked only while its policies are created, and not at all if it has them. Policies
    of an earlier version that are no longer wanted are dropped.
    """
    new, wanted = missing(), {(policy.table, policy.name) for policy in policies()}
    for table, name in _stored().keys() - wanted:
        execute(f'DROP POLICY {name} ON "{table}"')
    for table in dict.fromkeys(policy.table for policy in new):
        with transaction.atomic():
            for policy in new:
                if policy.table == table:
                    execute(*policy.create())
            execute(f'ALTER TABLE "{table}" ENABLE ROW LEVEL SECURITY')
    return len(new)


def drop() -> int:
    """Drop all policies that `create` made, and return their number."""
    there = _stored()
    for table, name in there:
        with transaction.atomic():
            execute(
                f'ALTER TABLE "{table}" DISABLE ROW LEVEL SECURITY',
                f'DROP POLICY {name} ON "{table}"',
            )
    for (function,) in query(
        "SELECT oid::regprocedure::text FROM pg_proc WHERE starts_with(proname, %s)", FUNCTION
    ):
        execute(f"DROP FUNCTION {function}")
    return len(there)


def _policies_of(model: type[Model]) -> Iterator[Policy]:
    table = model._meta.db_table
    if table == TENANTS:
        yield Policy(table, "ramp_tenant", "ALL", f"{IS_EVERY_TENANT} OR id = {TENANT}")
        # Sign-in pages, tokens and operators find a tenant here before it is in force.
        yield Policy(table, "ramp_read", "SELECT", "true")
    elif table == EVENTS:
        rows = f"{IS_EVERY_TENANT} OR tenant_id = {TENANT}"
        yield Policy(table, "ramp_select", "SELECT", rows)
        yield Policy(table, "ramp_insert", "INSERT", rows)
        yield Policy(table, "ramp_update", "UPDATE", rows)
        # Only the history of a sandbox is ever deleted, when the sandbox is emptied.
        sandbox = "EXISTS (SELECT 1 FROM people_tenant t WHERE t.id = tenant_id AND t.is_sandbox)"
        yield Policy(table, "ramp_delete", "DELETE", f"({rows}) AND {sandbox}")
    elif column := tenant_column(model):
        rows = f"{IS_EVERY_TENANT} OR {column} = {TENANT}"
        yield Policy(table, "ramp_tenant", "ALL", rows)
    elif field := _parent(model):
        yield _policy_of_child(table, field)


def _policy_of_child(table: str, field: Any) -> Policy:
    """Return the policy of a table whose rows belong to the tenant of a parent row.

    The statement of a unit of work may add both rows, and a subquery would not see the parent then.
    So a row without a visible parent is checked by a function, which runs as the owner of the
    tables: the parent must not be another tenant's.
    """
    parent = field.related_model._meta.db_table
    mine = (
        f'EXISTS (SELECT 1 FROM "{parent}" parent'  # noqa: S608  the names are those of our models
        f' WHERE parent.id = "{table}".{field.column})'
    )
    function = f"""
        CREATE OR REPLACE FUNCTION {FUNCTION}{parent}(key {field.rel_db_type(connection)})
        RETURNS boolean LANGUAGE sql STABLE SECURITY DEFINER SET search_path FROM CURRENT AS $$
            SELECT EXISTS (SELECT 1 FROM "{parent}" WHERE id = key AND tenant_id
                <> nullif(current_setting('ramp.tenant', true), '')::bigint) $$"""  # noqa: S608
    is_new = f"{TENANT} IS NOT NULL AND NOT {FUNCTION}{parent}({field.column})"
    return Policy(table, "ramp_tenant", "ALL", f"{IS_EVERY_TENANT} OR {mine} OR {is_new}", function)


def _parent(model: type[Model]) -> Any:
    """Return the foreign key to a row that has a tenant, or None."""
    return next((field for field in owners(model) if tenant_column(field.related_model)), None)


def _stored() -> dict[tuple[str, str], str]:
    """Return the comments of the policies in the database, by table and name."""
    rows = query(
        """SELECT c.relname, p.polname, coalesce(obj_description(p.oid, 'pg_policy'), '')
             FROM pg_policy p JOIN pg_class c ON c.oid = p.polrelid AND c.relrowsecurity
            WHERE c.relnamespace = current_schema()::regnamespace AND p.polname LIKE %s""",
        "ramp\\_%",
    )
    return {(table, name): comment for table, name, comment in rows}


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
