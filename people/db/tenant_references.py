"""Foreign keys that include the tenant: PostgreSQL refuses references to another tenant's row.

Django's foreign key from a card to its holder allows the person of another company. Here,
PostgreSQL also compares the tenants of both rows, for every database role, the owner included.
The command `migrate` creates these foreign keys from the models, so a migration need not; it has to
drop one only if it changes what a column refers to. They are added to Django's own, which other
migrations may look for. docs/adr/0010-row-level-security.md has the reasons. PostgreSQL only.
"""

from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from django.db import IntegrityError
from django.db.backends.utils import truncate_name
from django.db.models import Model

from people.db import owned_tables
from people.db.owned_tables import TENANTS, table_of, tenant_column
from people.db.statements import execute, query

PREFIX: Final = "same_tenant_"
# The longest name of PostgreSQL.
NAME_LENGTH: Final = 63
# These fields name the person who did something: possibly an operator, from another company.
ACTORS: Final = frozenset({"actor_person", "created_by", "configured_by"})
# No request names a row of these tables, and each write of a provider inserts several. Comparing
# them as well took a fifth of PostgreSQL's CPU for a create.
RECORDS: Final = frozenset(
    {"people_event", "people_delivery", "people_invite", "people_mail", "scim_requestlog"}
)
# What PostgreSQL adds to the definition of a constraint that old rows may violate.
NOT_VALID: Final = " NOT VALID"


class Reference(NamedTuple):
    """A foreign key from a tenant's table to another one, with the columns of both tenants."""

    table: str
    tenant: str
    column: str
    target: str
    target_tenant: str

    @property
    def name(self) -> str:
        return truncate_name(f"{PREFIX}{self.table}_{self.column}", NAME_LENGTH)

    @property
    def target_index(self) -> str:
        """Return the name of the unique index that the foreign key needs on its target."""
        return truncate_name(f"{PREFIX}{self.target}", NAME_LENGTH)

    @property
    def definition(self) -> str:
        """Return the constraint as PostgreSQL writes it."""
        return (
            f"FOREIGN KEY ({self.tenant}, {self.column})"
            f" REFERENCES {self.target}({self.target_tenant}, id) DEFERRABLE INITIALLY DEFERRED"
        )


def references() -> list[Reference]:
    """Return the references between rows of tenants, of all installed models."""
    return [one for model in owned_tables.models() for one in _references_of(model)]


def missing() -> list[Reference]:
    """Return the references whose tenants PostgreSQL does not compare, or not in all rows."""
    there = _stored()
    return [one for one in references() if there.get((one.table, one.name)) != one.definition]


def create() -> list[Reference]:
    """Create the foreign keys that are missing, and return those that stored rows violate.

    PostgreSQL refuses new violations from then on in any case. The command runs outside of a
    transaction, so that tables can be written while indexes are built and rows are checked. After
    an interruption, it continues.
    """
    new, there = missing(), _stored()
    targets = {one.target_index: (one.target, one.target_tenant) for one in new}
    for index, (target, column) in targets.items():
        _create_index(index, target, column)
    violated = []
    for one in new:
        if there.get((one.table, one.name), "").removesuffix(NOT_VALID) != one.definition:
            execute(
                f'ALTER TABLE "{one.table}" DROP CONSTRAINT IF EXISTS {one.name},'
                f" ADD CONSTRAINT {one.name} {one.definition}{NOT_VALID}"
            )
        try:
            execute(f'ALTER TABLE "{one.table}" VALIDATE CONSTRAINT {one.name}')
        except IntegrityError:
            violated.append(one)
    return violated


def _create_index(name: str, table: str, column: str) -> None:
    rows = query("SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass(%s)", f'"{name}"')
    if rows == [(True,)]:
        return
    # An attempt that was interrupted leaves an invalid index of this name.
    execute(
        f'DROP INDEX CONCURRENTLY IF EXISTS "{name}"',
        f'CREATE UNIQUE INDEX CONCURRENTLY "{name}" ON "{table}" ({column}, id)',
    )


def _references_of(model: type[Model]) -> Iterator[Reference]:
    table = model._meta.db_table
    tenant = "id" if table == TENANTS else tenant_column(model)
    fields: list[Any] = [*model._meta.concrete_fields]
    for field in fields:
        if not (tenant and field.is_relation and field.db_constraint) or field.name in ACTORS:
            continue
        if RECORDS & {table, table_of(field)}:
            continue
        if target_tenant := tenant_column(field.related_model):
            yield Reference(table, tenant, field.column, table_of(field), target_tenant)


def _stored() -> dict[tuple[str, str], str]:
    """Return the definitions of the foreign keys in the database, by table and name."""
    rows = query(
        """SELECT c.relname, f.conname, pg_get_constraintdef(f.oid)
             FROM pg_constraint f JOIN pg_class c ON c.oid = f.conrelid
            WHERE f.contype = 'f' AND f.connamespace = current_schema()::regnamespace
              AND starts_with(f.conname, %s)""",
        PREFIX,
    )
    return {(table, name): definition for table, name, definition in rows}
