"""The pages of webhook endpoints."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from pytest_django import Settings

from people.models import Event, Person, WebhookDelivery, WebhookEndpoint
from people.operations import people
from people.operations.webhooks import endpoints
from people.values import Actor
from tests.clients.pages import queries_of, signed_in, text_of
from tests.factories import core
from tests.factories.webhooks import webhook_delivery, webhook_endpoint
from tests.people.webhooks.conftest import Clock, Hook
from tests.services.webhook_receiver import Receiver

pytestmark = pytest.mark.django_db

HELPDESK = Actor("person", "helpdesk@example.com")
PAGE = "/webhooks/"


@pytest.fixture
def client(owner: Person) -> Client:
    return signed_in(core.administrator())


def page_of(endpoint: WebhookEndpoint, action: str = "") -> str:
    return f"{PAGE}{endpoint.pk}/{action}"


def added(client: Client, url: str, **more: Any) -> Any:
    return client.post(f"{PAGE}add/", {"url": url, "events": "all"} | more)


def last_change() -> str:
    what: str = Event.objects.filter(kind=Event.Kind.WEBHOOK_CHANGED).latest("pk").facts["what"]
    return what


class TestAdding:
    def test_shows_the_secret_once(self, client: Client, receiver: Receiver) -> None:
        assert "No webhook endpoints" in text_of(client.get(PAGE))

        answer = added(client, receiver.url, description="Warehouse")

        [secret] = re.findall(r'id="secret" type="text" value="(whsec_[^"]+)"', text_of(answer))
        assert "no-store" in answer["Cache-Control"]
        endpoint = WebhookEndpoint.objects.get()
        assert secret not in text_of(client.get(page_of(endpoint)))
        assert secret not in str(WebhookEndpoint.objects.values().get())
        assert last_change() == "added the webhook endpoint “Warehouse”"
        page = text_of(client.get(PAGE))
        assert "Warehouse" in page
        assert "None yet" in page

    @pytest.mark.parametrize(
        ("url", "problem"),
        [
            ("http://hooks.example.com/", "without TLS"),
            ("https://127.0.0.1/hooks", "private address"),
            ("https://169.254.169.254/latest", "private address"),
            ("https://user:secret@hooks.example.com/", "is not a valid URL"),
            ("ftp://hooks.example.com/", "does not begin with https://"),
            ("hooks", "is not a valid URL"),
            ("https://does-not-exist.invalid/", "cannot be resolved"),
            ("", "This field is required."),
        ],
    )
    def test_refuses_an_invalid_url_with_the_reason(
        self, client: Client, settings: Settings, url: str, problem: str
    ) -> None:
        settings.OUTBOUND_ALLOW = []
        if url.startswith("http://"):
            url = "http://1.1.1.1/"

        assert problem in text_of(added(client, url))

        assert not WebhookEndpoint.objects.exists()

    def test_accepts_only_known_event_kinds(self, client: Client, receiver: Receiver) -> None:
        none = added(client, receiver.url, events="chosen")
        unknown = added(client, receiver.url, events="chosen", kinds=["person.flew"])

        assert "Choose at least one event kind." in text_of(none)
        assert "person.flew is not one of the available choices" in text_of(unknown)
        added(client, receiver.url, events="chosen", kinds=["role.granted", "person.added"])
        assert WebhookEndpoint.objects.get().kinds == ["person.added", "role.granted"]
        with pytest.raises(endpoints.UnknownEventKind):
            endpoints.update_endpoint(
                WebhookEndpoint.objects.get(),
                url=receiver.url,
                description="",
                kinds=["person.flew"],
                actor=HELPDESK,
            )

    def test_refuses_more_than_16_endpoints(
        self, client: Client, receiver: Receiver, owner: Person
    ) -> None:
        for _ in range(endpoints.MAX_ENDPOINTS):
            webhook_endpoint(owner)

        assert "A company can have 16 webhook endpoints." in text_of(added(client, receiver.url))


class TestEndpoint:
    def test_can_be_changed(self, client: Client, receiver: Receiver, owner: Person) -> None:
        endpoint = webhook_endpoint(owner)
        values = {"url": receiver.url, "description": "Warehouse", "events": "all"}

        page = text_of(client.post(page_of(endpoint, "edit/"), values, follow=True))
        again = text_of(client.post(page_of(endpoint, "edit/"), values, follow=True))

        assert "The endpoint was changed." in page
        assert "Nothing was changed." in again
        event = Event.objects.get(kind=Event.Kind.WEBHOOK_CHANGED)
        assert set(event.changes) == {"url", "description"}
        assert "URL" in text_of(client.get(f"/audit-log/{event.pk}/"))

    def test_has_two_secrets_until_the_older_one_is_retired(
        self, client: Client, owner: Person
    ) -> None:
        endpoint = webhook_endpoint(owner)
        assert "valid beside it" in text_of(client.get(page_of(endpoint)))

        answer = text_of(client.post(page_of(endpoint, "rotate/")))

        assert re.search(r'value="whsec_[^"]+"', answer)
        assert "has two secrets" in answer
        third = client.post(page_of(endpoint, "rotate/"), follow=True)
        assert "Retire the older secret before" in text_of(third)
        page = text_of(client.post(page_of(endpoint, "retire/"), follow=True))
        assert "The older secret is retired." in page
        assert last_change() == f"retired the older secret of the webhook endpoint “{endpoint}”"

    def test_test_event_shows_the_response(
        self, client: Client, hook: Hook, receiver: Receiver
    ) -> None:
        receiver.status_of, receiver.answer = lambda _: 503, b"<b>busy</b>"
        page = text_of(client.post(page_of(hook.endpoint, "test/")))
        assert "The server responded with 503." in page
        assert "&lt;b&gt;busy&lt;/b&gt;" in page

        receiver.status_of = lambda _: 200
        page = text_of(client.post(page_of(hook.endpoint, "test/")))

        assert "The server accepted the test event with status 200." in page
        assert [one.type for one in receiver.received] == ["webhook.test"] * 2
        assert not hook.deliveries

    def test_can_be_paused_and_resumed(self, client: Client, owner: Person) -> None:
        endpoint = webhook_endpoint(owner)

        page = text_of(client.post(page_of(endpoint, "pause/"), follow=True))
        assert "This endpoint is paused. Ramp sends nothing to it." in page
        page = text_of(client.post(page_of(endpoint, "resume/"), follow=True))

        assert "The endpoint is active." in page
        assert last_change().startswith("resumed")

    def test_is_deleted_with_its_log(self, client: Client, owner: Person, ada: Person) -> None:
        endpoint = webhook_endpoint(owner)
        people.deactivate_person(ada, actor=HELPDESK)
        webhook_delivery(endpoint, ada.events.get())
        assert "Delete this endpoint?" in text_of(client.get(page_of(endpoint, "delete/")))

        page = text_of(client.post(page_of(endpoint, "delete/"), follow=True))

        assert "The endpoint was deleted." in page
        assert not WebhookDelivery.objects.exists()
        assert last_change() == f"deleted the webhook endpoint “{endpoint}”"

    def test_is_hidden_from_other_companies(self, client: Client) -> None:
        with core.in_another_tenant():
            stranger = core.owner()
            endpoint = webhook_endpoint(stranger)
            people.deactivate_person(core.person(), actor=HELPDESK)
            delivery = webhook_delivery(endpoint, Event.objects.latest("pk"))

        assert "No webhook endpoints" in text_of(client.get(PAGE))
        for action in ("", "edit/", "test/", "pause/", "resume/", "rotate/", "retire/", "delete/"):
            assert client.get(page_of(endpoint, action)).status_code == 404
            if action:
                assert client.post(page_of(endpoint, action)).status_code == 404
        log = f"{PAGE}deliveries/{delivery.pk}/"
        assert client.get(log).status_code == 404
        assert client.post(f"{log}send-again/").status_code == 404

    def test_is_hidden_from_employees(self, owner: Person, ada: Person) -> None:
        endpoint = webhook_endpoint(owner)

        for address in (PAGE, page_of(endpoint), page_of(endpoint, "rotate/")):
            assert signed_in(ada).get(address).status_code == 302

    def test_asks_to_confirm_identity_before_changing_the_receiver(
        self, client: Client, owner: Person, clock: Clock
    ) -> None:
        endpoint = webhook_endpoint(owner)
        client.get(PAGE)
        clock.jump(timedelta(minutes=20))

        for address in (f"{PAGE}add/", page_of(endpoint, "edit/"), page_of(endpoint, "rotate/")):
            answer = client.post(address, {"url": "https://1.1.1.1/", "events": "all"})
            assert answer.status_code == 302
            assert "confirm" in answer["Location"]


class TestDeliveryLog:
    def test_shows_the_result_of_each_delivery(
        self, client: Client, hook: Hook, receiver: Receiver, ada: Person, grace: Person
    ) -> None:
        refused = str(ada.pk)
        receiver.status_of = lambda message: 500 if message.data["person"] == refused else 200
        assert "No deliveries yet" in text_of(client.get(page_of(hook.endpoint)))
        people.deactivate_person(ada, actor=HELPDESK)
        people.deactivate_person(grace, actor=HELPDESK)
        hook.send()

        page = text_of(client.get(page_of(hook.endpoint)))

        assert "The server responded with status 500." in page
        assert "Next attempt on" in page
        assert "Status 200" in page
        waiting = text_of(client.get(page_of(hook.endpoint), {"state": "waiting"}))
        assert "Status 200" not in waiting
        given_up = text_of(client.get(page_of(hook.endpoint), {"state": "given-up"}))
        assert "No deliveries in this state" in given_up
        assert client.get(page_of(hook.endpoint), {"state": "lost"}).status_code == 404
        assert "Delivered." in text_of(client.get(PAGE))

    def test_shows_one_time_of_the_next_attempt(
        self, client: Client, hook: Hook, receiver: Receiver, clock: Clock, ada: Person
    ) -> None:
        receiver.status_of = lambda _: 500
        people.deactivate_person(ada, actor=HELPDESK)
        hook.send()
        # The server did not respond, so it rests for longer than the delivery waits.
        rests_until = clock.now + timedelta(hours=1)
        WebhookEndpoint.objects.update(rests_until=rests_until)
        [delivery] = WebhookDelivery.objects.waiting()

        for address in (page_of(hook.endpoint), f"{PAGE}deliveries/{delivery.pk}/"):
            page = text_of(client.get(address))
            assert f"{rests_until:%H:%M:%S} UTC" in page
            assert f"{delivery.due_at:%H:%M:%S} UTC" not in page

    def test_shows_the_body_and_can_send_it_again(
        self, client: Client, hook: Hook, receiver: Receiver, clock: Clock, ada: Person
    ) -> None:
        people.deactivate_person(ada, actor=HELPDESK)
        hook.send()
        [delivery] = hook.deliveries
        log = f"{PAGE}deliveries/{delivery.pk}/"

        page = text_of(client.get(log))
        assert "thank you" in page
        assert "&quot;type&quot;: &quot;person.deactivated&quot;" in page
        page = text_of(client.post(f"{log}send-again/", follow=True))

        assert "Ramp sends the event again within seconds." in page
        assert hook.send() == 1
        assert len({one.webhook_id for one in receiver.accepted}) == 1
        endpoints.pause_endpoint(hook.endpoint, actor=HELPDESK)
        page = text_of(client.post(f"{log}send-again/", follow=True))
        assert "This endpoint is paused." in page

    def test_shows_the_body_before_the_first_attempt(
        self, client: Client, owner: Person, ada: Person
    ) -> None:
        people.deactivate_person(ada, actor=HELPDESK)
        delivery = webhook_delivery(webhook_endpoint(owner), ada.events.get())

        page = text_of(client.get(f"{PAGE}deliveries/{delivery.pk}/"))

        assert "As it would be sent now." in page
        assert "person.deactivated" in page

    def test_is_paginated_and_takes_the_same_queries_for_more_rows(
        self, client: Client, owner: Person, ada: Person
    ) -> None:
        endpoint = webhook_endpoint(owner)
        few = []
        for number in range(26):
            people.deactivate_person(ada, actor=HELPDESK)
            people.reactivate_person(ada, actor=HELPDESK)
            for event in ada.events.order_by("-pk")[:2]:
                webhook_delivery(endpoint, event)
            if number == 1:
                few = queries_of(client, page_of(endpoint))

        assert len(queries_of(client, page_of(endpoint))) == len(few)
        [older] = re.findall(
            r'href="([^"]*before=\d+)#deliveries"', text_of(client.get(page_of(endpoint)))
        )
        page = text_of(client.get(older))
        assert page.count("Delivery of event") == 2
        assert "Newest" in page
