"""What sign-in asks about SCIM connections and the people they provision.

A sign-in provider may be paired with the SCIM connection of the same directory. The app that has
connections implements `Pairing` and registers it with people/hooks.py.
"""

from typing import Any, Protocol

from django.db.models import QuerySet

from people.models import Person


class Pairing(Protocol):
    """The SCIM connections of the tenant in force, and their people."""

    def connections(self) -> dict[str, str]:
        """Return the live connections of the tenant in force: names by key."""

    def connection_of(self, provider: str) -> str:
        """Return the key of this identity provider's live connection; blank unless it is one."""

    def latest_value(self, connection: str, attribute: str) -> str:
        """Return the externalId or userName of the user that the connection sent last."""

    def is_known(self, connection: str, attribute: str, value: str) -> bool:
        """Tell whether the connection ever sent a user with this externalId or userName."""

    def paired_person(self, connection: str, attribute: str, value: str) -> Person | None:
        """Return the person with this externalId or userName, if there is exactly one."""

    def person_with_address(self, connection: str, email: str) -> Person | None:
        """Return the person of the connection whose current or unconfirmed address this is.

        Return None unless there is exactly one.
        """

    def is_provisioned(self, person: Person, *, besides: str = "") -> bool:
        """Tell whether a live connection other than `besides` owns the person."""

    def provisioned(self, *, besides: str = "") -> QuerySet[Any, Any]:
        """Return the keys of the people managed by a live connection other than `besides`."""


class NoPairing:
    """The answers where no app provisions people."""

    def connections(self) -> dict[str, str]:
        return {}

    def connection_of(self, provider: str) -> str:
        return ""

    def latest_value(self, connection: str, attribute: str) -> str:
        return ""

    def is_known(self, connection: str, attribute: str, value: str) -> bool:
        return False

    def paired_person(self, connection: str, attribute: str, value: str) -> Person | None:
        return None

    def person_with_address(self, connection: str, email: str) -> Person | None:
        return None

    def is_provisioned(self, person: Person, *, besides: str = "") -> bool:
        return False

    def provisioned(self, *, besides: str = "") -> QuerySet[Any, Any]:
        nobody: QuerySet[Any, Any] = Person.objects.none().values_list("pk", flat=True)
        return nobody
