"""Cards and funds as rows, and what programs say to the API about them."""

from collections.abc import Sequence
from typing import Any

from django.test import Client

from people.models import Card, Fund, Person, Scope
from people.operations import api_tokens


def card(holder: Person, **fields: Any) -> Card:
    """Make a virtual card of 1,000.00 EUR a month."""
    usual = {
        "tenant_id": holder.tenant_id,
        "name": "Travel",
        "holder": holder,
        "kind": Card.Kind.VIRTUAL,
        "currency": "EUR",
        "last_four": "4242",
        "monthly_limit": 100_000,
    }
    return Card.objects.create(**usual | fields)


def fund(owner: Person, **fields: Any) -> Fund:
    """Make a fund of 1,000.00 EUR."""
    usual = {
        "tenant_id": owner.tenant_id,
        "name": "Learning",
        "owner": owner,
        "currency": "EUR",
        "balance": 100_000,
    }
    return Fund.objects.create(**usual | fields)


class Api:
    """A program that bears a token of the person's."""

    def __init__(
        self, person: Person, token: str = "", scopes: Sequence[str] = tuple(Scope)
    ) -> None:
        self.token = token or api_tokens.create_api_token(
            person, "Tests", scopes=scopes, actor=person.actor
        )
        self.client = Client(headers={"authorization": f"Bearer {self.token}"})

    def get(self, address: str, **query: Any) -> Any:
        return self.client.get(f"/api/v1/{address}", query)

    def post(self, address: str, body: Any = None) -> Any:
        return self.client.post(f"/api/v1/{address}", body or {}, content_type="application/json")

    def authorize(self, **values: Any) -> Any:
        usual = {"amount": 1000, "currency": "EUR", "merchant": "Café Nero"}
        values = {
            name: str(value) if name in ("card", "fund") else value
            for name, value in values.items()
        }
        return self.post("authorizations", usual | values)
