"""Facts about connections that `people` needs: their actors and people, and what they last said."""

from datetime import datetime

from people.hooks import Owner
from people.models import Person
from scim.connections.presets import provider_name
from scim.models import Connection, RequestLog, ScimUser
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
