"""What a mapping would do is told before, and done by whoever has the time …"""

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
Told = tuple[str, list[str], list[str], list[str]]


@pytest.fixture
def client(owner: Person) -> Client:
    return signed_in(owner)


@pytest.fixture
def staff(scim: Provider) -> ScimGroup:
    """Push all sorts of people in one group: one whose role the provider sends, one who is out."""
    people = [scim.add(name) for name in ("ada", "bob", "cy")]
    people.append(scim.add("dan", roles=[{"value": "BUSINESS_ADMIN", "primary": True}]))
    people.append(scim.add("eve", active=False))
    scim.add_group("Staff", *people)
    Person.objects.filter(state=Person.State.INVITED).update(
        state=Person.State.ACTIVE, joined_at=timezone.now()
    )
    return ScimGroup.objects.select_related("connection").get()


@pytest.fixture
def busy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have nobody the time to wait for what they apply."""
    monkeypatch.setattr(group_mappings, "MAX_WAIT_SECONDS", -1)


@pytest.fixture
def deeds(monkeypatch: pytest.MonkeyPatch) -> list[MappingResult]:
    """Note what following does."""
    deeds: list[MappingResult] = []
    follow = apply_mappings

    def noting(person: Person, *args: object, **options: object) -> MappingResult:
        deeds.append(follow(person, *args, **options))  # type: ignore[arg-type]
        return deeds[-1]

    monkeypatch.setattr("people.operations.roles.group_mappings.apply_mappings", noting)
    return deeds


def mapping(group: ScimGroup, role: Role | Person.Role) -> Change:
    return partial(group_mappings.map_group, group, role, author=OLGA, is_owner_confirmed=True)


def unmapping(group: ScimGroup, role: Role | Person.Role, *, author: Author = OLGA) -> Change:
    mappings = GroupMapping.objects.select_related("group__connection", "connection", "role")
    chosen = {"role": role} if isinstance(role, Role) else {"base_role": role}
    return partial(group_mappings.unmap, mappings.get(group=group, **chosen), author=author)


def told(changes: list[MappingResult]) -> list[Told]:
    return [(one.person.email, one.gained, one.lost, one.problems) for one in changes if one]


class TestIsToldAsItIsDone:
    """It is told as it is done …"""

    @pytest.fixture(autouse=True)
    def _compared(self, deeds: list[MappingResult]) -> None:
        self.deeds = deeds

    def carry_out(self, change: Change) -> list[Told]:
        """Apply the change, and return what was told of it and done alike."""
        foretold = told(preview(change).changes)
        assert self.deeds == []
        group_mappings.apply(change)
        done = told(self.deeds)
        self.deeds.clear()
        assert foretold == done
        return done

    def test_of_a_role_of_the_companys(self, staff: ScimGroup, auditor: Role) -> None:
        base_roles.grant_role(
            Person.objects.get(email="ada@example.com"), auditor, actor=OLGA.actor
        )

        assert len(self.carry_out(mapping(staff, auditor))) == 5
        assert len(self.carry_out(unmapping(staff, auditor))) == 5

    @pytest.mark.parametrize("role", [Person.Role.BOOKKEEPER, Person.Role.ADMIN, Person.Role.OWNER])
    def test_of_a_base_role(self, staff: ScimGroup, role: Person.Role) -> None:
        done = self.carry_out(mapping(staff, role))
        assert done

        self.carry_out(mapping(staff, Person.Role.IT_ADMIN))
        self.carry_out(unmapping(staff, role))
        self.carry_out(unmapping(staff, Person.Role.IT_ADMIN))

    def test_where_the_provider_sends_the_role_itself(self, staff: ScimGroup) -> None:
        done = self.carry_out(mapping(staff, Person.Role.OWNER))

        [problems] = [problems for email, *_, problems in done if email == "dan@example.com"]
        assert "controls the base role" in problems[0]

    def test_where_one_has_to_stay_owner(self, staff: ScimGroup) -> None:
        group_mappings.apply(mapping(staff, Person.Role.OWNER))
        self.deeds.clear()
        Person.objects.filter(email="owner@example.com").update(role=Person.Role.CARDHOLDER)

        done = self.carry_out(unmapping(staff, Person.Role.OWNER, author=OPERATOR))

        assert ["last active Owner" in "".join(one[3]) for one in done].count(True) == 1
        assert Person.objects.active_owners().count() == 1

    def test_where_one_role_stands_in_for_another(self, staff: ScimGroup) -> None:
        self.carry_out(mapping(staff, Person.Role.ADMIN))
        self.carry_out(mapping(staff, Person.Role.BOOKKEEPER))

        done = self.carry_out(unmapping(staff, Person.Role.ADMIN))

        assert ("ada@example.com", ["Bookkeeper"], ["Admin"], []) in done


def test_is_told_of_thirty_people_with_as_few_queries_as_of_five(
    scim: Provider, staff: ScimGroup, auditor: Role
) -> None:
    with CaptureQueriesContext(database) as few:
        assert preview(mapping(staff, auditor)).member_count == 5
    more = [{"value": scim.add(f"p{number}")} for number in range(25)]
    change = {"op": "add", "path": "members", "value": more}
    scim("PATCH", f"/Groups/{staff.scim_id}", {"Operations": [change]})

    with CaptureQueriesContext(database) as many:
        assert len(preview(mapping(staff, auditor)).changes) == 30

    assert len(many) == len(few)


def test_is_told_in_numbers_and_by_name(
    client: Client, scim: Provider, staff: ScimGroup, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("people.views.group_mappings.CHANGES_SHOWN", 2)
    address = f"/integrations/scim/{scim.connection.pk}/groups/{staff.pk}/"

    page = text_of(client.get(address, {"role": "BUSINESS_OWNER", "is_owner_confirmed": "on"}))

    assert "4 people gain Owner" in page
    assert "Blocked for 1" in page
    assert page.index("controls the base role") < page.index("gains Owner")
    assert "And 3 more." in page


def test_is_done_also_for_those_who_come_meanwhile(
    scim: Provider, staff: ScimGroup, auditor: Role, monkeypatch: pytest.MonkeyPatch
) -> None:
    late, follow = scim.add("late"), apply_mappings
    change = {"op": "add", "path": "members", "value": [{"value": late}]}

    def being_late(*args: Any, **options: Any) -> MappingResult:
        scim("PATCH", f"/Groups/{staff.scim_id}", {"Operations": [change]})
        return follow(*args, **options)

    monkeypatch.setattr("people.operations.roles.group_mappings.apply_mappings", being_late)

    assert group_mappings.apply(mapping(staff, auditor)) == (6, True)


@pytest.mark.usefixtures("busy")
class TestWhatTakesLong:
    """What takes long …"""

    def test_is_left_to_a_worker(
        self,
        client: Client,
        scim: Provider,
        staff: ScimGroup,
        auditor: Role,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        woken: list[bool] = []
        monkeypatch.setattr(group_roles, "schedule", lambda: woken.append(True))
        address = f"/integrations/scim/{scim.connection.pk}/groups/{staff.pk}/"
        said = {"role": f"role:{auditor.pk}"}
        seen = re.search('name="seen" value="(.*?)"', text_of(client.get(address, said)))
        assert seen

        page = text_of(client.post(address, said | {"seen": seen[1]}, follow=True))

        assert "The roles change within minutes." in page
        assert woken == [True]
        tasks.sync_group_roles()
        assert Grant.objects.filter(role=auditor).count() == 5

    def test_is_undone_by_a_worker_although_nothing_is_mapped_any_more(
        self, staff: ScimGroup, auditor: Role
    ) -> None:
        group_mappings.apply(mapping(staff, auditor))
        group_roles.sync_all_roles()
        group_mappings.apply(unmapping(staff, auditor))
        assert Grant.objects.count() == 5

        tasks.sync_group_roles()

        assert not Grant.objects.exists()

    def test_is_handed_on_from_worker_to_worker(
        self, staff: ScimGroup, auditor: Role, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        sent: list[str] = []
        monkeypatch.setattr(tasks, "GROUP_ROLES_SECONDS", -1)
        monkeypatch.setattr("scim.tasks.current_app.send_task", lambda name, **_: sent.append(name))
        group_mappings.apply(mapping(staff, auditor))

        tasks.sync_group_roles()

        assert sent == [group_roles.TASK]


def test_is_not_begun_once_the_provider_is_disconnected(staff: ScimGroup, auditor: Role) -> None:
    manage.disconnect(staff.connection, actor=OLGA.actor)

    with pytest.raises(Disconnected):
        group_mappings.apply(mapping(staff, auditor))
    assert not GroupMapping.objects.exists()
