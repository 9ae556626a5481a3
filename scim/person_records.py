"""Facts about connections that `people` needs: roles they confirmed, and people they manage."""

from collections.abc import Collection, Iterator
from datetime import datetime
from uuid import UUID

from people.hooks import Owner
from people.models import Person
from scim.connections.presets import provider_name
from scim.models import Connection, RequestLog, ScimUser
from scim.sync.attribute_mapping import profile_of


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


def owner_of_people(actor: str) -> Owner:
    """Return the provider behind the actor, and the number of active people that it manages."""
    provider = actor.partition(":")[2]
    users = ScimUser.objects.filter(
        deleted_at=None,
        connection__provider=provider,
        connection__disconnected_at=None,
        person__state__in=[Person.State.INVITED, Person.State.ACTIVE],
    )
    live = Connection.objects.filter(provider=provider, disconnected_at=None)
    reasons = [connection.mail_withheld_because for connection in live]
    return Owner(provider_name(provider), users.count(), next(filter(None, reasons), ""))


def people_identified(attribute: str, values: Collection[str]) -> Iterator[tuple[str, UUID]]:
    """Yield the userName (normalized) or externalId, and the person, of each live user.

    Several resources may share an externalId (RFC 7643 section 3.1), so a value may come twice.
    """
    column = "user_name_key" if attribute == "user_name" else "scim_external_id"
    users = ScimUser.objects.filter(
        deleted_at=None, connection__disconnected_at=None, person__isnull=False
    ).filter(**{f"{column}__in": values})
    for value, person_id in users.exclude(**{column: ""}).values_list(column, "person_id"):
        assert person_id
        yield value, person_id


def managed_custom_fields(people: Collection[UUID]) -> dict[UUID, dict[str, str]]:
    """Return the custom fields that the people's resources fill, with the provider's name."""
    users = ScimUser.objects.filter(
        deleted_at=None, connection__disconnected_at=None, person__in=people
    ).select_related("connection")
    return {
        user.person_id: dict.fromkeys(
            profile_of(user.document, user.connection.mapping).custom_fields,
            provider_name(user.connection.provider),
        )
        for user in users
        if user.person_id
    }
