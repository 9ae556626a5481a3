"""The pages with which an Owner exports and erases the personal data of a person."""

import json
from typing import Any

import pytest
from django.db import connection
from django.test import Client

from people.db import app_role
from people.models import Event, Person
from people.operations.erasure.erase import pseudonym_of
from people.operations.offboarding.handover_plan import HandoverPlan
from people.operations.offboarding.terminate import terminate_person
from people.values import Actor
from tests.clients.pages import queries_of, signed_in, text_of
from tests.factories import core

pytestmark = pytest.mark.django_db

EXPORT, ERASE = "personal-data/export/", "personal-data/erase/"
ROLES_BELOW = [Person.Role.ADMIN, Person.Role.IT_ADMIN]


@pytest.fixture
def olga(owner: Person) -> Client:
    return signed_in(owner)


@pytest.fixture
def gone(ada: Person) -> Person:
    terminate_person(ada, HandoverPlan(), actor=Actor("command", "tests"))
    return ada


def page_of(person: Person, page: str = "") -> str:
    return f"/people/{person.pk}/{page}"


def erase(client: Client, person: Person, name: str = "Ada Lovelace") -> Any:
    return client.post(page_of(person, ERASE), {"name": name}, follow=True)


class TestExport:
    def test_says_what_the_file_contains_before(self, olga: Client, ada: Person) -> None:
        page = text_of(olga.get(page_of(ada, EXPORT)))

        assert "Export the personal data of Ada Lovelace?" in page
        assert not Event.objects.filter(kind="data.exported").exists()

    def test_is_a_file_with_the_data(self, olga: Client, ada: Person) -> None:
        answer = olga.post(page_of(ada, EXPORT))

        assert answer["Content-Disposition"] == (
            f'attachment; filename="personal-data-{ada.pk}.json"'
        )
        found = json.loads(answer.content)
        assert found["person"]["name"] == "Ada Lovelace"
        assert "ada@example.com" in str(found["sections"])

    def test_is_in_the_audit_log(self, olga: Client, owner: Person, ada: Person) -> None:
        olga.post(page_of(ada, EXPORT))

        event = Event.objects.latest("pk")
        assert (event.kind, event.actor_person) == ("data.exported", owner)
        assert str(ada.pk) in text_of(olga.get("/audit-log/"))

    @pytest.mark.parametrize("role", ROLES_BELOW)
    def test_is_refused_to_others(self, ada: Person, role: str) -> None:
        client = signed_in(core.administrator(role=role))

        for answer in (client.get(page_of(ada, EXPORT)), client.post(page_of(ada, EXPORT))):
            assert answer.status_code == 403
            assert "Only an Owner can export or erase personal data." in text_of(answer)
        assert not Event.objects.filter(kind="data.exported").exists()


class TestErasure:
    def test_says_what_goes_and_what_stays_before(self, olga: Client, gone: Person) -> None:
        page = text_of(olga.get(page_of(gone, ERASE)))

        for words in (
            "Permanently erase the personal data of Ada Lovelace?",
            "What is erased",
            "What the history keeps",
            pseudonym_of(gone),
            "Type “Ada Lovelace” to confirm",
        ):
            assert words in page

    def test_replaces_the_name_everywhere(self, olga: Client, gone: Person) -> None:
        page = text_of(erase(olga, gone))

        gone.refresh_from_db()
        assert (gone.given_name, gone.email) == ("Erased", "")
        assert f"The personal data was erased. History: {gone.full_name}." in page
        assert "Lovelace" not in text_of(olga.get(page_of(gone)))

    def test_is_an_event_of_the_owner(self, olga: Client, owner: Person, gone: Person) -> None:
        erase(olga, gone)

        event = Event.objects.filter(person=gone).latest("pk")
        assert (event.kind, event.actor_person) == ("person.erased", owner)

    @pytest.mark.parametrize("name", ["", "Grace Hopper"])
    def test_needs_the_name(self, olga: Client, gone: Person, name: str) -> None:
        page = text_of(erase(olga, gone, name))

        assert ("does not match" if name else "Type the name to confirm.") in page
        gone.refresh_from_db()
        assert gone.given_name == "Ada"

    def test_happens_once(self, olga: Client, gone: Person) -> None:
        erase(olga, gone)
        count = Event.objects.count()

        page = text_of(erase(olga, gone))

        assert "was already erased" in page
        assert Event.objects.count() == count

    def test_is_refused_before_the_termination(self, olga: Client, ada: Person) -> None:
        for answer in (olga.get(page_of(ada, ERASE), follow=True), erase(olga, ada)):
            assert "Ada Lovelace is not terminated. Terminate the person first." in text_of(answer)
        ada.refresh_from_db()
        assert ada.given_name == "Ada"

    @pytest.mark.parametrize("role", ROLES_BELOW)
    def test_is_refused_to_others(self, gone: Person, role: str) -> None:
        client = signed_in(core.administrator(role=role))

        for answer in (client.get(page_of(gone, ERASE)), erase(client, gone)):
            assert answer.status_code == 403
            assert "Only an Owner can export or erase personal data." in text_of(answer)
        gone.refresh_from_db()
        assert gone.given_name == "Ada"

    @pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has no roles")
    def test_is_left_to_the_operator_if_events_are_append_only(
        self, olga: Client, gone: Person
    ) -> None:
        with connection.cursor() as cursor:
            cursor.execute("CREATE ROLE ramp_without_erasure")
            app_role.grant("ramp_without_erasure")
            # Until the end of the transaction of this test.
            cursor.execute("SET LOCAL ROLE ramp_without_erasure")

        page = text_of(erase(olga, gone))

        assert f"manage.py erase_person {gone.pk}" in page
        gone.refresh_from_db()
        assert gone.given_name == "Ada"


class TestPageOfThePerson:
    def test_leads_owners_to_both(self, olga: Client, gone: Person) -> None:
        page = text_of(olga.get(page_of(gone)))

        assert page_of(gone, EXPORT) in page
        assert page_of(gone, ERASE) in page

    def test_offers_no_erasure_before_the_termination(self, olga: Client, ada: Person) -> None:
        page = text_of(olga.get(page_of(ada)))

        assert "Only the data of terminated people can be erased." in page
        assert page_of(ada, ERASE) not in page

    def test_says_that_the_data_was_erased(self, olga: Client, gone: Person) -> None:
        erase(olga, gone)

        page = text_of(olga.get(page_of(gone)))

        assert "Erased:" in page
        assert page_of(gone, ERASE) not in page

    @pytest.mark.parametrize("role", ROLES_BELOW)
    def test_offers_neither_to_others(self, gone: Person, role: str) -> None:
        client = signed_in(core.administrator(role=role))

        assert "personal-data" not in text_of(client.get(page_of(gone)))

    def test_asks_no_more_of_the_database(self, olga: Client, owner: Person, ada: Person) -> None:
        alan = signed_in(core.administrator())

        of_owner = len(queries_of(olga, page_of(ada)))

        assert of_owner <= len(queries_of(alan, page_of(ada)))
