"""Signals that arrive at the same instant …"""

from functools import partial

import pytest
from django.test import Client

from people import tenancy
from people.models import Event, Person
from people.operations.people import deactivate_person
from provisioning.models import ReceivedSignal
from tests.clients.pages import signed_in
from tests.provisioning.shared_signals.conftest import REVOKED, Sender, choose
from tests.services.fake_openid import OpenIdProvider
from tests.services.signal_transmitter import RISC
from tests.support.concurrency import Racers
from tests.support.openid_flow import is_in, sign_in

pytestmark = pytest.mark.django_db(transaction=True)

ROUNDS = 5


@pytest.mark.parametrize("racers", [4], indirect=True)
def test_as_copies_are_applied_once(
    client: Client, ada: Person, sender: Sender, racers: Racers
) -> None:
    for number in range(1, ROUNDS + 1):
        claims = sender.claims()

        results = racers(*[partial(sender.push, claims)] * 4)

        assert results == [(202, {})] * 4
        with tenancy.use(ada.tenant):
            assert ReceivedSignal.objects.count() == number
            ended = Event.objects.filter(kind=Event.Kind.SESSIONS_ENDED, person=ada)
            assert ended.count() == number
    assert not is_in(client)


@pytest.mark.parametrize("racers", [4], indirect=True)
def test_about_one_person_are_all_applied(ada: Person, sender: Sender, racers: Racers) -> None:
    for _ in range(ROUNDS):
        assert racers(*[partial(sender.send, REVOKED)] * 4) == [(202, {})] * 4

    with tenancy.use(ada.tenant):
        assert ReceivedSignal.objects.count() == 4 * ROUNDS


@pytest.mark.parametrize("racers", [2], indirect=True)
def test_never_deactivate_the_last_two_owners_together(
    olga: Person, page: str, sender: Sender, openid: OpenIdProvider, racers: Racers
) -> None:
    choose(signed_in(olga), page, **{"account-disabled": "deactivate"})
    for name in ("one", "two"):
        openid.user = {**openid.user, "sub": name, "email": f"{name}@acme.example"}
        sign_in(Client(), sender.provider, openid)
    with tenancy.use(olga.tenant):
        owners = Person.objects.filter(email__in=["one@acme.example", "two@acme.example"])
        owners.update(role=Person.Role.OWNER)
        # Whoever set it up keeps the rank, and is not one of the active Owners any more.
        deactivate_person(olga, actor=olga.actor)

    results = racers(
        *[
            partial(sender.about, sender.subject | {"sub": name}, f"{RISC}account-disabled")
            for name in ("one", "two")
        ]
    )

    assert results == [(202, {})] * 2
    with tenancy.use(olga.tenant):
        assert Person.objects.active_owners().count() == 1
