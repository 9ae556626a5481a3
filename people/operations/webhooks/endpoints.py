"""Adds, changes and removes webhook endpoints. Each operation records one event."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final
from uuid import uuid4

from django.db import transaction
from django.utils import timezone

from people import events
from people.models import Event, Person, WebhookDelivery, WebhookEndpoint
from people.net import safe_http
from people.net.safe_http import OutboundError
from people.operations.locks import LockName, acquire_lock
from people.operations.webhooks import messages
from people.values import Actor, PeopleError

MAX_ENDPOINTS: Final = 16


class WebhookUrlRefused(PeopleError):
    code = "webhook-url-refused"
    field = "url"

    def __init__(self, reason: str) -> None:
        super().__init__(reason)


class UnknownEventKind(PeopleError):
    code = "unknown-event-kind"
    field = "kinds"

    def __init__(self, kinds: Sequence[str]) -> None:
        super().__init__(f"There is no event kind {', '.join(kinds)}.")


class TooManyWebhookEndpoints(PeopleError):
    code = "too-many-webhook-endpoints"

    def __init__(self) -> None:
        super().__init__(
            f"A company can have {MAX_ENDPOINTS} webhook endpoints. Delete one that is not used."
        )


class TwoWebhookSecrets(PeopleError):
    code = "two-webhook-secrets"

    def __init__(self) -> None:
        super().__init__(
            "This endpoint has two secrets. Retire the older secret before you create another one."
        )


class SignalStreamNotEnabled(PeopleError):
    code = "signal-stream-not-enabled"

    def __init__(self) -> None:
        super().__init__("This stream is not enabled. Enable it, then send the event again.")


class WebhookEndpointPaused(PeopleError):
    code = "webhook-endpoint-paused"

    def __init__(self) -> None:
        super().__init__("This endpoint is paused. Resume the endpoint, then send the event again.")


def add_endpoint(
    person: Person, *, url: str, description: str, kinds: Sequence[str], actor: Actor
) -> tuple[WebhookEndpoint, str]:
    """Add an endpoint and return it with its secret, which is stored encrypted.

    It receives the events that happen afterwards.

    :raises WebhookUrlRefused: if Ramp does not send to this URL.
    :raises UnknownEventKind: if there is no such kind.
    :raises TooManyWebhookEndpoints: if the company has MAX_ENDPOINTS already.
    """
    # Before the transaction, because this resolves the host.
    check_url(url)
    with transaction.atomic():
        acquire_lock(LockName.WEBHOOKS, person.tenant_id)
        if WebhookEndpoint.objects.hooks().count() >= MAX_ENDPOINTS:
            raise TooManyWebhookEndpoints
        now, secret = timezone.now(), messages.new_secret()
        endpoint = WebhookEndpoint(
            id=uuid4(),
            tenant_id=person.tenant_id,
            url=url,
            description=description,
            kinds=_known(kinds),
            secret_created_at=now,
            created_by=person,
            created_at=now,
        )
        endpoint.secret = messages.sealed(endpoint, secret)
        _record(endpoint, "added", actor=actor)
        _start(endpoint)
        endpoint.save(force_insert=True)
    return endpoint, secret


def update_endpoint(
    endpoint: WebhookEndpoint, *, url: str, description: str, kinds: Sequence[str], actor: Actor
) -> bool:
    """Change the endpoint, and tell whether anything differed.

    :raises WebhookUrlRefused: if Ramp does not send to this URL.
    :raises UnknownEventKind: if there is no such kind.
    """
    check_url(url)
    with transaction.atomic():
        _lock(endpoint)
        values = {"url": url, "description": description, "kinds": _known(kinds)}
        changed = {
            name: value for name, value in values.items() if getattr(endpoint, name) != value
        }
        if not changed:
            return False
        changes = {name: {"from": getattr(endpoint, name), "to": changed[name]} for name in changed}
        for name, value in changed.items():
            setattr(endpoint, name, value)
        # Another server may respond.
        endpoint.rests_until, endpoint.rests = None, 0
        endpoint.save(update_fields=[*changed, "rests_until", "rests"])
        _record(endpoint, "changed", actor=actor, changes=changes)
    return True


@transaction.atomic
def rotate_secret(endpoint: WebhookEndpoint, *, actor: Actor) -> str:
    """Create a second secret and return it. Messages are signed with both.

    :raises TwoWebhookSecrets: if the endpoint has two already.
    """
    _lock(endpoint)
    if endpoint.older_secret:
        raise TwoWebhookSecrets
    secret = messages.new_secret()
    endpoint.older_secret = endpoint.secret
    endpoint.secret = messages.sealed(endpoint, secret)
    endpoint.secret_created_at = timezone.now()
    endpoint.save(update_fields=["older_secret", "secret", "secret_created_at"])
    _record(endpoint, "created a new secret for", actor=actor)
    return secret


@transaction.atomic
def retire_older_secret(endpoint: WebhookEndpoint, *, actor: Actor) -> bool:
    """Sign with the newer secret only, and tell whether there were two."""
    _lock(endpoint)
    if not endpoint.older_secret:
        return False
    endpoint.older_secret = ""
    endpoint.save(update_fields=["older_secret"])
    _record(endpoint, "retired the older secret of", actor=actor)
    return True


@transaction.atomic
def pause_endpoint(endpoint: WebhookEndpoint, *, actor: Actor) -> bool:
    """Send nothing to the endpoint until it is resumed, and tell whether it was active."""
    _lock(endpoint)
    if not endpoint.is_active:
        return False
    endpoint.state = WebhookEndpoint.State.PAUSED
    endpoint.save(update_fields=["state"])
    _record(endpoint, "paused", actor=actor)
    return True


@transaction.atomic
def resume_endpoint(endpoint: WebhookEndpoint, *, actor: Actor) -> bool:
    """Send what was waiting and what happens from now on, and tell whether it was paused."""
    _lock(endpoint)
    if endpoint.is_active:
        return False
    _record(endpoint, "resumed", actor=actor)
    endpoint.state, endpoint.paused_because = WebhookEndpoint.State.ACTIVE, ""
    endpoint.rests_until, endpoint.rests, endpoint.failing_since = None, 0, None
    _start(endpoint)
    endpoint.save()
    now = timezone.now()
    # Their three days begin again.
    endpoint.deliveries.waiting().update(due_at=now, first_attempt_at=None, attempts=0)
    return True


@transaction.atomic
def delete_endpoint(endpoint: WebhookEndpoint, *, actor: Actor) -> None:
    """Delete the endpoint with its delivery log."""
    _lock(endpoint)
    _record(endpoint, "deleted", actor=actor)
    endpoint.delete()


@transaction.atomic
def send_again(delivery: WebhookDelivery) -> None:
    """Make the delivery due now, whether it was delivered, given up or is waiting.

    :raises WebhookEndpointPaused, SignalStreamNotEnabled: if nothing is sent at the moment.
    """
    _lock(delivery.endpoint)
    if not delivery.endpoint.is_active:
        raise SignalStreamNotEnabled if delivery.endpoint.is_stream else WebhookEndpointPaused
    delivery.state, delivery.due_at = WebhookDelivery.State.WAITING, timezone.now()
    delivery.attempts, delivery.first_attempt_at = 0, None
    delivery.save(update_fields=["state", "due_at", "attempts", "first_attempt_at"])


def check_url(url: str) -> None:
    """Refuse a URL to which Ramp does not send. Call it outside of transactions.

    :raises WebhookUrlRefused: with the reason.
    """
    try:
        safe_http.check_address(url)
    except OutboundError as error:
        raise WebhookUrlRefused(str(error)) from error


def describe(endpoint: WebhookEndpoint) -> str:
    return f"the {'signal stream' if endpoint.is_stream else 'webhook endpoint'} “{endpoint}”"


def _known(kinds: Sequence[str]) -> list[str]:
    if unknown := sorted(set(kinds) - set(Event.Kind.values)):
        raise UnknownEventKind(unknown)
    return [kind for kind in Event.Kind.values if kind in kinds]


def _start(endpoint: WebhookEndpoint) -> None:
    now: datetime = timezone.now()
    endpoint.active_since = endpoint.enqueued_until = now


def _lock(endpoint: WebhookEndpoint) -> None:
    """Lock the endpoint, and load it as it is now."""
    WebhookEndpoint.objects.select_for_update(of=("self",)).get(pk=endpoint.pk)
    endpoint.refresh_from_db()


def _record(
    endpoint: WebhookEndpoint,
    deed: str,
    *,
    actor: Actor,
    changes: dict[str, dict[str, object]] | None = None,
) -> None:
    what = f"{deed} {describe(endpoint)}"
    events.record(Event.Kind.WEBHOOK_CHANGED, None, actor=actor, changes=changes, what=what)
