"""The database role of the application: it owns nothing, so the policies limit it.

It may read and write rows, but not change tables. It may add events, and mark them as dispatched,
but not change what they say.
"""

from typing import Final

from django.db import connection
from django.db.backends.utils import CursorWrapper

from people.db import row_policies, tenant_setting

MIGRATIONS: Final = "django_migrations"
# PostgreSQL evaluates a condition before the policy, and can use an index for it, only if the
# functions of the condition are LEAKPROOF. These are not, so `UPPER(email) = …` and `LIKE` would
# use no index. An error of such a function could reveal a value of a hidden row, but only to
# somebody who can run SQL as the role, and who can set another tenant anyway.
INDEXED_FUNCTIONS: Final = ("upper(text)", "lower(text)", "textlike(text, text)")


class UnsuitableRole(Exception):
    """The role cannot be the role of the application."""


def check(role: str) -> None:
    """Check that we may limit the role, and that the policies will limit it.

    :raises UnsuitableRole: if the role does not exist or bypasses the policies, or if this
        connection does not belong to the owner of the tables.
    """
    if not _owns_tables():
        raise UnsuitableRole("Only the role that owns the tables can limit others.")
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT r.rolsuper, r.rolbypassrls, pg_has_role(r.oid, c.relowner, 'USAGE')
                 FROM pg_roles r, pg_class c
                WHERE r.rolname = %s AND c.oid = 'people_person'::regclass""",
            [role],
        )
        row = cursor.fetchone()
    if row is None:
        raise UnsuitableRole(
            f"There is no role “{role}”. As an administrator of PostgreSQL, run: CREATE ROLE "
            f"{connection.ops.quote_name(role)} LOGIN PASSWORD '…'"
        )
    reasons = ("is a superuser", "has BYPASSRLS", "owns the tables, or is a member of their owner")
    for applies, reason in zip(row, reasons, strict=True):
        if applies:
            raise UnsuitableRole(f"The role “{role}” {reason}, so no policy would limit it.")


def turn_on(role: str) -> None:
    """Create the policies that are missing, and grant the role what the application needs.

    :raises UnsuitableRole: if the policies would not limit the role.
    """
    check(role)
    grant(role)
    row_policies.create()


def renew() -> None:
    """Extend policies and grants to the tables of new migrations, if row-level security is on."""
    if row_policies.is_on() and _owns_tables():
        for role in granted():
            grant(role)
        row_policies.create()


def grant(role: str) -> None:
    """Give the role what the application needs, and nothing else on the tables of Ramp."""
    name = connection.ops.quote_name(role)
    others = sorted({*row_policies.tables()} - {row_policies.EVENTS})
    listed = ", ".join(f'"{table}"' for table in others)
    events = row_policies.EVENTS
    with connection.cursor() as cursor:
        cursor.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON {listed} TO {name}")
        cursor.execute(f"REVOKE UPDATE ON {events} FROM {name}")
        cursor.execute(
            f"GRANT SELECT, INSERT, DELETE, UPDATE (dispatched_at) ON {events} TO {name}"
        )
        cursor.execute(f"GRANT SELECT ON {MIGRATIONS} TO {name}")
        for sequence in _sequences(cursor):
            cursor.execute(f'GRANT USAGE, SELECT ON SEQUENCE "{sequence}" TO {name}')


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


def _owns_tables() -> bool:
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
