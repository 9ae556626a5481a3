"""The page of API tokens."""

import re
from typing import Any

import pytest
from django.utils import timezone

from people.models import ApiToken, Event, Person
from people.operations import people
from tests.clients.pages import queries_of, signed_in, text_of
from tests.clients.spend import Api
from tests.factories import core

pytestmark = pytest.mark.django_db

PAGE = "/api-tokens/"


@pytest.fixture
def admin(owner: Person) -> Person:
    return core.administrator()


def made(admin: Person, name: str = "Travel booking", **more: Any) -> Any:
    values = {"name": name, "scopes": ["people:read"], "days": "90"}
    return signed_in(admin).post(PAGE, values | more)


def test_shows_a_new_token_once_and_stores_no_plain_text(admin: Person) -> None:
    answer = made(admin)

    assert "no-store" in answer["Cache-Control"]
    [token] = re.findall(r'id="token" type="text" value="([^"]+)"', text_of(answer))
    assert Api(admin, token).get("people").status_code == 200
    page = text_of(signed_in(admin).get(PAGE))
    assert token not in page
    assert "Travel booking" in page
    row = ApiToken.objects.get()
    assert token not in str(ApiToken.objects.values().get())
    assert row.hint == token[-4:]
    event = Event.objects.get(kind=Event.Kind.API_TOKEN_CHANGED)
    assert token not in str(Event.objects.values().get(pk=event.pk))


def test_revokes_a_token_after_confirmation(admin: Person, owner: Person) -> None:
    api = Api(owner)
    token = ApiToken.objects.get()

    client = signed_in(admin)
    assert "can no longer use it" in text_of(client.get(f"{PAGE}{token.pk}/revoke/"))
    assert api.get("people").status_code == 200
    page = text_of(client.post(f"{PAGE}{token.pk}/revoke/", follow=True))

    assert api.get("people").status_code == 401
    assert "revoked on" in page
    assert client.post(f"{PAGE}{token.pk}/revoke/").status_code == 404


def test_says_that_a_token_ended_with_the_deactivation_of_its_owner(
    admin: Person, owner: Person
) -> None:
    made(admin)
    people.deactivate_person(admin, actor=owner.actor)

    assert "ended when the owner was deactivated" in text_of(signed_in(owner).get(PAGE))


def test_requires_a_name(admin: Person) -> None:
    assert "This field is required." in text_of(made(admin, ""))
    assert not ApiToken.objects.exists()


@pytest.mark.parametrize(
    "more", [{"scopes": []}, {"scopes": ["everything"]}, {"days": "0"}, {"days": "366"}]
)
def test_requires_valid_scopes_and_a_lifetime_of_1_to_365_days(
    admin: Person, more: dict[str, Any]
) -> None:
    page = text_of(made(admin, **more))

    assert re.search("This field is required|Select a valid choice|Ensure this value", page)
    assert not ApiToken.objects.exists()


def test_shows_scopes_last_use_and_expiry(admin: Person) -> None:
    [token] = re.findall(r'id="token" type="text" value="([^"]+)"', text_of(made(admin)))
    assert token.startswith("ramp_api_")
    page = text_of(signed_in(admin).get(PAGE))
    assert "Read people, what needs attention, cards and funds" in page
    assert ">Never<" in page

    Api(admin, token).get("people")

    row = ApiToken.objects.get()
    page = text_of(signed_in(admin).get(PAGE))
    assert ">Never<" not in page
    assert f"{row.expires_at:%Y}" in page


def test_expired_token_is_not_listed_as_active(admin: Person) -> None:
    made(admin)
    ApiToken.objects.update(expires_at=timezone.now())

    page = text_of(signed_in(admin).get(PAGE))

    assert "No active tokens" in page
    assert "expired on" in page


def test_tokens_of_another_company_are_hidden(admin: Person) -> None:
    with core.in_another_tenant():
        Api(core.administrator())
        token = ApiToken.objects.get()

    client = signed_in(admin)
    assert "Tests" not in text_of(client.get(PAGE))
    assert client.post(f"{PAGE}{token.pk}/revoke/").status_code == 404


def test_operators_and_employees_cannot_use_the_page(ada: Person) -> None:
    operator = core.administrator(is_operator=True)

    assert signed_in(operator).get(PAGE).status_code == 403
    assert signed_in(ada).post(PAGE, {"name": "x"}).status_code in (302, 403)
    assert not ApiToken.objects.exists()


def test_takes_the_same_queries_for_many_tokens(admin: Person) -> None:
    client = signed_in(admin)
    counts = []
    for _ in range(2):
        for _ in range(5):
            Api(core.administrator())
        counts.append(len(queries_of(client, PAGE)))

    assert counts[0] == counts[1]
