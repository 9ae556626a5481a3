"""Of somebody who has left for good, the provider …"""

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
    """Let somebody out, terminate them, and return their SCIM id."""
    scim_id = scim.add("ada")
    ada = Person.objects.get(email="ada@example.com")
    people.activate_person(ada, actor=HELPDESK)
    scim.replace(scim_id, "active", value=False)
    terminate.terminate_person(ada, HandoverPlan(), actor=HELPDESK)
    return scim_id


def test_may_say_again_that_they_are_out(scim: Provider, gone: str) -> None:
    assert scim.replace(gone, "active", value=False).status == 200
    assert scim("PUT", f"/Users/{gone}", someone("ada", active=False)).status == 200

    assert not SyncError.objects.exists()


def test_says_something_new_that_only_the_resource_remembers(scim: Provider, gone: str) -> None:
    events = Event.objects.count()
    said = someone("ada", active=False, emails=[mail("new@example.com")])

    assert scim.replace(gone, "name.givenName", "Eve").status == 200
    assert scim("PUT", f"/Users/{gone}", said).status == 200

    person = Person.objects.get(email="ada@example.com")
    assert (person.given_name, person.pending_email) == ("Ada", "")
    assert Event.objects.count() == events


def test_cannot_bring_them_back_and_is_told_what_to_do(scim: Provider, gone: str) -> None:
    answer = scim.replace(gone, "active", value=True)

    assert answer.status == 400
    said = "Ada Lovelace was terminated, which cannot be undone. Add them as a new person."
    assert said in answer.detail
    assert SyncError.objects.get().reason == "terminated"


def test_brings_in_somebody_new_by_the_same_name_once_it_has_deleted_them(
    scim: Provider, gone: str
) -> None:
    assert scim("DELETE", f"/Users/{gone}").status == 204

    again = scim.add("ada")

    assert again != gone
    states = Person.objects.filter(email="ada@example.com").values_list("state", flat=True)
    assert sorted(states) == ["invited", "terminated"]
