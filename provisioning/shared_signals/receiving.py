"""Receives one security event token: checks it, applies it once, and writes the provider log."""

from django.db import IntegrityError, transaction
from django.utils import timezone

from provisioning.claims import readable
from provisioning.models import ReceivedSignal, TransmitterStream
from provisioning.shared_signals import effects, event_types, subjects
from provisioning.shared_signals.effects import Effect
from provisioning.shared_signals.tokens import OLDEST, Signal, SignalRefused, read_signal
from provisioning.sign_in import attempt_log
from provisioning.sign_in.attempt_log import Outcome


def receive(stream: TransmitterStream, token: str) -> None:
    """Apply the token, unless it was applied before. Afterwards it may be acknowledged.

    :raises SignalRefused: if it is not a token for this stream; see `log_refusal`.
    :raises OutboundError: if the transmitter's keys are not available, so that it has to be sent
        again.
    """
    signal = read_signal(stream, token)
    with transaction.atomic():
        received = _remember(stream, signal)
        if received is None:
            return
        if signal.is_about_stream:
            effect = _note_stream_event(stream, signal)
        else:
            found = subjects.find(stream, signal.subject)
            effect = effects.apply(stream, signal, found)
            received.subject, received.person = found.text, found.person
        received.policy, received.detail = effect.policy, effect.detail
        received.deactivated_at = effect.deactivated_at
        received.save()
        now = timezone.now()
        stream.last_event_at = now
        stream.lag_seconds = max((now - signal.issued_at).total_seconds(), 0)
        stream.save(update_fields=["last_event_at", "lag_seconds"])
    attempt_log.log_attempt(
        Outcome.SIGNED_OUT if effect.ended_sessions else Outcome.SIGNAL,
        stream.provider,
        person=received.person,
        subject=received.subject,
        detail=f"Signal {received.event}. {effect.detail}",
    )


def log_refusal(stream: TransmitterStream, refusal: SignalRefused) -> None:
    """Write into the provider log why a token was refused."""
    attempt_log.log_attempt(
        Outcome.REFUSED,
        stream.provider,
        reason="signal-refused",
        detail=f"A signal was refused ({refusal.err}). {refusal}",
    )


def _remember(stream: TransmitterStream, signal: Signal) -> ReceivedSignal | None:
    """Store the signal; return None if it was received before.

    A second copy that arrives at the same time waits here for the first one's transaction.
    """
    now = timezone.now()
    ReceivedSignal.objects.filter(
        provider=stream.provider, received_at__lt=now - 2 * OLDEST
    ).delete()
    try:
        # A savepoint: the transaction of the caller must survive the violation.
        with transaction.atomic():
            received: ReceivedSignal = ReceivedSignal.objects.create(
                tenant_id=stream.tenant_id,
                provider=stream.provider,
                digest=signal.digest,
                event=event_types.name_of(signal.uri),
                occurred_at=signal.occurred_at,
                issued_at=signal.issued_at,
                received_at=now,
            )
    except IntegrityError:
        return None
    return received


def _note_stream_event(stream: TransmitterStream, signal: Signal) -> Effect:
    """Note the verification that Ramp asked for, or a new state of the stream."""
    if signal.uri == event_types.VERIFICATION:
        state = signal.payload.get("state")
        if state is not None and state != stream.verification:
            return Effect.logged(
                "The state is not the one that Ramp sent. The stream is not verified."
            )
        stream.verification, stream.verified_at = "", timezone.now()
        stream.save(update_fields=["verification", "verified_at"])
        return Effect.logged("The stream is verified.")
    status = signal.payload.get("status")
    if status not in (stream.State.ENABLED, stream.State.PAUSED, stream.State.DISABLED):
        return Effect.logged("The transmitter reported a state that Ramp does not know.")
    reason = signal.payload.get("reason")
    stream.state = status
    stream.problem = readable(reason)[:500] if isinstance(reason, str) else ""
    stream.save(update_fields=["state", "problem"])
    return Effect.logged(f"The stream is {status} now.")
