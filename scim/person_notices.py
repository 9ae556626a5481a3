"""Notices on a person's page."""

from collections.abc import Iterator

from django.urls import reverse

from people.models import Person
from people.presentation.person_notices import Notice
from scim.models import SyncError

MAX = 5


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
