"""What everybody sees of themselves at /home/ …"""

import pytest

from people.models import Person
from tests.clients.pages import signed_in, text_of
from tests.support.offboarding import Leaver, card

pytestmark = pytest.mark.django_db


def home_of(person: Person) -> str:
    return text_of(signed_in(person).get("/home/"))


def test_tells_their_roles_and_their_manager(ada: Person, grace: Person) -> None:
    ada.manager = grace
    ada.save()

    assert "Grace Hopper" in home_of(ada)
    assert "Cardholder</strong> · set up by an operator" in home_of(ada)
    assert "Manager</strong> · because 1 person reports to Grace" in home_of(grace)


def test_tells_what_they_spend_with_and_where_they_approve(leaver: Leaver, ada: Person) -> None:
    page = home_of(ada)

    assert "Travel" in page
    assert "500.00 EUR a month" in page
    assert "Your approval steps" in page


def test_leads_employees_to_no_page_of_administrators(ada: Person) -> None:
    card(ada)

    assert "/spend/" not in home_of(ada)


def test_says_where_cards_come_from_to_who_has_none(ada: Person) -> None:
    assert "You have no cards or funds yet. Your administrator issues them." in home_of(ada)


def test_lists_what_waits_for_their_approval(leaver: Leaver, ada: Person, grace: Person) -> None:
    page = home_of(ada)

    assert "Waiting for your approval" in page
    assert f"Reimbursement of <bdi>{leaver.waiting.outstanding_item.person.full_name}" in page
    assert "Waiting for your approval" not in home_of(grace)
