"""Previewing and applying changes of group mappings, at once or in a worker."""

import re
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from django.db import connection as database
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from people.models import Grant, Person, Role
from people.operations.roles import base_roles
from people.operations.roles.group_mappings import (
    Author,
    MappingChange,
    apply_mappings,
    preview,
)
from people.operations.roles.mapping_rules import MappingResult
from people.values import Actor
from scim import tasks
from scim.connections import manage
from scim.models import GroupMapping, ScimGroup
from scim.sync import group_mappings, group_roles
from scim.sync.group_mappings import Disconnected
from tests.clients.pages import signed_in, text_of
from tests.clients.scim import Provider

pytestmark = pytest.mark.django_db

OLGA = Author(actor=Actor("person", "owner@example.com"))
OPERATOR = Author(actor=Actor("command", "tests"))
Change = Callable[[], MappingChange]
ResultTexts = tuple[str, list[str], list[str], list[str]]


@pytest.fixture
def client(owner: Person) -> Client:
    return signed_in(owner)


@pytest.fixture
def staff_group(scim: Provider) -> ScimGroup:
    """Push five people in one group: one with a role from the provider, one inactive."""
    people = [scim.add(name) for name in ("ada", "bob", "cy")]
    people.append(scim.add("dan", roles=[{"value": "BUSINESS_ADMIN", "primary": True}]))
    people.append(scim.add("eve", active=False))
    scim.add_group("Staff", *people)
    Person.objects.filter(state=Person.State.INVITED).update(
        state=Person.State.ACTIVE, joined_at=timezone.now()
    )
    return ScimGroup.objects.select_related("connection").get()


@pytest.fixture
def no_waiting_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave every change of roles to a worker."""
    monkeypatch.setattr(group_mappings, "MAX_WAIT_SECONDS", -1)


@pytest.fixture
def applied_results(monkeypatch: pytest.MonkeyPatch) -> list[MappingResult]:
    """Record the results of apply_mappings."""
    applied_results: list[MappingResult] = []
    follow = apply_mappings

    def recording(person: Person, *args: object, **options: object) -> MappingResult:
        applied_results.append(follow(person, *args, **options))  # type: ignore[arg-type]
        return applied_results[-1]

    monkeypatch.setattr("people.operations.roles.group_mappings.apply_mappings", recording)
    return applied_results


def mapping(group: ScimGroup, role: Role | Person.Role) -> Change:
    return partial(group_mappings.map_group, group, role, author=OLGA, is_owner_confirmed=True)


def unmapping(group: ScimGroup, role: Role | Person.Role, *, author: Author = OLGA) -> Change:
    mappings = GroupMapping.objects.select_related("group__connection", "connection", "role")
    chosen = {"role": role} if isinstance(role, Role) else {"base_role": role}
    return partial(group_mappings.unmap, mappings.get(group=group, **chosen), author=author)


def texts_of(changes: list[MappingResult]) -> list[ResultTexts]:
    return [(one.person.email, one.gained, one.lost, one.problems) for one in changes if one]


class TestPreviewMatchesResult:
    @pytest.fixture(autouse=True)
    def _compared(self, applied_results: list[MappingResult]) -> None:
        self.deeds = applied_results

    def apply_as_previewed(self, change: Change) -> list[ResultTexts]:
        """Apply the change, check that the result equals the preview, and return it."""
        foretold = texts_of(preview(change).changes)
        assert self.deeds == []
        group_mappings.apply(change)
        done = texts_of(self.deeds)
        self.deeds.clear()
        assert foretold == done
        return done

    def test_for_a_custom_role(self, staff_group: ScimGroup, auditor: Role) -> None:
        base_roles.grant_role(
            Person.objects.get(email="ada@example.com"), auditor, actor=OLGA.actor
        )

        assert len(self.apply_as_previewed(mapping(staff_group, auditor))) == 5
        assert len(self.apply_as_previewed(unmapping(staff_group, auditor))) == 5

    @pytest.mark.parametrize("role", [Person.Role.BOOKKEEPER, Person.Role.ADMIN, Person.Role.OWNER])
    def test_for_a_base_role(self, staff_group: ScimGroup, role: Person.Role) -> None:
        done = self.apply_as_previewed(mapping(staff_group, role))
        assert done

        self.apply_as_previewed(mapping(staff_group, Person.Role.IT_ADMIN))
        self.apply_as_previewed(unmapping(staff_group, role))
        self.apply_as_previewed(unmapping(staff_group, Person.Role.IT_ADMIN))

    def test_for_person_whose_base_role_the_provider_sends(self, staff_group: ScimGroup) -> None:
        done = self.apply_as_previewed(mapping(staff_group, Person.Role.OWNER))

        [problems] = [problems for email, *_, problems in done if email == "dan@example.com"]
        assert "controls the base role" in problems[0]

    def test_for_the_last_active_owner(self, staff_group: ScimGroup) -> None:
        group_mappings.apply(mapping(staff_group, Person.Role.OWNER))
        self.deeds.clear()
        Person.objects.filter(email="owner@example.com").update(role=Person.Role.CARDHOLDER)

        done = self.apply_as_previewed(unmapping(staff_group, Person.Role.OWNER, author=OPERATOR))

        assert ["last active Owner" in "".join(one[3]) for one in done].count(True) == 1
        assert Person.objects.active_owners().count() == 1

    def test_for_base_role_that_replaces_a_removed_one(self, staff_group: ScimGroup) -> None:
        self.apply_as_previewed(mapping(staff_group, Person.Role.ADMIN))
        self.apply_as_previewed(mapping(staff_group, Person.Role.BOOKKEEPER))

        done = self.apply_as_previewed(unmapping(staff_group, Person.Role.ADMIN))

        assert ("ada@example.com", ["Bookkeeper"], ["Admin"], []) in done


def test_preview_query_count_does_not_grow_with_members(
    scim: Provider, staff_group: ScimGroup, auditor: Role
) -> None:
    with CaptureQueriesContext(database) as few:
        assert preview(mapping(staff_group, auditor)).member_count == 5
    more = [{"value": scim.add(f"p{number}")} for number in range(25)]
    change = {"op": "add", "path": "members", "value": more}
    scim("PATCH", f"/Groups/{staff_group.scim_id}", {"Operations": [change]})

    with CaptureQueriesContext(database) as many:
        assert len(preview(mapping(staff_group, auditor)).changes) == 30

    assert len(many) == len(few)


def test_preview_page_shows_counts_problems_first_and_names(
    client: Client, scim: Provider, staff_group: ScimGroup, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("people.views.group_mappings.CHANGES_SHOWN", 2)
    address = f"/integrations/scim/{scim.connection.pk}/groups/{staff_group.pk}/"

    page = text_of(client.get(address, {"role": "BUSINESS_OWNER", "is_owner_confirmed": "on"}))

    assert "4 people gain Owner" in page
    assert "Blocked for 1" in page
    assert page.index("controls the base role") < page.index("gains Owner")
    assert "And 3 more." in page


def test_member_who_joins_during_the_change_gets_the_role(
    scim: Provider, staff_group: ScimGroup, auditor: Role, monkeypatch: pytest.MonkeyPatch
) -> None:
    late, follow = scim.add("late"), apply_mappings
    change = {"op": "add", "path": "members", "value": [{"value": late}]}

    def being_late(*args: Any, **options: Any) -> MappingResult:
        scim("PATCH", f"/Groups/{staff_group.scim_id}", {"Operations": [change]})
        return follow(*args, **options)

    monkeypatch.setattr("people.operations.roles.group_mappings.apply_mappings", being_late)

    assert group_mappings.apply(mapping(staff_group, auditor)) == (6, True)


@pytest.mark.usefixtures("no_waiting_time")
class TestSlowChange:
    def test_mapping_is_applied_by_a_worker(
        self,
        client: Client,
        scim: Provider,
        staff_group: ScimGroup,
        auditor: Role,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        woken: list[bool] = []
        monkeypatch.setattr(group_roles, "schedule", lambda: woken.append(True))
        address = f"/integrations/scim/{scim.connection.pk}/groups/{staff_group.pk}/"
        values = {"role": f"role:{auditor.pk}"}
        seen = re.search('name="seen" value="(.*?)"', text_of(client.get(address, values)))
        assert seen

        page = text_of(client.post(address, values | {"seen": seen[1]}, follow=True))

        assert "The roles change within minutes." in page
        assert woken == [True]
        tasks.sync_group_roles()
        assert Grant.objects.filter(role=auditor).count() == 5

    def test_removed_mapping_is_undone_by_a_worker(
        self, staff_group: ScimGroup, auditor: Role
    ) -> None:
        group_mappings.apply(mapping(staff_group, auditor))
        group_roles.sync_all_roles()
        group_mappings.apply(unmapping(staff_group, auditor))
        assert Grant.objects.count() == 5

        tasks.sync_group_roles()

        assert not Grant.objects.exists()

    def test_worker_schedules_next_run_when_time_is_over(
        self, staff_group: ScimGroup, auditor: Role, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        sent: list[str] = []
        monkeypatch.setattr(tasks, "GROUP_ROLES_SECONDS", -1)
        monkeypatch.setattr("scim.tasks.current_app.send_task", lambda name, **_: sent.append(name))
        group_mappings.apply(mapping(staff_group, auditor))

        tasks.sync_group_roles()

        assert sent == [group_roles.TASK]


def test_mapping_is_refused_after_disconnecting(staff_group: ScimGroup, auditor: Role) -> None:
    manage.disconnect(staff_group.connection, actor=OLGA.actor)

    with pytest.raises(Disconnected):
        group_mappings.apply(mapping(staff_group, auditor))
    assert not GroupMapping.objects.exists()
