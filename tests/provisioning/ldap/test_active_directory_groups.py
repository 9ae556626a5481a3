"""Groups of Active Directory and the roles that they grant."""

import json

import pytest
from django.test import Client

from people import tenancy
from people.models import Person, Tenant
from provisioning.claims import Group
from provisioning.ldap import client, login_names
from provisioning.models import ExternalGroup, GroupMapping, IdentityProvider
from provisioning.providers import manage
from provisioning.providers.config import settings_of
from tests.services.active_directory import BASE, ActiveDirectory
from tests.support.active_directory import added, person_in, sign_in_as, the_attempt, unused_name
from tests.support.sign_in_flow import again, mapping

pytestmark = pytest.mark.django_db

DISTRIBUTION_LIST, UNIVERSAL = "2", "-2147483640"


@pytest.fixture
def corp(acme: Tenant, active_directory: ActiveDirectory) -> IdentityProvider:
    """Make a provider whose base DN is the OU of people; the groups are in another OU."""
    return added(acme, active_directory.document())


@pytest.fixture
def name() -> str:
    return unused_name()


def groups_of(provider: IdentityProvider, login: str) -> set[Group] | None:
    with tenancy.use(provider.tenant):
        password = manage.secret_of(provider)
    with client.opened(settings_of(provider), password) as directory:
        known = directory.groups_of(login_names.find_one(directory, login)).known
    return None if known is None else set(known)


def names_of(provider: IdentityProvider, login: str) -> set[str]:
    groups = groups_of(provider, login)
    assert groups is not None
    return {group.name for group in groups} - {"Domain Users", "Users"}


def changed(provider: IdentityProvider, **settings: str) -> IdentityProvider:
    provider.settings |= settings
    IdentityProvider._base_manager.filter(pk=provider.pk).update(settings=provider.settings)
    return provider


def role_of(provider: IdentityProvider, login: str) -> str:
    """Sign in, and return the role of the person afterwards."""
    client = Client()
    sign_in_as(login, provider, client)
    person = person_in(client)
    assert person
    with tenancy.use(provider.tenant):
        return again(person).role


class TestFindingGroups:
    def test_finds_nested_groups_of_every_type_outside_the_base_dn(
        self, active_directory: ActiveDirectory, corp: IdentityProvider, name: str
    ) -> None:
        dn = active_directory.add_person(name)
        inner = active_directory.add_group(f"inner-{name}", dn)
        outer = active_directory.add_group(f"outer-{name}", inner, groupType=UNIVERSAL)
        mail = active_directory.add_group(f"list-{name}", outer, groupType=DISTRIBUTION_LIST)
        active_directory.add_group(f"all-{name}", mail, groupType=DISTRIBUTION_LIST)

        assert names_of(corp, name) == {
            *(f"inner-{name}", f"outer-{name}", f"list-{name}", f"all-{name}")
        }

    def test_circular_and_deep_nesting_finds_only_own_groups(
        self, active_directory: ActiveDirectory, corp: IdentityProvider, name: str
    ) -> None:
        group = active_directory.add_person(name)
        expected = set()
        for depth in range(12):
            expected.add(f"deep{depth}-{name}")
            group = active_directory.add_group(f"deep{depth}-{name}", group, groupType=UNIVERSAL)
        active_directory.change(f"CN=deep0-{name},OU=Groups,{BASE}", member=[group])

        assert names_of(corp, name) <= expected

    def test_group_has_its_guid_name_and_dn(
        self, active_directory: ActiveDirectory, corp: IdentityProvider, name: str
    ) -> None:
        group = active_directory.add_group(f"fin-{name}", active_directory.add_person(name))

        known = groups_of(corp, name)

        assert known is not None
        assert Group(active_directory.guid(group), f"fin-{name}", group) in known

    def test_primary_group_is_included(
        self, active_directory: ActiveDirectory, corp: IdentityProvider, name: str
    ) -> None:
        active_directory.add_person(name)

        known = groups_of(corp, name)

        assert known is not None
        assert "Domain Users" in {group.name for group in known}

    def test_finds_seventy_groups(
        self, active_directory: ActiveDirectory, corp: IdentityProvider, name: str
    ) -> None:
        dn = active_directory.add_person(name)
        for number in range(70):
            active_directory.add_group(f"{name}-{number}", dn)

        assert len(names_of(corp, name)) == 70

    def test_only_groups_below_the_group_base_dn_are_found(
        self, active_directory: ActiveDirectory, corp: IdentityProvider, name: str
    ) -> None:
        dn = active_directory.add_person(name)
        inner = active_directory.add_group(f"in-{name}", dn, ou="Elsewhere")
        active_directory.add_group(f"out-{name}", inner)

        assert names_of(changed(corp, group_base_dn=f"OU=Groups,{BASE}"), name) == {f"out-{name}"}

    def test_only_groups_that_match_the_filter_are_found(
        self, active_directory: ActiveDirectory, corp: IdentityProvider, name: str
    ) -> None:
        dn = active_directory.add_person(name)
        inner = active_directory.add_group(f"team-{name}", dn)
        active_directory.add_group(f"app-{name}", inner)

        narrow = changed(corp, group_filter="(&(member={0})(cn=app-*))")

        assert names_of(narrow, name) == {f"app-{name}"}


class TestMappedRole:
    @pytest.fixture
    def mapped(self, active_directory: ActiveDirectory, corp: IdentityProvider, name: str) -> str:
        """Map a group to a role by its id, and return the DN of the group."""
        group = active_directory.add_group(f"fin-{name}", active_directory.add_person(name))
        with tenancy.use(corp.tenant):
            mapping(corp, active_directory.guid(group), Person.Role.BOOKKEEPER)
        assert role_of(corp, name) == Person.Role.BOOKKEEPER
        return group

    @pytest.mark.parametrize("to", ["Groups", "Elsewhere", "Services"])
    def test_stays_if_the_group_is_renamed_or_moved(
        self,
        active_directory: ActiveDirectory,
        corp: IdentityProvider,
        mapped: str,
        name: str,
        to: str,
    ) -> None:
        active_directory.move(mapped, f"finance-{name}", ou=to)

        assert role_of(corp, name) == Person.Role.BOOKKEEPER
        with tenancy.use(corp.tenant):
            assert ExternalGroup.objects.filter(name=f"finance-{name}").exists()

    def test_is_revoked_if_the_person_leaves_the_group(
        self, active_directory: ActiveDirectory, corp: IdentityProvider, mapped: str, name: str
    ) -> None:
        active_directory.change(mapped, member="")

        assert role_of(corp, name) == Person.Role.CARDHOLDER

    def test_is_not_granted_by_a_new_group_of_the_same_name(
        self, active_directory: ActiveDirectory, corp: IdentityProvider, mapped: str, name: str
    ) -> None:
        dn = f"CN={name},OU=Staff,{BASE}"
        active_directory.delete(mapped)
        active_directory.add_group(f"fin-{name}", dn)

        assert role_of(corp, name) == Person.Role.CARDHOLDER


class TestUnknownGroups:
    """An incomplete answer revokes no role, and the log has a warning."""

    @pytest.mark.parametrize("how", ["a broken filter", "no such group base", "a hidden group"])
    def test_incomplete_answer_keeps_the_role_and_warns(
        self, active_directory: ActiveDirectory, corp: IdentityProvider, name: str, how: str
    ) -> None:
        dn = active_directory.add_person(name)
        group = active_directory.add_group(f"fin-{name}", dn)
        with tenancy.use(corp.tenant):
            mapping(corp, active_directory.guid(group), Person.Role.BOOKKEEPER)
        assert role_of(corp, name) == Person.Role.BOOKKEEPER
        active_directory.change(group, member="")
        match how:
            case "a broken filter":
                changed(corp, group_filter="(&(member={0})(cn=app-*)")
            case "no such group base":
                changed(corp, group_base_dn=f"OU=Nowhere,{BASE}")
            case "a hidden group":
                active_directory.hide(active_directory.add_group(f"hidden-{name}", dn))

        assert role_of(corp, name) == Person.Role.BOOKKEEPER
        assert "Roles from groups did not change" in json.dumps(the_attempt().warnings)


class TestMappingByDn:
    def test_binds_to_the_guid_of_the_group(
        self, active_directory: ActiveDirectory, corp: IdentityProvider, name: str
    ) -> None:
        group = active_directory.add_group(f"fin-{name}", active_directory.add_person(name))
        with tenancy.use(corp.tenant):
            mapping(corp, group, Person.Role.BOOKKEEPER)

        assert role_of(corp, name) == Person.Role.BOOKKEEPER

        with tenancy.use(corp.tenant):
            kept = GroupMapping.objects.get()
        assert (kept.external_id, kept.group_name) == (
            active_directory.guid(group),
            f"fin-{name}",
        )
        active_directory.move(group, f"finance-{name}", ou="Elsewhere")
        assert role_of(corp, name) == Person.Role.BOOKKEEPER

    def test_keeps_members_that_have_not_signed_in_again(
        self, active_directory: ActiveDirectory, corp: IdentityProvider, name: str
    ) -> None:
        other = unused_name()
        dns = [active_directory.add_person(one) for one in (name, other)]
        group = active_directory.add_group(f"fin-{name}", *dns)
        guid = active_directory.guid(group)
        with tenancy.use(corp.tenant):
            mapping(corp, guid, Person.Role.BOOKKEEPER)
        assert role_of(corp, other) == Person.Role.BOOKKEEPER
        with tenancy.use(corp.tenant):
            ExternalGroup.objects.filter(external_id=guid).update(external_id=group)
            GroupMapping.objects.update(external_id=group, group_name=group)

        assert role_of(corp, name) == Person.Role.BOOKKEEPER

        with tenancy.use(corp.tenant):
            [row] = ExternalGroup.objects.filter(name=f"fin-{name}")
            assert row.members.count() == 2
