"""Sync errors on the page of a person."""

import pytest
from django.utils import timezone

from people.models import Person
from scim.models import SyncError
from tests.clients.pages import queries_of, signed_in, text_of
from tests.clients.scim import Provider
from tests.factories import core

pytestmark = pytest.mark.django_db


def test_open_sync_error_is_shown_with_a_link(scim: Provider, owner: Person) -> None:
    scim.replace(scim.add("ada"), "roles", "EMPEROR")
    error = SyncError.objects.get()

    page = text_of(signed_in(owner).get(f"/people/{error.person_id}/"))

    assert "User is not eligible to receive assigned role (EMPEROR)." in page
    assert f'href="/people/updates/errors/{error.pk}/"' in page


def test_resolved_errors_and_errors_of_others_are_not_shown(scim: Provider, owner: Person) -> None:
    scim.replace(scim.add("ada"), "roles", "EMPEROR")
    SyncError.objects.update(resolved_at=timezone.now())
    scim.replace(scim.add("bob"), "roles", "EMPEROR")
    ada = Person.objects.get(email="ada@example.com")

    assert "EMPEROR" not in text_of(signed_in(owner).get(f"/people/{ada.pk}/"))


def test_shown_error_needs_no_further_query(scim: Provider, owner: Person) -> None:
    scim_id = scim.add("ada")
    ada = Person.objects.get(email="ada@example.com")
    client = signed_in(owner)
    without = len(queries_of(client, f"/people/{ada.pk}/"))

    scim.replace(scim_id, "roles", "EMPEROR")
    core.person()

    assert len(queries_of(client, f"/people/{ada.pk}/")) == without
