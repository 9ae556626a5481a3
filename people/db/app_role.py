"""The database role of the application: it owns nothing, so the policies limit it.

It may read and write rows, but not change tables. The history is append-only for it: it may add
events and sign-in attempts, but not change what they say.
"""

from typing import Final

from django.db import connection, transaction
from django.db.backends.utils import CursorWrapper

from people.db import owned_tables, row_policies, tenant_setting
from people.db.owned_tables import TENANTS

MIGRATIONS: Final = "django_migrations"
# The log of sign-in attempts. After the second factor, the outcome of a row changes.
ATTEMPTS: Final = "provisioning_signinattempt"
# PostgreSQL evaluates a condition before the policy, and can use an index for it, only if the
# functions of the condition are LEAKPROOF. These are not, so `UPPER(email) = …` and `LIKE` would
# use no index. An error of such a function could reveal a value of a hidden row, but only to
# somebody who can run SQL as the role, and who can set another tenant anyway.
INDEXED_FUNCTIONS: Final = ("upper(text)", "lower(text)", "textlike(text, text)")

# PostgreSQL's ways around row-level security. The last one is also that of members of the owner.
SUPERUSER: Final = "is a superuser"
BYPASSRLS: Final = "has BYPASSRLS"
OWNER: Final = "owns the tables, or is a member of their owner"
BYPASSES: Final = (SUPERUSER, BYPASSRLS, OWNER)


class UnsuitableRole(Exception):
    """The role cannot be the role of the application."""


def check(role: str) -> None:
    """Check that we may limit the role, and that the policies will limit it.

    :raises UnsuitableRole: if the role does not exist or bypasses the policies, or if this
        connection does not belong to the owner of the tables.
    """
    if not owns_tables():
        raise UnsuitableRole("Only the role that owns the tables can limit others.")
    reasons = _bypasses(role)
    if reasons is None:
        raise UnsuitableRole(
            f"There is no role “{role}”. As an administrator of PostgreSQL, run: CREATE ROLE "
            f"{connection.ops.quote_name(role)} LOGIN PASSWORD '…'"
        )
    if reasons:
        raise UnsuitableRole(f"The role “{role}” {reasons[0]}, so no policy would limit it.")


def current() -> tuple[str, list[str]]:
    """Return the role of this connection, and why row-level security does not limit it."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_user")
        [role] = cursor.fetchone()
    return role, _bypasses(role) or []


def _bypasses(role: str) -> list[str] | None:
    """Return why the role bypasses the policies; None if there is no such role."""
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT r.rolsuper, r.rolbypassrls, pg_has_role(r.oid, c.relowner, 'USAGE')
                 FROM pg_roles r LEFT JOIN pg_class c ON c.oid = to_regclass('people_person')
                WHERE r.rolname = %s""",
            [role],
        )
        row = cursor.fetchone()
    return None if row is None else [why for is_so, why in zip(row, BYPASSES, strict=True) if is_so]


def turn_on(role: str) -> None:
    """Create the policies that are missing, and grant the role what the application needs.

    :raises UnsuitableRole: if the policies would not limit the role.
    """
    check(role)
    grant(role)
    row_policies.create()


def renew() -> None:
    """Extend policies and grants to the tables of new migrations, if row-level security is on."""
    if row_policies.is_on():
        for role in granted():
            grant(role)
        row_policies.create()


def grant(role: str) -> None:
    """Give the role what the application needs, and nothing else on the tables of Ramp."""
    name, restricted = connection.ops.quote_name(role), _restricted()
    others = sorted({*row_policies.tables()} - {*restricted})
    listed = ", ".join(f'"{table}"' for table in others)
    # In one transaction, so that a running server lacks nothing meanwhile.
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON {listed} TO {name}")
        for table, rights in restricted.items():
            cursor.execute(f'REVOKE ALL ON "{table}" FROM {name}')
            cursor.execute(f'GRANT {rights} ON "{table}" TO {name}')
        cursor.execute(f"GRANT SELECT ON {MIGRATIONS} TO {name}")
        for sequence in _sequences(cursor):
            cursor.execute(f'GRANT USAGE, SELECT ON SEQUENCE "{sequence}" TO {name}')


def _restricted() -> dict[str, str]:
    """Return what the role may do with the tables of the history, and with those that guard it."""
    by_table = {model._meta.db_table: model for model in owned_tables.models()}
    columns = [field.column for field in by_table[TENANTS]._meta.concrete_fields]
    # Events of sandboxes may be deleted, so no company may become one.
    others = ", ".join(f'"{column}"' for column in columns if column != "is_sandbox")
    rights = {
        row_policies.EVENTS: "SELECT, INSERT, DELETE, UPDATE (dispatched_at)",
        ATTEMPTS: "SELECT, INSERT, UPDATE (outcome)",
        TENANTS: f"SELECT, INSERT, DELETE, UPDATE ({others})",
    }
    return {table: right for table, right in rights.items() if table in by_table}


def revoke(role: str) -> None:
    """Take back what `grant` gave."""
    name = connection.ops.quote_name(role)
    with connection.cursor() as cursor:
        listed = ", ".join(f'"{table}"' for table in [*row_policies.tables(), MIGRATIONS])
        cursor.execute(f"REVOKE ALL ON {listed} FROM {name}")
        for sequence in _sequences(cursor):
            cursor.execute(f'REVOKE ALL ON SEQUENCE "{sequence}" FROM {name}')


def granted() -> list[str]:
    """Return the roles that `grant` was called with, so that a new table can be granted to them."""
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT DISTINCT r.rolname
                 FROM pg_class c, aclexplode(c.relacl) a, pg_roles r
                WHERE c.oid = to_regclass('people_person') AND r.oid = a.grantee
                  AND a.grantee <> c.relowner AND a.privilege_type = 'INSERT'
                ORDER BY 1"""
        )
        return [role for (role,) in cursor.fetchall()]


def is_limited() -> bool:
    """Tell whether the policies limit the role of this connection."""
    with connection.cursor() as cursor:
        cursor.execute(tenant_setting.IS_LIMITED)
        row = cursor.fetchone()
    return bool(row and row[0])


def may_change_events() -> bool:
    """Tell whether the role of this connection may change what events say."""
    if connection.vendor != "postgresql":
        return True
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT has_column_privilege(%s, 'changes', 'UPDATE')", [row_policies.EVENTS]
        )
        row = cursor.fetchone()
    return bool(row and row[0])


def owns_tables() -> bool:
    """Tell whether the role of this connection is the owner of the tables, or a member of it."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_has_role(relowner, 'USAGE') FROM pg_class"
            " WHERE oid = to_regclass('people_person')"
        )
        row = cursor.fetchone()
    return bool(row and row[0])


def leaky_functions() -> list[str]:
    """Return the functions for which PostgreSQL uses no index of a limited table."""
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT f FROM unnest(%s::text[]) f
                 JOIN pg_proc p ON p.oid = ('pg_catalog.' || f)::regprocedure
                WHERE NOT proleakproof""",
            [list(INDEXED_FUNCTIONS)],
        )
        return [function for (function,) in cursor.fetchall()]


def set_leakproof(*, is_leakproof: bool) -> None:
    """Mark the functions in this database as LEAKPROOF, or remove the mark. Needs a superuser."""
    with connection.cursor() as cursor:
        for function in INDEXED_FUNCTIONS:
            mark = "LEAKPROOF" if is_leakproof else "NOT LEAKPROOF"
            cursor.execute(f"ALTER FUNCTION pg_catalog.{function} {mark}")


def _sequences(cursor: CursorWrapper) -> list[str]:
    """Return the sequences that the columns of our tables take their keys from."""
    cursor.execute(
        """SELECT s.relname FROM pg_class s
             JOIN pg_depend d ON d.objid = s.oid AND d.deptype IN ('a', 'i')
             JOIN pg_class t ON t.oid = d.refobjid
            WHERE s.relkind = 'S' AND t.relname = ANY(%s)
              AND s.relnamespace = current_schema()::regnamespace""",
        [row_policies.tables()],
    )
    return [sequence for (sequence,) in cursor.fetchall()]
