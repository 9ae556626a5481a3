"""Webhook endpoints: pausing, secrets and leases."""

from datetime import timedelta

import pytest

from people.db import leases
from people.models import Event, Mail, Person, WebhookEndpoint
from people.operations.webhooks import endpoints, sending
from people.operations.webhooks.failing import PAUSED_AFTER
from tests.clients.spend import Api
from tests.factories import core
from tests.people.webhooks.changes import names_sent, refuse, rename
from tests.people.webhooks.conftest import Clock, Hook
from tests.services.webhook_receiver import Message, Receiver

pytestmark = pytest.mark.django_db

MINUTE = timedelta(minutes=1)
kind = Event.Kind


def test_resumed_endpoint_gets_earlier_events_but_none_of_the_pause(
    hook: Hook, receiver: Receiver, clock: Clock, owner: Person, ada: Person
) -> None:
    refuse(receiver, ada)
    rename(ada, "Before")
    hook.send()
    receiver.status_of = lambda _: 200
    endpoints.pause_endpoint(hook.endpoint, actor=owner.actor)
    clock.jump(MINUTE)
    rename(ada, "Meanwhile")
    assert hook.send_after(MINUTE) == 0

    endpoints.resume_endpoint(hook.endpoint, actor=owner.actor)
    clock.jump(MINUTE)
    rename(ada, "After")
    hook.send()

    assert names_sent(receiver, ada) == ["Before", "After"]


def test_endpoint_is_paused_after_three_days_of_failures_with_a_mail(
    hook: Hook, receiver: Receiver, clock: Clock, owner: Person, ada: Person
) -> None:
    receiver.status_of = lambda _: 500
    rename(ada, "Augusta")
    hook.send()
    assert not attention(owner)
    hook.send_after(timedelta(hours=1, minutes=5))
    assert "1 webhook endpoint does not accept events" in attention(owner)
    while clock.now < hook.row.created_at + PAUSED_AFTER + timedelta(hours=10):
        hook.send_after(timedelta(hours=4))

    assert hook.row.state == WebhookEndpoint.State.PAUSED
    assert "status 500" in hook.row.paused_because
    assert "1 webhook endpoint does not accept events" in attention(owner)
    [mail] = Mail.objects.filter(kind=Mail.Kind.WEBHOOK_PAUSED)
    assert mail.to == owner.email
    event = Event.objects.filter(kind=kind.WEBHOOK_CHANGED).latest("pk")
    assert event.facts["what"] == f"paused the webhook endpoint “{receiver.url}”"
    endpoints.resume_endpoint(hook.endpoint, actor=owner.actor)
    assert not attention(owner)


def test_unreachable_endpoint_rests_for_at_most_an_hour_and_is_paused(
    hook: Hook, receiver: Receiver, clock: Clock, ada: Person
) -> None:
    receiver.server.shutdown()
    receiver.server.server_close()

    for hour in range(80):
        rename(ada, f"Augusta {hour}")
        hook.send_after(timedelta(hours=1, minutes=1))
        rests_until = hook.row.rests_until
        assert rests_until is None or rests_until <= clock.now + timedelta(hours=1)

    assert hook.row.state == WebhookEndpoint.State.PAUSED


def test_endpoint_is_paused_at_once_by_410_gone(
    hook: Hook, receiver: Receiver, ada: Person
) -> None:
    receiver.status_of = lambda _: 410
    rename(ada, "Augusta")

    hook.send()

    assert "410 Gone" in hook.row.paused_because


def test_messages_have_two_signatures_until_the_older_secret_is_retired(
    hook: Hook, receiver: Receiver, owner: Person, ada: Person
) -> None:
    newer = endpoints.rotate_secret(hook.endpoint, actor=owner.actor)
    for name, secret in (("A", hook.secret), ("B", newer)):
        receiver.secrets["/hooks"] = secret
        rename(ada, name)
        hook.send()
    with pytest.raises(endpoints.TwoWebhookSecrets):
        endpoints.rotate_secret(hook.endpoint, actor=owner.actor)
    endpoints.retire_older_secret(hook.endpoint, actor=owner.actor)
    rename(ada, "C")
    hook.send()

    mine = [one for one in receiver.accepted if one.type == "person.revised"]
    assert [len(one.signatures) for one in mine] == [2, 2, 1]
    assert names_sent(receiver, ada) == ["A", "B", "C"]


def test_endpoint_held_by_a_dead_process_is_taken_over(
    hook: Hook, receiver: Receiver, clock: Clock, ada: Person
) -> None:
    rename(ada, "Augusta")
    machine, pid, started = leases.holder().rsplit("/", 2)
    held = {"held_by": f"{machine}/{pid}/{started}0", "held_until": clock.now + MINUTE}
    WebhookEndpoint.objects.update(**held)

    assert hook.send() == 1


def test_endpoint_held_on_another_machine_is_left_alone_until_the_lease_ends(
    hook: Hook, receiver: Receiver, clock: Clock, ada: Person
) -> None:
    rename(ada, "Augusta")
    held = {"held_by": "another machine/1/1", "held_until": clock.now + MINUTE}
    WebhookEndpoint.objects.update(**held)

    assert hook.send() == 0
    assert hook.send_after(MINUTE) == 1


def test_endpoints_take_turns(
    receiver: Receiver, clock: Clock, owner: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    hooks = [Hook(receiver, clock, owner, path=f"/{name}") for name in "ab"]
    monkeypatch.setattr(sending, "TURN_SECONDS", 0)
    order: list[str] = []
    ids = {str(hook.endpoint.pk): hook for hook in hooks}

    def note(message: Message) -> int:
        order.append(message.webhook_id)
        return 200

    receiver.status_of = note
    person = core.person()
    for name in ("A", "B"):
        rename(person, name)
    hooks[0].send()

    ways = {one.webhook_id: str(one.endpoint_id) for hook in hooks for one in hook.deliveries}
    served = [ways[one] for one in order if one in ways]
    assert set(served) == set(ids)
    assert served[:2] != [served[0]] * 2


def attention(owner: Person) -> str:
    """Return what the API lists as needing attention about webhooks."""
    listed = Api(owner).get("attention").json()["items"]
    return "".join(one["text"] for one in listed if one["code"] == "failing-webhooks")
