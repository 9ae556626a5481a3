"""The examples in the OpenAPI schema. They tell of the same company as docs/api.md."""

from collections.abc import Callable
from typing import Any, Final

from drf_spectacular.utils import OpenApiExample, extend_schema_serializer

ADA: Final = "5f0c8a52-6d1e-4c39-9a55-0c1f5d6e7a01"
OLGA: Final = "9b2f4d10-3c77-4f2a-8e21-7a6b5c4d3e02"
CARD: Final = "7f0c1d2e-8a9b-4c3d-b4e5-f60718293a03"
FUND: Final = "2d4e6f80-1a3b-4c5d-8e7f-90a1b2c3d404"
AUTHORIZATION: Final = "c1d9e8f7-0a1b-4c2d-9e3f-4a5b6c7d8e05"

PERSON: Final = {
    "id": ADA,
    "external_id": "00u1a2b3c4",
    "given_name": "Ada",
    "family_name": "Lovelace",
    "email": "ada@example.com",
    "role": "BUSINESS_USER",
    "state": "active",
    "department": "Engineering",
    "location": "Rome",
    "manager": OLGA,
    "is_manager": False,
    "custom_roles": ["Auditor"],
    "custom_fields": {"cost_center": "K-12"},
    "deactivates_at": None,
    "deactivated_at": None,
    "terminated_at": None,
    "created_at": "2026-03-02T08:15:00Z",
    "changed_at": "2026-11-30T10:00:00Z",
}
CARD_OF_ADA: Final = {
    "id": CARD,
    "name": "Travel",
    "holder": ADA,
    "kind": "virtual",
    "last_four": "4242",
    "currency": "EUR",
    "monthly_limit": 100_000,
    "created_at": "2026-03-02T08:15:00Z",
    "ended_at": None,
}
FUND_OF_ADA: Final = {
    "id": FUND,
    "name": "Learning",
    "owner": ADA,
    "is_shared": False,
    "currency": "EUR",
    "balance": 100_000,
    "payment_limit": None,
    "created_at": "2026-03-02T08:15:00Z",
    "ended_at": None,
}
PURCHASE: Final = {"card": CARD, "amount": 1250, "currency": "EUR", "merchant": "Café Nero"}
DECISION: Final = {"id": AUTHORIZATION, "approved": True, "reason": "approved"}
DECISION_IN_FULL: Final = DECISION | {
    "card": CARD,
    "fund": None,
    "amount": 1250,
    "currency": "EUR",
    "merchant": "Café Nero",
    "decided_at": "2026-11-30T10:00:00Z",
}
TEAM_UPDATES: Final = {
    "pending_invites": 3,
    "inactive_people": 2,
    "sync_errors": 1,
    "same_person_questions": 0,
    "withheld_roles": 0,
}
ATTENTION: Final = {
    "total": 1,
    "is_exact": True,
    "items": [
        {
            "code": "sync-errors",
            "severity": "error",
            "count": 1,
            "text": "1 sync error",
            "since": "2026-11-30T10:00:00Z",
            "url": "https://ramp.example.com/people/updates/errors/",
        }
    ],
}
AUDIT_EVENT: Final = {
    "id": 1042,
    "at": "2026-11-30T10:00:00Z",
    "action": "person.deactivated",
    "actor": "person:olga@example.com",
    "actor_name": "Olga Owner",
    "actor_person": OLGA,
    "person": ADA,
    "person_name": "Ada Lovelace",
    "interface": "api",
    "ip": "192.0.2.7",
    "request_id": "0b8b3c7e-3a57-4b0f-9a55-6e0c7e2f4a10",
    "summary": "Olga Owner deactivated Ada Lovelace",
    "note": "Reason: She left.",
    "changes": [{"field": "state", "before": "Active", "after": "Inactive"}],
}


def shown_as(value: Any) -> Callable[[type[Any]], type[Any]]:
    """Show the value as the example of the serializer."""
    return extend_schema_serializer(examples=[OpenApiExample("Example", value=value)])
