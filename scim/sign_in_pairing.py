"""The data that sign-in needs from SCIM: connections, and people by their identifiers.

A sign-in provider can be paired with the connection of the same directory. This module
implements the protocol `people.pairing.Pairing`.
"""

from uuid import UUID

from django.db.models import QuerySet

from people.models import Person
from people.values import normalize_key
from scim.models import Connection, ScimUser


def connections() -> dict[str, str]:
    """Return the names of the current tenant's connections by primary key."""
    return {str(one.pk): str(one) for one in Connection.objects.filter(disconnected_at=None)}


def connection_of(provider: str) -> str:
    """Return the key of the provider's connection, also during its setup; blank unless it is one.

    Two connections of a provider belong to different directories.
    """
    keys = Connection.objects.filter(disconnected_at=None, provider=provider).values_list("pk")[:2]
    return str(keys[0][0]) if len(keys) == 1 else ""


def latest_value(connection: str, attribute: str) -> str:
    """Return the externalId or userName of the user that arrived last; blank if there is none."""
    users = ScimUser.objects.filter(connection_id=connection, deleted_at=None).order_by("-pk")
    column = "scim_external_id" if attribute == "externalId" else "scim_username"
    return users.values_list(column, flat=True).first() or ""


def is_known(connection: str, attribute: str, value: str) -> bool:
    """Tell whether the connection ever sent a user with this externalId or userName."""
    return _users_named(connection, attribute, value).exists()


def paired_person(connection: str, attribute: str, value: str) -> Person | None:
    """Return the person with this externalId (exact) or userName (case-insensitive).

    An externalId that several resources share identifies nobody (RFC 7643 section 3.1). A deleted
    resource still identifies its person, so that signing in does not add them a second time.
    """
    users = _users_named(connection, attribute, value).select_related("person__tenant")
    # Two are enough to see that the identifier is not unique.
    live = list(users.filter(deleted_at=None)[:2])
    if live:
        return live[0].person if len(live) == 1 else None
    gone = {user.person_id: user.person for user in users if user.person}
    return next(iter(gone.values())) if len(gone) == 1 else None


def person_with_address(connection: str, email: str) -> Person | None:
    """Return the person of the connection whose current or unconfirmed address this is.

    Return None unless there is exactly one.
    """
    users = ScimUser.objects.filter(
        connection_id=connection, connection__disconnected_at=None, deleted_at=None
    ).select_related("person__tenant")
    current = users.filter(person__email_key=normalize_key(email))
    # Two are enough to see that the address is not unique.
    found = list(current[:2]) or list(users.filter(person__pending_email__iexact=email)[:2])
    return found[0].person if len(found) == 1 else None


def is_provisioned(person: Person, *, besides: str = "") -> bool:
    """Tell whether a live connection manages the person, except the one with the key `besides`.

    A sign-in provider that is not paired with it must not link such a person.
    """
    return _managing_users(besides).filter(person=person).exists()


def provisioned(*, besides: str = "") -> QuerySet[ScimUser, UUID | None]:
    """Return the keys of people managed by a live connection, except that with key `besides`."""
    return _managing_users(besides).filter(person__isnull=False).values_list("person", flat=True)


def _managing_users(besides: str) -> QuerySet[ScimUser]:
    users: QuerySet[ScimUser] = ScimUser.objects.filter(deleted_at=None)
    users = users.filter(connection__disconnected_at=None, connection__activated_at__isnull=False)
    return users.exclude(connection_id=besides) if besides else users


def _users_named(connection: str, attribute: str, value: str) -> QuerySet[ScimUser]:
    users = ScimUser.objects.filter(connection_id=connection, connection__disconnected_at=None)
    if not value:
        return users.none()
    if attribute == "externalId":
        return users.filter(scim_external_id=value)
    return users.filter(user_name_key=normalize_key(value))
