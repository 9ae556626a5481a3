"""The setup checklist of a new company. Each step is done when the data says so."""

from collections.abc import Iterator
from dataclasses import dataclass

from django.urls import reverse

from people import hooks
from people.models import Person, Tenant
from people.presentation.overview_panels import SetupStep


@dataclass(frozen=True)
class Checklist:
    steps: list[SetupStep]
    is_hidden: bool

    @property
    def done(self) -> int:
        return sum(step.is_done for step in self.steps)

    @property
    def next(self) -> SetupStep | None:
        return next((step for step in self.steps if not step.is_done), None)

    @property
    def is_shown(self) -> bool:
        return not self.is_hidden and self.next is not None


def checklist_of(tenant: Tenant) -> Checklist:
    steps = sorted(hooks.setup_steps(tenant), key=lambda step: step.order)
    return Checklist(steps, is_hidden=tenant.setup_hidden_at is not None)


def setup_steps(_: Tenant) -> Iterator[SetupStep]:
    people = Person.objects.in_lists().values("pk")[:2]
    yield SetupStep(
        order=20,
        title="Add the first people",
        text="Invite somebody by email, or let the identity provider send people.",
        url=reverse("admin:people_person_add"),
        action="Invite a person",
        is_done=len(people) > 1,
    )
    administrators = Person.objects.active_administrators().values("pk")[:2]
    yield SetupStep(
        order=50,
        title="Have a second administrator",
        text="If the only administrator cannot sign in, nobody can manage people.",
        url=reverse("admin:people_person_changelist"),
        action="Choose a person",
        is_done=len(administrators) > 1,
    )
