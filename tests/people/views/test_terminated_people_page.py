"""The page of terminated people …"""

import pytest
from django.test import Client

from people.models import Person
from people.operations.offboarding import handover_plan
from people.operations.offboarding.terminate import terminate_person
from tests.clients.pages import queries_of, signed_in, text_of
from tests.factories import core
from tests.support.offboarding import Leaver

pytestmark = pytest.mark.django_db

DESK = "/people/terminated/"


@pytest.fixture
def client(owner: Person) -> Client:
    return signed_in(owner)


def terminate(person: Person, owner: Person) -> None:
    terminate_person(person, handover_plan.default_handover(person), actor=owner.actor)


def test_shows_who_left_when_by_whom_and_where_everything_went(
    client: Client, leaver: Leaver, owner: Person
) -> None:
    terminate(leaver.person, owner)

    page = text_of(client.get(DESK))

    assert "Ada Lovelace" in page
    assert owner.full_name in page
    assert "Ended: Cards Plastic …4242, Travel …4242." in page
    assert "To Grace Hopper: Funds Team, Offsite" in page


def test_does_not_list_those_who_are_only_scheduled(client: Client, leaver: Leaver) -> None:
    assert "Nobody has been terminated yet" in text_of(client.get(DESK))


def test_finds_by_name_and_address(client: Client, owner: Person) -> None:
    for name in ("Bea", "Cy"):
        terminate(core.person(given_name=name), owner)

    found = text_of(client.get(DESK, {"q": "bea"}))

    assert "Bea Lovelace" in found
    assert "Cy Lovelace" not in found
    assert "No terminated people match" in text_of(client.get(DESK, {"q": "nobody"}))


def test_shows_no_strangers(client: Client, owner: Person) -> None:
    with core.in_another_tenant():
        stranger = core.person(given_name="Strange")
        terminate(stranger, stranger)

    assert "Strange" not in text_of(client.get(DESK))


def test_asks_the_database_as_much_for_many_as_for_one(client: Client, owner: Person) -> None:
    manager = core.person()
    terminate(core.person(manager=manager), owner)
    few = len(queries_of(client, DESK))
    for _ in range(10):
        terminate(core.person(manager=manager), owner)

    assert len(queries_of(client, DESK)) == few
