"""Setup of a connection until its activation, and its first token."""

from django.db import transaction
from django.utils import timezone

from people import tenancy
from people.models import Tenant
from people.operations import connection_events
from people.values import Actor, PeopleError
from scim.connections.presets import PRESETS
from scim.models import Connection, RequestLog, ScimGroup, ScimUser
from scim.models.connection import issue_token, revoke_token


class AlreadyConnected(PeopleError):
    code = "already-connected"

    def __init__(self, connection: Connection) -> None:
        super().__init__(
            f"{connection} is already connected. Disconnect it before you connect it again."
        )


class AlreadyActive(PeopleError):
    code = "already-active"

    def __init__(self, connection: Connection) -> None:
        super().__init__(
            f"{connection} has already been activated. Disconnect it in its SCIM settings."
        )


def in_setup(provider: str) -> Connection | None:
    """Return the provider's connection that nobody has activated yet, if there is one."""
    pending = Connection.objects.filter(activated_at=None, disconnected_at=None)
    return pending.filter(provider=provider).order_by("created_at").first()


def live(provider: str) -> Connection | None:
    active = Connection.objects.filter(activated_at__isnull=False, disconnected_at=None)
    return active.filter(provider=provider).order_by("created_at").first()


@transaction.atomic
def start(provider: str, *, actor: Actor, department: str = "", location: str = "") -> Connection:
    """Return the provider's connection to be set up: the one that was begun, or a new one.

    :raises AlreadyConnected: if the provider has a live connection.
    """
    # Two administrators who start at the same time share one setup.
    tenant = Tenant.objects.select_for_update(no_key=True).get(pk=tenancy.current_id())
    if connected := live(provider):
        raise AlreadyConnected(connected)
    if begun := in_setup(provider):
        return begun
    connection = Connection.objects.create(
        tenant=tenant,
        provider=provider,
        incomplete_policy=PRESETS[provider].incomplete,
        default_department=department,
        default_location=location,
    )
    _note("added", connection, actor=actor)
    return connection


@transaction.atomic
def next_token(connection: Connection, *, after: int, actor: Actor) -> str | None:
    """Return a new token that takes the place of the newest one, whose number is `after`.

    A page that is sent twice asks twice with the same number; the second time there is a
    newer token, and nothing happens.
    """
    hold(connection)
    newest = newest_token(connection)
    if newest != after:
        return None
    for token in connection.tokens.filter(revoked_at=None):
        revoke_token(token)
    _note("token added", connection, actor=actor)
    return issue_token(connection)


def newest_token(connection: Connection) -> int:
    """Return the number of the token that was made last, 0 if none was."""
    newest = connection.tokens.order_by("-pk").values_list("pk", flat=True).first()
    return newest or 0


@transaction.atomic
def activate(connection: Connection, *, actor: Actor) -> bool:
    """Activate the connection, and tell whether it was not active before.

    What has arrived until now is carried over by a job that hears of it.

    :raises AlreadyConnected: if the provider has another live connection.
    """
    Tenant.objects.select_for_update(no_key=True).get(pk=tenancy.current_id())
    hold(connection)
    if connection.activated_at:
        return False
    if connected := live(connection.provider):
        raise AlreadyConnected(connected)
    connection.activated_at = timezone.now()
    connection.save(update_fields=["activated_at"])
    _note("activated", connection, actor=actor)
    return True


@transaction.atomic
def abandon(connection: Connection, *, actor: Actor) -> None:
    """Delete a connection that was never activated, with everything it received.

    :raises AlreadyActive: if it was activated meanwhile.
    """
    hold(connection)
    if connection.activated_at:
        raise AlreadyActive(connection)
    RequestLog.objects.filter(connection=connection).delete()
    ScimGroup.objects.filter(connection=connection).delete()
    ScimUser.objects.filter(connection=connection).delete()
    _note("abandoned", connection, actor=actor)
    connection.delete()


def hold(connection: Connection) -> None:
    """Lock the connection, also against requests that store something, and refresh it."""
    connection.refresh_from_db(from_queryset=Connection.objects.select_for_update())


def hold_beside_requests(connection: Connection) -> None:
    """Hold the connection against all who hold it, and let requests store what they have to.

    For those who change people afterwards, as the connection comes before the person in the
    order of what is held. A request holds a person already when it stores something.
    """
    rows = Connection.objects.select_for_update(no_key=True)
    connection.refresh_from_db(from_queryset=rows)


def _note(what: str, connection: Connection, *, actor: Actor) -> None:
    connection_events.record_connection_event(
        what, actor=actor, provider=connection.provider, connection=str(connection.pk)
    )
