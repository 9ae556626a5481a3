"""Where signing in and SCIM, which must not import each other, ask about people."""

from importlib import import_module
from typing import Any, Protocol, cast

from django.conf import settings
from django.db.models import QuerySet

from people.models import Person
from provisioning.models import Identity


class Pairing(Protocol):
    """What settings.PAIRING names; scim.sign_in_pairing tells of each what it answers."""

    def connections(self) -> dict[str, str]: ...

    def is_known(self, connection: str, attribute: str, value: str) -> bool: ...

    def paired_person(self, connection: str, attribute: str, value: str) -> Person | None: ...

    def is_provisioned(self, person: Person, *, besides: str = "") -> bool: ...

    def provisioned(self, *, besides: str = "") -> QuerySet[Any, Any]: ...


def paired_with() -> Pairing:
    return cast("Pairing", import_module(settings.PAIRING))


def has_signed_in(person: Person) -> bool:
    """Tell SCIM whether the person has ever signed in through a provider."""
    return Identity.objects.filter(person=person, retired_at=None).exists()
