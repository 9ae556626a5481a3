"""Whoever was put into a group before there was a person of theirs …"""

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
def working(
    monkeypatch: pytest.MonkeyPatch,
    django_capture_on_commit_callbacks: Callable[..., AbstractContextManager[object]],
) -> Working:
    """Have a worker do what it is woken for when the block ends, and nothing else."""
    monkeypatch.setattr(group_roles.waker, "wake", group_roles.sync_all_roles)
    return lambda: django_capture_on_commit_callbacks(execute=True)


@pytest.fixture
def woken(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    woken: list[bool] = []
    monkeypatch.setattr(group_roles.waker, "wake", lambda: woken.append(True))
    return woken


def audited(scim: Provider, auditor: Role, *members: str) -> None:
    """Have the provider push a group of these, which brings a role."""
    scim.add_group("Auditors", *members)
    group = ScimGroup.objects.select_related("connection").get(connection=scim.connection)
    group_mappings.apply(partial(group_mappings.map_group, group, auditor, author=OLGA))


def auditors() -> list[str]:
    grants = Grant.objects.filter(role__isnull=False)
    return sorted(grants.values_list("person__email", flat=True))


def test_has_its_role_at_once_when_their_resource_is_completed(
    connect: Connect, auditor: Role, working: Working
) -> None:
    scim = connect("generic", incomplete_policy="hold")
    ada = scim.add("ada", name={"givenName": "Ada"})
    audited(scim, auditor, ada)
    assert auditors() == []

    with working():
        assert scim.replace(ada, "name.familyName", "Lovelace").status == 200

    assert auditors() == ["ada@example.com"]


def test_has_its_role_at_once_when_they_are_adopted(
    wizard: Wizard, okta: Provider, auditor: Role, working: Working
) -> None:
    audited(okta, auditor, okta.add("ada"))
    assert auditors() == []

    with working():
        wizard.activate()

    assert auditors() == ["ada@example.com"]


def test_has_its_role_at_once_when_the_settings_complete_them(
    connect: Connect, auditor: Role, working: Working
) -> None:
    scim = connect("generic", incomplete_policy="hold")
    ada = scim.add("ada", name={"givenName": "Ada"}, nickName="Lovelace")
    audited(scim, auditor, ada)
    mapping = {"family_name": "nickName"}
    manage.revise(scim.connection, {"mapping": mapping}, actor=OLGA.actor)

    with working():
        reapply.run_batch()

    assert auditors() == ["ada@example.com"]


@pytest.mark.django_db(transaction=True)
def test_wakes_nobody_by_coming_to_be(scim: Provider, woken: list[bool]) -> None:
    ada = scim.add("ada")
    scim.replace(ada, "title", "Countess")
    scim("POST", "/Users", someone("ada"))

    assert woken == []
