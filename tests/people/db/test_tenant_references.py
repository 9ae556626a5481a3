"""References between rows of tenants."""

from io import StringIO

import pytest
from django.core.management import call_command
from django.db import IntegrityError, connection, transaction

from people import tenancy
from people.db import tenant_references
from people.db.constraints import constraint_of
from people.models import Person
from ramp import doctor
from tests.factories import core

MANAGER = "same_tenant_people_person_manager_id"
# Foreign keys of one column between two tables of tenants, without one that has the tenants, too.
NOT_COMPARED = """
    SELECT f.conrelid::regclass::text || '.' || a.attname
      FROM pg_constraint f
      JOIN pg_attribute a ON a.attrelid = f.conrelid AND a.attnum = f.conkey[1]
      JOIN pg_attribute t ON t.attrelid = f.conrelid AND t.attname = 'tenant_id'
      JOIN pg_attribute u ON u.attrelid = f.confrelid AND u.attname = 'tenant_id'
     WHERE f.contype = 'f' AND f.conkey = ARRAY[a.attnum]
       AND NOT EXISTS (
           SELECT 1 FROM pg_constraint c
            WHERE c.contype = 'f' AND c.convalidated AND c.conrelid = f.conrelid
              AND c.confrelid = f.confrelid AND c.conkey = ARRAY[t.attnum, a.attnum]
              AND c.confkey = ARRAY[u.attnum, f.confkey[1]])
"""


def query(sql: str) -> list[tuple[object, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return list(cursor.fetchall()) if cursor.description else []


def person_with_foreign_manager() -> None:
    """Bypass the rules of the operations, which would not find the manager."""
    with tenancy.use(core.tenant()):
        manager = core.person()
    with tenancy.use(core.tenant()):
        person = core.person()
        Person.objects.filter(pk=person.pk).update(manager_id=manager.pk)


@pytest.mark.django_db
def test_are_compared_in_every_foreign_key() -> None:
    """`migrate` adds what a new model needs. Operators act in companies other than their own."""
    not_compared = {tuple(str(name).split(".")) for (name,) in query(NOT_COMPARED)}
    actors = {
        ("people_webhookendpoint", "created_by_id"),
        ("provisioning_transmitterstream", "configured_by_id"),
    }
    to_records = {("people_webhookdelivery", "event_id"), ("scim_syncerror", "request_id")}
    others = {one for one in not_compared if one[0] not in tenant_references.RECORDS}
    assert others == actors | to_records
    assert tenant_references.missing() == []


@pytest.mark.django_db
def test_to_another_company_are_refused_as_an_error_of_the_code() -> None:
    with transaction.atomic():
        person_with_foreign_manager()
        with pytest.raises(IntegrityError) as refused:
            connection.check_constraints()
        transaction.set_rollback(True)

    # No refusal that a person or a provider could cause has this name.
    assert constraint_of(refused.value) == MANAGER


@pytest.mark.django_db(transaction=True)
def test_that_are_stored_already_are_named_by_migrate_and_doctor() -> None:
    query(f"ALTER TABLE people_person DROP CONSTRAINT {MANAGER}")
    query("DROP INDEX same_tenant_people_person CASCADE")
    person_with_foreign_manager()
    errors = StringIO()

    call_command("migrate", verbosity=0, stderr=errors)

    assert "refer to rows of another company: people_person.manager_id." in errors.getvalue()
    assert [one.name for one in tenant_references.missing()] == [MANAGER]
    found = [one for one in doctor.findings() if "people_person.manager_id" in one.text]
    assert [one.level for one in found] == [doctor.Level.PROBLEM]
    # The constraint holds for new rows. The next run checks the others again.
    with pytest.raises(IntegrityError, match=MANAGER):
        person_with_foreign_manager()
    query("UPDATE people_person SET manager_id = NULL")
    call_command("migrate", verbosity=0, stderr=errors)
    assert tenant_references.missing() == []
