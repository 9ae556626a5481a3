"""Polling for security events (RFC 8936)."""

from uuid import UUID

from rest_framework.request import Request
from rest_framework.response import Response

from people.api.signals.base import MANAGING, SignalView, found, valid
from people.api.signals.serializers import PollSerializer
from people.operations.signals.polling import MOST_EVENTS, PollRequest, poll


class Poll(SignalView):
    scopes = {"POST": MANAGING}

    def post(self, request: Request, slug: str, stream_id: UUID) -> Response:
        asked = valid(PollSerializer, request.data)
        errors = {
            jti: ": ".join(filter(None, (one["err"], one.get("description", ""))))
            for jti, one in asked.get("setErrs", {}).items()
        }
        answer = poll(
            found(request, stream_id),
            PollRequest(
                acknowledged=asked.get("ack", ()),
                errors=errors,
                limit=asked.get("maxEvents", MOST_EVENTS),
            ),
        )
        return Response({"sets": answer.tokens, "moreAvailable": answer.has_more})
