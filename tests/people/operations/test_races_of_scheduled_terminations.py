"""Auto-termination concurrent with other changes."""

from datetime import timedelta
from functools import partial

import pytest
from django.utils import timezone

from people.models import Event, Person, ScheduledTermination, Tenant
from people.operations.offboarding import handover_plan, schedule, terminate
from people.operations.people import deactivate_person, reactivate_person
from tests.factories import core
from tests.support.concurrency import Racers
from tests.support.offboarding_job import OKTA, after, gone, is_terminated, switch, tick

pytestmark = pytest.mark.django_db(transaction=True)

ROUNDS = 10


def of(number: int) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("racers", [number], indirect=True)


@of(3)
def test_three_jobs_terminate_each_person_once(owner: Person, racers: Racers) -> None:
    switch(45)
    # Without this, the alert for bulk changes would pause the terminations.
    Tenant.objects.update(alarm_people=100)
    boss = core.person()
    people = [gone(manager=boss) for _ in range(12)]
    as_of = after(people[-1], days=45)

    done = racers(*[partial(tick, as_of)] * racers.number)

    assert sum(done) == len(people)
    assert Event.objects.filter(kind=Event.Kind.PERSON_TERMINATED).count() == len(people)
    assert not ScheduledTermination.objects.exists()


@of(2)
def test_person_is_either_reactivated_or_terminated(owner: Person, racers: Racers) -> None:
    switch(45)
    for _ in range(ROUNDS):
        ada = gone()
        job = partial(tick, after(ada, days=45))

        done, back = racers(job, partial(reactivate_person, ada, actor=OKTA))

        assert (done, is_terminated(ada)) in {(1, True), (0, False)}
        assert (back is True) is not is_terminated(ada)


@of(2)
def test_person_is_either_exempt_or_terminated(owner: Person, racers: Racers) -> None:
    switch(45)
    for _ in range(ROUNDS):
        ada = gone()
        exempt = partial(schedule.exempt, ada, because="Lawsuit", actor=owner.actor)

        done, result = racers(partial(tick, after(ada, days=45)), exempt)

        assert isinstance(result, ScheduledTermination) is not is_terminated(ada)
        assert done == is_terminated(ada)


@of(2)
def test_person_deactivated_while_it_is_turned_on_is_scheduled(
    tenant: Tenant, owner: Person, racers: Racers
) -> None:
    for _ in range(ROUNDS):
        switch(None)
        ada = core.person()

        racers(partial(switch, 45), partial(deactivate_person, ada, actor=OKTA))

        assert ScheduledTermination.objects.filter(person=ada).exists()


@of(2)
def test_job_and_termination_of_the_manager_do_not_deadlock(owner: Person, racers: Racers) -> None:
    switch(45)
    for _ in range(ROUNDS):
        boss = core.person(manager=owner)
        ada = gone(manager=boss)
        core.person(manager=ada)
        usual = handover_plan.default_handover(boss)

        done, result = racers(
            partial(tick, timezone.now() + timedelta(days=46)),
            partial(terminate.terminate_person, boss, usual, actor=owner.actor),
        )

        assert is_terminated(ada) or ScheduledTermination.objects.get(person=ada).problem
        assert done <= 1
        assert result is True or not is_terminated(boss)
