"""A person who has left traces everywhere, and where a text stands in the database."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.contrib.sessions.models import Session
from django.db import connection
from django.utils import timezone

from people.models import (
    AccountSettings,
    BulkChange,
    BulkChangeItem,
    Comparison,
    ComparisonRow,
    Delegation,
    Event,
    Mail,
    Passkey,
    Person,
    PersonSession,
    SavedView,
    SecondFactor,
)
from people.operations.offboarding.terminate import terminate_person
from provisioning.models import Identity, IdentityProvider, ReceivedSignal, SignInAttempt
from scim.models import ScimUser, SyncError
from tests.clients.scim import Provider, mail, managed_by
from tests.factories import webhooks
from tests.support import offboarding

# All begin alike, so that one search finds whatever stays of any of them.
GIVEN, FAMILY = "Zoëquill", "O'Quillon"
ADDRESS = "zoequill@example.com"
FORMER = "zoequill.former@example.com"
EXTERNAL_ID = "00uzoequill0001"
PHONE = "+39 06 555 0142"
SUBJECT = "oidc-zoequill-77"
NUMBER = "Z-QUILLON-9"
TRACES = ("quill", "06 555 0142")
ZOE = {
    "externalId": EXTERNAL_ID,
    "name": {"givenName": GIVEN, "familyName": FAMILY},
    "displayName": f"{GIVEN} {FAMILY}",
    "phoneNumbers": [{"value": PHONE, "type": "work"}],
}


@dataclass(frozen=True)
class Place:
    """A column in which a text was found."""

    table: str
    column: str


def places_with(*texts: str) -> set[Place]:
    """Return the columns of all tables that contain one of the texts, whatever its case."""
    return {
        Place(table, column)
        for table, column in _columns()
        for text in texts
        if _contains(table, column, text)
    }


def _columns() -> Iterator[tuple[str, str]]:
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            for column in connection.introspection.get_table_description(cursor, table):
                yield table, column.name


def _contains(table: str, column: str, text: str) -> bool:
    name = connection.ops.quote_name(column)
    like = f"lower(CAST({name} AS text)) LIKE %s"
    values = [f"%{text}%"]
    if connection.vendor == "postgresql":
        # A binary column as text is in hexadecimal digits.
        like, values = f"({like} OR {like})", [*values, f"%{text.encode().hex()}%"]
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT 1 FROM {connection.ops.quote_name(table)} WHERE {like} LIMIT 1",  # noqa: S608 names of the schema
            values,
        )
        return cursor.fetchone() is not None


def leave_traces(scim: Provider, owner: Person) -> Person:
    """Push a person, have them do and get something of everything, and terminate them."""
    scim_id = scim.add("zoequill.former", **ZOE)
    scim.patch(
        scim_id,
        {"op": "replace", "path": "userName", "value": ADDRESS},
        {"op": "replace", "path": "emails", "value": [mail(ADDRESS)]},
    )
    scim.add_group("Sales", scim_id)
    report = scim.add("report", **managed_by({"value": EXTERNAL_ID}))
    assert report
    bulk = {"failOnErrors": 1, "Operations": [_bulk_operation(scim_id)]}
    scim("POST", "/Bulk", bulk)
    person = ScimUser.objects.get(scim_id=scim_id).person
    assert person
    Person.objects.filter(pk=person.pk).update(email=ADDRESS, email_key=ADDRESS, pending_email="")
    person.refresh_from_db()
    scim("POST", "/Users", {"userName": ADDRESS, "externalId": EXTERNAL_ID})
    _use_the_product(person, owner)
    _sign_in(person)
    person.refresh_from_db()
    terminate_person(person, offboarding.to(None, person), actor=owner.actor)
    return person


def _bulk_operation(scim_id: str) -> dict[str, Any]:
    value = {"nickName": GIVEN}
    patch = {"Operations": [{"op": "replace", "value": value}]}
    return {"method": "PATCH", "path": f"/Users/{scim_id}", "data": patch}


def _use_the_product(person: Person, owner: Person) -> None:
    now = timezone.now()
    own: dict[str, Any] = {"tenant_id": person.tenant_id, "person": person}
    Person.objects.filter(pk=person.pk).update(custom_values={"badge": NUMBER})
    AccountSettings.objects.create(**own, phone=PHONE)
    offboarding.card(person, name=f"{GIVEN}’s card")
    SecondFactor.objects.create(
        **own, secret="a secret of the second factor", last_step=0, created_at=now
    )
    Passkey.objects.create(
        **own,
        name=f"Phone of {GIVEN}",
        credential_id="c",
        credential=b"cred",
        sign_count=0,
        created_at=now,
    )
    Session.objects.create(session_key="zoequill", session_data="", expire_date=now)
    PersonSession.objects.create(
        **own, session_key="zoequill", began_at=now, last_used_at=now, ip="192.0.2.7"
    )
    Mail.objects.create(
        **own,
        kind=Mail.Kind.SECURITY_NOTICE,
        to=ADDRESS,
        facts={"who": GIVEN},
        created_at=now,
        due_at=now,
    )
    Delegation.objects.create(
        **own,
        delegate=owner,
        starts_at=now,
        ends_at=now + timedelta(days=1),
        note=f"For {GIVEN}",
        created_at=now,
    )
    SavedView.objects.create(
        tenant_id=person.tenant_id, owner=owner, name="Mine", filters=f"q={ADDRESS}&state=active"
    )
    SavedView.objects.create(
        tenant_id=person.tenant_id, owner=person, name="Hers", filters="q=Quillon"
    )
    _record(person, owner)
    _upload(person)


def _record(person: Person, owner: Person) -> None:
    """Record what they did to others, and a change of many."""
    event = Event.objects.create(
        tenant_id=person.tenant_id,
        kind=Event.Kind.PERSON_REVISED,
        person=owner,
        actor=str(person.actor),
        actor_person=person,
        ip="192.0.2.7",
        facts={"what": f"as {GIVEN} {FAMILY} had asked"},
        happened_at=timezone.now(),
    )
    about = Event.objects.filter(person=person).first()
    assert about
    endpoint = webhooks.webhook_endpoint(owner)
    webhooks.webhook_delivery(endpoint, about, body=f'{{"email": "{ADDRESS}"}}')
    webhooks.webhook_delivery(endpoint, event, body=f'{{"actor": "person:{ADDRESS}"}}')
    change = BulkChange.objects.create(
        tenant_id=person.tenant_id,
        kind=BulkChange.Kind.EDITED,
        actor=str(person.actor),
        began_at=timezone.now(),
    )
    BulkChangeItem.objects.create(
        tenant_id=person.tenant_id,
        change=change,
        person=person,
        event_id=about.pk,
        before={"given_name": GIVEN, "family_name": FAMILY},
    )


def _upload(person: Person) -> None:
    for state in (Comparison.State.COMPARED, Comparison.State.APPLIED):
        upload = Comparison.objects.create(
            tenant_id=person.tenant_id,
            state=state,
            file_name=f"{FAMILY}.csv",
            content=f"first,last\n{GIVEN},{FAMILY}\n".encode(),
            encoding="utf-8",
            separator=",",
            created_by=str(person.actor),
            created_at=timezone.now(),
        )
        ComparisonRow.objects.create(
            tenant_id=person.tenant_id,
            comparison=upload,
            kind=ComparisonRow.Kind.NEW,
            key=ADDRESS,
            name=f"{GIVEN} {FAMILY}",
            email=ADDRESS,
            values={"given_name": GIVEN},
        )


def _sign_in(person: Person) -> None:
    now = timezone.now()
    provider = IdentityProvider.objects.create(
        tenant_id=person.tenant_id, kind=IdentityProvider.Kind.OIDC, name="Corp", name_key="corp"
    )
    about: dict[str, Any] = {"tenant_id": person.tenant_id, "provider": provider}
    Identity.objects.create(
        **about,
        subject=SUBJECT,
        account=f"{FAMILY}@EXAMPLE.COM",
        person=person,
        how=Identity.How.PAIRED,
        stated_values={"email": ADDRESS, "name": f"{GIVEN} {FAMILY}"},
        first_seen_at=now,
        last_seen_at=now,
    )
    for who in (person, None):
        SignInAttempt.objects.create(
            **about,
            person=who,
            outcome=SignInAttempt.Outcome.REFUSED,
            subject=SUBJECT,
            email=ADDRESS.upper(),
            detail=f"{ADDRESS} is unknown",
            at=now,
            ip="192.0.2.7",
        )
    ReceivedSignal.objects.create(
        **about,
        person=person,
        event="session-revoked",
        subject=SUBJECT,
        occurred_at=now,
        issued_at=now,
        received_at=now,
    )


def history() -> dict[str, int]:
    """Return how many rows the tables of the history have."""
    models = (Event, Mail, SignInAttempt, SyncError, BulkChangeItem, Person, ScimUser)
    return {model.__name__: model.objects.count() for model in models}


def everything_of(person: Person) -> list[Any]:
    """Return the rows that make up another person."""
    return [
        list(Person.objects.filter(pk=person.pk).values()),
        list(ScimUser.objects.filter(person=person).values()),
        list(Event.objects.filter(person=person).order_by("pk").values()),
        list(Mail.objects.filter(person=person).order_by("pk").values()),
    ]
