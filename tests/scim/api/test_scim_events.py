"""SCIM events (RFC 9967) that a receiver polls."""

from dataclasses import replace
from operator import itemgetter
from typing import Any

import pytest

from people.models import Person
from people.operations import people
from people.operations.people_update import revise_person
from people.operations.signals.event_types import SCIM, SignalType
from tests.clients.scim import ENT, RAMP, Provider, mail, someone
from tests.clients.signals import ReceiverClient
from tests.factories import core
from tests.people.webhooks.changes import HELPDESK
from tests.services.signal_receiver import verified

pytestmark = pytest.mark.django_db


class ScimReceiver:
    """A polled stream with all SCIM events, or with the given types."""

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


def test_new_user_is_announced_as_notice_and_full_event(
    receiver: ScimReceiver, scim: Provider
) -> None:
    answer = scim("POST", "/Users", someone("ada", externalId="00u1"))

    notice, full = receiver.poll()

    subject = {"format": "scim", "uri": f"/Users/{answer.id}", "externalId": "00u1"}
    assert (notice[0], notice[1]) == ("create:notice", subject)
    assert {"id", "userName", "name", "emails"} <= set(notice[2]["attributes"])
    assert (full[0], full[1]) == ("create:full", subject)
    assert full[2]["data"]["id"] == answer.id
    assert full[2]["data"]["userName"] == answer.body["userName"]
    assert full[2]["version"] == answer.headers["ETag"]


def test_patch_is_announced_with_changed_values_only(
    receiver: ScimReceiver, scim: Provider
) -> None:
    user = scim.add("ada")
    receiver.poll()

    scim.patch(
        user,
        {"op": "replace", "path": f"{ENT}:department", "value": "Legal"},
        {"op": "replace", "path": "name.givenName", "value": "Augusta"},
        {"op": "replace", "path": "password", "value": "a secret of hers"},
    )

    notice, full = receiver.poll()
    changed = ["name.givenName", f"{ENT}:department"]
    assert (notice[0], sorted(notice[2]["attributes"])) == ("patch:notice", changed)
    assert (full[0], full[2]["version"]) == ("patch:full", notice[2]["version"])
    assert full[2]["data"]["schemas"] == ["urn:ietf:params:scim:api:messages:2.0:PatchOp"]
    assert sorted(full[2]["data"]["Operations"], key=itemgetter("path")) == [
        {"op": "replace", "path": "name.givenName", "value": "Augusta"},
        {"op": "replace", "path": f"{ENT}:department", "value": "Legal"},
    ]
    scim.patch(user, {"op": "replace", "path": f"{ENT}:department", "value": "Legal"})
    assert receiver.poll() == []


def test_patch_that_removes_a_value_is_announced(receiver: ScimReceiver, scim: Provider) -> None:
    user, boss = scim.add("ada"), scim.add("boss")
    scim.replace(user, f"{ENT}:manager", {"value": boss})
    receiver.poll()

    scim.patch(user, {"op": "remove", "path": f"{ENT}:manager"})

    _, full = receiver.poll()
    assert full[2]["data"]["Operations"] == [{"op": "remove", "path": f"{ENT}:manager"}]


def test_patch_of_ramp_extension_is_announced_with_all_attributes(
    receiver: ScimReceiver, scim: Provider
) -> None:
    user = scim.add("ada")
    receiver.poll()

    scim.replace(user, f"{RAMP}:location", "Leeds")

    _, full = receiver.poll()
    [operation] = full[2]["data"]["Operations"]
    assert operation["op"] == "replace"
    assert "path" not in operation
    assert operation["value"][RAMP] == {"location": "Leeds"}


def test_put_is_announced(receiver: ScimReceiver, scim: Provider) -> None:
    user = scim.add("ada")
    receiver.poll()

    scim("PUT", f"/Users/{user}", someone("ada", **{ENT: {"department": "Legal"}}))

    notice, full = receiver.poll()
    assert notice[0] == "put:notice"
    assert f"{ENT}:department" in notice[2]["attributes"]
    assert full[0] == "put:full"
    assert full[2]["data"][ENT]["department"] == "Legal"


def test_bulk_operations_are_announced_like_single_requests(
    receiver: ScimReceiver, scim: Provider
) -> None:
    ada, ben = scim.add("ada"), scim.add("ben")
    receiver.poll()
    change = {"op": "replace", "path": f"{ENT}:department", "value": "Legal"}

    scim(
        "POST",
        "/Bulk",
        {
            "Operations": [
                {"method": "PATCH", "path": f"/Users/{ada}", "data": {"Operations": [change]}},
                {"method": "DELETE", "path": f"/Users/{ben}"},
            ]
        },
    )

    events = receiver.poll()
    assert types(events) == ["patch:notice", "patch:full", "deactivate", "delete"]
    assert [one[1]["uri"] for one in events] == [f"/Users/{ada}"] * 2 + [f"/Users/{ben}"] * 2


def test_manual_change_is_announced_as_put(receiver: ScimReceiver, scim: Provider) -> None:
    user = scim.add("ada")
    receiver.poll()
    ada = Person.objects.get(scim_users__scim_id=user)

    revise_person(ada, replace(ada.profile, given_name="Augusta"), actor=HELPDESK)

    assert types(receiver.poll()) == ["put:notice", "put:full"]


def test_deactivation_reactivation_and_deletion_are_announced(
    receiver: ScimReceiver, scim: Provider
) -> None:
    user = scim.add("ada")
    receiver.poll()

    scim.patch(user, {"op": "replace", "path": "active", "value": False})
    scim.patch(user, {"op": "replace", "path": "active", "value": True})
    scim("DELETE", f"/Users/{user}")

    events = receiver.poll()
    assert types(events) == ["deactivate", "activate", "deactivate", "delete"]
    assert all(payload == {} for _, _, payload in events)
    assert {subject["uri"] for _, subject, _ in events} == {f"/Users/{user}"}


def test_people_without_scim_user_are_not_announced(receiver: ScimReceiver) -> None:
    people.deactivate_person(core.person(), actor=HELPDESK)

    assert receiver.poll() == []


def test_only_requested_event_types_are_sent(owner: Person, scim: Provider) -> None:
    receiver = ScimReceiver(owner, SignalType.SCIM_CREATE_NOTICE)

    scim("POST", "/Users", someone("ada", emails=[mail("ada@example.com")]))

    assert types(receiver.poll()) == ["create:notice"]


class TestGroups:
    def test_new_group_is_announced(self, receiver: ScimReceiver, scim: Provider) -> None:
        user = scim.add("ada")
        receiver.poll()
        body = {"displayName": "Editors", "externalId": "g1", "members": [{"value": user}]}

        answer = scim("POST", "/Groups", body)

        notice, full = receiver.poll()
        subject = {"format": "scim", "uri": f"/Groups/{answer.id}", "externalId": "g1"}
        assert (notice[0], notice[1]) == ("create:notice", subject)
        assert {"id", "displayName", "members"} <= set(notice[2]["attributes"])
        assert (full[0], full[2]["version"]) == ("create:full", answer.headers["ETag"])
        assert full[2]["data"]["displayName"] == "Editors"
        assert [one["value"] for one in full[2]["data"]["members"]] == [user]

    def test_patch_of_group_is_announced_with_its_changes(
        self, receiver: ScimReceiver, scim: Provider
    ) -> None:
        ada, ben = scim.add("ada"), scim.add("ben")
        group = scim.add_group("Editors", ada)
        receiver.poll()
        operations = [
            {"op": "replace", "path": "displayName", "value": "Authors"},
            {"op": "add", "path": "members", "value": [{"value": ben}]},
            {"op": "remove", "path": f'members[value eq "{ada}"]'},
        ]

        answer = scim("PATCH", f"/Groups/{group}", {"Operations": operations})

        notice, full = receiver.poll()
        assert (notice[0], notice[2]["attributes"]) == ("patch:notice", ["displayName", "members"])
        assert (full[0], full[2]["version"]) == ("patch:full", answer.headers["ETag"])
        assert full[2]["data"]["Operations"] == [operations[0], operations[2], operations[1]]
        scim("PATCH", f"/Groups/{group}", {"Operations": operations})
        assert receiver.poll() == []

    def test_replaced_members_are_announced(self, receiver: ScimReceiver, scim: Provider) -> None:
        ada = scim.add("ada")
        group = scim.add_group("Editors")
        receiver.poll()
        operation = {"op": "replace", "path": "members", "value": [{"value": ada}]}

        scim("PATCH", f"/Groups/{group}", {"Operations": [operation]})

        _, full = receiver.poll()
        assert full[2]["data"]["Operations"] == [operation]

    def test_put_of_group_is_announced(self, receiver: ScimReceiver, scim: Provider) -> None:
        group = scim.add_group("Editors")
        receiver.poll()

        scim("PUT", f"/Groups/{group}", {"displayName": "Authors"})

        notice, full = receiver.poll()
        assert (notice[0], notice[2]["attributes"]) == ("put:notice", ["displayName"])
        assert (full[0], full[2]["data"]["displayName"]) == ("put:full", "Authors")
        scim("PUT", f"/Groups/{group}", {"displayName": "Authors"})
        assert receiver.poll() == []

    def test_deletion_of_group_is_announced(self, receiver: ScimReceiver, scim: Provider) -> None:
        group = scim.add_group("Editors")
        receiver.poll()

        scim("DELETE", f"/Groups/{group}")

        assert receiver.poll() == [("delete", {"format": "scim", "uri": f"/Groups/{group}"}, {})]


def test_service_provider_config_lists_event_types_if_a_stream_exists(
    owner: Person, scim: Provider
) -> None:
    assert "securityEvents" not in scim("GET", "/ServiceProviderConfig").body
    ScimReceiver(owner)

    result = scim("GET", "/ServiceProviderConfig").body["securityEvents"]

    assert result["asyncRequest"] == "request"
    assert f"{SCIM}create:full" in result["eventUris"]
