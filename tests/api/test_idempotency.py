"""Idempotency keys of purchases."""

from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
import time_machine
from django.conf import settings
from django.core.management import call_command
from django.utils import timezone

from people.models import Authorization, IdempotencyKey, Person, Scope
from people.operations import people
from people.tasks import forget_idempotency_keys
from tests.clients import spend
from tests.clients.spend import Api
from tests.factories import core
from tests.support.concurrency import Racers

pytestmark = pytest.mark.django_db


def authorize(api: Api, key: str | None, **values: Any) -> Any:
    body = {"amount": 1000, "currency": "EUR", "merchant": "Café Nero"} | {
        name: str(value) if name in ("card", "fund") else value for name, value in values.items()
    }
    headers = {} if key is None else {"idempotency-key": key}
    return api.client.post(
        "/api/v1/authorizations", body, content_type="application/json", headers=headers
    )


def test_repeated_request_is_decided_once_and_gets_the_same_response(api: Api, ada: Person) -> None:
    fund = spend.fund(ada)

    first = authorize(api, "lunch-1", fund=fund.pk)
    again = authorize(api, "lunch-1", fund=fund.pk)

    assert (first.status_code, first.json()) == (again.status_code, again.json())
    assert "Idempotent-Replayed" not in first
    assert again["Idempotent-Replayed"] == "true"
    assert Authorization.objects.count() == 1
    fund.refresh_from_db()
    assert fund.balance == 99_000


def test_repeated_request_gets_the_same_response_after_deactivation(
    api: Api, ada: Person, owner: Person
) -> None:
    card = spend.card(ada)
    first = authorize(api, "lunch-1", card=card.pk)
    people.deactivate_person(ada, actor=owner.actor)

    assert authorize(api, "lunch-1", card=card.pk).json() == first.json()
    assert authorize(api, "lunch-2", card=card.pk).json()["reason"] == "holder-inactive"


def test_repeated_declined_request_stays_declined(api: Api, ada: Person) -> None:
    card = spend.card(ada, monthly_limit=500)
    first = authorize(api, "lunch-1", card=card.pk)
    card.monthly_limit = 5000
    card.save()

    assert first.json()["reason"] == "limit"
    assert authorize(api, "lunch-1", card=card.pk).json() == first.json()


@pytest.mark.parametrize(
    "other", [{"amount": 1001}, {"currency": "USD"}, {"merchant": "Elsewhere"}], ids=str
)
def test_same_key_for_another_purchase_is_refused(
    api: Api, ada: Person, other: dict[str, Any]
) -> None:
    card = spend.card(ada)
    authorize(api, "lunch-1", card=card.pk)

    answer = authorize(api, "lunch-1", card=card.pk, **other)

    assert (answer.status_code, answer.json()["code"]) == (409, "idempotency-key-reused")
    assert Authorization.objects.count() == 1


def test_same_key_for_another_card_is_refused(api: Api, ada: Person) -> None:
    authorize(api, "lunch-1", card=spend.card(ada).pk)

    assert authorize(api, "lunch-1", card=spend.card(ada).pk).status_code == 409


@pytest.mark.parametrize("key", ["", " ", "with space", "x" * 256, "é"])
def test_invalid_key_is_refused(api: Api, ada: Person, key: str) -> None:
    answer = authorize(api, key, card=spend.card(ada).pk)

    assert answer.status_code == 400
    assert list(answer.json()["fields"]) == ["Idempotency-Key"]
    assert not Authorization.objects.exists()


def test_requests_without_a_key_are_separate_purchases(api: Api, ada: Person) -> None:
    card = spend.card(ada)
    authorize(api, None, card=card.pk)
    authorize(api, None, card=card.pk)

    assert Authorization.objects.count() == 2


def test_same_key_of_another_token_is_a_separate_purchase(
    api: Api, ada: Person, owner: Person
) -> None:
    card = spend.card(ada)
    for program in (api, Api(owner)):
        assert "Idempotent-Replayed" not in authorize(program, "lunch-1", card=card.pk)


def test_key_of_an_invalid_request_can_be_reused(api: Api, ada: Person) -> None:
    card = spend.card(ada)
    assert authorize(api, "lunch-1", card=card.pk, amount=0).status_code == 400

    assert authorize(api, "lunch-1", card=card.pk).status_code == 201


@pytest.mark.parametrize("hours", [23, 25])
def test_key_is_kept_for_24_hours(api: Api, ada: Person, hours: int) -> None:
    card = spend.card(ada)
    authorize(api, "lunch-1", card=card.pk)

    with time_machine.travel(timezone.now() + timedelta(hours=hours)):
        forget_idempotency_keys()
        again = authorize(api, "lunch-1", card=card.pk)

    assert ("Idempotent-Replayed" in again) == (hours < 24)
    assert Authorization.objects.count() == (1 if hours < 24 else 2)


def test_celery_beat_deletes_old_keys() -> None:
    scheduled = {one["task"] for one in settings.CELERY_BEAT_SCHEDULE.values()}

    assert forget_idempotency_keys.name in scheduled


def test_run_due_deletes_old_keys(api: Api, ada: Person) -> None:
    authorize(api, "lunch-1", card=spend.card(ada).pk)
    instant = timezone.now() + timedelta(hours=25)

    call_command("run_due", "--as-of", instant.isoformat(), stdout=StringIO())

    assert not IdempotencyKey.objects.exists()
    assert Authorization.objects.count() == 1


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("racers", [8], indirect=True)
def test_simultaneous_requests_with_one_key_are_decided_once(
    api: Api, ada: Person, racers: Racers
) -> None:
    fund = spend.fund(ada)
    for number in range(10):
        programs = [Api(ada, api.token) for _ in range(8)]
        key = f"lunch-{number}"
        answers = racers(
            *(lambda one=one, key=key: authorize(one, key, fund=fund.pk) for one in programs)
        )

        assert {answer.status_code for answer in answers} == {201}
        assert len({answer.json()["id"] for answer in answers}) == 1
        assert sum("Idempotent-Replayed" in answer for answer in answers) == 7

    assert Authorization.objects.count() == IdempotencyKey.objects.count() == 10
    fund.refresh_from_db()
    assert fund.balance == 90_000


class TestListingAuthorizations:
    def test_newest_authorization_comes_first(self, api: Api, ada: Person) -> None:
        card = spend.card(ada)
        made = [authorize(api, None, card=card.pk, amount=n).json()["id"] for n in range(1, 6)]

        first = api.get("authorizations", page_size="3").json()
        second = api.client.get(first["next"]).json()

        listed = [one["id"] for one in first["results"] + second["results"]]
        assert listed == made[::-1]

    def test_authorization_has_request_and_decision(self, api: Api, ada: Person) -> None:
        card = spend.card(ada)
        answer = authorize(api, "lunch-1", card=card.pk).json()

        content = api.get(f"authorizations/{answer['id']}").json()

        assert content["decided_at"]
        del content["decided_at"]
        assert content == answer | {
            "card": str(card.pk),
            "fund": None,
            "amount": 1000,
            "currency": "EUR",
            "merchant": "Café Nero",
        }

    def test_authorizations_of_another_tenant_are_not_found(self, api: Api) -> None:
        with core.in_another_tenant():
            other = Api(core.owner(), scopes=[Scope.AUTHORIZE_SPEND])
            made = authorize(other, None, card=spend.card(core.person()).pk).json()["id"]

        assert api.get(f"authorizations/{made}").status_code == 404
        assert not api.get("authorizations").json()["results"]
