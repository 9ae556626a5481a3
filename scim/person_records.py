"""Facts about connections that `people` needs: their actors and people, and what they last said."""

from collections.abc import Collection, Iterator
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import F

from people.models import Person
from people.provider_facts import ContactDetails, Owner, ScimResource
from people.values import VIA_SCIM
from scim.connections.presets import provider_name
from scim.models import AsyncResult, Connection, RequestLog, ScimUser
from scim.rfc.serialize import etag
from scim.sync.attribute_mapping import profile_of


def actors() -> list[str]:
    """Return the actors of all connections, including disconnected ones."""
    return [str(connection.actor) for connection in Connection.objects.order_by("created_at")]


def role_confirmed_at(person: Person) -> datetime | None:
    """Return when the provider that gave the role last sent a resource that still names it."""
    users = person.scim_users.filter(deleted_at=None).select_related("connection")
    user = users.filter(connection__disconnected_at=None).first()
    if user is None or str(user.connection.actor) != person.role_source:
        return None
    if profile_of(user.document, user.connection.mapping).profile.role is None:
        return None
    # A provider that repeats itself changes no resource, but its request is logged.
    accepted = RequestLog.objects.filter(user=user, status__lt=400, retried_by="")
    latest = accepted.order_by("-received_at").values_list("received_at", flat=True).first()
    return max(user.modified_at, latest) if latest else user.modified_at


def active_at_provider(person: Person) -> str:
    """Return the name of the live connection that last received them as active, or blank."""
    users = person.scim_users.filter(deleted_at=None, active=True).select_related("connection")
    user = users.filter(connection__disconnected_at=None).first()
    return str(user.connection) if user else ""


def owner_of_people(actor: str) -> Owner | None:
    """Return the provider behind the actor, and the number of active people that it manages."""
    if not actor.startswith(VIA_SCIM):
        return None
    provider = actor.partition(":")[2]
    users = ScimUser.objects.managing().filter(
        connection__provider=provider,
        person__state__in=[Person.State.INVITED, Person.State.ACTIVE],
    )
    live = Connection.objects.filter(provider=provider, disconnected_at=None)
    reasons = [connection.mail_withheld_because for connection in live]
    return Owner(provider_name(provider), users.count(), next(filter(None, reasons), ""))


def contact_details(people: Collection[UUID]) -> dict[UUID, ContactDetails]:
    """Return the job title and the phone number that live connections sent for these people."""
    users = ScimUser.objects.managing().filter(person__in=people)
    rows = users.values_list(
        "person_id", "connection__provider", "document__title", "document__phoneNumbers"
    )
    return {
        person_id: ContactDetails(str(title or ""), _phone(phones or []), provider_name(provider))
        for person_id, provider, title, phones in rows
        if title or phones
    }


def _phone(phones: list[dict[str, Any]]) -> str:
    """Return the primary number, else that of work, else a mobile one, else any voice number."""

    def preference(phone: dict[str, Any]) -> tuple[bool, bool, bool]:
        kind = str(phone.get("type", "")).lower()
        return not phone.get("primary"), kind != "work", kind != "mobile"

    voice = [one for one in phones if str(one.get("type", "")).lower() not in ("fax", "pager")]
    numbers = [str(one["value"]) for one in sorted(voice, key=preference) if one.get("value")]
    return numbers[0] if numbers else ""


def people_identified(attribute: str, values: Collection[str]) -> Iterator[tuple[str, UUID]]:
    """Yield the userName (normalized) or externalId, and the person, of each live user.

    Several resources may share an externalId (RFC 7643 section 3.1), so a value may come twice.
    """
    column = "user_name_key" if attribute == "user_name" else "scim_external_id"
    users = ScimUser.objects.managing().filter(person__isnull=False, **{f"{column}__in": values})
    for value, person_id in users.exclude(**{column: ""}).values_list(column, "person_id"):
        assert person_id
        yield value, person_id


def external_ids(people: Collection[UUID]) -> dict[UUID, str]:
    """Return the externalIds of these people; those whose provider sent none are missing."""
    users = ScimUser.objects.managing().filter(person__in=people).exclude(scim_external_id="")
    return dict(users.values_list("person_id", "scim_external_id"))


def scim_resources(people: Collection[UUID]) -> dict[UUID, ScimResource]:
    """Return the resources of these people; of several, the one that is not deleted, or the last.

    The resource of somebody who was just deleted is needed to tell others about it.
    """
    users = ScimUser.objects.filter(person__in=people)
    # The last one of each person wins.
    newest_last = users.order_by(F("deleted_at").asc(nulls_last=True), "pk")
    return {
        user.person_id: ScimResource(
            str(user.scim_id), user.scim_external_id, etag(user.version), user.document
        )
        for user in newest_last
        if user.person_id
    }


def scim_methods(requests: Collection[UUID]) -> dict[tuple[UUID, UUID], str]:
    """Return the method of each request that wrote a user, by its id and the user's person."""
    logged = RequestLog.objects.filter(pk__in=requests, user__person__isnull=False)
    rows = logged.values_list("pk", "user__person_id", "method")
    return {(request_id, person_id): method for request_id, person_id, method in rows}


def scim_transactions(requests: Collection[UUID]) -> dict[UUID, str]:
    """Return the `txn` of those requests that are operations of an asynchronous request."""
    results = AsyncResult.objects.filter(pk__in=requests).select_related("request")
    return {one.pk: one.request.txn_of(one.index) for one in results}


def managed_custom_fields(people: Collection[UUID]) -> dict[UUID, dict[str, str]]:
    """Return the custom fields that the people's resources fill, with the provider's name."""
    users = ScimUser.objects.managing().filter(person__in=people).select_related("connection")
    return {
        user.person_id: dict.fromkeys(
            profile_of(user.document, user.connection.mapping).custom_fields,
            provider_name(user.connection.provider),
        )
        for user in users
        if user.person_id
    }
