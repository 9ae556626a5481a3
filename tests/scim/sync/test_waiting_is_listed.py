"""People who wait are listed with a reason, and people listed as waiting wait …

A provider, an administrator and the jobs act at random. The comparison follows every request,
every click and every job.
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
Step = Callable[["World"], None]


@dataclass
class World:
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
        said = self.say(who) | more
        if who in self.ids:
            self.scim("PUT", f"/Users/{self.ids[who]}", said)
        else:
            answer = self.scim("POST", "/Users", said)
            if answer.status == 201:
                self.ids[who] = answer.id


def push(world: World) -> None:
    world.push(world.somebody())


def name_a_manager(world: World) -> None:
    who, manager = world.somebody(), world.somebody()
    names = [world.names.get(manager, f"{manager}@example.com"), f"{manager}@example.com", ""]
    world.managers[who] = world.chance.choice([*names, "nobody@holding.example"])
    world.push(who)


def rename(world: World) -> None:
    who = world.somebody()
    world.names[who] = f"{who}.{len(world.done)}@example.com"
    world.push(who)


def leave_out_the_city(world: World) -> None:
    who = world.somebody()
    said = {key: value for key, value in world.say(who).items() if "ramp" not in key}
    if who in world.ids:
        world.scim("PUT", f"/Users/{world.ids[who]}", said)


def switch(world: World) -> None:
    if who := world.known():
        world.scim.replace(world.ids[who], "active", world.chance.random() < 0.5)


def delete(world: World) -> None:
    if who := world.known():
        world.scim("DELETE", f"/Users/{world.ids.pop(who)}")


def switch_by_hand(world: World) -> None:
    waiting = ScimUser.objects.filter(deleted_at=None).exclude(waiting_manager="").order_by("pk")
    keys = [str(user.scim_id) for user in waiting]
    # Mostly of those who wait, for most people never do.
    candidates: list[str | None] = [who for who, key in sorted(world.ids.items()) if key in keys]
    person = world.person(world.chance.choice(candidates or [world.known()]))
    if person and person.state != Person.State.TERMINATED:
        do = people.deactivate_person if person.is_active else people.reactivate_person
        do(person, actor=HELPDESK)


def terminate(world: World) -> None:
    person = world.person(world.known())
    if person and world.chance.random() < 0.3:
        terminate_person(person, handover_plan.HandoverPlan(), actor=HELPDESK)


def assign_by_hand(world: World) -> None:
    person, manager = world.person(world.known()), world.person(world.known())
    if person:
        # The rules refuse circles, and managers who left.
        with suppress(PeopleError):
            people_update.assign_manager(person, manager, actor=HELPDESK)


def decide(world: World) -> None:
    if errors := list(SyncError.objects.open().order_by("pk")):
        error = world.chance.choice(errors)
        how = world.chance.choice(["dismiss", "invite-anyway", "retry"])
        path = f"/people/updates/errors/{error.pk}/{how}/"
        world.client.post(path, {"because": "We know."})


def change_the_mapping(world: World) -> None:
    paths = world.chance.choice([{"department": COST_CENTER}, {"department": ""}])
    send(world.client, world.scim, "save", **paths)


def change_the_policy(world: World) -> None:
    policy = world.chance.choice(list(Connection.UnknownManager))
    Connection.objects.filter(pk=world.scim.connection.pk).update(unknown_manager=policy)
    world.scim.connection.refresh_from_db()


def run_jobs(world: World) -> None:
    call_command("run_due")


STEPS_POSSIBLE: dict[str, tuple[int, Step]] = {
    "push": (3, push),
    "name a manager": (6, name_a_manager),
    "rename": (3, rename),
    "leave out the city": (1, leave_out_the_city),
    "switch": (4, switch),
    "delete": (1, delete),
    "switch by hand": (4, switch_by_hand),
    "terminate": (1, terminate),
    "assign by hand": (2, assign_by_hand),
    "decide": (3, decide),
    "change the mapping": (1, change_the_mapping),
    "change the policy": (1, change_the_policy),
    "run the jobs": (2, run_jobs),
}


@pytest.mark.parametrize("provider", ["okta", "generic"])
@pytest.mark.parametrize("seed", [0, 8, 10, 12])
def test_after_every_request_and_job(
    owner: Person, connect: Connect, provider: str, seed: int
) -> None:
    world = World(connect(provider), signed_in(owner), random.Random(seed))  # noqa: S311
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
    assert_pages_say_it(world.client)


def assert_gaps_are_listed() -> None:
    """See that nobody is incomplete, and no resource without a person, unless it is listed."""
    live = ScimUser.objects.filter(deleted_at=None, active=True)
    incomplete = live.filter(person=None) | live.filter(problem=ScimUser.Problem.INCOMPLETE)
    standing = SyncError.objects.filter(resolved_at=None).values("user")
    left = incomplete.exclude(person__state__in=("inactive", "terminated"))
    missing = list(left.exclude(pk__in=standing))
    assert not missing, f"not listed: {missing}"


def assert_pages_say_it(client: Client) -> None:
    errors, rows = text_of(client.get("/people/updates/errors/")), SyncError.objects.open()
    for row in rows:
        # The page shows people as they are called now.
        assert (row.person.full_name if row.person else row.user_name) in errors
    assert not rows or f"{len(rows)} error" in errors
    invites = text_of(client.get("/people/updates/invites/"))
    for invite in Invite.objects.open().filter(hold_reason=WAITS):
        assert invite.person.email in invites
        assert WAITS in invites
