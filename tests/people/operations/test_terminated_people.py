"""Pages of a terminated person and of the successor."""

import pytest

from people.models import Person
from people.operations.offboarding import terminate
from people.values import Actor
from tests.clients.pages import signed_in, text_of
from tests.factories import core
from tests.support.offboarding import Leaver, to

pytestmark = pytest.mark.django_db

HELPDESK = Actor("person", "helpdesk@example.com")


@pytest.fixture
def leaver(ada: Person) -> Leaver:
    leaver = Leaver(ada, core.person(given_name="Grace", family_name="Hopper"))
    terminate.terminate_person(ada, to(leaver.heir, ada), actor=HELPDESK)
    return leaver


def page_of(person: Person) -> str:
    return text_of(signed_in(core.administrator()).get(f"/people/{person.pk}/"))


def test_page_shows_the_handover(leaver: Leaver) -> None:
    page = page_of(leaver.person)

    panel = page.split("<h2>Handover</h2>")[1].split("</section>")[0]
    for words in (
        f"/people/{leaver.heir.pk}/",
        "Card Travel …4242",
        "Funds Team, Offsite",
        "Approval steps Bills, step 2, Invoices, step 1, Travel, step 1",
        "Reports Bob Lovelace, Eve Lovelace",
        "Ended",
        "Card Plastic …4242",
    ):
        assert words in panel


def test_timeline_shows_the_termination(leaver: Leaver) -> None:
    page = page_of(leaver.person)

    assert "helpdesk@example.com terminated Ada Lovelace" in page
    assert "Ended: Card Plastic …4242." in page
    assert "To Grace Hopper: Card Travel …4242; Funds Team, Offsite; Approval steps" in page
    assert "Dropped: Waiting for approval Reimbursement." in page


def test_timeline_of_the_successor_shows_received_items(leaver: Leaver) -> None:
    page = page_of(leaver.heir)

    assert "Grace Hopper received items from Ada Lovelace" in page
    assert "Card Travel …4242. Funds Team, Offsite. Approval steps" in page


def test_page_offers_no_actions(leaver: Leaver) -> None:
    page = page_of(leaver.person)

    for action in ("edit", "deactivate", "reactivate", "terminate", "roles"):
        assert f"/people/{leaver.person.pk}/{action}/" not in page


def test_terminated_person_cannot_be_edited(leaver: Leaver) -> None:
    client = signed_in(core.administrator())
    values = {"given_name": "Eve", "family_name": "L", "email": "x@x.test", "role": "BUSINESS_USER"}

    client.post(f"/people/{leaver.person.pk}/edit/", values)

    leaver.person.refresh_from_db()
    assert leaver.person.given_name == "Ada"


@pytest.mark.parametrize(
    "state", [Person.State.ACTIVE, Person.State.INACTIVE, Person.State.INVITED]
)
def test_page_of_other_people_offers_termination(owner: Person, state: Person.State) -> None:
    person = core.person(state=state)

    assert f"/people/{person.pk}/terminate/" in page_of(person)
