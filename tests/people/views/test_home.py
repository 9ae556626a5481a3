"""The page /home/ of an employee."""

import pytest

from people.models import Person
from tests.clients.pages import signed_in, text_of
from tests.support.offboarding import Leaver, card

pytestmark = pytest.mark.django_db


def home_of(person: Person) -> str:
    return text_of(signed_in(person).get("/home/"))


def test_shows_roles_and_manager(ada: Person, grace: Person) -> None:
    ada.manager = grace
    ada.save()

    assert "Grace Hopper" in home_of(ada)
    assert "Cardholder</strong> · set up by an operator" in home_of(ada)
    assert "Manager</strong> · because 1 person reports to Grace" in home_of(grace)


def test_shows_cards_and_approval_steps(leaver: Leaver, ada: Person) -> None:
    page = home_of(ada)

    assert "Travel" in page
    assert "500.00 EUR a month" in page
    assert "Your approval steps" in page


def test_has_no_links_to_pages_of_administrators(ada: Person) -> None:
    card(ada)

    assert "/spend/" not in home_of(ada)


def test_explains_who_issues_cards_to_a_person_without_any(ada: Person) -> None:
    assert "You have no cards or funds yet. Your administrator issues them." in home_of(ada)


def test_lists_pending_approvals_of_the_person(leaver: Leaver, ada: Person, grace: Person) -> None:
    page = home_of(ada)

    assert "Waiting for your approval" in page
    assert f"Reimbursement of <bdi>{leaver.waiting.outstanding_item.person.full_name}" in page
    assert "Waiting for your approval" not in home_of(grace)
