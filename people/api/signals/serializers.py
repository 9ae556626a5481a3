"""The bodies of the stream management API (SSF 1.0 section 8) and of polling (RFC 8936)."""

from typing import Any

from rest_framework import serializers

from people.api.serializers import NOT_BLANK
from people.models import SignalStream
from people.operations.signals import metadata
from people.operations.signals.event_types import SignalType
from people.operations.signals.security_events import events_delivered
from people.operations.signals.streams import VERIFICATION_INTERVAL

Method = SignalStream.Method
SubjectFormat = SignalStream.SubjectFormat
Values = dict[str, Any]
# A receiver may request types that Ramp does not know.
MOST_REQUESTED = 100


def configuration_of(stream: SignalStream) -> Values:
    """Return the configuration of the stream, as receivers see it."""
    url = stream.endpoint.url if stream.is_push else metadata.poll_url(stream)
    values: Values = {
        "stream_id": str(stream.pk),
        "iss": metadata.issuer_of(stream.tenant),
        "aud": stream.audience,
        "events_supported": list(SignalType.values),
        "events_requested": stream.events_requested,
        "events_delivered": events_delivered(stream),
        "format": stream.subject_format,
        "delivery": {"method": stream.method, "endpoint_url": url},
        "min_verification_interval": VERIFICATION_INTERVAL.seconds,
    }
    return values | ({"description": text} if (text := stream.endpoint.description) else {})


class DeliverySerializer(serializers.Serializer[Any]):
    method = serializers.ChoiceField(Method.choices)
    endpoint_url = serializers.CharField(max_length=500, required=False)
    authorization_header = serializers.CharField(max_length=2000, required=False)

    def validate(self, attrs: Values) -> Values:
        if attrs["method"] == Method.PUSH and not attrs.get("endpoint_url"):
            raise serializers.ValidationError({"endpoint_url": "Push needs the receiver's URL."})
        return attrs


class ReceiverSuppliedSerializer(serializers.Serializer[Any]):
    """What a receiver chooses. Without `delivery`, a new stream is polled."""

    delivery = DeliverySerializer(required=False)
    events_requested = serializers.ListField(
        child=serializers.CharField(max_length=200), max_length=MOST_REQUESTED, required=False
    )
    description = serializers.CharField(max_length=100, required=False, allow_blank=True)
    # Of the drafts of the framework; version 1.0 has no other way to ask for a subject identifier.
    format = serializers.ChoiceField(SubjectFormat.choices, required=False)


class StreamIdSerializer(serializers.Serializer[Any]):
    stream_id = serializers.UUIDField()


class OptionalStreamIdSerializer(serializers.Serializer[Any]):
    stream_id = serializers.UUIDField(required=False)


class StatusSerializer(StreamIdSerializer):
    status = serializers.ChoiceField(SignalStream.Status.choices)
    reason = serializers.CharField(max_length=200, required=False, allow_blank=True)


class VerificationSerializer(StreamIdSerializer):
    state = serializers.CharField(max_length=1000, required=False, allow_blank=True)


class SetErrorSerializer(serializers.Serializer[Any]):
    err = serializers.CharField(max_length=100, validators=[NOT_BLANK])
    description = serializers.CharField(max_length=500, required=False, allow_blank=True)


class PollSerializer(serializers.Serializer[Any]):
    # N815: the names are those of RFC 8936.
    maxEvents = serializers.IntegerField(min_value=0, required=False)  # noqa: N815
    # Accepted, and always treated as true: a waiting request would occupy a web process.
    returnImmediately = serializers.BooleanField(required=False)  # noqa: N815
    ack = serializers.ListField(
        child=serializers.CharField(max_length=64), max_length=1000, required=False
    )
    setErrs = serializers.DictField(child=SetErrorSerializer(), required=False)  # noqa: N815
