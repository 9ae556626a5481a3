"""Roles of users who were in a mapped group before they had a person."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import partial

import pytest

from people.models import Grant, Role
from people.operations.roles.group_mappings import Author
from people.values import Actor
from scim.connections import manage
from scim.jobs import reapply
from scim.models import ScimGroup
from scim.sync import group_mappings, group_roles
from tests.clients.scim import Provider, someone
from tests.scim.conftest import Connect
from tests.support.scim_setup import Wizard

pytestmark = pytest.mark.django_db

OLGA = Author(actor=Actor("person", "owner@example.com"))
Working = Callable[[], AbstractContextManager[object]]


@pytest.fixture
def with_worker(
    monkeypatch: pytest.MonkeyPatch,
    django_capture_on_commit_callbacks: Callable[..., AbstractContextManager[object]],
) -> Working:
    """Run the role sync at the end of the block if it was scheduled, and no other job."""
    monkeypatch.setattr(group_roles.waker, "wake", group_roles.sync_all_roles)
    return lambda: django_capture_on_commit_callbacks(execute=True)


@pytest.fixture
def wake_ups(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    wake_ups: list[bool] = []
    monkeypatch.setattr(group_roles.waker, "wake", lambda: wake_ups.append(True))
    return wake_ups


def add_mapped_group(scim: Provider, auditor: Role, *members: str) -> None:
    """Push a group with these members, and map it to the role."""
    scim.add_group("Auditors", *members)
    group = ScimGroup.objects.select_related("connection").get(connection=scim.connection)
    group_mappings.apply(partial(group_mappings.map_group, group, auditor, author=OLGA))


def auditors() -> list[str]:
    grants = Grant.objects.filter(role__isnull=False)
    return sorted(grants.values_list("person__email", flat=True))


def test_person_gets_role_when_held_user_is_completed(
    connect: Connect, auditor: Role, with_worker: Working
) -> None:
    scim = connect("generic", incomplete_policy="hold")
    ada = scim.add("ada", name={"givenName": "Ada"})
    add_mapped_group(scim, auditor, ada)
    assert auditors() == []

    with with_worker():
        assert scim.replace(ada, "name.familyName", "Lovelace").status == 200

    assert auditors() == ["ada@example.com"]


def test_person_gets_role_on_activation(
    wizard: Wizard, okta: Provider, auditor: Role, with_worker: Working
) -> None:
    add_mapped_group(okta, auditor, okta.add("ada"))
    assert auditors() == []

    with with_worker():
        wizard.activate()

    assert auditors() == ["ada@example.com"]


def test_person_gets_role_when_a_new_mapping_completes_the_user(
    connect: Connect, auditor: Role, with_worker: Working
) -> None:
    scim = connect("generic", incomplete_policy="hold")
    ada = scim.add("ada", name={"givenName": "Ada"}, nickName="Lovelace")
    add_mapped_group(scim, auditor, ada)
    mapping = {"family_name": "nickName"}
    manage.revise(scim.connection, {"mapping": mapping}, actor=OLGA.actor)

    with with_worker():
        reapply.run_batch()

    assert auditors() == ["ada@example.com"]


@pytest.mark.django_db(transaction=True)
def test_user_without_groups_schedules_no_role_sync(scim: Provider, wake_ups: list[bool]) -> None:
    ada = scim.add("ada")
    scim.replace(ada, "title", "Countess")
    scim("POST", "/Users", someone("ada"))

    assert wake_ups == []
