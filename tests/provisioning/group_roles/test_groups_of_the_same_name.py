"""A mapping by name when several groups have the same name."""

import json
from collections.abc import Iterator
from io import StringIO
from typing import Any

import pytest
from django.core.cache import cache
from django.core.management import CommandError, call_command

from people import tenancy
from people.models import Person, Role, Tenant
from people.operations.roles.group_mappings import Author
from people.values import Actor
from provisioning.claims import Group, Groups
from provisioning.directory import group_lookup
from provisioning.group_roles import mappings, preview_matches
from provisioning.ldap import client
from provisioning.models import GroupMapping, IdentityProvider
from provisioning.providers import config, manage
from provisioning.providers.config import settings_of
from tests.clients.pages import signed_in, text_of
from tests.factories import core
from tests.services.ldap import BASE, SERVICE_PASSWORD, Slapd, dn_of
from tests.support import sign_in_flow
from tests.support.sign_in_flow import come_in, roles_of

pytestmark = pytest.mark.django_db

AUTHOR = Author(actor=Actor("person", "olga@acme.example"))
OURS, THEIRS = "cn=vip-admins,ou=groups,dc=acme,dc=test", "cn=vip-admins,ou=evil,dc=acme,dc=test"


@pytest.fixture(autouse=True)
def in_acme(acme: Tenant) -> Iterator[None]:
    cache.clear()
    with tenancy.use(acme):
        core.owner(email="olga@acme.example")
        yield


@pytest.fixture
def auditor(in_acme: None) -> Role:
    return sign_in_flow.role("Auditor")


@pytest.fixture(params=["ldap", "windows"])
def corp(in_acme: None, request: pytest.FixtureRequest) -> IdentityProvider:
    """Make a provider whose directory is unreachable: no server listens on the port."""
    directory = {"uri": "ldap://127.0.0.1:1", "base_dn": "dc=acme,dc=test"}
    if request.param == "ldap":
        return sign_in_flow.provider(kind="ldap", settings=directory)
    sign_in_flow.provider("Directory", kind="ldap", settings=directory)
    settings = {"realms": ["ACME.TEST"], "directory": "Directory"}
    return sign_in_flow.provider(kind="windows", settings=settings)


def named(*ids: str) -> Groups:
    return Groups(frozenset(Group(one, "vip-admins") for one in ids))


def map_group(provider: IdentityProvider, group: str = "vip-admins") -> dict[str, Any]:
    out = StringIO()
    options = (f"--provider={provider.name}", f"--group={group}", "--role=Auditor")
    call_command("map_group", "acme", *options, stdout=out)
    values: dict[str, Any] = json.loads(out.getvalue())
    return values


def test_mapping_binds_to_the_first_group_seen(corp: IdentityProvider, auditor: Role) -> None:
    map_group(corp)

    ada = come_in(corp, "ada", named(OURS))
    eve = come_in(corp, "eve", named(THEIRS))

    assert (roles_of(ada), roles_of(eve)) == (["Auditor"], [])
    mapping = GroupMapping.objects.get()
    assert (mapping.external_id, mapping.group_name) == (OURS, "vip-admins")


def test_page_lists_the_other_group(corp: IdentityProvider, auditor: Role) -> None:
    map_group(corp)
    come_in(corp, "ada", named(OURS))
    come_in(corp, "eve", named(THEIRS))

    [row] = preview_matches.matched(corp, list(GroupMapping.objects.all()))
    olga = signed_in(Person.objects.get(email="olga@acme.example"))
    page = text_of(olga.get(f"/tenants/acme/mappings/?provider={corp.pk}"))

    assert row.members == 1
    assert [group.external_id for group in row.namesakes] == [THEIRS]
    assert "Another group has the same name and grants no role" in page
    assert THEIRS in page


def test_two_groups_of_the_name_in_one_sign_in_grant_no_role(
    corp: IdentityProvider, auditor: Role
) -> None:
    map_group(corp)

    ada = come_in(corp, "ada", named(OURS, THEIRS))

    assert roles_of(ada) == []
    [row] = preview_matches.matched(corp, list(GroupMapping.objects.all()))
    assert len(row.namesakes) == 2


def test_command_requires_the_id_if_two_groups_are_known(
    corp: IdentityProvider, auditor: Role
) -> None:
    come_in(corp, "ada", named(OURS))
    eve = come_in(corp, "eve", named(THEIRS))

    with pytest.raises(CommandError, match=f"“{THEIRS}”"):
        map_group(corp)
    map_group(corp, OURS)

    assert roles_of(eve) == []
    assert GroupMapping.objects.get().external_id == OURS


def test_mappings_by_name_and_by_id_of_one_group_become_one(
    corp: IdentityProvider, auditor: Role
) -> None:
    map_group(corp)
    map_group(corp, OURS)

    ada = come_in(corp, "ada", named(OURS))

    assert roles_of(ada) == ["Auditor"]
    assert GroupMapping.objects.get().external_id == OURS


def test_openid_mapping_by_id_ignores_names(auditor: Role) -> None:
    corp = sign_in_flow.provider()
    mappings.map_group(corp, "6b1f", auditor, author=AUTHOR, name="Finance")

    ada = come_in(corp, "ada", Groups(frozenset({Group("6b1f", "Finance")})))
    eve = come_in(corp, "eve", Groups(frozenset({Group("e711", "Finance")})))
    mallory = come_in(corp, "mallory", Groups(frozenset({Group("e712", "6b1f")})))

    assert (roles_of(ada), roles_of(eve), roles_of(mallory)) == (["Auditor"], [], [])


class TestLiveDirectory:
    @pytest.fixture
    def slapd(self) -> Iterator[Slapd]:
        groups = [self.group("groups", "bob"), *self.unit("evil")]
        service = Slapd(more_entries=groups)
        yield service
        service.stop()

    def unit(self, name: str) -> list[str]:
        return [f"dn: ou={name},{BASE}\nobjectClass: organizationalUnit\n"]

    def group(self, unit: str, uid: str) -> str:
        lines = ("objectClass: groupOfNames", "cn: vip-admins", f"member: {dn_of(uid)}")
        return "\n".join([f"dn: cn=vip-admins,ou={unit},{BASE}", *lines]) + "\n"

    @pytest.fixture
    def directory(self, slapd: Slapd) -> IdentityProvider:
        definition = config.read(slapd.document())
        return manage.add_provider(definition, actor=AUTHOR.actor)

    def signed_in_person(self, directory: IdentityProvider, uid: str) -> Person:
        """Sign a person in by their password, with their groups in the directory."""
        claims = client.sign_in(settings_of(directory), SERVICE_PASSWORD, uid, f"pw-{uid}")
        return come_in(directory, uid, claims.groups)

    @pytest.mark.parametrize("text", ["vip-admins", OURS, OURS.upper().replace(",", ", "), "id"])
    def test_mapping_binds_to_the_group_id_before_the_first_sign_in(
        self, slapd: Slapd, directory: IdentityProvider, auditor: Role, text: str
    ) -> None:
        group_id = group_lookup.look_up(directory, "vip-admins").id  # type: ignore[union-attr]
        map_group(directory, group_id if text == "id" else text)
        slapd.add(self.group("evil", "ada"))

        ada, bob = (self.signed_in_person(directory, uid) for uid in ("ada", "bob"))

        assert (roles_of(ada), roles_of(bob)) == ([], ["Auditor"])
        mapping = GroupMapping.objects.get()
        assert (mapping.external_id, mapping.group_name) == (group_id, "vip-admins")

    def test_mapping_follows_a_moved_and_renamed_group(
        self, slapd: Slapd, directory: IdentityProvider, auditor: Role
    ) -> None:
        map_group(directory)
        slapd.modify(
            f"dn: {OURS}\nchangetype: modrdn\nnewrdn: cn=board\ndeleteoldrdn: 1\n"
            f"newsuperior: ou=evil,{BASE}\n"
        )
        slapd.add(self.group("groups", "ada"))

        ada, bob = (self.signed_in_person(directory, uid) for uid in ("ada", "bob"))

        assert (roles_of(ada), roles_of(bob)) == ([], ["Auditor"])

    def test_mapping_of_an_unknown_id_grants_no_role(
        self, directory: IdentityProvider, auditor: Role
    ) -> None:
        unknown = "11111111-2222-3333-4444-555555555555"

        map_group(directory, unknown)
        bob = self.signed_in_person(directory, "bob")

        assert roles_of(bob) == []
        assert GroupMapping.objects.get().external_id == unknown

    def test_page_requires_the_id_if_two_groups_exist(
        self, slapd: Slapd, directory: IdentityProvider, auditor: Role
    ) -> None:
        slapd.add(self.group("evil", "ada"))
        olga = signed_in(Person.objects.get(email="olga@acme.example"))
        address = f"/tenants/acme/mappings/?provider={directory.pk}"

        values = {"group": "vip-admins", "role": f"role:{auditor.pk}"}
        page = text_of(olga.post(address, values))

        assert "Several groups are named “vip-admins”" in page
        assert not GroupMapping.objects.exists()
