"""The job that polls streams, checks and verifies them, and recreates those that are lost.

Each turn serves one stream, the one that waited longest first, so one slow transmitter or one
company with many signals does not delay the others for long. A process takes a stream by moving the
time from which it is due; if the process dies, another one takes it over then.
"""

from datetime import datetime, timedelta
from time import monotonic
from typing import Any, Final

from django.core.cache import cache
from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone

from people import tenancy
from people.net.safe_http import OutboundError
from people.secrets import SecretLost
from people.tokens import token_digest
from provisioning.models import TransmitterStream
from provisioning.oidc.discovery import KEY_REFRESH_SECONDS
from provisioning.shared_signals import streams, transmitter
from provisioning.shared_signals.access_tokens import StreamCredentials
from provisioning.shared_signals.receiving import log_refusal, receive
from provisioning.shared_signals.tokens import SignalRefused
from provisioning.shared_signals.transmitter import Metadata, StreamLost
from provisioning.sign_in import attempt_log
from provisioning.sign_in.attempt_log import Outcome

LEASE: Final = timedelta(minutes=5)
# How often a stream is polled, how often a transmitter is asked for its state and for a
# verification, and when it is tried again after a failure.
POLL_EVERY: Final = timedelta(seconds=50)
CHECK_EVERY: Final = timedelta(hours=1)
VERIFY_EVERY: Final = timedelta(days=1)
RETRY_AFTER: Final = timedelta(minutes=5)
# How long a verification event may take.
VERIFIED_WITHIN: Final = timedelta(minutes=15)
# How many tokens one poll asks for, and how long one turn polls.
BATCH: Final = 20
TURN_SECONDS: Final = 15
# The refusals of a token because of its key, and how long Ramp remembers when it saw the token.
KEY_PROBLEMS: Final = ("invalid_key", "authentication_failed")
REMEMBERED_SECONDS: Final = 600


def serve_due(*, as_of: datetime, seconds: float = 50) -> int:
    """Serve the streams that are due until the time is over; return how many were served."""
    ends_at, served = monotonic() + seconds, 0
    with tenancy.across_tenants():
        while monotonic() < ends_at and (stream := _take(as_of)):
            with tenancy.use(stream.tenant_id):
                _serve(stream, as_of)
            served += 1
    return served


@transaction.atomic
def _take(as_of: datetime) -> TransmitterStream | None:
    """Take the stream that was tried the longest time ago of those that are due."""
    due = TransmitterStream.objects.select_related("provider__tenant").filter(
        Q(due_at=None) | Q(due_at__lte=as_of),
        provider__removed_at=None,
        tenant__is_active=True,
        tenant__is_sandbox=False,
    )
    order = (F("tried_at").asc(nulls_first=True), "pk")
    rows = due.select_for_update(skip_locked=True, of=("self",))
    stream: TransmitterStream | None = rows.order_by(*order).first()
    if stream:
        stream.tried_at, stream.due_at = timezone.now(), as_of + LEASE
        stream.save(update_fields=["tried_at", "due_at"])
    return stream


def _serve(stream: TransmitterStream, as_of: datetime) -> None:
    pause = POLL_EVERY if stream.delivery == TransmitterStream.Delivery.POLL else CHECK_EVERY
    try:
        if _keep_alive(stream, as_of):
            # Others have their turn first.
            pause = timedelta()
    except (OutboundError, SecretLost) as error:
        # The log says when the problem began, and the page which one it is now.
        if stream.failing_since is None:
            attempt_log.log_attempt(
                Outcome.SIGNAL,
                stream.provider,
                reason="signal-stream-failing",
                warnings=[f"The stream of signals does not work: {error}"],
            )
        stream.failing_since = stream.failing_since or as_of
        stream.problem = str(error)
        stream.save(update_fields=["failing_since", "problem"])
        pause = RETRY_AFTER
    TransmitterStream.objects.filter(pk=stream.pk).update(due_at=as_of + pause)


def _keep_alive(stream: TransmitterStream, as_of: datetime) -> bool:
    """Create, poll and check the stream as needed; return whether there is more to poll."""
    metadata, has_more = transmitter.metadata_of(stream.issuer), False
    try:
        if not stream.stream_id:
            streams.create(stream, metadata)
            streams.verify(stream, metadata)
        if stream.poll_url:
            has_more = _poll(stream)
        if stream.checked_at is None or stream.checked_at <= as_of - CHECK_EVERY:
            status = transmitter.read_status(metadata, StreamCredentials(stream), stream.stream_id)
            if status in TransmitterStream.State:
                stream.state = TransmitterStream.State(status)
            stream.checked_at = as_of
            stream.save(update_fields=["state", "checked_at"])
            asked_at = stream.verification_asked_at
            if stream.state == TransmitterStream.State.ENABLED and (
                asked_at is None or asked_at <= as_of - VERIFY_EVERY
            ):
                streams.verify(stream, metadata)
    except StreamLost:
        _recreate(stream, metadata)
    else:
        _note_success(stream, as_of)
    return has_more


def _recreate(stream: TransmitterStream, metadata: Metadata) -> None:
    streams.create(stream, metadata)
    streams.verify(stream, metadata)
    attempt_log.log_attempt(
        # Not FAILED, which would count as a sign-in that failed.
        Outcome.SIGNAL,
        stream.provider,
        reason="signal-stream-lost",
        warnings=[
            "The transmitter had lost the stream of signals. Ramp created it again. Signals of the "
            "time between may be missing."
        ],
    )


def _poll(stream: TransmitterStream) -> bool:
    """Receive what waits, and return whether there is more than one turn receives.

    Each token is acknowledged after its transaction has been committed.
    """
    ack: list[str] = []
    errors: dict[str, Any] = {}
    has_more, ends_at = True, monotonic() + TURN_SECONDS
    while has_more and monotonic() < ends_at:
        sets, is_there_more = _next_sets(stream, ack, errors)
        ack, errors = _receive_all(stream, sets)
        # A transmitter that sends nothing new, although it says so, must not keep Ramp busy.
        has_more = is_there_more and bool(ack or errors)
    if ack or errors:
        transmitter.poll(stream.poll_url, StreamCredentials(stream), ack=ack, errors=errors, most=0)
    return has_more


def _receive_all(
    stream: TransmitterStream, sets: dict[str, Any]
) -> tuple[list[str], dict[str, Any]]:
    """Receive the tokens; return which to acknowledge, and which to report as refused.

    A token whose key may be newer than the keys that Ramp knows is in neither: the transmitter
    sends it again.
    """
    ack: list[str] = []
    errors: dict[str, Any] = {}
    for jti, token in sets.items():
        try:
            _receive_polled(stream, token)
        except SignalRefused as refusal:
            if refusal.err in KEY_PROBLEMS and _may_have_new_key(stream, jti):
                continue
            log_refusal(stream, refusal)
            errors[jti] = {"err": refusal.err, "description": str(refusal)}
        else:
            ack.append(jti)
    return ack, errors


def _may_have_new_key(stream: TransmitterStream, jti: str) -> bool:
    """Tell whether the keys may not have been fetched since Ramp first saw this token.

    They are fetched at most every KEY_REFRESH_SECONDS, and a transmitter may replace its key twice
    within this time.
    """
    now = timezone.now()
    name = token_digest(f"{stream.pk} {jti}")
    key = f"signal-with-unknown-key:{name}"
    first: datetime = cache.get_or_set(key, now, REMEMBERED_SECONDS) or now
    return now - first <= timedelta(seconds=KEY_REFRESH_SECONDS)


def _next_sets(
    stream: TransmitterStream, ack: list[str], errors: dict[str, Any]
) -> tuple[dict[str, Any], bool]:
    credentials = StreamCredentials(stream)
    try:
        return transmitter.poll(stream.poll_url, credentials, ack=ack, errors=errors, most=BATCH)
    except OutboundError as error:
        if error.code != "too-large":
            raise
    return transmitter.poll(stream.poll_url, credentials, ack=ack, errors=errors, most=1)


def _receive_polled(stream: TransmitterStream, token: Any) -> None:
    if not isinstance(token, str):
        raise SignalRefused("invalid_request", "The set is not text.")
    receive(stream, token)


def _note_success(stream: TransmitterStream, as_of: datetime) -> None:
    if stream.state != TransmitterStream.State.ENABLED:
        # The transmitter has said why.
        return
    asked_at, problem = stream.verification_asked_at, ""
    if stream.verification and asked_at and asked_at <= as_of - VERIFIED_WITHIN:
        problem = "The verification event that Ramp asked for did not arrive."
    if stream.problem != problem or stream.failing_since:
        stream.problem, stream.failing_since = problem, None
        stream.save(update_fields=["problem", "failing_since"])
