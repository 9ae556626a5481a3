"""What an administrator decided about a sync error holds until the value changes …"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.conf import settings
from django.core.management import call_command
from django.test import Client
from django.utils import timezone

from people import events
from people.models import Person
from people.operations import people_update
from people.values import Actor
from scim.models import SyncError
from tests.clients.pages import signed_in
from tests.clients.scim import ENT, Json, Provider, managed_by, someone
from tests.scim.conftest import Connect
from tests.scim.sync.test_sync_errors import SEVEN, Refusal
from tests.support.scim_mapping import COST_CENTER, send
from tests.support.waiting_people import assert_waiting_is_listed

pytestmark = pytest.mark.django_db

HELPDESK = Actor("person", "helpdesk@example.com")
WAITS = Refusal(managed_by("nobody@example.com"), "invalid-manager", "", "nobody@example.com")
INCOMPLETE = Refusal({ENT: {"department": ""}}, "incomplete", "", "")
each_refusal = pytest.mark.parametrize(
    "refusal",
    [*SEVEN, WAITS, INCOMPLETE],
    ids=lambda refusal: f"{refusal.reason} {refusal.offending}".strip(),
)


@dataclass
class Told:
    """What the provider says of Ada, and how it says that once more."""

    scim: Provider
    client: Client
    scim_id: str
    said: Json

    def push(self, **more: Any) -> None:
        self.scim("PUT", f"/Users/{self.scim_id}", someone("ada", **self.said | more))
        events.dispatch_all(as_of=timezone.now())

    def push_good(self) -> None:
        # A PUT without roles would keep those of before.
        good = someone("ada", roles=[{"type": "rampUserRole", "value": "BUSINESS_USER"}])
        assert self.scim("PUT", f"/Users/{self.scim_id}", good).status == 200
        events.dispatch_all(as_of=timezone.now())

    def decide(self, how: str = "dismiss") -> None:
        """Choose this for every listed error."""
        for error in SyncError.objects.open():
            path = f"/people/updates/errors/{error.pk}/{how}/"
            assert self.client.post(path, {"because": "We know."}).status_code == 302


def say_again(told: Told) -> None:
    told.push()


def say_something_else_too(told: Told) -> None:
    told.push(title="Countess")


def rename_the_user(told: Told) -> None:
    """Have the provider change the userName, which it does with the email of a new surname."""
    renamed = {"userName": "countess@example.com"}
    told.said |= renamed
    told.scim.replace(told.scim_id, "userName", "countess@example.com")
    told.push()


def spell_differently(told: Told) -> None:
    told.said = {
        name: _shouted(value) if name in ("emails", ENT) else value
        for name, value in told.said.items()
    }
    told.push()


def _shouted(value: Any) -> Any:
    match value:
        case str() if "@" in value:
            return value.upper()
        case dict():
            return {name: _shouted(one) for name, one in value.items()}
        case list():
            return [_shouted(one) for one in value]
        case _:
            return value


def change_another_mapping(told: Told) -> None:
    custom = {"department": COST_CENTER}
    send(told.client, told.scim, "save", **custom)
    call_command("run_due")
    send(told.client, told.scim, "save", department="")
    call_command("run_due")


def run_jobs_for_months(told: Told) -> None:
    for days in (0, 1, settings.REQUEST_LOG_DAYS + 1):
        with time_machine.travel(timezone.now() + timedelta(days=days)):
            call_command("run_due")
    told.push()


def correct_somebody_by_hand(told: Told) -> None:
    person = Person.objects.filter(scim_users__scim_id=told.scim_id).first()
    if person:
        profile = person.profile
        profile = type(profile)(**{**profile.__dict__, "given_name": "Augusta"})
        people_update.revise_person(person, profile, actor=HELPDESK)
    call_command("run_due")
    call_command("run_due")


def switch_off_and_on(told: Told) -> None:
    for active in (False, True):
        told.scim.replace(told.scim_id, "active", active)
        events.dispatch_all(as_of=timezone.now())
    told.push()


LATER: dict[str, Callable[[Told], None]] = {
    "say the same again": say_again,
    "say something else too": say_something_else_too,
    "rename the user": rename_the_user,
    "spell it differently": spell_differently,
    "change the mapping": change_another_mapping,
    "run all jobs for months": run_jobs_for_months,
    "correct another field by hand": correct_somebody_by_hand,
    "switch them off and on": switch_off_and_on,
}


@pytest.fixture
def tell(owner: Person, connect: Connect) -> Callable[..., Told]:
    """Have a provider say of Ada what must be listed."""

    def tell(refusal: Refusal, provider: str) -> Told:
        scim = connect(provider)
        scim_id = scim.add("ada")
        refusal.given(scim)
        told = Told(scim, signed_in(owner), scim_id, dict(refusal.said))
        told.push()
        assert listed() == [refusal.reason]
        return told

    return tell


def listed() -> list[str]:
    return list(SyncError.objects.open().values_list("reason", flat=True))


@pytest.mark.parametrize("later", LATER.values(), ids=LATER)
@pytest.mark.parametrize("provider", ["okta", "generic"])
@each_refusal
def test_whatever_happens_to_others(
    tell: Callable[..., Told], refusal: Refusal, provider: str, later: Callable[[Told], None]
) -> None:
    told = tell(refusal, provider)
    told.decide()

    later(told)

    assert listed() == []
    assert_waiting_is_listed()


@pytest.mark.parametrize("provider", ["okta", "generic"])
@each_refusal
def test_and_is_over_when_the_provider_said_something_good(
    tell: Callable[..., Told], refusal: Refusal, provider: str
) -> None:
    told = tell(refusal, provider)
    told.decide()

    told.push_good()
    told.push()

    assert listed() == [refusal.reason]


class TestAnInvite:
    """The invite of somebody whose manager is missing, let go without the manager …"""

    @pytest.fixture
    def told(self, owner: Person, scim: Provider) -> Told:
        told = Told(scim, signed_in(owner), scim.add("ada", **WAITS.said), dict(WAITS.said))
        told.decide("invite-anyway")
        return told

    def held(self) -> list[str]:
        [ada] = Person.objects.filter(given_name__in=("Ada", "Augusta"))
        return list(ada.invites.open().values_list("hold_reason", flat=True))

    @pytest.mark.parametrize("later", LATER.values(), ids=LATER)
    def test_is_not_held_again(self, told: Told, later: Callable[[Told], None]) -> None:
        later(told)

        assert self.held() == [""]
        assert listed() == []
        assert_waiting_is_listed()

    def test_and_another_missing_manager_is_listed(self, told: Told) -> None:
        told.push(**managed_by("chief@example.com"))

        assert listed() == ["invalid-manager"]
        assert_waiting_is_listed()


def test_and_what_nobody_decided_is_listed_once_after_a_rename(tell: Callable[..., Told]) -> None:
    told = tell(WAITS, "okta")

    rename_the_user(told)
    told.push()

    row = SyncError.objects.open().get()
    assert row.user_name == "countess@example.com"
    assert_waiting_is_listed()
