"""Authorizing purchases by card or from a fund."""

from contextlib import closing
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import pytest
import time_machine
from django.db import connection

from people.models import Authorization, Person
from people.operations import people
from people.operations.spend import cards_and_funds
from people.values import Actor
from tests.clients import spend
from tests.clients.spend import Api
from tests.factories import core

pytestmark = pytest.mark.django_db

OKTA = Actor("scim", "okta")


def reason_of(answer: Any) -> str:
    """Return the reason of the response, after a check that the row has the same."""
    assert answer.status_code == 201, answer.content
    content = answer.json()
    row = Authorization.objects.get(pk=UUID(content["id"]))
    assert (row.is_approved, row.reason) == (content["approved"], content["reason"])
    assert row.is_approved == (row.reason == "approved")
    return str(content["reason"])


def test_approved_while_the_holder_is_active(api: Api, ada: Person) -> None:
    card = spend.card(ada)

    assert reason_of(api.authorize(card=card.pk)) == "approved"

    row = Authorization.objects.get()
    assert (row.card, row.amount, row.merchant) == (card, 1000, "Café Nero")


@pytest.mark.parametrize("state", ["invited", "inactive", "terminated"])
def test_declined_while_the_holder_is_not_active(api: Api, state: str) -> None:
    person = core.person(state=state)
    card, fund = spend.card(person), spend.fund(person)

    assert reason_of(api.authorize(card=card.pk)) == "holder-inactive"
    assert reason_of(api.authorize(fund=fund.pk)) == "holder-inactive"
    fund.refresh_from_db()
    assert fund.balance == 100_000


def test_declined_between_deactivation_and_reactivation(api: Api, ada: Person) -> None:
    card = spend.card(ada)

    people.deactivate_person(ada, actor=OKTA)
    assert reason_of(api.authorize(card=card.pk)) == "holder-inactive"
    people.reactivate_person(ada, actor=OKTA)

    assert reason_of(api.authorize(card=card.pk)) == "approved"


def test_declined_after_the_card_or_fund_has_ended(api: Api, ada: Person, owner: Person) -> None:
    card, fund = spend.card(ada), spend.fund(ada)
    for held in (card, fund):
        cards_and_funds.close_instrument(held, actor=owner.actor)

    assert reason_of(api.authorize(card=card.pk)) == "ended"
    assert reason_of(api.authorize(fund=fund.pk)) == "ended"


def test_declined_in_another_currency(api: Api, ada: Person) -> None:
    assert reason_of(api.authorize(card=spend.card(ada).pk, currency="USD")) == "currency"


def test_declined_above_the_monthly_limit_of_the_card(api: Api, ada: Person) -> None:
    card = spend.card(ada, monthly_limit=1500)

    assert reason_of(api.authorize(card=card.pk, amount=1000)) == "approved"
    assert reason_of(api.authorize(card=card.pk, amount=501)) == "limit"
    assert reason_of(api.authorize(card=card.pk, amount=500)) == "approved"
    assert reason_of(api.authorize(card=card.pk, amount=1)) == "limit"


def test_monthly_limit_resets_at_the_start_of_the_month_in_utc(api: Api, ada: Person) -> None:
    card = spend.card(ada, monthly_limit=1000)

    with time_machine.travel(datetime(2026, 11, 30, 23, 59, 59, tzinfo=UTC), tick=False):
        assert reason_of(api.authorize(card=card.pk, amount=1000)) == "approved"
        assert reason_of(api.authorize(card=card.pk, amount=1)) == "limit"
    with time_machine.travel(datetime(2026, 12, 1, tzinfo=UTC), tick=False):
        assert reason_of(api.authorize(card=card.pk, amount=1000)) == "approved"


def test_amount_is_deducted_from_the_fund(api: Api, ada: Person) -> None:
    fund = spend.fund(ada, balance=1500)

    assert reason_of(api.authorize(fund=fund.pk, amount=1000)) == "approved"
    assert reason_of(api.authorize(fund=fund.pk, amount=501)) == "balance"

    fund.refresh_from_db()
    assert fund.balance == 500


def test_declined_above_the_payment_limit_of_the_fund(api: Api, ada: Person) -> None:
    fund = spend.fund(ada, payment_limit=999)

    assert reason_of(api.authorize(fund=fund.pk, amount=1000)) == "limit"
    assert reason_of(api.authorize(fund=fund.pk, amount=999)) == "approved"


def test_current_holder_of_the_card_decides(api: Api, ada: Person) -> None:
    card = spend.card(core.person(state=Person.State.TERMINATED))
    card.holder = ada
    card.save()

    assert reason_of(api.authorize(card=card.pk)) == "approved"


@pytest.mark.django_db(transaction=True)
def test_answers_503_while_the_person_is_locked(api: Api, ada: Person) -> None:
    card = spend.card(ada)
    other = connection.copy()
    with closing(other), connection.cursor() as cursor:
        other.set_autocommit(False)
        other.cursor().execute("SELECT FROM people_person WHERE id = %s FOR UPDATE", [ada.pk])
        cursor.execute("SET lock_timeout = '50ms'")

        answer = api.authorize(card=card.pk)

        cursor.execute("RESET lock_timeout")
        other.rollback()
    assert (answer.status_code, answer["Retry-After"]) == (503, "1")
    assert answer.json()["code"] == "unavailable"
    assert not Authorization.objects.exists()
    assert reason_of(api.authorize(card=card.pk)) == "approved"


@pytest.mark.parametrize("kind", ["card", "fund"])
def test_card_or_fund_of_another_tenant_is_not_found(api: Api, kind: str) -> None:
    with core.in_another_tenant():
        foreign = getattr(spend, kind)(core.person())

    for pk in (foreign.pk, uuid4()):
        answer = api.authorize(**{kind: pk})
        assert answer.status_code == 404
        assert answer.json()["code"] == "not-found"
    assert not Authorization.objects.exists()


@pytest.mark.parametrize("amount", [0, -1, 1.5, 10.0, "1000", "ten", True, None, [], 2**63, 10**30])
def test_refuses_invalid_amount(api: Api, ada: Person, amount: object) -> None:
    answer = api.authorize(card=spend.card(ada).pk, amount=amount)

    assert answer.status_code == 400
    assert answer.json()["code"] == "invalid"
    assert list(answer.json()["fields"]) == ["amount"]
    assert answer.json()["message"].startswith("amount: ")
    assert not Authorization.objects.exists()


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"currency": "euro"}, "currency"),
        ({"currency": "eur"}, "currency"),
        ({"merchant": "x" * 201}, "merchant"),
        ({"merchant": "a\0b"}, "merchant"),
        ({"merchant": ""}, "merchant"),
        ({"card": "4242"}, "card"),
        ({"card": 5}, "card"),
        ({"card": True}, "card"),
        ({"card": None}, "card"),
        ({"card": []}, "card"),
        ({"merchant": 5}, "merchant"),
        ({"merchant": None}, "merchant"),
        ({"currency": 978}, "currency"),
        ({"fund": uuid4()}, "body"),
    ],
)
def test_error_names_the_invalid_field(
    api: Api, ada: Person, values: dict[str, Any], field: str
) -> None:
    answer = api.authorize(**{"card": spend.card(ada).pk} | values)

    assert answer.status_code == 400
    assert list(answer.json()["fields"]) == [field]


@pytest.mark.parametrize(
    "body", ["[]", "12", "null", "{", '{"amount": NaN}', "\ud800", "", "\ufeff{}"]
)
def test_invalid_json_has_code_and_message(api: Api, body: str) -> None:
    answer = api.client.post(
        "/api/v1/authorizations",
        body.encode(errors="surrogatepass"),
        content_type="application/json",
    )

    assert answer.status_code == 400
    assert set(answer.json()) >= {"code", "message"}


def test_refuses_a_duplicate_key_in_the_json(api: Api, ada: Person) -> None:
    body = f'{{"card": "{spend.card(ada).pk}", "amount": 1, "amount": 9000, "currency": "EUR"}}'

    answer = api.client.post("/api/v1/authorizations", body, content_type="application/json")

    assert (answer.status_code, answer.json()["code"]) == (400, "parse-error")
    assert "duplicate key “amount”" in answer.json()["message"]
    assert not Authorization.objects.exists()
