"""SCIM requests about a terminated person."""

import pytest

from people.models import Event, Person
from people.operations import people
from people.operations.offboarding import terminate
from people.operations.offboarding.handover_plan import HandoverPlan
from people.values import Actor
from scim.models import SyncError
from tests.clients.scim import Provider, mail, someone

pytestmark = pytest.mark.django_db

HELPDESK = Actor("person", "helpdesk@example.com")


@pytest.fixture
def gone(scim: Provider) -> str:
    """Terminate a provisioned person, and return the SCIM id."""
    scim_id = scim.add("ada")
    ada = Person.objects.get(email="ada@example.com")
    people.activate_person(ada, actor=HELPDESK)
    scim.replace(scim_id, "active", value=False)
    terminate.terminate_person(ada, HandoverPlan(), actor=HELPDESK)
    return scim_id


def test_repeated_deactivation_of_terminated_person_is_accepted(scim: Provider, gone: str) -> None:
    assert scim.replace(gone, "active", value=False).status == 200
    assert scim("PUT", f"/Users/{gone}", someone("ada", active=False)).status == 200

    assert not SyncError.objects.exists()


def test_changes_of_terminated_person_are_stored_in_the_resource_only(
    scim: Provider, gone: str
) -> None:
    events = Event.objects.count()
    document = someone("ada", active=False, emails=[mail("new@example.com")])

    assert scim.replace(gone, "name.givenName", "Eve").status == 200
    assert scim("PUT", f"/Users/{gone}", document).status == 200

    person = Person.objects.get(email="ada@example.com")
    assert (person.given_name, person.pending_email) == ("Ada", "")
    assert Event.objects.count() == events


def test_reactivation_of_terminated_person_is_refused_with_next_step(
    scim: Provider, gone: str
) -> None:
    answer = scim.replace(gone, "active", value=True)

    assert answer.status == 400
    text = "Ada Lovelace was terminated, which cannot be undone. Add them as a new person."
    assert text in answer.detail
    assert SyncError.objects.get().reason == "terminated"


def test_user_name_creates_new_person_after_terminated_one_is_deleted(
    scim: Provider, gone: str
) -> None:
    assert scim("DELETE", f"/Users/{gone}").status == 204

    again = scim.add("ada")

    assert again != gone
    states = Person.objects.filter(email="ada@example.com").values_list("state", flat=True)
    assert sorted(states) == ["invited", "terminated"]
