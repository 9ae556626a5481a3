"""Scopes, expiry and format of API tokens."""

from datetime import timedelta
from typing import Any

import pytest
import time_machine
import yaml
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from people.api.urls import VIEWS
from people.models import ApiToken, Person, Scope
from people.operations import api_tokens
from people.operations.spend import cards_and_funds
from people.tokens import new_token, token_digest
from tests.clients import spend
from tests.clients.spend import Api
from tests.factories import core

pytestmark = pytest.mark.django_db

# Every operation, and the scopes of which a token needs one.
NEEDED = {
    ("GET", "people"): {"people:read"},
    ("GET", "people/<uuid:person_id>"): {"people:read"},
    ("POST", "people/<uuid:person_id>/deactivate"): {"people:manage"},
    ("POST", "people/<uuid:person_id>/reactivate"): {"people:manage"},
    ("GET", "team-updates"): {"people:read"},
    ("GET", "attention"): {"people:read"},
    ("GET", "audit-events"): {"audit:read"},
    ("GET", "events"): {"audit:read"},
    ("GET", "cards"): {"people:read", "spend:authorize"},
    ("GET", "cards/<uuid:card_id>"): {"people:read", "spend:authorize"},
    ("GET", "funds"): {"people:read", "spend:authorize"},
    ("GET", "funds/<uuid:fund_id>"): {"people:read", "spend:authorize"},
    ("GET", "authorizations"): {"spend:authorize"},
    ("POST", "authorizations"): {"spend:authorize"},
    ("GET", "authorizations/<uuid:authorization_id>"): {"spend:authorize"},
}
# The bodies of the operations that need one; `card_id` and the other ids are replaced.
BODIES: dict[tuple[str, str], dict[str, Any]] = {
    ("POST", "people/<uuid:person_id>/deactivate"): {"reason": "She left."},
    ("POST", "authorizations"): {
        "card": "{card_id}",
        "amount": 1000,
        "currency": "EUR",
        "merchant": "Café Nero",
    },
}


def asked(api: Api, method: str, address: str, ada: Person) -> Any:
    card = spend.card(ada)
    lunch = cards_and_funds.Purchase(amount=1, currency="EUR")
    ids = {
        "person_id": ada.pk,
        "card_id": card.pk,
        "fund_id": spend.fund(ada).pk,
        "authorization_id": cards_and_funds.authorize(card, lunch).pk,
    }
    path = address.replace("<uuid:", "{").replace(">", "}").format(**ids)
    if method == "GET":
        return api.get(path)
    body = {
        name: value.format(**ids) if isinstance(value, str) else value
        for name, value in BODIES.get((method, address), {}).items()
    }
    return api.post(path, body)


@pytest.mark.parametrize("scope", Scope.values)
@pytest.mark.parametrize(("method", "address"), NEEDED)
def test_token_reaches_only_operations_of_its_scope(
    owner: Person, ada: Person, scope: str, method: str, address: str
) -> None:
    answer = asked(Api(owner, scopes=[scope]), method, address, ada)

    if scope in NEEDED[method, address]:
        assert answer.status_code in (200, 201)
    else:
        assert answer.status_code == 403
        assert answer.json()["code"] == "insufficient-scope"
        assert any(needed in answer.json()["message"] for needed in NEEDED[method, address])
        ada.refresh_from_db()
        assert ada.is_active


def test_every_operation_of_the_schema_is_tested(db: None) -> None:
    schema = yaml.safe_load(Client().get("/api/v1/schema/").content)
    there = {
        (method.upper(), path.removeprefix("/api/v1/").replace("{", "<uuid:").replace("}", ">"))
        for path, item in schema["paths"].items()
        for method in item
    }

    assert there == set(NEEDED)
    for (method, address), scopes in NEEDED.items():
        path = f"/api/v1/{address.replace('<uuid:', '{').replace('>', '}')}"
        result = schema["paths"][path][method.lower()]["description"]
        assert all(f"`{scope}`" in result for scope in scopes)
    assert {address for _, address in there} == set(VIEWS)


def test_expired_token_gets_the_code_token_expired(api: Api) -> None:
    with time_machine.travel(timezone.now() + timedelta(days=89)):
        assert api.get("people").status_code == 200
    with time_machine.travel(timezone.now() + timedelta(days=90, seconds=1)):
        answer = api.get("people")

    assert (answer.status_code, answer.json()["code"]) == (401, "token-expired")
    assert "expired on" in answer.json()["message"]


@pytest.mark.parametrize(
    "settings", [{"days": 0}, {"days": 366}, {"scopes": []}, {"scopes": ["everything"]}], ids=str
)
def test_refuses_token_without_scope_or_beyond_a_year(
    owner: Person, settings: dict[str, Any]
) -> None:
    with pytest.raises(api_tokens.InvalidTokenSettings):
        api_tokens.create_api_token(
            owner, "Till", **{"scopes": Scope.values, **settings}, actor=owner.actor
        )

    assert not ApiToken.objects.exists()


def test_token_of_the_earlier_format_stays_valid(owner: Person) -> None:
    ApiToken.objects.create(
        tenant_id=owner.tenant_id,
        person=owner,
        name="Old",
        scopes=Scope.values,
        digest=token_digest("-old_token_that_begins_with_a_dash"),
        hint="dash",
        session_epoch=owner.session_epoch,
    )

    assert Api(owner, "-old_token_that_begins_with_a_dash").get("people").status_code == 200


def test_wrong_checksum_is_refused_without_a_query(owner: Person) -> None:
    damaged = new_token("api")[:-1] + "_"

    with CaptureQueriesContext(connection) as queries:
        assert Api(owner, damaged).get("people").status_code == 401

    assert not queries.captured_queries


def test_last_use_is_stored_once_a_minute(api: Api) -> None:
    api.get("people")
    first = ApiToken.objects.get().last_used_at
    assert first

    api.get("people")
    assert ApiToken.objects.get().last_used_at == first

    with time_machine.travel(timezone.now() + timedelta(seconds=61)):
        api.get("people")
    later = ApiToken.objects.get().last_used_at
    assert later
    assert later > first


def test_expired_token_does_not_store_its_last_use(api: Api) -> None:
    with time_machine.travel(timezone.now() + timedelta(days=91)):
        api.get("people")

    assert ApiToken.objects.get().last_used_at is None


def test_token_of_another_tenant_cannot_deactivate(owner: Person, ada: Person) -> None:
    with core.in_another_tenant():
        api = Api(core.owner(), scopes=["people:manage"])

    assert api.post(f"people/{ada.pk}/deactivate").status_code == 404
