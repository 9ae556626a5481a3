"""People who wait are listed with a reason, and listed people do wait, after random actions.

A provider, an administrator and jobs act at random. The lists are checked after every step.
"""

import random
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

import pytest
from django.core.management import call_command
from django.test import Client
from django.utils import timezone

from people import events
from people.models import Invite, Person
from people.operations import people, people_update
from people.operations.offboarding import handover_plan
from people.operations.offboarding.terminate import terminate_person
from people.values import Actor, PeopleError
from scim.models import Connection, ScimUser, SyncError
from scim.sync.managers import WAITS
from tests.clients.pages import signed_in, text_of
from tests.clients.scim import ENT, Provider, mail, someone
from tests.scim.conftest import Connect
from tests.support.scim_mapping import COST_CENTER, send
from tests.support.waiting_people import assert_waiting_is_listed

pytestmark = pytest.mark.django_db

HELPDESK = Actor("person", "owner@example.com")
PEOPLE = ("ada", "bob", "eve", "kim", "lee", "max")
STEPS = 60
Step = Callable[["Simulation"], None]


@dataclass
class Simulation:
    scim: Provider
    client: Client
    chance: random.Random
    ids: dict[str, str] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    managers: dict[str, str] = field(default_factory=dict)
    done: list[str] = field(default_factory=list)

    def somebody(self) -> str:
        return self.chance.choice(PEOPLE)

    def known(self) -> str | None:
        return self.chance.choice(sorted(self.ids)) if self.ids else None

    def person(self, who: str | None) -> Person | None:
        key = self.ids.get(who or "")
        return Person.objects.filter(scim_users__scim_id=key).first() if key else None

    def say(self, who: str) -> dict[str, object]:
        name = self.names.setdefault(who, f"{who}@example.com")
        ent = {"department": "Research", "costCenter": "Research"}
        if manager := self.managers.get(who):
            ent["manager"] = manager
        return someone(who, userName=name, emails=[mail(name)]) | {ENT: ent}

    def push(self, who: str, **more: object) -> None:
        values = self.say(who) | more
        if who in self.ids:
            self.scim("PUT", f"/Users/{self.ids[who]}", values)
        else:
            answer = self.scim("POST", "/Users", values)
            if answer.status == 201:
                self.ids[who] = answer.id


def push(world: Simulation) -> None:
    world.push(world.somebody())


def name_a_manager(world: Simulation) -> None:
    who, manager = world.somebody(), world.somebody()
    names = [world.names.get(manager, f"{manager}@example.com"), f"{manager}@example.com", ""]
    world.managers[who] = world.chance.choice([*names, "nobody@holding.example"])
    world.push(who)


def rename(world: Simulation) -> None:
    who = world.somebody()
    world.names[who] = f"{who}.{len(world.done)}@example.com"
    world.push(who)


def push_without_location(world: Simulation) -> None:
    who = world.somebody()
    values = {key: value for key, value in world.say(who).items() if "ramp" not in key}
    if who in world.ids:
        world.scim("PUT", f"/Users/{world.ids[who]}", values)


def change_active(world: Simulation) -> None:
    if who := world.known():
        world.scim.replace(world.ids[who], "active", world.chance.random() < 0.5)


def delete(world: Simulation) -> None:
    if who := world.known():
        world.scim("DELETE", f"/Users/{world.ids.pop(who)}")


def change_active_by_hand(world: Simulation) -> None:
    waiting = ScimUser.objects.filter(deleted_at=None).exclude(waiting_manager="").order_by("pk")
    keys = [str(user.scim_id) for user in waiting]
    # Mostly people who wait; otherwise these actions would rarely concern one.
    candidates: list[str | None] = [who for who, key in sorted(world.ids.items()) if key in keys]
    person = world.person(world.chance.choice(candidates or [world.known()]))
    if person and person.state != Person.State.TERMINATED:
        do = people.deactivate_person if person.is_active else people.reactivate_person
        do(person, actor=HELPDESK)


def terminate(world: Simulation) -> None:
    person = world.person(world.known())
    if person and world.chance.random() < 0.3:
        terminate_person(person, handover_plan.HandoverPlan(), actor=HELPDESK)


def assign_by_hand(world: Simulation) -> None:
    person, manager = world.person(world.known()), world.person(world.known())
    if person:
        # The rules refuse circles and terminated managers.
        with suppress(PeopleError):
            people_update.assign_manager(person, manager, actor=HELPDESK)


def decide_about_an_error(world: Simulation) -> None:
    if errors := list(SyncError.objects.open().order_by("pk")):
        error = world.chance.choice(errors)
        how = world.chance.choice(["dismiss", "invite-anyway", "retry"])
        path = f"/people/updates/errors/{error.pk}/{how}/"
        world.client.post(path, {"because": "We know."})


def change_the_mapping(world: Simulation) -> None:
    paths = world.chance.choice([{"department": COST_CENTER}, {"department": ""}])
    send(world.client, world.scim, "save", **paths)


def change_the_policy(world: Simulation) -> None:
    policy = world.chance.choice(list(Connection.UnknownManager))
    Connection.objects.filter(pk=world.scim.connection.pk).update(unknown_manager=policy)
    world.scim.connection.refresh_from_db()


def run_jobs(world: Simulation) -> None:
    call_command("run_due")


STEPS_POSSIBLE: dict[str, tuple[int, Step]] = {
    "push": (3, push),
    "name a manager": (6, name_a_manager),
    "rename": (3, rename),
    "leave out the city": (1, push_without_location),
    "switch": (4, change_active),
    "delete": (1, delete),
    "switch by hand": (4, change_active_by_hand),
    "terminate": (1, terminate),
    "assign by hand": (2, assign_by_hand),
    "decide": (3, decide_about_an_error),
    "change the mapping": (1, change_the_mapping),
    "change the policy": (1, change_the_policy),
    "run the jobs": (2, run_jobs),
}


@pytest.mark.parametrize("provider", ["okta", "generic"])
@pytest.mark.parametrize("seed", [0, 8, 10, 12])
def test_waiting_people_are_listed_after_every_request_and_job(
    owner: Person, connect: Connect, provider: str, seed: int
) -> None:
    world = Simulation(connect(provider), signed_in(owner), random.Random(seed))  # noqa: S311
    weights = [weight for weight, _ in STEPS_POSSIBLE.values()]
    for _ in range(STEPS):
        [name] = world.chance.choices(list(STEPS_POSSIBLE), weights)
        world.done.append(name)
        STEPS_POSSIBLE[name][1](world)
        events.dispatch_all(as_of=timezone.now())
        try:
            assert_waiting_is_listed()
            assert_gaps_are_listed()
        except AssertionError as error:
            raise AssertionError(f"{error}; after {world.done}") from error
    assert_pages_list_everything(world.client)


def assert_gaps_are_listed() -> None:
    """Check that every incomplete user, and every user without a person, has a sync error."""
    live = ScimUser.objects.filter(deleted_at=None, active=True)
    incomplete = live.filter(person=None) | live.filter(problem=ScimUser.Problem.INCOMPLETE)
    standing = SyncError.objects.filter(resolved_at=None).values("user")
    left = incomplete.exclude(person__state__in=("inactive", "terminated"))
    missing = list(left.exclude(pk__in=standing))
    assert not missing, f"not listed: {missing}"


def assert_pages_list_everything(client: Client) -> None:
    errors, rows = text_of(client.get("/people/updates/errors/")), SyncError.objects.open()
    for row in rows:
        # The page shows people by their current names.
        assert (row.person.full_name if row.person else row.user_name) in errors
    assert not rows or f"{len(rows)} error" in errors
    invites = text_of(client.get("/people/updates/invites/"))
    for invite in Invite.objects.open().filter(hold_reason=WAITS):
        assert invite.person.email in invites
        assert WAITS in invites
