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


def is_used(connection: Connection) -> bool:
    """Return whether a request with a token of the connection has arrived."""
    return connection.tokens.exclude(last_used_at=None).exists()


def live(provider: str) -> Connection | None:
    active = Connection.objects.filter(activated_at__isnull=False, disconnected_at=None)
    return active.filter(provider=provider).order_by("created_at").first()


@transaction.atomic
def start(provider: str, *, actor: Actor, department: str = "", location: str = "") -> Connection:
    """Return the provider's connection in setup, or create one.

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
    _record_event("added", connection, actor=actor)
    return connection


@transaction.atomic
def next_token(connection: Connection, *, after: int, actor: Actor) -> str | None:
    """Replace the tokens by a new one and return it, if `after` is the newest token's number.

    If a page is submitted twice, both requests have the same number. The second one finds a newer
    token, and gets None.
    """
    lock_connection(connection)
    newest = newest_token(connection)
    if newest != after:
        return None
    for token in connection.tokens.filter(revoked_at=None):
        revoke_token(token)
    _record_event("token added", connection, actor=actor)
    return issue_token(connection)


def newest_token(connection: Connection) -> int:
    """Return the number of the newest token, 0 if there is none."""
    newest = connection.tokens.order_by("-pk").values_list("pk", flat=True).first()
    return newest or 0


@transaction.atomic
def activate(connection: Connection, *, actor: Actor) -> bool:
    """Activate the connection, and tell whether it was not active before.

    The event starts the job that imports what the connection has received so far.

    :raises AlreadyConnected: if the provider has another live connection.
    """
    # Locked before the connection, as in `start`, so that only one connection becomes live.
    Tenant.objects.select_for_update(no_key=True).get(pk=tenancy.current_id())
    lock_connection(connection)
    if connection.activated_at:
        return False
    if connected := live(connection.provider):
        raise AlreadyConnected(connected)
    connection.activated_at = timezone.now()
    connection.save(update_fields=["activated_at"])
    _record_event("activated", connection, actor=actor)
    return True


@transaction.atomic
def abandon(connection: Connection, *, actor: Actor) -> None:
    """Delete a connection that was never activated, with everything it received.

    :raises AlreadyActive: if it was activated meanwhile.
    """
    lock_connection(connection)
    if connection.activated_at:
        raise AlreadyActive(connection)
    # Groups and users protect their connection from being deleted.
    RequestLog.objects.filter(connection=connection).delete()
    ScimGroup.objects.filter(connection=connection).delete()
    ScimUser.objects.filter(connection=connection).delete()
    _record_event("abandoned", connection, actor=actor)
    connection.delete()


def lock_connection(connection: Connection) -> None:
    """Lock and refresh the connection; SCIM writes wait, because their rows refer to it."""
    connection.refresh_from_db(from_queryset=Connection.objects.select_for_update())


def lock_connection_no_key(connection: Connection) -> None:
    """Lock and refresh the connection, without blocking SCIM writes.

    For code that locks people afterwards: the lock order is connection, then person. A SCIM write
    has locked its person when it inserts rows that refer to the connection, so with
    `lock_connection` the two would deadlock.
    """
    rows = Connection.objects.select_for_update(no_key=True)
    connection.refresh_from_db(from_queryset=rows)


def _record_event(what: str, connection: Connection, *, actor: Actor) -> None:
    connection_events.record_connection_event(
        what, actor=actor, provider=connection.provider, connection=str(connection.pk)
    )
