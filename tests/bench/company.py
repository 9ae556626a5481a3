"""A company of many people, made by SQL: copies of the person with the address TEMPLATE.

A copy differs in what must be unique, in its names, and in what the pages filter and sort by.
"""

from collections.abc import Mapping
from typing import Any, Final

from django.db import connection
from django.utils import timezone

from people.models import Department, Event, Invite, Mail, Person
from people.models import ScheduledTermination as Termination
from people.tenancy import across_tenants
from provisioning.models import Identity, IdentityProvider, SignInAttempt
from scim.models import RequestLog, ScimUser, ScimUserElement, SyncError, user_count

TEMPLATE: Final = "template@acme.example.com"
DEPARTMENTS: Final = 200
COPY: Final = """
CREATE TEMPORARY TABLE copy AS
SELECT number, md5('person' || number)::uuid AS person_id, md5('user' || number)::uuid AS scim_id,
       md5('invite' || number)::uuid AS invite_id, md5('request' || number)::uuid AS request_id,
       (ARRAY['Ada','Bob','Chloe','Dmitri','Eve','Fatima','Grace','Hedy'])[number % 8 + 1]
           AS given,
       'Family' || md5(number::text) AS family, 'p' || number || '@acme.example.com' AS email,
       now() - number * interval '20 second' AS at,
       CASE WHEN number % 100 = 1 THEN 'terminated' WHEN number % 20 = 0 THEN 'inactive'
            WHEN number % 7 = 0 THEN 'invited' ELSE 'active' END AS state
FROM generate_series(1, {people}) number
"""
IS_OUT: Final = "copy.state IN ('inactive', 'terminated')"
DOCUMENT: Final = """one.document || jsonb_build_object(
    'userName', copy.email, 'externalId', 'external-' || number,
    'name', jsonb_build_object('givenName', given, 'familyName', family),
    'displayName', given || ' ' || family, 'nickName', 'nick' || number,
    'title', 'Engineer ' || number % 5000,
    'emails', jsonb_build_array(
        jsonb_build_object('value', copy.email, 'type', 'work', 'primary', true)))
"""
# The columns that differ. Departments come first, because people refer to them.
COPIES: Final[Mapping[type[Any], Mapping[str, str]]] = {
    Department: {
        "id": "one.id + number",
        "name": "'Department ' || number",
        "name_key": "'department ' || number",
    },
    Person: {
        "id": "copy.person_id",
        "given_name": "given",
        "family_name": "family",
        "email": "copy.email",
        "email_key": "copy.email",
        "department_id": f"one.department_id + 1 + number % {DEPARTMENTS}",
        # Fifty report to each manager, from the first person on.
        "manager_id": "CASE WHEN number > 50 THEN md5('person' || (number / 50))::uuid END",
        "role": "CASE WHEN number % 1000 = 3 THEN 'BUSINESS_BOOKKEEPER' ELSE one.role END",
        "state": "copy.state",
        "created_at": "at",
        "changed_at": "at",
        "joined_at": "CASE WHEN copy.state <> 'invited' THEN at END",
        "deactivated_at": f"CASE WHEN {IS_OUT} THEN at END",
        "deactivated_by": f"CASE WHEN {IS_OUT} THEN 'scim:okta' ELSE '' END",
        "terminated_at": "CASE WHEN copy.state = 'terminated' THEN at END",
    },
    ScimUser: {
        "id": "one.id + number",
        "scim_id": "copy.scim_id",
        "person_id": "copy.person_id",
        "scim_external_id": "'external-' || number",
        "active": f"NOT {IS_OUT}",
        "scim_username": "copy.email",
        "user_name_key": "copy.email",
        "email_key": "copy.email",
        "document": DOCUMENT,
        "rendered": f"({DOCUMENT})::text",
    },
    ScimUserElement: {
        "id": "one.id + 10 * number",
        "user_id": "one.user_id + number",
        "element": "CASE WHEN one.attribute = 'emails' THEN one.element"
        " || jsonb_build_object('value', copy.email) ELSE one.element END",
        "value_key": "CASE WHEN one.attribute = 'emails' THEN copy.email ELSE '' END",
    },
    # The newest event is that of the first person.
    Event: {
        "id": "one.id + 10 * (1 + {people} - number)",
        "person_id": "copy.person_id",
        "request_id": "copy.request_id",
        "happened_at": "at",
        "dispatched_at": "at",
    },
    RequestLog: {
        "id": "copy.request_id",
        "user_id": "one.user_id + number",
        "received_at": "at",
        "status": "CASE WHEN number % 500 = 0 THEN 409 ELSE 201 END",
    },
    Invite: {
        "id": "copy.invite_id",
        "person_id": "copy.person_id",
        "created_at": "at",
        "expires_at": "at + interval '90 day'",
        "accepted_at": "CASE WHEN copy.state <> 'invited' THEN at END",
    },
    Mail: {
        "id": "md5('mail' || number)::uuid",
        "person_id": "copy.person_id",
        "invite_id": "copy.invite_id",
        "to": "copy.email",
        "request_id": "copy.request_id",
        "created_at": "at",
        "due_at": "at",
        "sent_at": "at",
    },
    SyncError: {
        "id": "one.id + number",
        "user_id": "one.user_id + number",
        "person_id": "copy.person_id",
        "request_id": "copy.request_id",
        "user_name": "copy.email",
        "user_name_key": "copy.email",
        "happened_at": "at",
    },
    Identity: {
        "id": "one.id + number",
        "subject": "'subject-' || number",
        "person_id": "copy.person_id",
        "first_seen_at": "at",
        "last_seen_at": "at",
    },
    SignInAttempt: {
        "id": "one.id + number",
        "person_id": "copy.person_id",
        "email": "copy.email",
        "subject": "'subject-' || number",
        "outcome": "CASE WHEN number % 100 = 5 THEN 'refused' ELSE one.outcome END",
        "at": "copy.at",
    },
    Termination: {
        "id": "one.id + number",
        "person_id": "copy.person_id",
        "due_at": "now() + number * interval '1 second'",
    },
}
# Not everybody has one.
ONLY: Final[Mapping[type[Any], str]] = {
    Department: f"number <= {DEPARTMENTS}",
    SyncError: "number % 50 = 7",
    Identity: "copy.state = 'active'",
    SignInAttempt: "copy.state = 'active'",
    Termination: "copy.state = 'inactive'",
}

# It fills the column by which filters search, so it must not be off.
SEARCH_TRIGGER: Final = "ALTER TABLE scim_scimuser ENABLE {} TRIGGER scim_user_search_text"


def copy_template(people: int) -> None:
    """Make so many copies of the template, and of all that it has."""
    with across_tenants():
        template = Person.objects.get(email=TEMPLATE)
        _complete(template)
    with connection.cursor() as cursor:
        # Foreign keys and triggers would check what the copies have from their template.
        cursor.execute("SET session_replication_role = replica; SET statement_timeout = 0")
        cursor.execute("SET maintenance_work_mem = '512MB'; SET work_mem = '256MB'")
        cursor.execute(SEARCH_TRIGGER.format("ALWAYS"))
        cursor.execute(COPY.format(people=people))
        for model, columns in COPIES.items():
            statement = _insert(model, columns, ONLY.get(model, "TRUE"), template)
            cursor.execute(statement.replace("{people}", str(people)))
        numbered: list[type[Any]] = [ScimUser, ScimUserElement, Event, *ONLY]
        for table in [one._meta.db_table for one in numbered]:
            # The next row gets the id that follows those of the copies.
            cursor.execute(
                f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), MAX(id)) FROM {table}"  # noqa: S608
            )
        # The trigger that counts users was off.
        cursor.execute(f"{SEARCH_TRIGGER.format('')}; TRUNCATE scim_usercount")
        cursor.execute(user_count.COUNT)
        cursor.execute("VACUUM ANALYZE")
        cursor.execute("RESET session_replication_role; RESET statement_timeout")
        cursor.execute("RESET maintenance_work_mem; RESET work_mem")


def _insert(model: type[Any], changes: Mapping[str, str], only: str, template: Person) -> str:
    """Return the statement that copies what the template has in the table of the model."""
    columns = [field.column for field in model._meta.concrete_fields]
    names = ", ".join(f'"{column}"' for column in columns)
    values = ", ".join(changes.get(column, f'one."{column}"') for column in columns)
    if model is Person:
        only += f" AND one.id = '{template.pk}'"
    elif "person_id" in columns:
        only += f" AND one.person_id = '{template.pk}'"
    return (
        f"INSERT INTO {model._meta.db_table} ({names}) SELECT {values} "  # noqa: S608
        f"FROM copy, {model._meta.db_table} one WHERE {only} ORDER BY number"
    )


def _complete(template: Person) -> None:
    """Give the template one row of each kind that the copies have."""
    now, user = timezone.now(), ScimUser.objects.get(person=template)
    owned: dict[str, Any] = {"tenant_id": template.tenant_id, "person": template}
    provider = IdentityProvider.objects.create(
        tenant_id=template.tenant_id,
        kind=IdentityProvider.Kind.OIDC,
        name="Corp",
        name_key="corp",
        settings={"issuer": "https://id.example", "client_id": "ramp"},
    )
    Identity.objects.create(
        **owned,
        provider=provider,
        subject="template",
        how=Identity.How.PAIRED,
        first_seen_at=now,
        last_seen_at=now,
    )
    SignInAttempt.objects.create(
        **owned, provider=provider, outcome=SignInAttempt.Outcome.SIGNED_IN, at=now
    )
    SyncError.objects.create(
        **owned,
        connection=user.connection,
        user=user,
        reason=SyncError.Reason.INVALID_ROLE_ASSIGNMENT,
        message="User is not eligible to receive assigned role",
        user_name=user.scim_username,
        user_name_key=user.user_name_key,
        happened_at=now,
    )
    Termination.objects.create(**owned, due_at=now)
