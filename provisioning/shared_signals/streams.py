"""Sets up, changes and removes the stream of a provider.

Requests to the transmitter are made outside of transactions.
"""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final

from django.conf import settings
from django.db import transaction
from django.urls import reverse
from django.utils import timezone
from django.utils.crypto import constant_time_compare

from people.models import Person
from people.net.safe_http import OutboundError
from people.operations import connection_events
from people.secrets import SecretLost
from people.tokens import token_digest
from people.values import Actor, PeopleError
from provisioning.models import IdentityProvider, TransmitterStream
from provisioning.providers.signal_secrets import seal_token, servers_of
from provisioning.shared_signals import transmitter
from provisioning.shared_signals.access_tokens import StreamCredentials
from provisioning.shared_signals.event_types import POLICIES
from provisioning.shared_signals.transmitter import PUSH, Metadata

Delivery = TransmitterStream.Delivery
# The columns that a new stream at the transmitter changes.
MADE: Final = (
    *("stream_id", "audience", "poll_url", "state", "problem", "failing_since"),
    *("verified_at", "verification", "due_at"),
)
# The job leaves a stream alone while a page sets it up.
SETTING_UP: Final = timedelta(minutes=5)
METHODS: Final = {Delivery.PUSH: PUSH, Delivery.POLL: transmitter.POLL}


class TransmitterFailed(PeopleError):
    code = "transmitter-failed"
    field = "issuer"

    def __init__(self, reason: str) -> None:
        super().__init__(reason)


class SignalTokenNeeded(PeopleError):
    code = "signal-token-needed"
    field = "token"

    def __init__(self) -> None:
        super().__init__(
            "Enter the access token or client secret again. The transmitter or its token endpoint "
            "has changed, and the secret for the earlier one is not sent to a new one."
        )


def push_url(stream: TransmitterStream) -> str:
    """Return the address to which the transmitter pushes."""
    provider = stream.provider
    path = reverse("admin:signal_push", args=[provider.tenant.slug, provider.pk, stream.key])
    return f"{settings.PUBLIC_BASE_URL}{path}"


@dataclass(frozen=True, kw_only=True)
class TransmitterSettings:
    """What an administrator enters. With a `token_url`, the token is the secret of the client."""

    issuer: str
    # Blank to keep the one that is stored for this transmitter.
    token: str = field(default="", repr=False)
    token_url: str = ""
    client_id: str = ""
    scope: str = ""
    delivery: str = Delivery.PUSH


def set_up(
    provider: IdentityProvider, chosen: TransmitterSettings, *, person: Person
) -> TransmitterStream:
    """Create the stream at the transmitter, in place of an earlier one, and verify it.

    :param person: who asks for it; signals act with at most their rank.
    :raises TransmitterFailed: if the transmitter is not available, and nothing is changed; or if it
        refuses the stream, and the job tries again.
    :raises SignalTokenNeeded: if the stored token is for another transmitter.
    """
    earlier = TransmitterStream.objects.filter(provider=provider).first()
    servers = servers_of(chosen.issuer, chosen.token_url)
    if earlier and not chosen.token and earlier.token and earlier.token_for != servers:
        raise SignalTokenNeeded
    transmitter.forget(chosen.issuer)
    try:
        metadata = transmitter.metadata_of(chosen.issuer)
        metadata.check_supports(METHODS[Delivery(chosen.delivery)])
        if earlier:
            _delete_at_transmitter(earlier)
        stream = _save(provider, earlier, chosen, person)
        create(stream, metadata)
    except (OutboundError, SecretLost) as error:
        TransmitterStream.objects.filter(provider=provider, stream_id="").update(problem=str(error))
        raise TransmitterFailed(str(error)) from error
    verify(stream, metadata)
    return stream


def create(stream: TransmitterStream, metadata: Metadata) -> None:
    """Create the stream at the transmitter, with a new authorization for its pushes.

    :raises OutboundError, SecretLost: if that fails.
    """
    authorization = f"Bearer {secrets.token_urlsafe(32)}"
    is_pushed = stream.delivery == Delivery.PUSH
    # Before the request: the transmitter may push at once.
    stream.push_digest = token_digest(authorization) if is_pushed else ""
    stream.save(update_fields=["push_digest"])
    made = transmitter.create_stream(
        metadata,
        StreamCredentials(stream),
        push_to=push_url(stream) if is_pushed else "",
        authorization=authorization,
    )
    stream.stream_id, stream.audience = made.stream_id, [*made.audience]
    stream.poll_url = made.endpoint
    stream.state, stream.problem, stream.failing_since = TransmitterStream.State.ENABLED, "", None
    stream.verified_at, stream.verification = None, ""
    stream.due_at = timezone.now()
    # Not the policies, which may have been changed meanwhile.
    stream.save(update_fields=MADE)


def verify(stream: TransmitterStream, metadata: Metadata) -> None:
    """Ask for a verification event. If that fails, the stream says why."""
    stream.verification, stream.verification_asked_at = secrets.token_urlsafe(24), timezone.now()
    # Before the request, to which the event may be faster than the response.
    stream.save(update_fields=["verification", "verification_asked_at"])
    try:
        transmitter.ask_for_verification(
            metadata, StreamCredentials(stream), stream.stream_id, stream.verification
        )
    except (OutboundError, SecretLost) as error:
        stream.problem = str(error)
        stream.save(update_fields=["problem"])


@transaction.atomic
def set_policies(stream: TransmitterStream, chosen: Mapping[str, str], *, person: Person) -> bool:
    """Set what each kind of signal does; return whether anything changed.

    :param chosen: a SignalPolicy by the name of each line of POLICIES.
    """
    rows = TransmitterStream.objects.select_for_update(of=("self",))
    stream.refresh_from_db(from_queryset=rows)
    policies = {
        line.name: chosen[line.name] for line in POLICIES if chosen[line.name] in line.choices
    }
    before = {line.name: stream.policies.get(line.name, line.default) for line in POLICIES}
    changes = {
        name: {"from": before[name], "to": value}
        for name, value in policies.items()
        if before[name] != value
    }
    if not changes:
        return False
    stream.policies, stream.configured_by = policies, person
    stream.save(update_fields=["policies", "configured_by"])
    _record("changed the policies of", stream.provider, actor=person.actor, changes=changes)
    return True


def remove(stream: TransmitterStream, *, actor: Actor) -> None:
    """Delete the stream here and at the transmitter. The received signals stay in the log."""
    _delete_at_transmitter(stream)
    with transaction.atomic():
        _record("removed", stream.provider, actor=actor)
        stream.delete()


def is_authorized(stream: TransmitterStream, header: str) -> bool:
    """Tell whether the push has the header Authorization that Ramp gave to the transmitter."""
    return bool(stream.push_digest) and constant_time_compare(
        token_digest(header), stream.push_digest
    )


def _save(
    provider: IdentityProvider,
    earlier: TransmitterStream | None,
    chosen: TransmitterSettings,
    person: Person,
) -> TransmitterStream:
    stream = earlier or TransmitterStream(tenant_id=provider.tenant_id, provider=provider)
    stream.issuer, stream.delivery, stream.configured_by = chosen.issuer, chosen.delivery, person
    stream.token_url, stream.client_id, stream.scope = (
        chosen.token_url,
        chosen.client_id,
        chosen.scope,
    )
    stream.state, stream.stream_id = TransmitterStream.State.PENDING, ""
    stream.audience, stream.poll_url = [], ""
    stream.due_at = timezone.now() + SETTING_UP
    if chosen.token or not earlier:
        seal_token(stream, chosen.token)
    with transaction.atomic():
        stream.save()
        facts = {"issuer": chosen.issuer, "delivery": chosen.delivery}
        _record("set up", provider, actor=person.actor, **facts)
    return stream


def _delete_at_transmitter(stream: TransmitterStream) -> None:
    """Delete the stream at the transmitter; if that fails, its signals are refused from now on."""
    if not stream.stream_id:
        return
    try:
        metadata = transmitter.metadata_of(stream.issuer)
        transmitter.delete_stream(metadata, StreamCredentials(stream), stream.stream_id)
    except (OutboundError, SecretLost):
        return


def _record(what: str, provider: IdentityProvider, *, actor: Actor, **facts: Any) -> None:
    connection_events.record_connection_event(
        f"{what} Shared Signals for {provider.name}", actor=actor, provider=provider.name, **facts
    )
