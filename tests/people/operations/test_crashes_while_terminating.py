"""Crashes at any statement of a termination."""

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from django.apps import apps
from django.db import DatabaseError, connection
from django.utils import timezone

from people import tenancy
from people.models import ApiToken, Invite, Person, ScheduledTermination, Tenant
from people.operations.offboarding import handover_plan, terminate
from people.values import Actor
from tests.factories import core
from tests.support import offboarding
from tests.support.offboarding import Leaver, to

pytestmark = pytest.mark.django_db(transaction=True)

OPERATOR = Actor("command", "tests")
CRASH_POINTS = 50


class PowerCut(Exception):
    """An error that the product never catches."""


class CrashesAt:
    """Executes a number of statements, then crashes."""

    def __init__(self, number: int, die: Callable[[], None]) -> None:
        self.left = number
        self.die = die

    def __call__(self, execute: Callable[..., Any], *statement: Any) -> Any:
        if not self.left:
            self.die()
        self.left -= 1
        return execute(*statement)


def raise_an_exception() -> None:
    raise PowerCut


def lose_the_connection() -> None:
    assert connection.connection
    connection.connection.close()


def everything() -> dict[str, str]:
    """Return all rows of the app, by table."""
    rows_of = {}
    with connection.cursor() as cursor:
        for model in apps.get_app_config("people").get_models():
            table = model._meta.db_table
            rows = f"SELECT string_agg(t::text, ' ' ORDER BY t::text) FROM {table} t"  # noqa: S608
            cursor.execute(rows)
            rows_of[table] = cursor.fetchone()[0]
    return rows_of


@pytest.fixture
def leaver(tenant: Tenant) -> Leaver:
    tenant.owner = core.owner()
    tenant.save(update_fields=["owner"])
    heir = core.person(given_name="Grace", family_name="Hopper")
    ada = core.person(manager=heir, pending_email="new@example.com", role=Person.Role.ADMIN)
    ApiToken.objects.create(tenant=tenant, person=ada, digest="d", session_epoch=0)
    now = timezone.now()
    ScheduledTermination.objects.create(tenant=tenant, person=ada, due_at=now)
    Invite.objects.create(tenant=tenant, person=ada, source="hand", created_at=now, expires_at=now)
    leaver = Leaver(ada, heir)
    for number in range(8):
        offboarding.card(ada, name=f"Card {number}")
        offboarding.fund(ada, name=f"Fund {number}")
    return leaver


@pytest.mark.parametrize("die", [raise_an_exception, lose_the_connection])
def test_crash_leaves_all_rows_unchanged_and_a_retry_succeeds(
    leaver: Leaver, die: Callable[[], None]
) -> None:
    plan = to(leaver.heir, leaver.person)
    before = everything()
    number = 0
    while not _survives(leaver.person, plan, CrashesAt(number, die)):
        assert everything() == before, number
        number += 1

    assert number >= CRASH_POINTS
    assert everything() != before
    leaver.person.refresh_from_db()
    assert leaver.person.state == Person.State.TERMINATED
    assert not terminate.terminate_person(leaver.person, plan, actor=OPERATOR)
    assert handover_plan.holdings_of(leaver.person) == handover_plan.Holdings([], [], [], [])
    assert leaver.heir.funds.live().count() == 10


def _survives(person: Person, plan: handover_plan.HandoverPlan, death: CrashesAt) -> bool:
    """Try to terminate the person; after a crash, drop the connection and return False."""
    fresh = Person.objects.get(pk=person.pk)
    with suppress(PowerCut, DatabaseError), tenancy.use(person.tenant_id):
        with connection.execute_wrapper(death):
            terminate.terminate_person(fresh, plan, actor=OPERATOR)
        return True
    connection.close()
    return False
