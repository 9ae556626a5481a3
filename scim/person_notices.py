"""Notices on a person's page: rejected changes, withheld roles, people who left only here."""

from collections.abc import Iterator

from django.urls import reverse

from people.models import Person
from people.operations.roles.withheld_roles import ASKED
from people.presentation.person_notices import Notice
from scim.models import SyncError
from scim.person_records import active_at_provider

MAX = 5


def still_active(person: Person) -> Iterator[Notice]:
    """Tell that the provider still has somebody as active who left here."""
    if not person.is_active and (name := active_at_provider(person)):
        yield Notice(
            text=f"{person.full_name} is still active in {name}. Deactivate them there as well, or "
            "remove them from the Ramp application there.",
            url=reverse("admin:scim"),
            link="SCIM settings",
        )


def withheld_roles(person: Person) -> Iterator[Notice]:
    """Tell that the person has returned without an elevated role, which waits for a decision."""
    if ASKED in person.withheld_roles.values():
        yield Notice(
            text=f"{person.full_name} has returned without all of their earlier roles.",
            url=reverse("admin:team_updates_review"),
            link="Decide",
            icon="admin_panel_settings",
        )


def of_person(person: Person) -> Iterator[Notice]:
    """Return notices about changes from the provider that were rejected."""
    errors = SyncError.objects.open().filter(person=person).select_related("connection")
    for error in errors.order_by("-happened_at", "-pk")[:MAX]:
        value = f" ({error.offending_value})" if error.offending_value else ""
        yield Notice(
            text=f"A change from {error.connection} was rejected: {error.message}{value}.",
            url=reverse("admin:sync_error", args=[error.pk]),
            link="See how to resolve it",
        )
