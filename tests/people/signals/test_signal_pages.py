"""The pages of signal streams."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from pytest_django import Settings

from people.models import Event, Person, SignalKey, SignalStream
from people.operations import sessions
from people.operations.signals.event_types import SignalType
from people.operations.signals.streams import Status
from tests.clients.pages import queries_of, signed_in, text_of
from tests.factories import core
from tests.factories.signals import signal_stream
from tests.factories.webhooks import webhook_delivery
from tests.people.signals.conftest import Stream
from tests.people.webhooks.changes import HELPDESK
from tests.people.webhooks.conftest import Clock
from tests.services.signal_receiver import SignalReceiver

pytestmark = pytest.mark.django_db

PAGE = "/signal-streams/"
ACTIONS = ("edit", "verify", "pause", "enable", "disable", "delete")


@pytest.fixture
def client(owner: Person) -> Client:
    return signed_in(owner)


def page_of(stream: SignalStream, action: str = "") -> str:
    return f"{PAGE}{stream.pk}/{action}{'/' if action else ''}"


def added(client: Client, **fields: Any) -> Any:
    usual = {
        "description": "Expenses",
        "method": "urn:ietf:rfc:8935",
        "url": "https://1.1.1.1/events",
        "events": SignalType.values,
        "subject_format": "email",
    }
    return client.post(f"{PAGE}add/", usual | fields, follow=True)


class TestList:
    def test_shows_the_metadata_url_for_receivers(self, client: Client, owner: Person) -> None:
        page = text_of(client.get(PAGE))

        assert "No signal streams" in page
        assert f"/.well-known/ssf-configuration/signals/{owner.tenant.slug}" in page
        assert "first key together with the first stream" in page

    def test_takes_the_same_queries_for_more_streams(self, client: Client, owner: Person) -> None:
        signal_stream(owner)
        few = queries_of(client, PAGE)
        for _ in range(5):
            signal_stream(owner)

        assert len(queries_of(client, PAGE)) == len(few)

    def test_streams_are_not_in_the_list_of_webhooks(self, client: Client, owner: Person) -> None:
        stream = signal_stream(owner)

        assert "No webhook endpoints" in text_of(client.get("/webhooks/"))
        assert client.get(f"/webhooks/{stream.pk}/").status_code == 404


class TestNewStream:
    def test_push_stream_is_added_with_a_signing_key(self, client: Client) -> None:
        page = text_of(added(client, authorization="Bearer of bad news"))

        assert "The stream was added." in page
        assert "https://1.1.1.1/events" in page
        assert "bad news" not in page
        stream = SignalStream.objects.get()
        assert (stream.status, stream.is_push) == (Status.ENABLED, True)
        assert str(SignalKey.objects.get()) in text_of(client.get(PAGE))

    def test_poll_stream_is_added(self, client: Client) -> None:
        page = text_of(added(client, method="urn:ietf:rfc:8936", audience="urn:expenses"))

        stream = SignalStream.objects.get()
        assert f"/poll/{stream.pk}" in page
        assert (stream.audience, stream.endpoint.url) == ("urn:expenses", "")

    @pytest.mark.parametrize(
        ("fields", "problem"),
        [
            ({"url": ""}, "Enter the URL of the receiver, or choose poll."),
            ({"url": "https://127.0.0.1/events"}, "private address"),
            ({"events": []}, "This field is required."),
            ({"events": ["urn:unknown"]}, "is not one of the available choices"),
            ({"description": ""}, "This field is required."),
        ],
    )
    def test_is_refused_with_the_reason(
        self, client: Client, settings: Settings, fields: dict[str, Any], problem: str
    ) -> None:
        settings.OUTBOUND_ALLOW = []

        assert problem in text_of(added(client, **fields))

        assert not SignalStream.objects.exists()


class TestStream:
    def test_can_be_edited(self, client: Client, owner: Person) -> None:
        stream = signal_stream(owner)
        assert "app.example.com/events" in text_of(client.get(page_of(stream, "edit")))
        values = {"url": "https://1.1.1.1/", "events": [SignalType.SESSION_REVOKED.value]}

        page = text_of(
            client.post(page_of(stream, "edit"), values | {"description": "Travel"}, follow=True)
        )

        assert "The stream was changed." in page
        assert "Travel" in page
        assert "Account terminated" not in page

    def test_can_be_verified_paused_enabled_disabled_and_deleted(
        self, client: Client, stream: Stream, receiver: SignalReceiver
    ) -> None:
        def do(action: str) -> str:
            assert client.get(page_of(stream.stream, action)).status_code == 200
            return text_of(client.post(page_of(stream.stream, action), follow=True))

        assert "sends the verification event within seconds" in do("verify")
        assert "less than 30 seconds ago" in do("verify")
        stream.send()
        assert "The stream is paused." in do("pause")
        assert "Ramp keeps its events" in text_of(client.get(page_of(stream.stream)))
        assert "The stream is enabled." in do("enable")
        stream.send()
        assert "The stream is disabled." in do("disable")
        assert receiver.types == ["verification", *["stream-updated"] * 3]
        statuses = [one["events"] for one in receiver.accepted[1:]]
        assert [next(iter(value.values()))["status"] for value in statuses] == [
            *("paused", "enabled", "disabled")
        ]
        assert "The stream was deleted." in do("delete")
        assert not SignalStream.objects.exists()

    def test_shows_deliveries_and_can_send_them_again(
        self, client: Client, stream: Stream, receiver: SignalReceiver, ada: Person
    ) -> None:
        receiver.status_of = lambda _: 400
        sessions.sign_out(ada, actor=HELPDESK, reason="")
        stream.send()
        [delivery] = stream.deliveries
        log = f"/signal-streams/deliveries/{delivery.pk}/"

        shown = text_of(client.get(page_of(stream.stream)))
        assert "The server responded with status 400." in shown
        page = text_of(client.get(log))
        assert "invalid_request" in page
        assert delivery.message_id.hex in page
        receiver.status_of = lambda _: 202
        client.post(f"{log}send-again/")
        stream.send()

        assert [one["jti"] for one in receiver.accepted] == [delivery.message_id.hex]
        client.post(page_of(stream.stream, "pause"))
        again = text_of(client.post(f"{log}send-again/", follow=True))
        assert "This stream is not enabled." in again

    def test_shows_a_pending_verification_event(self, client: Client, stream: Stream) -> None:
        client.post(page_of(stream.stream, "verify"))
        [delivery] = stream.deliveries

        assert "verification" in text_of(client.get(page_of(stream.stream)))
        assert client.get(f"/signal-streams/deliveries/{delivery.pk}/").status_code == 200

    def test_is_hidden_from_other_companies_and_employees(
        self, client: Client, ada: Person
    ) -> None:
        with core.in_another_tenant():
            stream = signal_stream(core.owner())
            sessions.sign_out(core.person(), actor=HELPDESK, reason="")
            delivery = webhook_delivery(stream.endpoint, Event.objects.latest("pk"))

        assert "No signal streams" in text_of(client.get(PAGE))
        for action in ("", *ACTIONS):
            assert client.get(page_of(stream, action)).status_code == 404
            assert client.post(page_of(stream, action)).status_code == 404
        assert client.get(f"/signal-streams/deliveries/{delivery.pk}/").status_code == 404
        for address in (PAGE, f"{PAGE}add/", f"{PAGE}new-key/"):
            assert signed_in(ada).get(address).status_code == 302

    def test_asks_to_confirm_identity_before_changing_the_receiver(
        self, client: Client, owner: Person, clock: Clock
    ) -> None:
        stream = signal_stream(owner)
        client.get(PAGE)
        clock.jump(timedelta(minutes=20))

        for address in (f"{PAGE}add/", page_of(stream, "edit")):
            answer = client.post(address, {"url": "https://1.1.1.1/"})
            assert "confirm" in answer["Location"]

    def test_takes_the_same_queries_for_more_deliveries(
        self, client: Client, owner: Person, ada: Person
    ) -> None:
        stream = signal_stream(owner)
        few = []
        for number in range(10):
            sessions.sign_out(ada, actor=HELPDESK, reason="")
            webhook_delivery(stream.endpoint, ada.events.latest("pk"))
            if number == 1:
                few = queries_of(client, page_of(stream))

        assert len(queries_of(client, page_of(stream))) == len(few)


def test_signing_key_can_be_replaced(client: Client, owner: Person) -> None:
    signal_stream(owner)
    assert "Create a new signing key?" in text_of(client.get(f"{PAGE}new-key/"))

    page = text_of(client.post(f"{PAGE}new-key/", follow=True))

    assert "Ramp signs with the new key." in page
    assert "Older key" in page
    assert SignalKey.objects.filter(retired_at=None).count() == 1
