"""Refused terminations."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest

from people.models import Event, Person
from people.operations.offboarding import handover_plan, terminate
from people.operations.offboarding.handover_plan import HandoverPlan
from people.operations.roles import base_roles
from people.values import Actor, PeopleError
from tests.factories import core
from tests.support import offboarding
from tests.support.offboarding import Leaver, to

pytestmark = pytest.mark.django_db

OPERATOR = Actor("command", "tests")


def refused(person: Person, plan: HandoverPlan, refusal: type[PeopleError]) -> str:
    """Return the message of the refusal; check that nothing was changed."""
    before = Person.objects.get(pk=person.pk).__dict__ | {"_state": None}
    with pytest.raises(refusal) as caught:
        terminate.terminate_person(person, plan, actor=OPERATOR)
    assert Person.objects.get(pk=person.pk).__dict__ | {"_state": None} == before
    assert not person.cards.exclude(ended_at=None).exists()
    assert not Event.objects.exists()
    return str(caught.value)


# How to give a person one more item of each kind.
ADD_ITEM: dict[str, Callable[[Person], Any]] = {
    "cards": offboarding.card,
    "funds": offboarding.fund,
    "steps": offboarding.step,
}


def test_refused_without_a_successor_for_an_approval_step(leaver: Leaver) -> None:
    text = replace(to(leaver.heir, leaver.person), steps={})

    assert "approval step “Bills, step 2”" in refused(leaver.person, text, handover_plan.HoldsMore)


@pytest.mark.parametrize("kind", ["cards", "funds", "steps"])
def test_refused_if_the_person_has_received_an_item_meanwhile(leaver: Leaver, kind: str) -> None:
    plan = to(leaver.heir, leaver.person)
    ADD_ITEM[kind](leaver.person)

    assert "Reload the page" in refused(leaver.person, plan, handover_plan.HoldsMore)


@pytest.mark.parametrize("kind", ["cards", "funds", "steps"])
def test_refused_if_the_plan_names_an_item_of_another_person(
    leaver: Leaver, owner: Person, kind: str
) -> None:
    made = ADD_ITEM[kind](owner)
    plan = to(leaver.heir, leaver.person)
    more = {**getattr(plan, kind), str(made.pk): str(leaver.heir.pk)}

    refused(leaver.person, but(plan, kind, more), handover_plan.HoldsLess)


def test_refused_if_a_physical_card_has_a_successor(leaver: Leaver) -> None:
    plan = to(leaver.heir, leaver.person)
    moved = dict.fromkeys(plan.cards, str(leaver.heir.pk))

    refused(leaver.person, replace(plan, cards=moved), handover_plan.AlwaysEnds)


@pytest.mark.parametrize("kind", ["cards", "funds", "steps", "reports"])
@pytest.mark.parametrize(
    ("make_successor", "why"),
    [
        pytest.param(lambda ada: str(ada.pk), "the person being terminated", id="oneself"),
        pytest.param(
            lambda _: str(core.person(state=Person.State.INACTIVE).pk),
            "Ada Lovelace is inactive",
            id="inactive",
        ),
        pytest.param(
            lambda _: str(core.person(state=Person.State.TERMINATED).pk),
            "Ada Lovelace is terminated",
            id="terminated",
        ),
        pytest.param(
            lambda _: str(core.person(state=Person.State.INVITED).pk),
            "Ada Lovelace is invited",
            id="invited",
        ),
        pytest.param(lambda _: _of_another_company(), "no person has this id", id="foreign"),
        pytest.param(lambda _: str(uuid4()), "no person has this id", id="unknown"),
        pytest.param(lambda _: "'; --", "no person has this id", id="no id"),
        pytest.param(lambda ada: str(ada.pk).upper(), "no person has this id", id="upper case"),
    ],
)
def test_refused_for_an_invalid_successor(
    leaver: Leaver, kind: str, make_successor: Any, why: str
) -> None:
    bad = make_successor(leaver.person)
    plan = to(leaver.heir, leaver.person)
    plan = but(plan, kind, bad if kind == "reports" else _one_to(bad, plan, kind))

    assert why in refused(leaver.person, plan, handover_plan.InvalidSuccessor)


@pytest.mark.parametrize("kind", ["cards", "funds"])
def test_refused_for_a_successor_with_another_currency(leaver: Leaver, kind: str) -> None:
    london = core.location("London", entity=core.entity("London Ltd", "GBP"))
    plan = to(leaver.heir, leaver.person)
    bad = str(core.person(location=london).pk)
    plan = but(plan, kind, _one_to(bad, plan, kind))

    assert "in EUR" in refused(leaver.person, plan, handover_plan.InvalidSuccessor)


def test_refused_for_a_guest_as_new_manager(leaver: Leaver) -> None:
    guest = core.person(role=Person.Role.GUEST)
    text = replace(to(leaver.heir, leaver.person), reports=str(guest.pk))

    refusal = refused(leaver.person, text, handover_plan.InvalidSuccessor)
    assert "guests cannot be managers" in refusal


def test_refused_for_a_new_manager_below_the_reports(leaver: Leaver) -> None:
    bob, _ = leaver.reports
    text = replace(to(leaver.heir, leaver.person), reports=str(core.person(manager=bob).pk))

    assert "reports to one of these people" in refused(
        leaver.person, text, handover_plan.InvalidSuccessor
    )


def test_refused_for_the_last_owner(owner: Person) -> None:
    core.administrator()

    refused(owner, HandoverPlan(), base_roles.LastOwner)


def test_refused_for_the_last_administrator(tenant: object) -> None:
    refused(core.administrator(), HandoverPlan(), base_roles.LastAdministrator)


def but(plan: HandoverPlan, kind: str, otherwise: Any) -> HandoverPlan:
    changed: dict[str, Any] = {kind: otherwise}
    return replace(plan, **changed)


def _of_another_company() -> str:
    with core.in_another_tenant():
        return str(core.person().pk)


def _one_to(successor: str, plan: HandoverPlan, kind: str) -> dict[str, str | None]:
    """Give the first item that has a successor to this successor."""
    result = getattr(plan, kind)
    first = next(key for key, whom in result.items() if whom)
    return {**result, first: successor}
