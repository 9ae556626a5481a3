"""Applying a changed attribute mapping to the people received before."""

import pytest
from django.test import Client
from django.utils import timezone

from people.models import Person
from people.operations import people
from people.values import Actor
from scim.jobs import reapply
from scim.models import Connection
from tests.clients.pages import signed_in, text_of
from tests.clients.scim import Provider
from tests.support.scim_mapping import COST_CENTER, address_of, centred, cycle, person, send

pytestmark = pytest.mark.django_db


@pytest.fixture
def client(owner: Person) -> Client:
    return signed_in(owner)


def test_manual_deactivation_and_reactivation_stay(client: Client, scim: Provider) -> None:
    scim.add("ada", **centred())
    scim.replace(scim.add("bob", **centred()), "active", value=False)
    by_hand = Actor("person", "owner@example.com")
    people.deactivate_person(person("ada"), actor=by_hand)
    people.reactivate_person(person("bob"), actor=by_hand)

    send(client, scim, "save", department=COST_CENTER)
    cycle()

    assert person("ada").state == Person.State.INACTIVE
    assert person("bob").is_active
    assert str(person("bob").department) == "CC-1"


def test_person_without_value_at_the_new_path_keeps_the_old_value(
    client: Client, scim: Provider
) -> None:
    scim.add("ada", **centred())
    scim.add("bob")

    send(client, scim, "save", department=COST_CENTER)
    cycle()

    assert str(person("bob").department) == "Research"


def test_reapplying_continues_after_the_last_batch(
    client: Client, scim: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("ada", "bob", "cy"):
        scim.add(name, **centred())
    monkeypatch.setattr(reapply, "BATCH_SIZE", 1)
    send(client, scim, "save", department=COST_CENTER)
    assert "3 people wait for the sync cycle to process again" in text_of(
        client.get(address_of(scim).removesuffix("mapping/"))
    )

    reapply.run_batch(seconds=0)
    assert Connection.objects.get().reapply_cursor == 0
    cycle()

    assert {str(person(name).department) for name in ("ada", "bob", "cy")} == {"CC-1"}


def test_second_change_of_the_mapping_is_applied_too(client: Client, scim: Provider) -> None:
    scim.add("ada", title="Countess", **centred())
    send(client, scim, "save", department=COST_CENTER)
    cycle()

    send(client, scim, "save", department="title")
    cycle()

    assert str(person("ada").department) == "Countess"


def test_terminated_person_is_not_changed(client: Client, scim: Provider) -> None:
    scim.add("ada", **centred())
    Person.objects.filter(email="ada@example.com").update(
        state=Person.State.TERMINATED, terminated_at=timezone.now()
    )

    send(client, scim, "save", department=COST_CENTER)
    cycle()

    assert str(person("ada").department) == "Research"


def test_change_is_audited_with_the_connection(client: Client, scim: Provider) -> None:
    scim.add("ada", **centred())
    send(client, scim, "save", department=COST_CENTER)

    cycle()

    event = person("ada").events.latest("pk")
    assert event.actor == "scim:okta"
    assert event.changes == {"department": {"from": "Research", "to": "CC-1"}}
