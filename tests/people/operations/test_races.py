"""Concurrent changes of people."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from itertools import cycle, islice, product
from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone

from people import events, hooks
from people.models import Department, Event, Location, Person, SecondFactor, Tenant
from people.operations import managers, people, people_update, person_fields, second_factors
from people.operations.invites import lifecycle
from people.operations.roles import base_roles
from people.values import Actor, Profile
from tests.factories import core
from tests.support import event_subscribers
from tests.support.concurrency import Racers

pytestmark = pytest.mark.django_db(transaction=True)

OKTA = Actor("scim", "okta")
ROUNDS = 40


def of(number: int) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("racers", [number], indirect=True)


def bob(**values: Any) -> Profile:
    usual = {"given_name": "Bob", "family_name": "Babbage", "email": f"b{core.number()}@x.test"}
    return Profile(**usual | values)


class TestManagers:
    @pytest.mark.parametrize("racers", [2, 3], ids=["pairs", "triangles"], indirect=True)
    def test_never_become_circular(self, tenant: Tenant, racers: Racers) -> None:
        for _ in range(ROUNDS):
            ring = [core.person() for _ in range(racers.number)]
            bosses = [*ring[1:], ring[0]]
            assign = partial(people_update.assign_manager, actor=OKTA)

            results = racers(*map(partial(partial, assign), ring, bosses))

            refused = [answer for answer in results if answer is not True]
            assert [type(refusal) for refusal in refused] == [managers.CircularManager]
            chosen = Person.objects.filter(pk__in=[person.pk for person in ring])
            assert chosen.filter(manager=None).count() == 1


class TestLastAdministrators:
    @staticmethod
    def deactivate(person: Person) -> bool:
        return people.deactivate_person(person, actor=OKTA)

    @staticmethod
    def demote(person: Person) -> bool:
        profile = replace(person.profile, role=Person.Role.CARDHOLDER)
        return people_update.revise_person(person, profile, actor=OKTA)

    WAYS = (deactivate, demote)

    @of(2)
    @pytest.mark.parametrize(
        ("build", "refusal"),
        [
            (core.administrator, base_roles.LastAdministrator),
            (core.owner, base_roles.LastOwner),
        ],
    )
    def test_cannot_remove_each_other(
        self,
        tenant: Tenant,
        racers: Racers,
        build: Callable[[], Person],
        refusal: type[Exception],
    ) -> None:
        for one, other in islice(cycle(product(self.WAYS, repeat=2)), ROUNDS):
            Person.objects.update(role=Person.Role.CARDHOLDER)

            results = racers(partial(one, build()), partial(other, build()))

            assert {type(answer) for answer in results} == {bool, refusal}
            assert Person.objects.active_administrators().count() == 1

    @of(2)
    def test_do_not_deadlock(self, owner: Person, racers: Racers) -> None:
        """One request sets role and manager, the other sets the manager and deactivates."""
        for _ in range(ROUNDS // 2):
            boss, one, other = core.person(), core.administrator(), core.administrator()

            def promote(one: Person = one, boss: Person = boss) -> bool:
                profile = replace(one.profile, role=Person.Role.IT_ADMIN)
                return people_update.revise_person(one, profile, actor=OKTA, manager=boss)

            @transaction.atomic
            def move_and_deactivate(other: Person = other, boss: Person = boss) -> bool:
                people_update.assign_manager(other, boss, actor=OKTA)
                return self.deactivate(other)

            assert racers(promote, move_and_deactivate) == [True, True]


class TestNewPeople:
    @of(20)
    def test_get_the_same_address_only_once(self, tenant: Tenant, racers: Racers) -> None:
        spellings = islice(cycle(["ada@x.test", "ADA@x.test", "Ada@X.test"]), racers.number)
        add = partial(people.add_person, actor=OKTA)

        results = racers(*[partial(add, bob(email=email)) for email in spellings])

        kinds = [type(answer) for answer in results]
        assert (kinds.count(Person), kinds.count(person_fields.DuplicateEmail)) == (1, 19)
        assert Person.objects.get().invites.count() == 1

    @of(8)
    def test_share_a_new_department_and_a_new_location(
        self, tenant: Tenant, racers: Racers
    ) -> None:
        add = partial(people.add_person, actor=OKTA)
        names = islice(cycle(["Legal", "LEGAL"]), racers.number)

        racers(*[partial(add, bob(department=name, location=name)) for name in names])

        assert Department.objects.get().people.count() == racers.number
        assert Location.objects.get().people.count() == racers.number


class TestInvites:
    @of(4)
    def test_are_issued_once_per_person(self, owner: Person, racers: Racers) -> None:
        person = core.person(state=Person.State.INVITED)

        invites = racers(*[partial(lifecycle.issue_invite, person, actor=OKTA)] * racers.number)

        assert len(set(invites)) == 1
        assert person.events.count() == 1


class TestSecondFactors:
    @of(3)
    def test_accept_a_code_once(self, tenant: Tenant, racers: Racers) -> None:
        ada = core.person()
        SecondFactor.objects.create(
            tenant=tenant, person=ada, last_step=0, recovery_digests=[], created_at=timezone.now()
        )
        for step in range(1, ROUNDS + 1):
            use = partial(second_factors.use_time_step, ada, step)

            assert sorted(racers(*[use] * racers.number)) == [False, False, True]

    @of(3)
    def test_accept_a_recovery_code_once(self, tenant: Tenant, racers: Racers) -> None:
        ada = core.person()
        codes = [f"code {number}" for number in range(ROUNDS)]
        SecondFactor.objects.create(
            tenant=tenant,
            person=ada,
            last_step=0,
            recovery_digests=codes,
            created_at=timezone.now(),
        )
        for code in codes:
            # Each caller loads its own row, as requests do.
            use = [
                partial(second_factors.use_recovery_code, Person.objects.get(pk=ada.pk), code)
                for _ in range(racers.number)
            ]

            assert sorted(racers(*use)) == [False, False, True]
        assert SecondFactor.objects.get().recovery_digests == []


class TestDispatchers:
    @of(3)
    def test_deliver_each_event_once(
        self, tenant: Tenant, racers: Racers, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(hooks, "registered", [event_subscribers.GREETING])
        for _ in range(60):
            people.add_person(bob(), actor=OKTA)

        def work() -> int:
            while events.dispatch(limit=10):
                pass
            return events.deliver_due(as_of=timezone.now())[0]

        assert sum(racers(*[work] * racers.number)) == 60
        values = [event_id for _, event_id in event_subscribers.heard]
        event_subscribers.heard.clear()
        assert len(values) == len(set(values)) == 60
        assert not Event.objects.pending().exists()
