"""The changes in all events of a person add up to the stored person."""

from collections.abc import Callable
from random import Random
from typing import Any

import pytest
from django.core.management import call_command

from people.models import CustomField, Department, Event, Location, Mail, Person, Role
from people.operations import email_changes, organization, people_update, person_fields
from people.operations.people import activate_person, deactivate_person, reactivate_person
from people.operations.roles import base_roles
from people.values import PeopleError, Profile
from tests.clients.scim import ENT, RAMP, Provider, mail, someone
from tests.scim.conftest import Connect

pytestmark = pytest.mark.django_db

STEPS = 40
PLACES = {"department_id": Department, "location_id": Location}


class RandomActions:
    """Applies random actions of providers, administrators and jobs to Ada and her colleagues."""

    def __init__(self, scim: Provider, owner: Person, chance: Random) -> None:
        self.scim, self.owner, self.chance = scim, owner, chance
        self.ids = {who: scim.add(who, externalId=who) for who in ("ada", "bob", "eve")}
        self.auditor = Role.objects.create(
            tenant_id=owner.tenant_id, name="Auditor", name_key="auditor"
        )
        self.kinds: set[str] = set()

    @property
    def steps(self) -> list[Callable[[], object]]:
        return [
            self.push,
            self.push,
            self.patch,
            self.revise,
            self.revise,
            self.leave_and_return,
            self.delete_and_push,
            self.deactivate_or_reactivate,
            self.join,
            self.confirm,
            self.grant_or_withdraw,
            self.rename_a_department,
            lambda: call_command("run_due"),
        ]

    def run(self, steps: int) -> None:
        for _ in range(steps):
            try:
                self.chance.choice(self.steps)()
            except PeopleError:
                continue  # A rule forbids the action.

    def who(self) -> str:
        return self.chance.choice(list(self.ids))

    def person(self) -> Person:
        people = Person.objects.exclude(pk=self.owner.pk).order_by("created_at")
        person: Person = self.chance.choice(list(people))
        return person

    def values_of(self, who: str) -> dict[str, object]:
        manager = self.chance.choice(["", "ada@example.com", "bob", "nobody@example.com"])
        department = self.chance.choice(["Research", "research", "Legal", "Sales"])
        return {
            "externalId": who,
            "name": {"givenName": self.chance.choice(["Ada", "A.", "--"]), "familyName": "King"},
            "emails": [mail(f"{who}{self.chance.choice(['', '-2', '-3'])}@example.com")],
            "active": self.chance.random() < 0.8,
            "roles": self.chance.choice([[], [{"value": "IT_ADMIN"}], [{"value": "EMPEROR"}]]),
            ENT: {"department": department} | ({"manager": manager} if manager else {}),
            RAMP: {"location": self.chance.choice(["London", "Rome"]), "costCenter": "C-7"},
        }

    def push(self) -> None:
        who = self.who()
        self.scim("PUT", f"/Users/{self.ids[who]}", someone(who, **self.values_of(who)))

    def patch(self) -> None:
        value = {"name": {"familyName": self.chance.choice(["King", "Byron", ""])}}
        self.scim.patch(self.ids[self.who()], {"op": "replace", "value": value})

    def revise(self) -> None:
        person, manager = self.person(), self.person()
        profile = Profile(
            given_name=self.chance.choice(["Ada", "Augusta"]),
            family_name=person.family_name,
            email=self.chance.choice([person.email, f"by-hand-{person.given_name}@example.com"]),
            department=self.chance.choice(["Legal", "Support", ""]),
            location="London",
            role=self.chance.choice([None, "BUSINESS_BOOKKEEPER"]),
        )
        people_update.revise_person(person, profile, actor=self.owner.actor, manager=manager)

    def leave_and_return(self) -> None:
        scim_id = self.ids[self.who()]
        for active in (False, True):
            self.scim.replace(scim_id, "active", active)

    def delete_and_push(self) -> None:
        who = self.who()
        self.scim("DELETE", f"/Users/{self.ids[who]}")
        self.scim("POST", "/Users", someone(who, externalId=who))

    def deactivate_or_reactivate(self) -> None:
        person = self.person()
        change = deactivate_person if person.is_active else reactivate_person
        change(person, actor=self.owner.actor)

    def join(self) -> None:
        person = self.person()
        activate_person(person, actor=person.actor)

    def confirm(self) -> None:
        """Follow any confirmation link, and the approval link of the old address if needed."""
        asking = Mail.objects.filter(kind=Mail.Kind.CONFIRM_ADDRESS).order_by("created_at")
        if asking:
            mail = self.chance.choice(list(asking))
            person = email_changes.confirm_address(mail, actor=mail.person.actor)
            old = person.mails.filter(kind=Mail.Kind.APPROVE_ADDRESS).order_by("created_at").last()
            if person.pending_email and old:
                email_changes.confirm_address(old, actor=person.actor)

    def grant_or_withdraw(self) -> None:
        person = self.person()
        if not base_roles.grant_role(person, self.auditor, actor=self.owner.actor):
            base_roles.withdraw_grant(person.grants.get(), actor=self.owner.actor)

    def rename_a_department(self) -> None:
        department = self.chance.choice(list(Department.objects.order_by("pk")))
        department.name = f"{department.name.split()[0]} {self.chance.randint(1, 9)}"
        organization.save_place(department, actor=self.owner.actor)

    def rename_every_department(self) -> None:
        for department in Department.objects.all():
            department.name = f"Number {department.pk}"
            organization.save_place(department, actor=self.owner.actor)


@pytest.mark.parametrize("seed", range(6))
def test_events_add_up_to_the_person_after_random_actions(
    connect: Connect, owner: Person, seed: int
) -> None:
    scim = connect(incomplete_policy="hold" if seed % 2 else "refuse")
    CustomField.objects.create(
        tenant_id=owner.tenant_id, name="Cost centre", external_name="cost_center"
    )
    walk = RandomActions(scim, owner, Random(seed))  # noqa: S311  a walk, and no secret

    walk.run(STEPS)
    walk.rename_every_department()

    for person in Person.objects.exclude(pk=owner.pk):
        assert person_from_events(person) == person_fields.snapshot(person)


def test_random_actions_cause_many_kinds_of_events(connect: Connect, owner: Person) -> None:
    walk = RandomActions(connect(), owner, Random(7))  # noqa: S311

    walk.run(3 * STEPS)

    kinds = set(Event.objects.values_list("kind", flat=True))
    assert kinds >= {
        "person.added",
        "person.revised",
        "person.managed-fields-restored",
        "person.address-confirmed",
        "person.joined",
        "person.deactivated",
        "person.reactivated",
        "role.granted",
        "organization.changed",
    }


def person_from_events(person: Person) -> dict[str, str]:
    """Build the person from events; of departments and locations the key, because of renames."""
    values: dict[str, Any] = {}
    for event in person.events.order_by("pk"):
        values |= {field: change["to"] for field, change in event.changes.items()}
        values |= {field: key for field, key in event.facts.items() if field in PLACES}
    for field, model in PLACES.items():
        place = model.objects.filter(pk=values.pop(field, None)).first()
        values[field.removesuffix("_id")] = place and place.name
    return {field: value for field, value in values.items() if value}
