"""A receiver of SCIM events (RFC 9967) …"""

from typing import Any

import pytest

from people.models import Person
from people.operations import people
from people.operations.signals.event_types import SCIM, SignalType
from tests.clients.scim import ENT, Provider, mail, someone
from tests.clients.signals import ReceiverClient
from tests.factories import core
from tests.people.webhooks.changes import HELPDESK
from tests.services.signal_receiver import verified

pytestmark = pytest.mark.django_db


class ScimReceiver:
    """A stream with all SCIM events, which is polled."""

    def __init__(self, person: Person, *wanted: str) -> None:
        self.api = ReceiverClient(person)
        chosen = wanted or [signal.value for signal in SignalType if signal.is_scim]
        stream = self.api.ask("post", "configuration", {"events_requested": chosen}).json()
        self.url, self.seen = stream["delivery"]["endpoint_url"], list[str]()

    def poll(self) -> list[tuple[str, dict[str, Any], dict[str, Any]]]:
        """Return the type, the subject and the payload of each new event."""
        sets = self.api.poll(self.url, ack=self.seen)["sets"]
        self.seen = list(sets)
        keys = self.api.jwks()
        events = []
        for claims in [verified(token, keys) for token in sets.values()]:
            [(uri, payload)] = claims["events"].items()
            events.append((uri.removeprefix(SCIM), claims["sub_id"], payload))
        return events


@pytest.fixture
def receiver(owner: Person) -> ScimReceiver:
    return ScimReceiver(owner)


def types(events: list[tuple[str, dict[str, Any], dict[str, Any]]]) -> list[str]:
    return [one[0] for one in events]


def test_learns_of_a_new_user_in_both_forms(receiver: ScimReceiver, scim: Provider) -> None:
    answer = scim("POST", "/Users", someone("ada", externalId="00u1"))

    notice, full = receiver.poll()

    subject = {"format": "scim", "uri": f"/Users/{answer.id}", "externalId": "00u1"}
    assert (notice[0], notice[1]) == ("create:notice", subject)
    assert {"id", "userName", "name", "emails"} <= set(notice[2]["attributes"])
    assert (full[0], full[1]) == ("create:full", subject)
    assert full[2]["data"]["id"] == answer.id
    assert full[2]["data"]["userName"] == answer.body["userName"]
    assert full[2]["version"] == answer.headers["ETag"]


def test_learns_what_a_change_concerns(receiver: ScimReceiver, scim: Provider) -> None:
    user = scim.add("ada")
    receiver.poll()

    scim.patch(user, {"op": "replace", "path": f"{ENT}:department", "value": "Legal"})

    notice, full = receiver.poll()
    assert notice[0] == "put:notice"
    assert notice[2]["attributes"] == [f"{ENT}:department"]
    assert full[0] == "put:full"
    assert full[2]["data"][ENT]["department"] == "Legal"
    scim.patch(user, {"op": "replace", "path": f"{ENT}:department", "value": "Legal"})
    assert receiver.poll() == []


def test_learns_who_is_active(receiver: ScimReceiver, scim: Provider) -> None:
    user = scim.add("ada")
    receiver.poll()

    scim.patch(user, {"op": "replace", "path": "active", "value": False})
    scim.patch(user, {"op": "replace", "path": "active", "value": True})
    scim("DELETE", f"/Users/{user}")

    events = receiver.poll()
    assert [kind for kind in types(events) if "put" not in kind] == [
        *("deactivate", "activate", "deactivate")
    ]
    assert all(payload == {} for kind, _, payload in events if "activate" in kind)
    assert {subject["uri"] for _, subject, _ in events} == {f"/Users/{user}"}


def test_learns_nothing_of_people_without_a_scim_resource(receiver: ScimReceiver) -> None:
    people.deactivate_person(core.person(), actor=HELPDESK)

    assert receiver.poll() == []


def test_gets_only_the_form_that_it_wants(owner: Person, scim: Provider) -> None:
    receiver = ScimReceiver(owner, SignalType.SCIM_CREATE_NOTICE)

    scim("POST", "/Users", someone("ada", emails=[mail("ada@example.com")]))

    assert types(receiver.poll()) == ["create:notice"]


def test_finds_the_event_types_in_the_configuration_of_the_service_provider(
    owner: Person, scim: Provider
) -> None:
    assert "securityEvents" not in scim("GET", "/ServiceProviderConfig").body
    ScimReceiver(owner)

    said = scim("GET", "/ServiceProviderConfig").body["securityEvents"]

    assert said["asyncRequest"] == "none"
    assert f"{SCIM}create:full" in said["eventUris"]
