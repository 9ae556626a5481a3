"""Guests that an identity provider creates."""

from datetime import timedelta

import pytest

from people.models import Person
from people.operations.guest_days import default_last_day
from people.operations.guests import deactivate_due
from tests.clients.scim import Provider, someone

pytestmark = pytest.mark.django_db


def push(scim: Provider) -> tuple[str, Person]:
    roles = [{"value": "GUEST_USER", "primary": True}]
    answer = scim("POST", "/Users", someone("gus", roles=roles))
    assert answer.status == 201, answer.content
    return answer.id, Person.objects.get(email="gus@example.com")


def test_guest_has_a_last_day_from_creation(scim: Provider) -> None:
    _, gus = push(scim)

    assert gus.role == Person.Role.GUEST
    assert gus.deactivates_at is not None
    assert abs(gus.deactivates_at - default_last_day(gus.created_at)) < timedelta(minutes=1)


def test_expired_guest_stays_inactive_after_further_changes_of_provider(scim: Provider) -> None:
    scim_id, gus = push(scim)
    assert gus.deactivates_at
    deactivate_due(as_of=gus.deactivates_at)

    scim.replace(scim_id, "name.givenName", "Augustus")

    gus.refresh_from_db()
    assert (gus.given_name, gus.state) == ("Augustus", "inactive")
