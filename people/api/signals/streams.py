"""The configuration, the status and the verification of signal streams (SSF 1.0 section 8.1)."""

from typing import Any

from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from people.api.base import token_owner
from people.api.signals.base import MANAGING, SignalView, found, streams_of, token_of, valid
from people.api.signals.serializers import (
    OptionalStreamIdSerializer,
    ReceiverSuppliedSerializer,
    StatusSerializer,
    StreamIdSerializer,
    VerificationSerializer,
    configuration_of,
)
from people.models import SignalStream
from people.operations.signals import streams
from people.operations.signals.streams import Status, StreamSettings

# The members of a configuration that Ramp decides (SSF 1.0 section 8.1.1).
SUPPLIED = ("iss", "aud", "events_supported", "events_delivered", "min_verification_interval")


class StreamView(SignalView):
    scopes = dict.fromkeys(("GET", "POST", "PATCH", "PUT", "DELETE"), MANAGING)

    def get(self, request: Request, slug: str) -> Response:
        """Return one stream, or the list of those that the token manages."""
        chosen = valid(OptionalStreamIdSerializer, request.query_params.dict())
        if "stream_id" in chosen:
            return Response(configuration_of(found(request, chosen["stream_id"])))
        ordered = streams_of(request).order_by("endpoint__created_at", "pk")
        return Response([configuration_of(stream) for stream in ordered])

    def post(self, request: Request, slug: str) -> Response:
        values = valid(ReceiverSuppliedSerializer, request.data)
        person = token_owner(request)
        stream = streams.add_stream(
            person,
            _chosen(values),
            subject_format=values.get("format", SignalStream.SubjectFormat.EMAIL),
            token=token_of(request),
            actor=person.actor,
        )
        return Response(configuration_of(found(request, stream.pk)), status=201)

    def patch(self, request: Request, slug: str) -> Response:
        """Change what the body contains, and nothing else."""
        return self._update(request, keeps_rest=True)

    def put(self, request: Request, slug: str) -> Response:
        """Replace all that the receiver supplies. What the body does not contain is removed."""
        return self._update(request, keeps_rest=False)

    def delete(self, request: Request, slug: str) -> Response:
        stream = found(request, valid(StreamIdSerializer, request.query_params.dict())["stream_id"])
        streams.delete_stream(stream, actor=token_owner(request).actor)
        return Response(status=204)

    def _update(self, request: Request, *, keeps_rest: bool) -> Response:
        stream = found(request, valid(StreamIdSerializer, request.data)["stream_id"])
        values = valid(ReceiverSuppliedSerializer, request.data)
        assert isinstance(request.data, dict), "the serializers refuse anything else"
        # A receiver may repeat what Ramp supplies, but not change it.
        known = configuration_of(stream)
        wrong = {
            name: "Ramp supplies this value, and it differs."
            for name in SUPPLIED
            if name in request.data and request.data[name] != known[name]
        }
        if wrong:
            raise ValidationError(wrong)
        chosen = _chosen(values, stream if keeps_rest else None)
        if values.get("delivery", {}).get("method", stream.method) != stream.method:
            raise ValidationError({"delivery": "The delivery method of a stream cannot change."})
        if values.get("format", stream.subject_format) != stream.subject_format:
            raise ValidationError({"format": "The subject format of a stream cannot change."})
        streams.update_stream(stream, chosen, actor=token_owner(request).actor)
        return Response(configuration_of(found(request, stream.pk)))


class StatusView(SignalView):
    scopes = dict.fromkeys(("GET", "POST"), MANAGING)

    def get(self, request: Request, slug: str) -> Response:
        stream = found(request, valid(StreamIdSerializer, request.query_params.dict())["stream_id"])
        return Response(_status_of(stream))

    def post(self, request: Request, slug: str) -> Response:
        asked = valid(StatusSerializer, request.data)
        stream, status = found(request, asked["stream_id"]), Status(asked["status"])
        actor, reason = token_owner(request).actor, asked.get("reason", "")
        streams.set_status(stream, status, actor=actor, reason=reason, is_told=False)
        return Response(_status_of(found(request, stream.pk)))


class VerificationView(SignalView):
    scopes = {"POST": MANAGING}

    def post(self, request: Request, slug: str) -> Response:
        asked = valid(VerificationSerializer, request.data)
        streams.verify(found(request, asked["stream_id"]), state=asked.get("state"))
        return Response(status=204)


def _status_of(stream: SignalStream) -> dict[str, str]:
    because = stream.endpoint.paused_because
    values = {"stream_id": str(stream.pk), "status": stream.status.value}
    return values | ({"reason": because} if because else {})


def _chosen(values: dict[str, Any], present: SignalStream | None = None) -> StreamSettings:
    """Return the settings, of which those of the present stream fill what is missing."""
    delivery = values.get("delivery", {})
    is_push = delivery.get("method") == SignalStream.Method.PUSH
    url = delivery.get("endpoint_url", "") if is_push else ""
    authorization = delivery.get("authorization_header", "") if is_push else ""
    if present is None:
        return StreamSettings(
            url=url,
            description=values.get("description", ""),
            events_requested=values.get("events_requested", []),
            authorization=authorization,
        )
    return StreamSettings(
        url=url if "delivery" in values else present.endpoint.url,
        description=values.get("description", present.endpoint.description),
        events_requested=values.get("events_requested", present.events_requested),
        authorization=authorization if "authorization_header" in delivery else None,
    )
