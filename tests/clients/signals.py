"""A receiver that manages its streams, and polls, with an API token."""

from collections.abc import Sequence
from typing import Any

from django.test import Client

from people.models import Person, Scope
from tests.clients.spend import Api

PUSH, POLL = "urn:ietf:rfc:8935", "urn:ietf:rfc:8936"


class ReceiverClient:
    """Finds the addresses in the metadata of the person's company, as receivers do."""

    def __init__(self, person: Person, scopes: Sequence[str] = (Scope.MANAGE_SIGNALS,)) -> None:
        self.client = Api(person, scopes=scopes).client
        self.slug = person.tenant.slug
        found = Client().get(f"/.well-known/ssf-configuration/signals/{self.slug}")
        self.metadata: dict[str, Any] = found.json()

    def ask(self, method: str, endpoint: str, body: Any = None, *, stream_id: object = None) -> Any:
        """Send a request to an endpoint of the metadata, or to a whole address."""
        address = self.metadata.get(f"{endpoint}_endpoint", endpoint)
        path = "/signals/" + address.partition("/signals/")[2]
        query = f"?stream_id={stream_id}" if stream_id else ""
        kind = {} if body is None else {"data": body, "content_type": "application/json"}
        return getattr(self.client, method)(path + query, **kind)

    def poll(self, url: str, **values: Any) -> dict[str, Any]:
        answer = self.ask("post", url, values)
        assert answer.status_code == 200
        found: dict[str, Any] = answer.json()
        return found

    def jwks(self) -> dict[str, Any]:
        found: dict[str, Any] = self.ask("get", self.metadata["jwks_uri"]).json()
        return found
