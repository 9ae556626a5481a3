"""A client that prefers an asynchronous response …"""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
import time_machine
from django.utils import timezone
from pytest_django import Settings

from people import tenancy
from people.db import leases
from people.models import Event, Person
from people.operations.signals.event_types import SignalType
from scim.jobs import async_requests, log_retention
from scim.models import AsyncRequest, AsyncResult, RequestLog, ScimUser, Token
from scim.models.connection import revoke_token
from tests.clients.scim import ENT, Answer, Json, Provider
from tests.clients.signals import ReceiverClient
from tests.scim.api.test_bulk import REQUEST, RESPONSE, patch, post
from tests.scim.conftest import Connect
from tests.services.signal_receiver import verified

pytestmark = pytest.mark.django_db

ASYNC = {"Prefer": "respond-async"}


def send(scim: Provider, *operations: Json, prefer: str = "respond-async", **more: Any) -> Answer:
    body = {"schemas": [REQUEST], "Operations": operations} | more
    return scim("POST", "/Bulk", body, Prefer=prefer)


def status_of(scim: Provider, accepted: Answer) -> Answer:
    return scim("GET", f"/AsyncRequests/{accepted.headers['Set-Txn']}")


def work() -> int:
    """Let a worker process what waits."""
    return async_requests.process_all(as_of=timezone.now())


def test_is_told_where_to_read_the_result(scim: Provider) -> None:
    accepted = send(scim, post("ada"))

    assert (accepted.status, accepted.content) == (202, b"")
    assert accepted.headers["Preference-Applied"] == "respond-async"
    assert accepted.headers["Set-Txn"] == accepted.request_id
    assert accepted.headers["Location"].endswith(
        f"/scim/v2/AsyncRequests/{accepted.headers['Set-Txn']}"
    )
    assert not ScimUser.objects.exists()


def test_waits_until_a_worker_has_processed_it(scim: Provider) -> None:
    accepted = send(scim, post("ada"), patch("/Users/bulkId:ada", title="Countess"))

    waiting = status_of(scim, accepted)
    assert (waiting.status, waiting.content) == (202, b"")
    assert waiting.headers["Set-Txn"] == accepted.headers["Set-Txn"]
    assert waiting.headers["Retry-After"] == "5"
    assert work() == 1
    done = status_of(scim, accepted)
    assert (done.status, done.body["schemas"]) == (200, [RESPONSE])
    created, patched = done.body["Operations"]
    [ada] = scim.find("title pr").body["Resources"]
    assert created == {
        "method": "POST",
        "bulkId": "ada",
        "status": "201",
        "location": ada["meta"]["location"],
        "version": 'W/"1"',
    }
    assert (patched["status"], patched["location"]) == ("200", created["location"])


def test_gets_what_it_would_get_at_once(scim: Provider) -> None:
    def operations(who: str) -> list[Json]:
        return [
            post(who),
            patch(f"/Users/bulkId:{who}", **{ENT: {"department": "Legal"}}),
            {"method": "PATCH", "path": "/Users/nobody", "data": {}},
            post(f"{who}-too", name=None, emails=None),
            {"method": "DELETE", "path": f"/Users/bulkId:{who}"},
        ]

    def shape(answer: Answer) -> list[Any]:
        return [
            (
                one["method"],
                one["status"],
                one.get("version"),
                one.get("response", {}).get("detail"),
            )
            for one in answer.body["Operations"]
        ]

    at_once = scim("POST", "/Bulk", {"schemas": [REQUEST], "Operations": operations("ada")})
    accepted = send(scim, *operations("ben"))
    work()

    assert shape(status_of(scim, accepted)) == shape(at_once)
    logged = RequestLog.objects.order_by("received_at").values_list("method", "status", "ip")
    assert list(logged)[:5] == list(logged)[5:]


def test_is_obeyed_up_to_its_number_of_errors(scim: Provider) -> None:
    ada = scim.add("ada")
    accepted = send(
        scim,
        patch("/Users/nobody", title="x"),
        post("ben"),
        patch(f"/Users/{ada}", active=False),
        failOnErrors=1,
    )

    work()

    results = status_of(scim, accepted).body["Operations"]
    assert [one["status"] for one in results] == ["404", "200"]
    assert not Person.objects.get(email="ada@example.com").is_active


@pytest.mark.parametrize(
    "prefer",
    ["", "wait=10", 'handling=lenient; x="a, respond-async"', "respond-asynchronously"],
)
def test_is_answered_at_once_unless_it_says_so(scim: Provider, prefer: str) -> None:
    answer = send(scim, post("ada"), prefer=prefer)

    assert (answer.status, answer.body["Operations"][0]["status"]) == (200, "201")
    assert "Preference-Applied" not in answer.headers
    assert "Set-Txn" not in answer.headers


@pytest.mark.parametrize("prefer", ["Respond-Async", "wait=10, respond-async", "respond-async;x=1"])
def test_may_say_so_in_each_form_of_the_header(scim: Provider, prefer: str) -> None:
    assert send(scim, post("ada"), prefer=prefer).status == 202


def test_is_answered_at_once_about_a_user(scim: Provider) -> None:
    user = scim.add("ada")

    answer = scim.patch(user, {"op": "replace", "path": "active", "value": False}, **ASYNC)

    assert answer.status == 200
    assert not Person.objects.get(email="ada@example.com").is_active


def test_may_change_a_group_later(scim: Provider) -> None:
    ada, group = scim.add("ada"), scim.add_group("Editors")
    change = {"displayName": "Authors", "members": [{"value": ada}]}

    accepted = scim("PUT", f"/Groups/{group}", change, If_Match='W/"1"', **ASYNC)

    assert (accepted.status, accepted.content) == (202, b"")
    assert accepted.headers["Location"].endswith(f"/scim/v2/Groups/{group}")
    assert scim("GET", f"/Groups/{group}").body["displayName"] == "Editors"
    work()
    assert scim("GET", f"/Groups/{group}").body["displayName"] == "Authors"
    [result] = status_of(scim, accepted).body["Operations"]
    assert (result["method"], result["status"], result["version"]) == ("PUT", "200", 'W/"2"')
    late = scim("PUT", f"/Groups/{group}", change, If_Match='W/"1"', **ASYNC)
    work()
    [result] = status_of(scim, late).body["Operations"]
    assert (result["status"], result["response"]["status"]) == ("412", "412")


def test_is_refused_at_once_if_the_request_is_wrong(scim: Provider) -> None:
    assert send(scim, {"method": "GET", "path": "/Users"}).status == 400
    assert scim("PUT", "/Groups/1", b"{", **ASYNC).status == 400
    scim.token = "wrong"
    assert send(scim, post("ada")).status == 401
    with tenancy.across_tenants():
        assert not AsyncRequest.objects.exists()


def test_deactivates_at_once_if_the_rest_is_refused(scim: Provider) -> None:
    user = scim.add("ada")

    answer = send(scim, {"method": "DELETE", "path": f"/Users/{user}"}, {"method": "GET"})

    assert answer.status == 200
    assert not Person.objects.get(email="ada@example.com").is_active


def test_has_to_wait_if_too_many_requests_are_unfinished(
    scim: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("scim.api.async_requests.MAX_WAITING", 1)
    ada = scim.add("ada")
    send(scim, post("ben"))

    full = send(scim, post("cy"))

    assert (full.status, full.headers["Retry-After"]) == (429, "5")
    deactivation = send(scim, patch(f"/Users/{ada}", active=False))
    assert (deactivation.status, deactivation.body["Operations"][0]["status"]) == (200, "200")
    work()
    assert send(scim, post("cy")).status == 202


class TestIsProcessedOnce:
    def test_if_the_worker_stops_after_an_operation(self, scim: Provider) -> None:
        accepted = send(scim, post("ada"), post("ben"), patch("/Users/bulkId:ada", title="x"))

        turns = 1
        while not async_requests.process_batch(seconds=0)[0]:
            turns += 1

        assert turns > 1
        assert_done_once(scim, accepted)

    def test_if_a_frozen_worker_continues_after_another_one(self, scim: Provider) -> None:
        accepted = send(scim, post("ada"), post("ben"), patch("/Users/bulkId:ada", title="x"))
        frozen = async_requests.AsyncRun(AsyncRequest.objects.get())
        assert not frozen.continue_until(ends_at=0)
        work()

        assert frozen.continue_until(ends_at=float("inf"))

        assert_done_once(scim, accepted)

    def test_if_the_worker_is_killed(self, scim: Provider) -> None:
        accepted = send(scim, post("ada"), post("ben"), patch("/Users/bulkId:ada", title="x"))
        # A process of another machine held it, and is heard of no more.
        held = AsyncRequest.objects.all()
        held.update(held_by="elsewhere/1/1", held_until=timezone.now() + async_requests.LEASE)
        assert work() == 0

        with time_machine.travel(timezone.now() + async_requests.LEASE * 2):
            assert work() == 1

        assert_done_once(scim, accepted)

    def test_if_the_worker_of_this_machine_is_killed(self, scim: Provider) -> None:
        accepted = send(scim, post("ada"), post("ben"), patch("/Users/bulkId:ada", title="x"))
        alive = leases.holder()
        dead = alive.rpartition("/")[0] + "/0"
        AsyncRequest.objects.update(held_by=dead, held_until=timezone.now() + async_requests.LEASE)

        assert work() == 1

        assert_done_once(scim, accepted)


def assert_done_once(scim: Provider, accepted: Answer) -> None:
    results = status_of(scim, accepted).body["Operations"]
    assert [one["status"] for one in results] == ["201", "201", "200"]
    assert ScimUser.objects.count() == RequestLog.objects.filter(method="POST").count() == 2
    assert Event.objects.filter(kind=Event.Kind.PERSON_ADDED).count() == 2
    assert AsyncResult.objects.count() == RequestLog.objects.count() == 3


def test_is_told_if_ramp_has_lost_the_key_of_the_request(
    scim: Provider, settings: Settings
) -> None:
    accepted = send(scim, post("ada"))
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "another", []

    work()

    [result] = status_of(scim, accepted).body["Operations"]
    assert (result["status"], result["response"]["status"]) == ("500", "500")


def test_keeps_the_order_of_its_requests(scim: Provider) -> None:
    user = scim.add("ada")
    send(scim, patch(f"/Users/{user}", title="First"))
    send(scim, patch(f"/Users/{user}", title="Second"))

    work()

    assert scim.read(user)["title"] == "Second"


class TestIsStoppedInBetween:
    def test_by_the_revocation_of_its_token(self, scim: Provider) -> None:
        accepted = send(scim, post("ada"), post("ben"))
        async_requests.process_batch(seconds=0)

        revoke_token(Token.objects.get())
        work()

        assert [one.email for one in Person.objects.exclude(email__startswith="owner")] == [
            "ada@example.com"
        ]
        scim.token = Provider(scim.connection).token
        results = status_of(scim, accepted).body["Operations"]
        assert [one["status"] for one in results] == ["201", "401"]

    def test_by_the_suspension_of_its_company(self, scim: Provider) -> None:
        accepted = send(scim, post("ada"))
        tenant = scim.connection.tenant
        tenant.is_active = False
        tenant.save(update_fields=["is_active"])

        work()

        assert not ScimUser.objects.exists()
        [result] = AsyncResult.objects.filter(request=UUID(accepted.request_id))
        assert result.result["status"] == "401"


def test_alone_can_read_the_result(scim: Provider, connect: Connect) -> None:
    accepted = send(scim, post("ada"))
    work()

    assert status_of(connect("entra"), accepted).status == 404
    assert scim("GET", "/AsyncRequests/nonsense").status == 404
    assert scim("DELETE", f"/AsyncRequests/{accepted.request_id}").status == 405
    assert status_of(scim, accepted).status == 200


def test_can_read_the_result_for_seven_days(scim: Provider) -> None:
    accepted = send(scim, post("ada"))
    with tenancy.across_tenants():
        stored = AsyncRequest.objects.get()
        assert "ada" not in stored.body
        work()
        stored.refresh_from_db()
        assert stored.body == ""

    log_retention.delete_old_requests(as_of=timezone.now() + timedelta(days=6))
    assert status_of(scim, accepted).status == 200
    log_retention.delete_old_requests(as_of=timezone.now() + timedelta(days=8))
    assert status_of(scim, accepted).status == 404


class TestTellsTheStreamsOfItsCompany:
    @pytest.fixture
    def receiver(self, owner: Person) -> ReceiverClient:
        return ReceiverClient(owner)

    def stream(self, receiver: ReceiverClient, *signals: SignalType) -> str:
        asked = {"events_requested": [signal.value for signal in signals]}
        url: str = receiver.ask("post", "configuration", asked).json()["delivery"]["endpoint_url"]
        return url

    def claims(self, receiver: ReceiverClient, url: str) -> list[Json]:
        sets = receiver.poll(url, ack=[])["sets"]
        keys = receiver.jwks()
        return [verified(token, keys) for token in sets.values()]

    def test_of_each_operation_with_its_index(
        self, scim: Provider, receiver: ReceiverClient
    ) -> None:
        url = self.stream(receiver, SignalType.SCIM_ASYNC_RESPONSE)
        other = self.stream(receiver, SignalType.SESSION_REVOKED)
        # The group refers to the user, so the user is created first.
        group = {
            "method": "POST",
            "path": "/Groups",
            "bulkId": "editors",
            "data": {"displayName": "Editors", "members": [{"value": "bulkId:ada"}]},
        }
        accepted = send(scim, group, post("ada"), patch("/Users/nobody", title="x"))
        work()

        results = status_of(scim, accepted).body["Operations"]
        claims = self.claims(receiver, url)
        txn = accepted.headers["Set-Txn"]
        assert [one["txn"] for one in claims] == [f"{txn}:1", f"{txn}:0", f"{txn}:2"]
        payloads = {one["txn"][-1]: one["events"] for one in claims}
        uri = SignalType.SCIM_ASYNC_RESPONSE.value
        assert [payloads[index] for index in "012"] == [{uri: result} for result in results]
        ada, _, nobody = [one["sub_id"] for one in claims]
        assert ada == {"format": "scim", "uri": f"/Users/{ScimUser.objects.get().scim_id}"}
        assert nobody["uri"] == "/Users/nobody"
        assert results[2]["response"]["status"] == "404"
        assert self.claims(receiver, other) == []

    def test_with_the_same_transaction_as_its_other_events(
        self, scim: Provider, receiver: ReceiverClient
    ) -> None:
        url = self.stream(receiver, SignalType.SCIM_CREATE_NOTICE, SignalType.SCIM_ASYNC_RESPONSE)
        accepted = send(scim, post("ada"))
        work()

        txns = {one["txn"] for one in self.claims(receiver, url)}

        assert txns == {f"{accepted.headers['Set-Txn']}:0"}

    def test_of_a_group_without_an_index(self, scim: Provider, receiver: ReceiverClient) -> None:
        url = self.stream(receiver, SignalType.SCIM_ASYNC_RESPONSE)
        group = scim.add_group("Editors")
        accepted = scim("PUT", f"/Groups/{group}", {"displayName": "Authors"}, **ASYNC)
        work()

        [result] = self.claims(receiver, url)

        assert result["txn"] == accepted.headers["Set-Txn"]
        assert result["sub_id"] == {"format": "scim", "uri": f"/Groups/{group}"}

    def test_after_a_pause(self, scim: Provider, receiver: ReceiverClient) -> None:
        url = self.stream(receiver, SignalType.SCIM_ASYNC_RESPONSE)
        stream_id = url.rpartition("/")[2]
        receiver.ask("post", "status", {"stream_id": stream_id, "status": "paused"})
        send(scim, post("ada"))
        work()

        assert self.claims(receiver, url) == []
        receiver.ask("post", "status", {"stream_id": stream_id, "status": "enabled"})
        assert len(self.claims(receiver, url)) == 1
