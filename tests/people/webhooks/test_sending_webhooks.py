"""Sending webhook messages."""

from datetime import timedelta

import pytest
from django.conf import LazySettings
from prometheus_client import REGISTRY
from pytest_django import DjangoCaptureOnCommitCallbacks

from people import events, tenancy
from people.models import Event, Person, WebhookDelivery
from people.net import circuit_breaker, safe_http
from people.operations import people
from people.operations.webhooks import endpoints, log_retention, sending
from people.presentation.audit_log import SETTLED_AFTER
from tests.clients.spend import Api
from tests.factories import core
from tests.people.webhooks.changes import HELPDESK, names_sent, refuse, rename
from tests.people.webhooks.conftest import Clock, Hook
from tests.services.webhook_receiver import Receiver

pytestmark = pytest.mark.django_db

MINUTE = timedelta(minutes=1)
State = WebhookDelivery.State
kind = Event.Kind


class TestMessage:
    def test_is_signed_and_contains_the_event_as_in_the_api(
        self, hook: Hook, receiver: Receiver, clock: Clock, owner: Person, ada: Person
    ) -> None:
        rename(ada, "Augusta")

        assert hook.send() == 1

        [message] = receiver.accepted
        assert message.type == "person.revised"
        clock.jump(SETTLED_AFTER)
        listed = Api(owner).get("audit-events", action="person.revised").json()["results"]
        assert message.data == listed[0]

    def test_sending_starts_at_the_commit_of_the_change(
        self,
        ada: Person,
        monkeypatch: pytest.MonkeyPatch,
        django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
    ) -> None:
        woken: list[bool] = []
        monkeypatch.setattr(events.webhook_waker, "wake", lambda: woken.append(True))

        with django_capture_on_commit_callbacks(execute=True):
            rename(ada, "Augusta")
            assert not woken

        assert woken

    def test_is_sent_once(self, hook: Hook, receiver: Receiver, ada: Person) -> None:
        people.deactivate_person(ada, actor=HELPDESK)
        hook.send()

        assert hook.send_after(MINUTE) == 0
        assert hook.send_after(timedelta(hours=1)) == 0

        assert receiver.types == ["person.deactivated"]

    def test_is_sent_only_for_the_chosen_kinds(
        self, receiver: Receiver, clock: Clock, owner: Person, ada: Person
    ) -> None:
        hook = Hook(receiver, clock, owner, kind.PERSON_DEACTIVATED)
        rename(ada, "Augusta")
        people.deactivate_person(ada, actor=HELPDESK)

        hook.send()

        assert receiver.types == ["person.deactivated"]

    def test_is_not_sent_for_events_before_the_endpoint_was_added(
        self, receiver: Receiver, clock: Clock, owner: Person, ada: Person
    ) -> None:
        rename(ada, "Augusta")
        clock.jump(MINUTE)

        assert Hook(receiver, clock, owner).send() == 0

    def test_is_sent_for_an_event_of_a_long_transaction(
        self, hook: Hook, receiver: Receiver, clock: Clock, ada: Person, grace: Person
    ) -> None:
        rename(ada, "Augusta")
        event = Event.objects.get(kind=kind.PERSON_REVISED)
        # As if its transaction had not committed yet: it is invisible to the company.
        Event.objects.filter(pk=event.pk).update(tenant=core.tenant())
        clock.jump(SETTLED_AFTER - timedelta(seconds=5))
        rename(grace, "Amazing")
        hook.send()
        assert names_sent(receiver, ada) == []

        with tenancy.across_tenants():
            Event.objects.filter(pk=event.pk).update(tenant=ada.tenant)
        hook.send()

        assert names_sent(receiver, ada) == ["Augusta"]

    def test_is_not_sent_to_another_company(
        self, hook: Hook, receiver: Receiver, clock: Clock, ada: Person
    ) -> None:
        rename(ada, "Augusta")
        with core.in_another_tenant() as other:
            stranger = core.person()
            theirs = Hook(receiver, clock, core.owner(), path="/theirs")
            rename(stranger, "Eve")

        hook.send()

        assert {one.data["person"] for one in receiver.accepted} == {str(ada.pk), str(stranger.pk)}
        assert [one.tenant_id for one in hook.deliveries] == [ada.tenant_id]
        assert not theirs.deliveries
        with tenancy.use(other):
            assert [one.person_id for one in theirs.deliveries] == [stranger.pk]

    def test_is_not_sent_for_a_suspended_company(
        self, hook: Hook, receiver: Receiver, ada: Person
    ) -> None:
        rename(ada, "Augusta")
        tenant = ada.tenant
        tenant.is_active = False
        tenant.save(update_fields=["is_active"])

        assert hook.send() == 0

        assert not receiver.received


class TestFailedDelivery:
    def test_is_retried_with_growing_pauses_and_the_same_id_and_body(
        self, hook: Hook, receiver: Receiver, clock: Clock, ada: Person
    ) -> None:
        refuse(receiver, ada)
        rename(ada, "Augusta")
        hook.send()
        for pause in sending.PAUSES:
            longest = pause * (1 + sending.JITTER)
            shortest = pause * (1 - sending.JITTER)
            before = len(receiver.received)
            hook.send_after(shortest - timedelta(seconds=0.5))
            assert len(receiver.received) == before
            hook.send_after(longest - shortest + timedelta(seconds=1))
            assert len(receiver.received) == before + 1

        receiver.status_of = lambda _: 204
        assert hook.send_after(timedelta(hours=10)) == 1

        assert len({one.webhook_id for one in receiver.received}) == 1
        assert len({one.text for one in receiver.received}) == 1
        [delivery] = hook.deliveries
        assert (delivery.state, delivery.status) == (State.DELIVERED, 204)
        assert delivery.attempts == len(sending.PAUSES) + 2

    def test_is_given_up_after_three_days_and_can_be_sent_again(
        self, hook: Hook, receiver: Receiver, clock: Clock, ada: Person, grace: Person
    ) -> None:
        refuse(receiver, ada)
        rename(ada, "Augusta")
        hook.send()
        for _ in range(16):
            # Other messages to the endpoint succeed.
            rename(grace, f"Grace {clock.now:%H%M%S%d}")
            hook.send_after(timedelta(hours=5))
        [delivery] = [one for one in hook.deliveries if one.person_id == ada.pk]
        assert delivery.state == State.GIVEN_UP
        assert delivery.problem == "The server responded with status 500."
        tried = delivery.attempts
        assert hook.send_after(timedelta(days=1)) == 0

        receiver.status_of = lambda _: 200
        endpoints.send_again(delivery)

        assert hook.send() == 1
        assert tried > len(sending.PAUSES)
        assert names_sent(receiver, ada) == ["Augusta"]

    def test_stores_the_beginning_of_the_response(
        self, hook: Hook, receiver: Receiver, ada: Person
    ) -> None:
        receiver.status_of, receiver.answer = lambda _: 422, b"no\x00 such field" + b"!" * 5000
        rename(ada, "Augusta")

        hook.send()

        [delivery] = hook.deliveries
        assert delivery.status == 422
        assert delivery.response.startswith("no� such field!!!")
        assert len(delivery.response) == sending.RESPONSE_LENGTH

    def test_redirect_counts_as_failure(self, hook: Hook, receiver: Receiver, ada: Person) -> None:
        receiver.status_of, receiver.headers = lambda _: 302, {"Location": receiver.url}
        rename(ada, "Augusta")

        hook.send()

        assert "redirects" in hook.deliveries[0].problem
        assert len(receiver.received) == 1

    def test_large_response_does_not_count_as_failure(
        self, hook: Hook, receiver: Receiver, ada: Person
    ) -> None:
        receiver.answer = b"x" * (safe_http.MAX_BYTES * 2)
        rename(ada, "Augusta")

        assert hook.send() == 1

    def test_url_that_is_no_longer_allowed_counts_as_failure(
        self, hook: Hook, receiver: Receiver, ada: Person, settings: LazySettings
    ) -> None:
        rename(ada, "Augusta")
        settings.OUTBOUND_ALLOW = []

        assert hook.send() == 0

        assert not receiver.received
        assert "without TLS" in hook.deliveries[0].problem

    def test_undecryptable_secret_counts_as_failure(
        self, hook: Hook, receiver: Receiver, ada: Person, settings: LazySettings
    ) -> None:
        rename(ada, "Augusta")
        settings.SECRET_KEY = "another"

        assert hook.send() == 0

        assert "cannot be decrypted" in hook.deliveries[0].problem

    def test_unreachable_server_is_not_tried_again_before_its_rest_is_over(
        self, hook: Hook, receiver: Receiver, clock: Clock, ada: Person, grace: Person
    ) -> None:
        receiver.server.shutdown()
        receiver.server.server_close()
        circuit_breaker.reset(safe_http.origin(receiver.url))
        rename(ada, "Augusta")
        rename(grace, "Amazing")

        hook.send()
        hook.send()

        assert [one.attempts for one in hook.deliveries] == [1, 0]
        assert "refuses connections" in hook.deliveries[0].problem
        hook.send_after(sending.FIRST_REST)
        assert sum(one.attempts for one in hook.deliveries) == 2
        hook.send_after(sending.FIRST_REST)
        assert sum(one.attempts for one in hook.deliveries) == 2


def test_old_deliveries_are_deleted(
    hook: Hook, receiver: Receiver, clock: Clock, ada: Person, grace: Person
) -> None:
    refuse(receiver, ada)
    rename(ada, "A")
    rename(grace, "G")
    hook.send()
    assert log_retention.delete_old_deliveries(as_of=clock.now + timedelta(days=29)) == 0

    assert log_retention.delete_old_deliveries(as_of=clock.now + timedelta(days=31)) == 2


def test_attempts_are_counted(hook: Hook, receiver: Receiver, ada: Person) -> None:
    def counted(outcome: str) -> float:
        return REGISTRY.get_sample_value("ramp_webhook_attempts_total", {"outcome": outcome}) or 0

    before = counted("delivered")
    rename(ada, "Augusta")
    hook.send()

    assert counted("delivered") == before + 1
