"""The API: tokens, people, cards, funds and errors."""

import base64
from typing import Any
from uuid import uuid4

import pytest
import time_machine
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from people import tenancy
from people.api.urls import VIEWS
from people.models import ApiToken, Event, Person
from people.operations import api_tokens
from people.operations.people import deactivate_person, reactivate_person
from people.operations.spend import cards_and_funds
from tests.clients import spend
from tests.clients.pages import signed_in
from tests.clients.spend import Api
from tests.factories import core

pytestmark = pytest.mark.django_db

READING = ("people", "team-updates", "cards", "funds")


def code_of(answer: Any) -> tuple[int, str]:
    content = answer.json()
    assert content["message"]
    return answer.status_code, content["code"]


class TestToken:
    @pytest.mark.parametrize("header", ["", "Bearer", "Bearer ", "Bearer nonsense", "Basic eDp5"])
    def test_missing_or_invalid_token_is_refused(self, owner: Person, header: str) -> None:
        client = Client(headers={"authorization": header} if header else {})

        for address in VIEWS:
            path = (
                address.replace("<uuid:", "").replace("_id>", "").replace("person", str(owner.pk))
            )
            answer = client.get(f"/api/v1/{path}")
            if answer.status_code != 404:
                assert code_of(answer) == (401, "authentication-failed"), address
                assert answer["WWW-Authenticate"] == 'Bearer realm="Ramp API"'

    def test_session_does_not_replace_a_token(self, owner: Person) -> None:
        assert signed_in(owner).get("/api/v1/people").status_code == 401

    def test_deactivation_revokes_the_token_permanently(self, owner: Person) -> None:
        admin = core.administrator()
        api = Api(admin)
        assert api.get("people").status_code == 200

        deactivate_person(admin, actor=owner.actor)
        assert code_of(api.get("people")) == (401, "authentication-failed")
        reactivate_person(admin, actor=owner.actor)

        assert code_of(api.get("people")) == (401, "authentication-failed")

    def test_revoked_token_is_refused(self, api: Api, owner: Person) -> None:
        api_tokens.revoke_api_token(ApiToken.objects.get(), actor=owner.actor)

        assert api.get("people").status_code == 401

    def test_token_of_a_suspended_tenant_is_refused(self, api: Api, owner: Person) -> None:
        owner.tenant.is_active = False
        owner.tenant.save(update_fields=["is_active"])

        assert api.get("people").status_code == 401

    def test_token_of_a_former_administrator_is_refused(self, owner: Person) -> None:
        admin = core.administrator()
        api = Api(admin)
        Person.objects.filter(pk=admin.pk).update(role=Person.Role.CARDHOLDER)

        assert code_of(api.get("people")) == (403, "permission-denied")

    def test_token_selects_its_own_tenant_despite_a_session(self, api: Api) -> None:
        with core.in_another_tenant():
            client = signed_in(core.administrator(email="foreign@example.com"))
        answer = client.get("/api/v1/people", headers={"authorization": f"Bearer {api.token}"})

        assert "foreign@example.com" not in answer.content.decode()
        assert len(answer.json()["results"]) == 1

    def test_rate_limit_does_not_apply_to_deactivation(
        self, api: Api, ada: Person, settings: Settings
    ) -> None:
        with time_machine.travel(timezone.now(), tick=False):
            settings.API_REQUESTS_PER_MINUTE = 2
            for _ in range(2):
                assert api.get("people").status_code == 200

            answer = api.get("people")

            assert code_of(answer) == (429, "throttled")
            assert 1 <= int(answer["Retry-After"]) <= 60
            assert api.post(f"people/{ada.pk}/deactivate").status_code == 200


def test_list_of_people_has_pages_without_terminated_people(api: Api) -> None:
    people = {str(core.person().pk) for _ in range(4)}
    core.person(state=Person.State.TERMINATED)
    with core.in_another_tenant():
        core.person()

    answer = api.client.get("/api/v1/people?page_size=3", headers={"host": "localhost"})
    assert answer["Cache-Control"] == "no-store"
    first = answer.json()
    assert first["next"].startswith("http://127.0.0.1:8000/api/v1/people?")
    second = api.client.get(first["next"]).json()

    found = [person["id"] for person in first["results"] + second["results"]]
    assert len(found) == 5
    assert people < set(found)
    assert second["next"] is None


def test_filters_people_by_state_and_address(api: Api, ada: Person) -> None:
    gone = core.person(state=Person.State.TERMINATED)

    assert [one["id"] for one in api.get("people", email="ADA@example.com").json()["results"]] == [
        str(ada.pk)
    ]
    assert [one["id"] for one in api.get("people", state="terminated").json()["results"]] == [
        str(gone.pk)
    ]
    assert list(api.get("people", state="asleep").json()["fields"]) == ["state"]


@pytest.mark.parametrize("address", READING)
def test_lists_need_few_queries_for_many_rows(
    api: Api, address: str, django_assert_max_num_queries: Any
) -> None:
    for number in range(20):
        person = core.person(department=core.department(f"D{number}"))
        spend.card(person)
        spend.fund(person)

    api.get(address)  # Writes the last use of the token, once a minute.
    # One query for the token, and one for the page; the counts of Team updates take five.
    with django_assert_max_num_queries(6):
        assert api.get(address).status_code == 200


def test_reads_one_person(api: Api, ada: Person) -> None:
    content = api.get(f"people/{ada.pk}").json()

    assert content["email"] == "ada@example.com"
    assert content["state"] == "active"


def test_deactivates_and_reactivates(api: Api, ada: Person, owner: Person) -> None:
    content = api.post(f"people/{ada.pk}/deactivate", {"reason": "Laptop stolen"}).json()
    assert content["state"] == "inactive"
    event = Event.objects.get(kind=Event.Kind.PERSON_DEACTIVATED)
    assert (event.actor, event.facts["reason"]) == (str(owner.actor), "Laptop stolen")

    assert api.post(f"people/{ada.pk}/reactivate").json()["state"] == "active"


def test_refusal_has_a_code(api: Api, owner: Person) -> None:
    assert code_of(api.post(f"people/{owner.pk}/deactivate")) == (409, "last-owner")
    gone = core.person(state=Person.State.TERMINATED)
    assert code_of(api.post(f"people/{gone.pk}/reactivate")) == (409, "terminated")


def test_rows_of_another_tenant_are_not_found(api: Api) -> None:
    with core.in_another_tenant() as another:
        person = core.person()
        card, fund = spend.card(person), spend.fund(person)

    for address in (f"people/{person.pk}", f"cards/{card.pk}", f"funds/{fund.pk}"):
        assert code_of(api.get(address)) == (404, "not-found")
    for verb in ("deactivate", "reactivate"):
        assert code_of(api.post(f"people/{person.pk}/{verb}")) == (404, "not-found")
    with tenancy.use(another):
        person.refresh_from_db()
    assert person.is_active


def test_counts_team_updates(api: Api) -> None:
    core.person(state=Person.State.INACTIVE)

    assert api.get("team-updates").json() == {
        "pending_invites": 0,
        "inactive_people": 1,
        "sync_errors": 0,
        "same_person_questions": 0,
        "withheld_roles": 0,
    }


def test_filters_cards_and_funds_by_holder_and_ended(api: Api, ada: Person) -> None:
    card, fund = spend.card(ada), spend.fund(ada)
    spend.card(core.person())
    cards_and_funds.close_instrument(spend.card(ada, name="Old"), actor=ada.actor)

    assert [one["id"] for one in api.get("cards", holder=ada.pk).json()["results"]] == [
        str(card.pk)
    ]
    assert [one["name"] for one in api.get("cards", ended="true").json()["results"]] == ["Old"]
    assert [one["id"] for one in api.get("funds", owner=ada.pk).json()["results"]] == [str(fund.pk)]
    assert api.get(f"cards/{card.pk}").json()["monthly_limit"] == 100_000
    assert api.get(f"funds/{fund.pk}").json()["balance"] == 100_000


def test_http_errors_have_code_and_message(api: Api) -> None:
    for address in ("", "nowhere", "people/%0A"):
        assert code_of(api.get(address)) == (404, "not-found")
    assert code_of(api.get(f"people/{uuid4()}")) == (404, "not-found")
    assert code_of(api.client.delete("/api/v1/people")) == (405, "method-not-allowed")
    traced = api.client.trace("/api/v1/people?state=active")
    assert code_of(traced) == (405, "method-not-allowed")
    text = api.client.post("/api/v1/authorizations", "x", content_type="text/plain")
    assert code_of(text) == (415, "unsupported-media-type")


@pytest.mark.parametrize("body", ["[" * 100_000, '{"a":' * 100_000, "1" * 5000])
def test_oversized_nesting_or_number_is_a_parse_error(api: Api, body: str) -> None:
    answer = api.client.post("/api/v1/authorizations", body, content_type="application/json")

    assert code_of(answer) == (400, "parse-error")


def test_large_body_is_refused(api: Api) -> None:
    body = f'{{"merchant": "{"x" * 3_000_000}"}}'

    answer = api.client.post("/api/v1/authorizations", body, content_type="application/json")

    assert code_of(answer) == (413, "too-large")


@pytest.mark.parametrize("size", ["0", "-1", "x", "1.5", "1e9", "", "٣", "00"])
def test_refuses_invalid_page_size(api: Api, size: str) -> None:
    answer = api.get("people", page_size=size)

    assert code_of(answer) == (400, "invalid")
    assert list(answer.json()["fields"]) == ["page_size"]


@pytest.mark.parametrize("size", ["201", "9" * 5000])
def test_large_page_size_is_reduced(api: Api, size: str) -> None:
    assert api.get("people", page_size=size).status_code == 200


def test_refuses_unpaired_surrogate(api: Api, ada: Person) -> None:
    answer = api.post(f"people/{ada.pk}/deactivate", {"reason": "\ud800"})

    assert code_of(answer) == (400, "parse-error")
    assert "half of a surrogate pair" in answer.json()["message"]


@pytest.mark.parametrize("reason", [5, None, ["x"], "x" * 501, "a\0b"])
def test_refuses_invalid_reason(api: Api, ada: Person, reason: object) -> None:
    answer = api.post(f"people/{ada.pk}/deactivate", {"reason": reason})

    assert code_of(answer) == (400, "invalid")
    ada.refresh_from_db()
    assert ada.is_active


def test_refuses_unknown_fields_and_lists_the_known_ones(api: Api, ada: Person) -> None:
    answer = api.post(f"people/{ada.pk}/deactivate", {"reason": "Left", "raison": "Partie"})

    assert code_of(answer) == (400, "invalid")
    assert answer.json()["fields"] == {"raison": "Unknown field. Known: reason."}
    ada.refresh_from_db()
    assert ada.is_active


@pytest.mark.parametrize("cursor", ["garbage", "p=abc", "p=%00", "r=1&p=1"])
def test_forged_cursor_causes_no_server_error(api: Api, cursor: str) -> None:
    made_up = base64.b64encode(cursor.encode()).decode()

    assert api.get("people", cursor=made_up).status_code in (200, 400)


@pytest.mark.parametrize("slash", ["", "/"])
def test_trailing_slash_is_optional(api: Api, slash: str) -> None:
    assert api.get(f"people{slash}").status_code == 200
    assert api.post(f"authorizations{slash}", {}).status_code == 400
