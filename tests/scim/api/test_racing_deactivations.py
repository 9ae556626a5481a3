"""A provider deactivates and reactivates the same person many times from several clients."""

from random import Random

import pytest

from people.models import Event, Person, ScheduledTermination
from people.operations import people
from people.operations.spend import cards_and_funds
from people.operations.spend.cards_and_funds import Purchase
from tests.clients import spend
from tests.clients.scim import Provider
from tests.support.concurrency import Racers
from tests.support.offboarding_job import switch

pytestmark = pytest.mark.django_db(transaction=True)

FLIPS = 50
LUNCH = Purchase(amount=10, currency="EUR", merchant="Café Nero")
KINDS = Event.Kind


@pytest.mark.parametrize("racers", [4], indirect=True)
def test_person_card_and_schedule_are_consistent_afterwards(scim: Provider, racers: Racers) -> None:
    switch(45)
    scim_id = scim.add("ada")
    ada = Person.objects.get(email="ada@example.com")
    people.activate_person(ada, actor=ada.actor)
    card = spend.card(ada)

    def send_random_changes(seed: int) -> set[int]:
        wanted = Random(seed)  # noqa: S311  no secret
        answers = [scim.replace(scim_id, "active", wanted.random() < 0.5) for _ in range(FLIPS)]
        return {answer.status for answer in answers}

    assert (
        racers(*(lambda seed=seed: send_random_changes(seed) for seed in range(4))) == [{200}] * 4
    )

    ada.refresh_from_db()
    result = ada.events.filter(kind__in=[KINDS.PERSON_DEACTIVATED, KINDS.PERSON_REACTIVATED])
    kinds = list(result.order_by("pk").values_list("kind", flat=True))
    by_turns = [KINDS.PERSON_DEACTIVATED, KINDS.PERSON_REACTIVATED] * 2 * FLIPS
    assert kinds == by_turns[: len(kinds)]
    is_out = len(kinds) % 2 == 1
    assert ada.state == ("inactive" if is_out else "active")
    assert scim.read(scim_id)["active"] is not is_out
    assert ScheduledTermination.objects.filter(person=ada).exists() == is_out
    assert cards_and_funds.authorize(card, LUNCH).is_approved is not is_out
    assert ada.session_epoch >= kinds.count(KINDS.PERSON_DEACTIVATED)
