"""The initial import: provisioning the users received before activation."""

from typing import Any

import pytest
from django.core.management import call_command
from django.utils import timezone

from people.models import Event, Invite, Person
from scim.jobs import initial_import
from scim.models import Connection, ScimUser
from tests.clients.scim import ENT, Provider
from tests.support.scim_setup import Wizard, run_jobs

pytestmark = pytest.mark.django_db


def user(name: str) -> ScimUser:
    return ScimUser.objects.get(scim_username=f"{name}@example.com")


def test_activation_leaves_the_import_to_a_worker(wizard: Wizard, okta: Provider) -> None:
    okta.add("ada")

    wizard.post("activate")

    assert Person.objects.count() == 1
    page = wizard.get("activate")
    assert "Provisioning people" in page
    assert '<progress class="ramp-progress" max="1" value="0"' in page
    assert '<noscript><meta http-equiv="refresh"' in page


def test_import_continues_after_a_worker_died(
    wizard: Wizard, okta: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("ada", "bob", "eve"):
        okta.add(name)
    wizard.post("activate")
    carry, seen = initial_import._provision, []

    def die(delivery: Any) -> None:
        seen.append(delivery.user.scim_username)
        if len(seen) == 2:
            raise KeyboardInterrupt
        carry(delivery)

    monkeypatch.setattr(initial_import, "_provision", die)
    with pytest.raises(KeyboardInterrupt):
        run_jobs()
    monkeypatch.setattr(initial_import, "_provision", carry)
    assert Person.objects.count() == 2

    call_command("run_due")

    assert Person.objects.count() == 4
    assert Invite.objects.open().count() == 3


def test_failing_user_does_not_stop_the_import(
    wizard: Wizard, okta: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    okta.add("ada")
    okta.add("bob")
    carry = initial_import._provision

    def fail(delivery: Any) -> None:
        if delivery.user.scim_username.startswith("ada"):
            raise RuntimeError
        carry(delivery)

    monkeypatch.setattr(initial_import, "_provision", fail)
    wizard.activate()

    assert user("bob").person
    assert user("ada").person is None
    assert "Provisioning people" in wizard.get("activate")


def test_repeated_import_changes_nothing(wizard: Wizard, okta: Provider) -> None:
    okta.add("ada")
    okta.add("bob", **{ENT: None})
    wizard.activate()
    before = Event.objects.count()

    run_jobs()
    run_jobs()

    assert Event.objects.count() == before


def test_import_ends_after_a_grace_period_for_running_requests(
    wizard: Wizard, okta: Provider
) -> None:
    wizard.activate()
    assert initial_import.unfinished_connections() == [okta.connection]

    Connection.objects.update(activated_at=timezone.now() - 2 * initial_import.GRACE)
    run_jobs()

    assert initial_import.unfinished_connections() == []


def test_import_stops_when_its_time_is_over(wizard: Wizard, okta: Provider) -> None:
    okta.add("ada")
    wizard.post("activate")

    done, is_all = initial_import.import_batch(initial_import.unfinished_connections(), seconds=-1)

    assert (done, is_all) == (0, False)
