"""A purchase by card or from a fund …"""

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
    """Return the reason, after seeing that the row says the same."""
    assert answer.status_code == 201, answer.content
    said = answer.json()
    row = Authorization.objects.get(pk=UUID(said["id"]))
    assert (row.is_approved, row.reason) == (said["approved"], said["reason"])
    assert row.is_approved == (row.reason == "approved")
    return str(said["reason"])


def test_is_approved_while_the_holder_is_active(api: Api, ada: Person) -> None:
    card = spend.card(ada)

    assert reason_of(api.authorize(card=card.pk)) == "approved"

    row = Authorization.objects.get()
    assert (row.card, row.amount, row.merchant) == (card, 1000, "Café Nero")


@pytest.mark.parametrize("state", ["invited", "inactive", "terminated"])
def test_is_declined_while_the_holder_is_not_active(api: Api, state: str) -> None:
    person = core.person(state=state)
    card, fund = spend.card(person), spend.fund(person)

    assert reason_of(api.authorize(card=card.pk)) == "holder-inactive"
    assert reason_of(api.authorize(fund=fund.pk)) == "holder-inactive"
    fund.refresh_from_db()
    assert fund.balance == 100_000


def test_is_declined_from_the_deactivation_to_the_reactivation(api: Api, ada: Person) -> None:
    card = spend.card(ada)

    people.deactivate_person(ada, actor=OKTA)
    assert reason_of(api.authorize(card=card.pk)) == "holder-inactive"
    people.reactivate_person(ada, actor=OKTA)

    assert reason_of(api.authorize(card=card.pk)) == "approved"


def test_is_declined_once_the_card_or_fund_has_ended(api: Api, ada: Person, owner: Person) -> None:
    card, fund = spend.card(ada), spend.fund(ada)
    for held in (card, fund):
        cards_and_funds.close_instrument(held, actor=owner.actor)

    assert reason_of(api.authorize(card=card.pk)) == "ended"
    assert reason_of(api.authorize(fund=fund.pk)) == "ended"


def test_is_declined_in_another_currency(api: Api, ada: Person) -> None:
    assert reason_of(api.authorize(card=spend.card(ada).pk, currency="USD")) == "currency"


def test_is_declined_over_what_the_card_allows_a_month(api: Api, ada: Person) -> None:
    card = spend.card(ada, monthly_limit=1500)

    assert reason_of(api.authorize(card=card.pk, amount=1000)) == "approved"
    assert reason_of(api.authorize(card=card.pk, amount=501)) == "limit"
    assert reason_of(api.authorize(card=card.pk, amount=500)) == "approved"
    assert reason_of(api.authorize(card=card.pk, amount=1)) == "limit"


def test_finds_the_limit_whole_when_the_month_begins_in_utc(api: Api, ada: Person) -> None:
    card = spend.card(ada, monthly_limit=1000)

    with time_machine.travel(datetime(2026, 11, 30, 23, 59, 59, tzinfo=UTC), tick=False):
        assert reason_of(api.authorize(card=card.pk, amount=1000)) == "approved"
        assert reason_of(api.authorize(card=card.pk, amount=1)) == "limit"
    with time_machine.travel(datetime(2026, 12, 1, tzinfo=UTC), tick=False):
        assert reason_of(api.authorize(card=card.pk, amount=1000)) == "approved"


def test_is_taken_off_the_funds_balance(api: Api, ada: Person) -> None:
    fund = spend.fund(ada, balance=1500)

    assert reason_of(api.authorize(fund=fund.pk, amount=1000)) == "approved"
    assert reason_of(api.authorize(fund=fund.pk, amount=501)) == "balance"

    fund.refresh_from_db()
    assert fund.balance == 500


def test_is_declined_over_the_funds_limit_for_one_payment(api: Api, ada: Person) -> None:
    fund = spend.fund(ada, payment_limit=999)

    assert reason_of(api.authorize(fund=fund.pk, amount=1000)) == "limit"
    assert reason_of(api.authorize(fund=fund.pk, amount=999)) == "approved"


def test_asks_about_whoever_holds_the_card_now(api: Api, ada: Person) -> None:
    card = spend.card(core.person(state=Person.State.TERMINATED))
    card.holder = ada
    card.save()

    assert reason_of(api.authorize(card=card.pk)) == "approved"


@pytest.mark.django_db(transaction=True)
def test_is_put_off_while_somebody_else_holds_the_person(api: Api, ada: Person) -> None:
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
def test_by_a_card_that_nobody_here_has_is_not_found(api: Api, kind: str) -> None:
    with core.in_another_tenant():
        foreign = getattr(spend, kind)(core.person())

    for pk in (foreign.pk, uuid4()):
        answer = api.authorize(**{kind: pk})
        assert answer.status_code == 404
        assert answer.json()["code"] == "not-found"
    assert not Authorization.objects.exists()


@pytest.mark.parametrize("amount", [0, -1, 1.5, 10.0, "1000", "ten", True, None, [], 2**63, 10**30])
def test_takes_a_whole_amount_above_zero(api: Api, ada: Person, amount: object) -> None:
    answer = api.authorize(card=spend.card(ada).pk, amount=amount)

    assert answer.status_code == 400
    assert answer.json()["code"] == "invalid"
    assert list(answer.json()["fields"]) == ["amount"]
    assert answer.json()["message"].startswith("amount: ")
    assert not Authorization.objects.exists()


@pytest.mark.parametrize(
    ("said", "field"),
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
def test_names_the_field_that_is_wrong(
    api: Api, ada: Person, said: dict[str, Any], field: str
) -> None:
    answer = api.authorize(**{"card": spend.card(ada).pk} | said)

    assert answer.status_code == 400
    assert list(answer.json()["fields"]) == [field]


@pytest.mark.parametrize(
    "body", ["[]", "12", "null", "{", '{"amount": NaN}', "\ud800", "", "\ufeff{}"]
)
def test_that_is_no_json_object_is_refused_in_the_same_shape(api: Api, body: str) -> None:
    answer = api.client.post(
        "/api/v1/authorizations",
        body.encode(errors="surrogatepass"),
        content_type="application/json",
    )

    assert answer.status_code == 400
    assert set(answer.json()) >= {"code", "message"}


def test_that_says_two_amounts_is_refused(api: Api, ada: Person) -> None:
    body = f'{{"card": "{spend.card(ada).pk}", "amount": 1, "amount": 9000, "currency": "EUR"}}'

    answer = api.client.post("/api/v1/authorizations", body, content_type="application/json")

    assert (answer.status_code, answer.json()["code"]) == (400, "parse-error")
    assert "duplicate key “amount”" in answer.json()["message"]
    assert not Authorization.objects.exists()
