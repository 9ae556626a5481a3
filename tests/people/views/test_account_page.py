"""The account page, with sessions, name and confirmation of a new address."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.contrib.sessions.models import Session
from django.test import Client
from django.utils import timezone

from people import tenancy
from people.models import ApiToken, Event, Mail, Person, PersonSession, Tenant
from people.operations import email_changes, people_update
from people.operations.api_tokens import create_api_token
from people.presentation.event_text import entries_of
from people.values import Actor
from tests.clients.pages import queries_of, signed_in, text_of
from tests.factories import core

pytestmark = pytest.mark.django_db

PAGE = "/account/"
FIREFOX = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:142.0) Gecko/20100101 Firefox/142.0"
SAFARI = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) AppleWebKit/605.1.15 "
    "(KHTML, like Gecko) Version/19.0 Mobile/15E148 Safari/604.1"
)
PASSWORD = "correct horse battery"


@pytest.fixture(autouse=True)
def company(db: None) -> Iterator[Tenant]:
    company = core.tenant(slug="acme")
    with tenancy.use(company):
        yield company


@pytest.fixture
def owner() -> Person:
    return core.owner(email="owner@acme.example", password=PASSWORD)


@pytest.fixture
def ada(owner: Person) -> Person:
    return core.person(email="ada@acme.example", password=PASSWORD)


def sign_in(person: Person, user_agent: str) -> Client:
    client = Client(headers={"User-Agent": user_agent})
    answer = client.post("/sign-in/", {"email": person.email, "password": PASSWORD})
    assert answer.status_code == 302
    return client


def is_signed_in(client: Client) -> bool:
    return bool(client.get("/home/").status_code == 200)


def end(client: Client, session: PersonSession) -> Any:
    return client.post(f"/account/sessions/{session.pk}/end/", follow=True)


def sessions_of(person: Person) -> list[PersonSession]:
    return list(PersonSession.objects.filter(person=person).order_by("pk"))


def sentences(person: Person) -> list[str]:
    events = Event.objects.filter(person=person).select_related("person").order_by("pk")
    return [entry.sentence for entry in entries_of(events)]


def test_lists_sessions_with_device_and_ip_address(ada: Person) -> None:
    sign_in(ada, SAFARI)
    page = text_of(sign_in(ada, FIREFOX).get(PAGE))

    assert "Firefox on Windows</strong> (this session)" in page
    assert "Safari on iPhone</strong> <span>from 127.0.0.1</span>" in page


def test_shows_only_sessions_of_the_signed_in_person(owner: Person, ada: Person) -> None:
    sign_in(ada, SAFARI)

    assert "Safari" not in text_of(sign_in(owner, FIREFOX).get(PAGE))
    assert Client().get(PAGE)["Location"] == "/sign-in/?next=/account/"


def test_ends_one_session(ada: Person) -> None:
    phone, laptop = sign_in(ada, SAFARI), sign_in(ada, FIREFOX)

    answer = end(laptop, sessions_of(ada)[0])

    assert "The session on Safari on iPhone was ended." in text_of(answer)
    assert (is_signed_in(phone), is_signed_in(laptop)) == (False, True)
    assert sentences(ada)[-1] == (
        f"{ada.full_name} ended a session of {ada.full_name}: Safari on iPhone"
    )


def test_cannot_end_a_session_of_another_person(owner: Person, ada: Person) -> None:
    phone, stranger = sign_in(owner, SAFARI), sign_in(ada, FIREFOX)

    assert end(stranger, sessions_of(owner)[0]).status_code == 404
    assert is_signed_in(phone)


def test_current_session_cannot_be_ended_like_others(ada: Person) -> None:
    laptop = sign_in(ada, FIREFOX)

    end(laptop, sessions_of(ada)[0])

    assert is_signed_in(laptop)


def test_sign_out_everywhere_keeps_this_session_and_api_tokens(ada: Person) -> None:
    phone, laptop = sign_in(ada, SAFARI), sign_in(ada, FIREFOX)
    unlisted = signed_in(ada)
    PersonSession.objects.filter(user_agent="").delete()
    create_api_token(ada, "Script", scopes=["people:read"], days=1, actor=ada.actor)

    page = text_of(laptop.post("/account/sign-out-everywhere/", follow=True))

    assert [is_signed_in(client) for client in (phone, unlisted, laptop)] == [False, False, True]
    assert "Firefox on Windows</strong> (this session)" in page
    assert "Safari" not in page
    assert ApiToken.objects.active().count() == 1
    assert f"{ada.full_name} ended all sessions of {ada.full_name}" in sentences(ada)


def test_password_change_ends_all_other_sessions(ada: Person) -> None:
    phone, laptop = sign_in(ada, SAFARI), sign_in(ada, FIREFOX)
    new = "a longer horse battery"

    laptop.post("/home/password/", {"current": PASSWORD, "password": new, "again": new})
    page = text_of(laptop.get(PAGE))

    assert not is_signed_in(phone)
    assert "(this session)" in page
    assert "Safari" not in page


def test_last_use_of_a_session_is_stored_every_five_minutes(ada: Person) -> None:
    now = timezone.now()
    with time_machine.travel(now, tick=False):
        laptop = sign_in(ada, FIREFOX)
    for minutes, noted in ((4, 0), (6, 6), (10, 6), (12, 12)):
        with time_machine.travel(now + timedelta(minutes=minutes), tick=False):
            laptop.get("/home/")
        [session] = sessions_of(ada)
        assert session.last_used_at == now + timedelta(minutes=noted)
        assert session.began_at == now


def test_takes_the_same_queries_for_any_number_of_sessions(ada: Person) -> None:
    laptop = sign_in(ada, FIREFOX)
    few = len(queries_of(laptop, PAGE))
    for _ in range(5):
        sign_in(ada, SAFARI)

    assert len(queries_of(laptop, PAGE)) == few


def test_sign_in_deletes_expired_sessions_from_the_list(ada: Person) -> None:
    now = timezone.now()
    with time_machine.travel(now - timedelta(days=30), tick=False):
        sign_in(ada, SAFARI)

    sign_in(ada, FIREFOX)

    assert [session.user_agent for session in sessions_of(ada)] == [FIREFOX]
    assert Session.objects.count() == 2


def test_person_can_change_their_name(ada: Person) -> None:
    client = signed_in(ada)

    client.post(PAGE, {"given_name": "Augusta", "family_name": "King"})

    ada.refresh_from_db()
    assert ada.full_name == "Augusta King"
    assert Event.objects.get(kind=Event.Kind.PERSON_REVISED).actor_person == ada


def test_person_cannot_change_a_managed_name(ada: Person) -> None:
    profile = replace(ada.profile, given_name="Augusta")
    people_update.revise_person(ada, profile, actor=Actor("scim", "okta"))
    client = signed_in(ada)

    page = text_of(client.post(PAGE, {"given_name": "Eve", "family_name": "King"}))

    ada.refresh_from_db()
    assert ada.given_name == "Augusta"
    assert "Okta manages your name" in page


def test_person_can_resend_the_confirmation_of_a_new_address(ada: Person) -> None:
    email_changes.propose_address(ada, "ada.new@acme.example", actor=Actor("oidc", "Corp"))
    client = signed_in(ada)
    before = Mail.objects.filter(kind=Mail.Kind.CONFIRM_ADDRESS).count()

    answer = client.post("/account/resend-confirmation/", follow=True)

    assert "sent again to ada.new@acme.example" in text_of(answer)
    assert Mail.objects.filter(kind=Mail.Kind.CONFIRM_ADDRESS).count() == before + 1


def test_administrator_can_end_all_sessions_of_a_person(owner: Person, ada: Person) -> None:
    phone, admin = sign_in(ada, SAFARI), sign_in(owner, FIREFOX)
    create_api_token(ada, "Script", scopes=["people:read"], days=1, actor=ada.actor)
    page = f"/people/{ada.pk}/sign-out/"
    assert f'href="{page}"' in admin.get(f"/people/{ada.pk}/").content.decode()
    assert "end immediately" in text_of(admin.get(page))

    admin.post(page)

    assert not is_signed_in(phone)
    assert not ApiToken.objects.active().exists()
    assert f"{owner.full_name} ended all sessions of {ada.full_name}" in sentences(ada)
