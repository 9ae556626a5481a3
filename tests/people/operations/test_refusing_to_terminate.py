"""Terminating a person is refused …"""

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


def refused(person: Person, said: HandoverPlan, refusal: type[PeopleError]) -> str:
    """Be refused, and see that nothing has happened."""
    before = Person.objects.get(pk=person.pk).__dict__ | {"_state": None}
    with pytest.raises(refusal) as caught:
        terminate.terminate_person(person, said, actor=OPERATOR)
    assert Person.objects.get(pk=person.pk).__dict__ | {"_state": None} == before
    assert not person.cards.exclude(ended_at=None).exists()
    assert not Event.objects.exists()
    return str(caught.value)


# The ways to get something more.
GETTING: dict[str, Callable[[Person], Any]] = {
    "cards": offboarding.card,
    "funds": offboarding.fund,
    "steps": offboarding.step,
}


def test_without_a_replacement_for_a_step(leaver: Leaver) -> None:
    said = replace(to(leaver.heir, leaver.person), steps={})

    assert "approval step “Bills, step 2”" in refused(leaver.person, said, handover_plan.HoldsMore)


@pytest.mark.parametrize("kind", ["cards", "funds", "steps"])
def test_when_they_got_something_since(leaver: Leaver, kind: str) -> None:
    said = to(leaver.heir, leaver.person)
    GETTING[kind](leaver.person)

    assert "Reload the page" in refused(leaver.person, said, handover_plan.HoldsMore)


@pytest.mark.parametrize("kind", ["cards", "funds", "steps"])
def test_when_it_names_what_is_not_theirs(leaver: Leaver, owner: Person, kind: str) -> None:
    made = GETTING[kind](owner)
    said = to(leaver.heir, leaver.person)
    more = {**getattr(said, kind), str(made.pk): str(leaver.heir.pk)}

    refused(leaver.person, but(said, kind, more), handover_plan.HoldsLess)


def test_for_a_physical_card_that_shall_go_to_somebody(leaver: Leaver) -> None:
    said = to(leaver.heir, leaver.person)
    moved = dict.fromkeys(said.cards, str(leaver.heir.pk))

    refused(leaver.person, replace(said, cards=moved), handover_plan.AlwaysEnds)


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
def test_for_a_successor_who_cannot_be_one(
    leaver: Leaver, kind: str, make_successor: Any, why: str
) -> None:
    bad = make_successor(leaver.person)
    said = to(leaver.heir, leaver.person)
    said = but(said, kind, bad if kind == "reports" else _one_to(bad, said, kind))

    assert why in refused(leaver.person, said, handover_plan.InvalidSuccessor)


@pytest.mark.parametrize("kind", ["cards", "funds"])
def test_across_currencies(leaver: Leaver, kind: str) -> None:
    london = core.location("London", entity=core.entity("London Ltd", "GBP"))
    said = to(leaver.heir, leaver.person)
    bad = str(core.person(location=london).pk)
    said = but(said, kind, _one_to(bad, said, kind))

    assert "in EUR" in refused(leaver.person, said, handover_plan.InvalidSuccessor)


def test_with_a_guest_as_the_manager(leaver: Leaver) -> None:
    guest = core.person(role=Person.Role.GUEST)
    said = replace(to(leaver.heir, leaver.person), reports=str(guest.pk))

    refusal = refused(leaver.person, said, handover_plan.InvalidSuccessor)
    assert "guests cannot be managers" in refusal


def test_with_a_manager_who_would_close_a_circle(leaver: Leaver) -> None:
    bob, _ = leaver.reports
    said = replace(to(leaver.heir, leaver.person), reports=str(core.person(manager=bob).pk))

    assert "reports to one of these people" in refused(
        leaver.person, said, handover_plan.InvalidSuccessor
    )


def test_for_the_last_owner(owner: Person) -> None:
    core.administrator()

    refused(owner, HandoverPlan(), base_roles.LastOwner)


def test_for_the_last_administrator(tenant: object) -> None:
    refused(core.administrator(), HandoverPlan(), base_roles.LastAdministrator)


def but(said: HandoverPlan, kind: str, otherwise: Any) -> HandoverPlan:
    changed: dict[str, Any] = {kind: otherwise}
    return replace(said, **changed)


def _of_another_company() -> str:
    with core.in_another_tenant():
        return str(core.person().pk)


def _one_to(successor: str, said: HandoverPlan, kind: str) -> dict[str, str | None]:
    """Send the first thing that goes to anybody to the successor."""
    told = getattr(said, kind)
    first = next(key for key, whom in told.items() if whom)
    return {**told, first: successor}
