"""The page of terminated people."""

import pytest
from django.test import Client

from people.models import Person
from people.operations.offboarding import handover_plan
from people.operations.offboarding.terminate import terminate_person
from tests.clients.pages import queries_of, signed_in, text_of
from tests.factories import core
from tests.support.offboarding import Leaver

pytestmark = pytest.mark.django_db

PAGE = "/people/terminated/"


@pytest.fixture
def client(owner: Person) -> Client:
    return signed_in(owner)


def terminate(person: Person, owner: Person) -> None:
    terminate_person(person, handover_plan.default_handover(person), actor=owner.actor)


def test_shows_person_actor_and_handover(client: Client, leaver: Leaver, owner: Person) -> None:
    terminate(leaver.person, owner)

    page = text_of(client.get(PAGE))

    assert "Ada Lovelace" in page
    assert owner.full_name in page
    assert "Ended: Cards Plastic …4242, Travel …4242." in page
    assert "To Grace Hopper: Funds Team, Offsite" in page


def test_does_not_list_other_people(client: Client, leaver: Leaver) -> None:
    assert "Nobody has been terminated yet" in text_of(client.get(PAGE))


def test_search_by_name(client: Client, owner: Person) -> None:
    for name in ("Bea", "Cy"):
        terminate(core.person(given_name=name), owner)

    found = text_of(client.get(PAGE, {"q": "bea"}))

    assert "Bea Lovelace" in found
    assert "Cy Lovelace" not in found
    assert "No terminated people match" in text_of(client.get(PAGE, {"q": "nobody"}))


def test_shows_no_people_of_another_company(client: Client, owner: Person) -> None:
    with core.in_another_tenant():
        stranger = core.person(given_name="Strange")
        terminate(stranger, stranger)

    assert "Strange" not in text_of(client.get(PAGE))


def test_takes_the_same_queries_for_many_people(client: Client, owner: Person) -> None:
    manager = core.person()
    terminate(core.person(manager=manager), owner)
    few = len(queries_of(client, PAGE))
    for _ in range(10):
        terminate(core.person(manager=manager), owner)

    assert len(queries_of(client, PAGE)) == few
