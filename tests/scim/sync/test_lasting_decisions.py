"""Dismissed sync errors and released invites stay decided until the value changes."""

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
from tests.scim.sync.test_sync_errors import RULES, Refusal
from tests.support.scim_mapping import COST_CENTER, send
from tests.support.waiting_people import assert_waiting_is_listed

pytestmark = pytest.mark.django_db

HELPDESK = Actor("person", "helpdesk@example.com")
WAITS = Refusal(managed_by("nobody@example.com"), "invalid-manager", "", "nobody@example.com")
INCOMPLETE = Refusal({ENT: {"department": ""}}, "incomplete", "", "")
each_refusal = pytest.mark.parametrize(
    "refusal",
    [*RULES, WAITS, INCOMPLETE],
    ids=lambda refusal: f"{refusal.reason} {refusal.offending}".strip(),
)


@dataclass
class RefusedUser:
    """A user whose values cause a sync error, with the methods to send them again."""

    scim: Provider
    client: Client
    scim_id: str
    said: Json

    def push(self, **more: Any) -> None:
        self.scim("PUT", f"/Users/{self.scim_id}", someone("ada", **self.said | more))
        events.dispatch_all(as_of=timezone.now())

    def push_good(self) -> None:
        # A PUT without roles would keep the previous role.
        good = someone("ada", roles=[{"type": "rampUserRole", "value": "BUSINESS_USER"}])
        assert self.scim("PUT", f"/Users/{self.scim_id}", good).status == 200
        events.dispatch_all(as_of=timezone.now())

    def decide(self, how: str = "dismiss") -> None:
        """Make this decision about every listed error."""
        for error in SyncError.objects.open():
            path = f"/people/updates/errors/{error.pk}/{how}/"
            assert self.client.post(path, {"because": "We know."}).status_code == 302


def push_same_values(refused: RefusedUser) -> None:
    refused.push()


def push_another_title(refused: RefusedUser) -> None:
    refused.push(title="Countess")


def rename_the_user(refused: RefusedUser) -> None:
    """Change the userName, as providers do when a surname changes."""
    renamed = {"userName": "countess@example.com"}
    refused.said |= renamed
    refused.scim.replace(refused.scim_id, "userName", "countess@example.com")
    refused.push()


def push_in_uppercase(refused: RefusedUser) -> None:
    refused.said = {
        name: _uppercased(value) if name in ("emails", ENT) else value
        for name, value in refused.said.items()
    }
    refused.push()


def _uppercased(value: Any) -> Any:
    match value:
        case str() if "@" in value:
            return value.upper()
        case dict():
            return {name: _uppercased(one) for name, one in value.items()}
        case list():
            return [_uppercased(one) for one in value]
        case _:
            return value


def change_another_mapping(refused: RefusedUser) -> None:
    custom = {"department": COST_CENTER}
    send(refused.client, refused.scim, "save", **custom)
    call_command("run_due")
    send(refused.client, refused.scim, "save", department="")
    call_command("run_due")


def run_jobs_for_months(refused: RefusedUser) -> None:
    for days in (0, 1, settings.REQUEST_LOG_DAYS + 1):
        with time_machine.travel(timezone.now() + timedelta(days=days)):
            call_command("run_due")
    refused.push()


def correct_given_name_by_hand(refused: RefusedUser) -> None:
    person = Person.objects.filter(scim_users__scim_id=refused.scim_id).first()
    if person:
        profile = person.profile
        profile = type(profile)(**{**profile.__dict__, "given_name": "Augusta"})
        people_update.revise_person(person, profile, actor=HELPDESK)
    call_command("run_due")
    call_command("run_due")


def deactivate_and_reactivate(refused: RefusedUser) -> None:
    for active in (False, True):
        refused.scim.replace(refused.scim_id, "active", active)
        events.dispatch_all(as_of=timezone.now())
    refused.push()


LATER_ACTIONS: dict[str, Callable[[RefusedUser], None]] = {
    "push the same values": push_same_values,
    "push another title": push_another_title,
    "rename the user": rename_the_user,
    "push in uppercase": push_in_uppercase,
    "change the mapping": change_another_mapping,
    "run all jobs for months": run_jobs_for_months,
    "correct another field by hand": correct_given_name_by_hand,
    "deactivate and reactivate": deactivate_and_reactivate,
}


@pytest.fixture
def push_refused(owner: Person, connect: Connect) -> Callable[..., RefusedUser]:
    """Send values of Ada that cause a sync error."""

    def push_refused(refusal: Refusal, provider: str) -> RefusedUser:
        scim = connect(provider)
        scim_id = scim.add("ada")
        refusal.given(scim)
        refused = RefusedUser(scim, signed_in(owner), scim_id, dict(refusal.said))
        refused.push()
        assert listed() == [refusal.reason]
        return refused

    return push_refused


def listed() -> list[str]:
    return list(SyncError.objects.open().values_list("reason", flat=True))


@pytest.mark.parametrize("later", LATER_ACTIONS.values(), ids=LATER_ACTIONS)
@pytest.mark.parametrize("provider", ["okta", "generic"])
@each_refusal
def test_dismissed_error_stays_dismissed_after_other_changes(
    push_refused: Callable[..., RefusedUser],
    refusal: Refusal,
    provider: str,
    later: Callable[[RefusedUser], None],
) -> None:
    refused = push_refused(refusal, provider)
    refused.decide()

    later(refused)

    assert listed() == []
    assert_waiting_is_listed()


@pytest.mark.parametrize("provider", ["okta", "generic"])
@each_refusal
def test_same_error_is_listed_again_after_a_good_value(
    push_refused: Callable[..., RefusedUser], refusal: Refusal, provider: str
) -> None:
    refused = push_refused(refusal, provider)
    refused.decide()

    refused.push_good()
    refused.push()

    assert listed() == [refusal.reason]


class TestReleasedInvite:
    """An administrator sent the invite without the missing manager."""

    @pytest.fixture
    def refused(self, owner: Person, scim: Provider) -> RefusedUser:
        refused = RefusedUser(
            scim, signed_in(owner), scim.add("ada", **WAITS.said), dict(WAITS.said)
        )
        refused.decide("invite-anyway")
        return refused

    def held(self) -> list[str]:
        [ada] = Person.objects.filter(given_name__in=("Ada", "Augusta"))
        return list(ada.invites.open().values_list("hold_reason", flat=True))

    @pytest.mark.parametrize("later", LATER_ACTIONS.values(), ids=LATER_ACTIONS)
    def test_released_invite_is_not_held_again(
        self, refused: RefusedUser, later: Callable[[RefusedUser], None]
    ) -> None:
        later(refused)

        assert self.held() == [""]
        assert listed() == []
        assert_waiting_is_listed()

    def test_another_missing_manager_is_listed(self, refused: RefusedUser) -> None:
        refused.push(**managed_by("chief@example.com"))

        assert listed() == ["invalid-manager"]
        assert_waiting_is_listed()


def test_undecided_error_is_listed_once_after_rename(
    push_refused: Callable[..., RefusedUser],
) -> None:
    refused = push_refused(WAITS, "okta")

    rename_the_user(refused)
    refused.push()

    row = SyncError.objects.open().get()
    assert row.user_name == "countess@example.com"
    assert_waiting_is_listed()
