"""The audit log over the API."""

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from people.models import Event, Person
from people.operations.people import deactivate_person, reactivate_person
from people.values import Actor
from tests.clients.spend import Api
from tests.factories import core

pytestmark = pytest.mark.django_db

OKTA = Actor("scim", "okta")
EVENTS = "audit-events"


def ids(answer: Any) -> list[int]:
    assert answer.status_code == 200, answer.json()
    return [one["id"] for one in answer.json()["results"]]


def changed(person: Person, times: int = 1) -> None:
    for _ in range(times):
        deactivate_person(person, actor=OKTA)
        reactivate_person(person, actor=OKTA)


def test_event_has_the_content_of_the_page(api: Api, ada: Person, owner: Person) -> None:
    api.post(f"people/{ada.pk}/deactivate", {"reason": "She left."})

    event = api.get(EVENTS).json()["results"][0]

    assert event == {
        "id": Event.objects.latest("pk").pk,
        "at": event["at"],
        "action": "person.deactivated",
        "actor": f"person:{owner.email}",
        "actor_name": owner.full_name,
        "actor_person": str(owner.pk),
        "person": str(ada.pk),
        "person_name": "Ada Lovelace",
        "interface": "api",
        "ip": "127.0.0.1",
        "request_id": event["request_id"],
        "summary": f"{owner.full_name} deactivated Ada Lovelace",
        "note": "Reason: She left.",
        "changes": [{"field": "state", "before": "Active", "after": "Inactive"}],
    }


def test_filters_by_person_actor_action_interface_and_time(
    api: Api, ada: Person, owner: Person
) -> None:
    changed(ada)
    deactivated, reactivated = Event.objects.filter(person=ada).order_by("pk")

    assert ids(api.get(EVENTS, person=ada.pk)) == [reactivated.pk, deactivated.pk]
    assert ids(api.get(EVENTS, actor="scim:okta")) == [reactivated.pk, deactivated.pk]
    assert ids(api.get(EVENTS, action="person.deactivated")) == [deactivated.pk]
    both = "person.deactivated,person.reactivated"
    assert ids(api.get(EVENTS, action=both)) == [reactivated.pk, deactivated.pk]
    # The token itself was created without a request.
    assert len(ids(api.get(EVENTS, interface="job"))) == 3
    assert ids(api.get(EVENTS, interface="scim")) == []
    assert ids(api.get(EVENTS, until=deactivated.happened_at.isoformat(), person=ada.pk)) == [
        deactivated.pk
    ]
    assert ids(api.get(EVENTS, since=reactivated.happened_at.isoformat())) == [reactivated.pk]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"action": "fly"}, "action"),
        ({"interface": "telepathy"}, "interface"),
        ({"since": "yesterday"}, "since"),
        ({"after": "x"}, "after"),
        ({"after": 999_999_999}, "after"),
        ({"cursor": "x"}, "cursor"),
        ({"page": 2}, "page"),
    ],
    ids=str,
)
def test_refuses_invalid_parameters(api: Api, query: dict[str, Any], field: str) -> None:
    answer = api.get(EVENTS, **query)

    assert answer.status_code == 400
    assert list(answer.json()["fields"]) == [field]


def test_polling_neither_misses_nor_repeats_an_event(api: Api, ada: Person) -> None:
    changed(ada, 5)
    with time_machine.travel(timezone.now() + timedelta(minutes=3)):
        seen = ids(api.get(EVENTS, after=0, page_size=4))
        changed(ada)
        while more := ids(api.get(EVENTS, after=seen[-1], page_size=4)):
            seen += more
        # A transaction that began before these two may commit an older event now.
        assert len(seen) == 11
    with time_machine.travel(timezone.now() + timedelta(minutes=6)):
        seen += ids(api.get(EVENTS, after=seen[-1]))

    assert seen == list(Event.objects.order_by("happened_at", "pk").values_list("pk", flat=True))


def test_next_links_return_all_events_in_both_directions(api: Api, ada: Person) -> None:
    changed(ada, 5)
    everything = list(Event.objects.order_by("-happened_at", "-pk").values_list("pk", flat=True))
    with time_machine.travel(timezone.now() + timedelta(minutes=3)):
        for query, expected in (({}, everything), ({"after": 0}, everything[::-1])):
            seen: list[int] = []
            answer = api.get(EVENTS, page_size=3, **query)
            while True:
                seen += ids(answer)
                url = answer.json()["next"]
                if not url:
                    break
                answer = api.client.get(url[url.index("/api/") :])
            assert seen == expected


def test_events_of_another_tenant_are_not_shown(api: Api) -> None:
    with core.in_another_tenant():
        stranger = core.person()
        core.owner()
        deactivate_person(stranger, actor=OKTA)
        hidden = Event.objects.get(person=stranger)

    assert hidden.pk not in ids(api.get(EVENTS))
    assert ids(api.get(EVENTS, person=stranger.pk)) == []
    assert api.get(EVENTS, after=hidden.pk).status_code == 400


def test_needs_the_same_queries_for_any_number_of_events(api: Api, ada: Person) -> None:
    changed(ada)
    # The first use of a token is recorded.
    api.get(EVENTS)
    with CaptureQueriesContext(connection) as few:
        api.get(EVENTS)
    for _ in range(10):
        changed(core.person())
    with CaptureQueriesContext(connection) as many:
        api.get(EVENTS)

    assert len(many) == len(few)


class TestEventFeed:
    def test_returns_events_after_a_given_one_oldest_first(self, api: Api, ada: Person) -> None:
        changed(ada, times=2)
        mine = list(Event.objects.order_by("pk").values_list("pk", flat=True))

        with time_machine.travel(timezone.now() + timedelta(minutes=2, seconds=1)):
            assert ids(api.get("events")) == mine
            assert ids(api.get("events", after=mine[1])) == mine[2:]
            assert ids(api.get("events", after=mine[-1])) == []
            only = ids(api.get("events", action="person.reactivated"))
            assert len(only) == 2

    def test_returns_the_same_events_as_the_audit_log(self, api: Api, ada: Person) -> None:
        changed(ada)

        with time_machine.travel(timezone.now() + timedelta(minutes=2, seconds=1)):
            log = api.get(EVENTS, after=0).json()
            assert api.get("events").json()["results"] == log["results"]

    def test_recent_events_are_not_returned_yet(self, api: Api, ada: Person) -> None:
        changed(ada)

        assert ids(api.get("events")) == []

    def test_refuses_an_event_id_of_another_tenant(self, api: Api, ada: Person) -> None:
        with core.in_another_tenant():
            changed(core.person())
            stranger = Event.objects.latest("pk").pk

        assert api.get("events", after=stranger).json()["fields"]["after"]

    def test_has_pages(self, api: Api, ada: Person) -> None:
        changed(ada, times=3)

        with time_machine.travel(timezone.now() + timedelta(minutes=2, seconds=1)):
            first = api.get("events", page_size=4)
            rest = api.client.get(first.json()["next"])
        assert ids(first) + ids(rest) == list(
            Event.objects.order_by("pk").values_list("pk", flat=True)
        )
