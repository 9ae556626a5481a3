"""Sends a test event to an endpoint at once."""

from dataclasses import dataclass

from django.utils import timezone

from people.models import WebhookEndpoint
from people.net import circuit_breaker, safe_http
from people.net.safe_http import OutboundError
from people.operations.webhooks import messages
from people.operations.webhooks.sending import response_text
from people.secrets import SecretLost


@dataclass(frozen=True)
class Attempt:
    """What a server responded to a test event. Without a status, `problem` says what failed."""

    body: str
    status: int | None = None
    problem: str = ""
    response: str = ""

    @property
    def is_accepted(self) -> bool:
        return self.status is not None and 200 <= self.status < 300


def send_test(endpoint: WebhookEndpoint) -> Attempt:
    """Send a test event, also if the endpoint is paused. It is not in the delivery log."""
    now = timezone.now()
    body = messages.test_body(endpoint, now)
    # An administrator who has just repaired the server does not wait.
    circuit_breaker.reset(safe_http.origin(endpoint.url))
    try:
        answer = messages.post(endpoint, messages.test_id(endpoint, now), body, now=now)
    except (OutboundError, SecretLost) as error:
        return Attempt(body, problem=str(error))
    problem = "" if 200 <= answer.status < 300 else f"The server responded with {answer.status}."
    return Attempt(body, answer.status, problem, response_text(answer))
