"""Undoing a bulk deactivation or reactivation of people."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client

from people import tenancy
from people.models import BulkChange, Invite, Person, ScheduledTermination, Tenant
from people.operations.invites import lifecycle
from people.operations.offboarding import auto_termination, schedule
from people.operations.people import deactivate_person, reactivate_person
from people.values import Actor
from tests.clients.pages import queries_of, signed_in, text_of
from tests.factories import core
from tests.support.concurrency import Racers

MONDAY = datetime(2026, 3, 2, 9, tzinfo=UTC)
HELPDESK = Actor("person", "helpdesk@example.com")
OKTA = Actor("scim", "okta")


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(MONDAY, tick=False) as traveller:
        yield traveller


@pytest.fixture
def client(clock: object, owner: Person) -> Client:
    return signed_in(owner)


@pytest.fixture
def people(clock: object, owner: Person) -> list[Person]:
    return [core.person(given_name=name) for name in ("Ada", "Bob", "Cy")]


def click(client: Client, action: str, people: list[Person]) -> str:
    """Choose the people in the list, and confirm the action."""
    form = {
        "action": f"{action}_selected",
        "_selected_action": [str(person.pk) for person in people],
        "confirmed": "yes",
    }
    return text_of(client.post("/people/?state=everybody", form, follow=True))


def latest() -> BulkChange:
    change: BulkChange = BulkChange.objects.latest("began_at")
    return change


def undo(client: Client) -> str:
    address = f"/people/bulk-changes/{latest().pk}/undo/"
    kept = client.get(address).context["kept"]
    return text_of(client.post(address, {"kept": kept}, follow=True))


def states(people: list[Person]) -> list[str]:
    found = Person.objects.in_bulk([person.pk for person in people])
    return [found[person.pk].state for person in people]


def as_rows(people: list[Person]) -> list[dict[str, Any]]:
    rows = Person.objects.filter(pk__in=[person.pk for person in people]).order_by("pk").values()
    besides = ("session_epoch", "changed_at")
    return [{key: row[key] for key in row if key not in besides} for row in rows]


def test_bulk_action_offers_undo(client: Client, people: list[Person]) -> None:
    page = click(client, "deactivate", people)

    assert "3 people were deactivated." in page
    assert f'href="/people/bulk-changes/{latest().pk}/undo/"' in page
    assert "3 people deactivated" in text_of(client.get("/people/bulk-changes/"))
    assert not latest().needs_confirmation


def test_action_without_effect_offers_no_undo(client: Client, people: list[Person]) -> None:
    click(client, "reactivate", people)

    assert not BulkChange.objects.exists()
    assert "No bulk changes yet" in text_of(client.get("/people/bulk-changes/"))


def test_undo_of_deactivation_restores_people_and_invites(
    client: Client, people: list[Person]
) -> None:
    invited = core.person(state="invited")
    invite = lifecycle.issue_invite(invited, actor=HELPDESK)
    before = as_rows([*people, invited])
    click(client, "deactivate", [*people, invited])

    page = undo(client)

    assert "The change was undone for 4 people." in page
    assert as_rows([*people, invited]) == before
    assert list(Invite.objects.open()) == [invite]


def test_undo_of_reactivation_restores_scheduled_terminations(
    client: Client, clock: time_machine.Traveller, people: list[Person], tenant: Tenant
) -> None:
    invited = core.person(state="invited")
    auto_termination.set_auto_termination(tenant, 45, actor=HELPDESK)
    for person in people[:2]:
        deactivate_person(person, actor=OKTA)
    schedule.exempt(people[0], because="A lawsuit", actor=HELPDESK)
    for person in (people[2], invited):
        deactivate_person(person, actor=HELPDESK)
    before = as_rows([*people, invited])
    departing = list(ScheduledTermination.objects.order_by("person").values())
    clock.move_to(MONDAY + timedelta(days=3))
    click(client, "reactivate", [*people, invited])
    assert not ScheduledTermination.objects.exists()
    assert Invite.objects.open().exists()

    undo(client)

    assert as_rows([*people, invited]) == before
    again = list(ScheduledTermination.objects.order_by("person").values())
    assert [row | {"id": 0, "created_at": 0} for row in again] == [
        row | {"id": 0, "created_at": 0} for row in departing
    ]
    assert not Invite.objects.open().exists()


def test_undo_skips_and_names_people_who_have_changed_since(
    client: Client, people: list[Person]
) -> None:
    click(client, "deactivate", people)
    reactivate_person(people[0], actor=HELPDESK)
    deactivate_person(people[0], actor=HELPDESK)

    page = text_of(client.get(f"/people/bulk-changes/{latest().pk}/undo/"))
    assert "Undo the change for 2 people?" in page
    assert people[0].email in page
    assert people[1].email not in page
    undo(client)

    assert states(people) == ["inactive", "active", "active"]


def test_undo_does_nothing_if_a_person_changes_after_the_page_was_shown(
    client: Client, people: list[Person]
) -> None:
    click(client, "deactivate", people)
    address = f"/people/bulk-changes/{latest().pk}/undo/"
    kept = client.get(address).context["kept"]
    reactivate_person(people[0], actor=HELPDESK)

    page = text_of(client.post(address, {"kept": kept}, follow=True))

    assert "nothing was undone" in page
    assert people[0].email in page
    assert states(people) == ["active", "inactive", "inactive"]


def test_undo_does_nothing_if_all_people_have_changed_since(
    client: Client, people: list[Person]
) -> None:
    click(client, "deactivate", people)
    for person in people:
        reactivate_person(person, actor=HELPDESK)

    page = text_of(client.get(f"/people/bulk-changes/{latest().pk}/undo/"))

    assert "No people left to change" in page
    assert "All people have changed since then, so nothing can be undone." in undo(client)


def test_undo_does_not_deactivate_the_last_owner(
    owner: Person, clock: time_machine.Traveller
) -> None:
    second = core.owner(state="inactive", deactivated_by="person:x@example.com")
    click(signed_in(owner), "reactivate", [second])
    deactivate_person(owner, actor=second.actor)
    client = signed_in(second)

    undo(client)

    assert states([second]) == ["active"]


@pytest.mark.parametrize(("days", "is_too_late"), [(29.99, False), (30, True)])
def test_undo_is_possible_for_30_days(
    client: Client,
    clock: time_machine.Traveller,
    owner: Person,
    people: list[Person],
    days: float,
    is_too_late: bool,
) -> None:
    click(client, "deactivate", people)
    address = f"/people/bulk-changes/{latest().pk}/"
    kept = client.get(f"{address}undo/").context["kept"]
    clock.move_to(MONDAY + timedelta(days=days))
    client = signed_in(owner)

    page = text_of(client.get(address))
    text = text_of(client.post(f"{address}undo/", {"kept": kept}, follow=True))

    assert (f'href="{address}undo/"' not in page) == is_too_late
    assert ("This period is over" in page) == is_too_late
    assert ("more than 30 days ago" in text) == is_too_late
    assert states(people) == (["inactive"] * 3 if is_too_late else ["active"] * 3)


def test_only_administrators_of_the_company_can_undo(client: Client, people: list[Person]) -> None:
    click(client, "deactivate", people)
    address = f"/people/bulk-changes/{latest().pk}/undo/"

    for stranger in (Client(), signed_in(core.person())):
        assert stranger.get(address).status_code == 302
        assert stranger.post(address, {"kept": ""}).status_code == 302

    with core.in_another_tenant():
        foreign = signed_in(core.owner())
        assert foreign.post(address, {"kept": ""}).status_code == 404
        assert "people deactivated" not in text_of(foreign.get("/people/bulk-changes/"))
    assert states(people) == ["inactive"] * 3


def test_list_takes_the_same_queries_for_many_bulk_changes(
    client: Client, people: list[Person]
) -> None:
    click(client, "deactivate", people)
    few = len(queries_of(client, "/people/bulk-changes/"))
    for _ in range(3):
        click(client, "reactivate", people)
        click(client, "deactivate", people)

    assert len(queries_of(client, "/people/bulk-changes/")) == few


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("racers", [2], indirect=True)
def test_concurrent_undo_requests_undo_once(racers: Racers) -> None:
    with tenancy.use(core.tenant()):
        owner = core.owner()
        people = [core.person() for _ in range(10)]
        client = signed_in(owner)
        click(client, "deactivate", people)
        address = f"/people/bulk-changes/{latest().pk}/undo/"
        kept = client.get(address).context["kept"]
        clients = [client, signed_in(owner)]

        results = racers(
            *(
                lambda one=one: text_of(one.post(address, {"kept": kept}, follow=True))
                for one in clients
            )
        )

        assert sum("already decided" in page for page in results) == 1
        assert states(people) == ["active"] * 10
        assert sum(p.events.filter(kind="person.reactivated").count() for p in people) == 10
