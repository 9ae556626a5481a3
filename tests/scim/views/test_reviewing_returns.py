"""The review tab of Team updates: possible returns of former employees, and their roles."""

import pytest
from django.test import Client

from people.models import Invite, Person
from people.operations import people
from people.values import Actor
from scim.models import SamePersonQuestion, ScimUser
from tests.clients.pages import signed_in, text_of
from tests.clients.scim import Provider, mail, someone
from tests.clients.spend import card
from tests.factories import core

pytestmark = pytest.mark.django_db

HELPDESK = Actor("person", "helpdesk@example.com")
PAGE = "/people/updates/review/"


@pytest.fixture
def client(owner: Person) -> Client:
    return signed_in(owner)


@pytest.fixture
def ada(scim: Provider) -> Person:
    """Have the provider delete an Admin who has a card."""
    scim_id = scim.add(externalId="X-1", roles="BUSINESS_ADMIN")
    ada: Person = Person.objects.get(email="ada@example.com")
    people.activate_person(ada, actor=HELPDESK)
    card(ada)
    scim("DELETE", f"/Users/{scim_id}")
    ada.refresh_from_db()
    return ada


@pytest.fixture
def question(scim: Provider, ada: Person) -> SamePersonQuestion:
    """Create a user with Ada's userName and email, but another externalId."""
    scim.add(externalId="X-2", name={"givenName": "Ada", "familyName": "Byron"})
    question: SamePersonQuestion = SamePersonQuestion.objects.get()
    return question


def answer(client: Client, question: SamePersonQuestion, text: str) -> str:
    response = client.post(f"{PAGE}{question.pk}/", {"answer": text}, follow=True)
    assert response.status_code == 200
    return text_of(response)


def test_lists_possible_return_with_the_evidence(
    client: Client, question: SamePersonQuestion
) -> None:
    page = " ".join(text_of(client.get(PAGE)).split())

    left_on = f"{question.earlier.deactivated_at:%-d %B %Y}"
    assert f"who left on {left_on}" in page
    assert "userName, email address" in page
    assert "externalId, full name" in page
    assert 'To review <span class="ramp-count">1<' in page


def test_shows_both_people_side_by_side(client: Client, question: SamePersonQuestion) -> None:
    page = text_of(client.get(f"{PAGE}{question.pk}/"))

    for value in ("X-1", "X-2", "Ada Lovelace", "Ada Byron", "Same person", "Different person"):
        assert value in page


def test_same_person_restores_the_earlier_person(
    client: Client, scim: Provider, ada: Person, question: SamePersonQuestion
) -> None:
    new = question.user.person
    assert new

    assert "Ada Byron was restored" in answer(client, question, "same")

    ada.refresh_from_db()
    new.refresh_from_db()
    assert new.state == Person.State.TERMINATED
    assert (ada.state, ada.email) == (Person.State.INVITED, "ada@example.com")
    assert (ada.role, ada.withheld_roles) == ("BUSINESS_USER", {"BUSINESS_ADMIN": "asked"})
    assert not ada.has_usable_password()
    assert ada.cards.live().exists()
    assert Invite.objects.open().get().person == ada
    live = ScimUser.objects.get(deleted_at=None)
    assert live.person == ada
    assert scim.replace(str(live.scim_id), "name.familyName", "King").status == 200
    ada.refresh_from_db()
    assert ada.family_name == "King"
    assert not SamePersonQuestion.objects.open().exists()


def test_same_person_is_refused_while_the_new_person_holds_a_card(
    client: Client, ada: Person, question: SamePersonQuestion
) -> None:
    assert question.user.person
    card(question.user.person)

    assert "already holds 1 card" in answer(client, question, "same")

    ada.refresh_from_db()
    assert ada.state == Person.State.INACTIVE
    assert SamePersonQuestion.objects.open().exists()


def test_different_person_closes_the_question(
    client: Client, scim: Provider, ada: Person, question: SamePersonQuestion
) -> None:
    answer(client, question, "different")

    assert not SamePersonQuestion.objects.open().exists()
    assert question.user.person
    assert question.user.person.pk != ada.pk
    assert client.get(f"{PAGE}{question.pk}/").status_code == 404


def test_question_is_closed_when_the_new_user_is_deleted(
    client: Client, scim: Provider, question: SamePersonQuestion
) -> None:
    scim("DELETE", f"/Users/{question.user.scim_id}")

    assert "Nothing to review" in text_of(client.get(PAGE))


@pytest.mark.parametrize(
    ("text", "role"), [("give", "BUSINESS_ADMIN"), ("decline", "BUSINESS_USER")]
)
def test_withheld_role_is_restored_or_declined(
    client: Client, scim: Provider, ada: Person, text: str, role: str
) -> None:
    scim_id = scim.add(externalId="X-1", roles="BUSINESS_ADMIN")
    assert "Roles to restore" in text_of(client.get(PAGE))
    notice = "Ada Lovelace has returned without all of their earlier roles."
    assert notice in text_of(client.get(f"/people/{ada.pk}/"))

    client.post(f"{PAGE}roles/{ada.pk}/", {"role": "BUSINESS_ADMIN", "answer": text})

    ada.refresh_from_db()
    assert ada.role == role
    assert "Nothing to review" in text_of(client.get(PAGE))
    assert notice not in text_of(client.get(f"/people/{ada.pk}/"))
    scim("PUT", f"/Users/{scim_id}", someone(externalId="X-1", roles="BUSINESS_ADMIN", title="Dr"))
    ada.refresh_from_db()
    assert ada.role == role


def test_questions_of_another_company_are_not_found(
    client: Client, question: SamePersonQuestion
) -> None:
    with core.in_another_tenant():
        stranger = signed_in(core.owner(email="stranger@example.com"))

    assert "Nothing to review" in text_of(stranger.get(PAGE))
    assert stranger.get(f"{PAGE}{question.pk}/").status_code == 404
    assert stranger.post(f"{PAGE}{question.pk}/", {"answer": "same"}).status_code == 404


def test_question_is_not_asked_again_after_different_person(
    client: Client, scim: Provider, question: SamePersonQuestion
) -> None:
    answer(client, question, "different")

    scim.replace(str(question.user.scim_id), "emails", [mail("byron@example.com")])

    assert not SamePersonQuestion.objects.open().exists()
