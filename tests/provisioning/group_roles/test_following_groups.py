"""Roles that follow a person's groups at each sign-in."""

from collections.abc import Iterator

import pytest

from people import tenancy
from people.models import Event, Grant, Person, Role, Tenant
from people.operations import people, people_update
from people.operations.roles import base_roles
from people.values import Actor, Profile
from provisioning.claims import UNKNOWN, Groups
from provisioning.models import IdentityProvider
from provisioning.sign_in.sign_in import sign_in
from tests.clients.scim import Provider
from tests.factories import core
from tests.factories.scim import scim_connection
from tests.support.sign_in_flow import claims, groups, mapping, provider, role, roles_of

pytestmark = pytest.mark.django_db

OLGA = Actor("person", "olga@acme.example")


@pytest.fixture(autouse=True)
def in_acme(acme: Tenant) -> Iterator[None]:
    with tenancy.use(acme):
        core.owner(email="olga@acme.example")
        yield


@pytest.fixture
def corp() -> IdentityProvider:
    return provider()


@pytest.fixture
def auditor() -> Role:
    return role("Auditor")


def come(provider: IdentityProvider, groups: Groups = UNKNOWN, subject: str = "ada") -> Person:
    person = sign_in(provider, claims(subject, groups)).person
    assert person
    found: Person = Person.objects.get(pk=person.pk)
    return found


def warnings(provider: IdentityProvider, groups: Groups) -> list[str]:
    return list(sign_in(provider, claims("ada", groups)).warnings)


class TestMappingToACustomRole:
    def test_grants_the_role_with_its_origin(self, corp: IdentityProvider, auditor: Role) -> None:
        mapping(corp, "audit", auditor)

        ada = come(corp, groups("audit", "everyone"))

        grant = ada.grants.get()
        assert grant.role == auditor
        assert grant.because == "the group “audit” of Corp"

    def test_each_sign_in_confirms_the_grant(self, corp: IdentityProvider, auditor: Role) -> None:
        mapping(corp, "audit", auditor)
        first = come(corp, groups("audit")).grants.get()

        again = come(corp, groups("audit")).grants.get()

        assert again.pk == first.pk
        assert again.confirmed_at > first.confirmed_at
        assert again.since == first.since

    def test_leaving_the_group_revokes_the_role(
        self, corp: IdentityProvider, auditor: Role
    ) -> None:
        mapping(corp, "audit", auditor)
        come(corp, groups("audit"))

        assert roles_of(come(corp, groups("everyone"))) == []
        assert roles_of(come(corp, groups())) == []

    def test_role_stays_while_groups_are_unknown(
        self, corp: IdentityProvider, auditor: Role
    ) -> None:
        mapping(corp, "audit", auditor)
        come(corp, groups("audit"))

        assert roles_of(come(corp, UNKNOWN)) == ["Auditor"]

    def test_role_granted_by_hand_stays(self, corp: IdentityProvider, auditor: Role) -> None:
        mapping(corp, "audit", auditor)
        ada = come(corp, groups("audit"))
        base_roles.grant_role(ada, auditor, actor=OLGA)

        assert roles_of(come(corp, groups())) == ["Auditor"]
        assert Grant.objects.get(person=ada).source == str(OLGA)

    def test_role_from_another_provider_stays(self, corp: IdentityProvider, auditor: Role) -> None:
        other = provider("Other")
        mapping(other, "audit", auditor)
        come(other, groups("audit"))

        come(corp, groups(), subject="bob")

        assert Grant.objects.get().because == "the group “audit” of Other"

    def test_history_has_grant_and_revocation(self, corp: IdentityProvider, auditor: Role) -> None:
        mapping(corp, "audit", auditor)
        ada = come(corp, groups("audit"))
        come(corp, groups())

        result = ada.events.filter(kind__startswith="role.").order_by("pk")
        assert [(event.kind, event.actor, event.facts["role"]) for event in result] == [
            ("role.granted", "oidc:Corp", "Auditor"),
            ("role.withdrawn", "oidc:Corp", "Auditor"),
        ]


class TestMappingToABaseRole:
    def test_highest_mapped_role_is_assigned(self, corp: IdentityProvider) -> None:
        mapping(corp, "books", Person.Role.BOOKKEEPER)
        mapping(corp, "admins", Person.Role.ADMIN)

        assert come(corp, groups("books", "admins")).role == Person.Role.ADMIN
        assert come(corp, groups("books")).role == Person.Role.BOOKKEEPER
        assert come(corp, groups()).role == Person.Role.CARDHOLDER

    def test_leaving_the_group_restores_the_role_set_by_hand(self, corp: IdentityProvider) -> None:
        mapping(corp, "admins", Person.Role.ADMIN)
        ada = come(corp, groups())
        set_role(ada, Person.Role.BOOKKEEPER)
        come(corp, groups("admins"))

        back = come(corp, groups())

        assert (back.role, back.role_source) == (Person.Role.BOOKKEEPER, str(OLGA))
        assert not Grant.objects.filter(person=ada).exists()

    def test_higher_role_set_by_hand_stays(self, corp: IdentityProvider) -> None:
        mapping(corp, "books", Person.Role.BOOKKEEPER)
        ada = come(corp, groups())
        set_role(ada, Person.Role.ADMIN)

        assert come(corp, groups("books")).role == Person.Role.ADMIN
        assert come(corp, groups()).role == Person.Role.ADMIN

    def test_role_set_by_hand_after_the_mapping_stays(self, corp: IdentityProvider) -> None:
        mapping(corp, "books", Person.Role.BOOKKEEPER)
        ada = come(corp, groups("books"))
        set_role(ada, Person.Role.OWNER)

        assert come(corp, groups("books")).role == Person.Role.OWNER
        assert come(corp, groups()).role == Person.Role.OWNER

    def test_owner_needs_an_explicit_mapping(self, corp: IdentityProvider) -> None:
        mapping(corp, "admins", Person.Role.ADMIN)
        assert come(corp, groups("admins", "owners", "BUSINESS_OWNER")).role == Person.Role.ADMIN

        mapping(corp, "owners", Person.Role.OWNER)
        assert come(corp, groups("admins", "owners")).role == Person.Role.OWNER

    def test_last_owner_stays_owner_with_a_warning(self, corp: IdentityProvider) -> None:
        mapping(corp, "owners", Person.Role.OWNER)
        come(corp, groups("owners"))
        olga = Person.objects.get(email="olga@acme.example")
        people.deactivate_person(olga, actor=OLGA)

        result = warnings(corp, groups())

        assert "is the last active Owner" in result[0]
        assert come(corp, groups()).role == Person.Role.OWNER

    def test_role_managed_by_scim_stays_with_a_warning(self, corp: IdentityProvider) -> None:
        scim = Provider(scim_connection("entra"))
        scim.add("ada", externalId="1", roles=[{"value": "Bookkeeper", "primary": True}])
        corp.paired_connection, corp.paired_claim = str(scim.connection.pk), "oid"
        corp.paired_attribute = "externalId"
        corp.save()
        mapping(corp, "admins", Person.Role.ADMIN)

        attempt = sign_in(corp, claims("x", groups("admins"), text_claims={"oid": "1"}))

        assert attempt.person
        assert attempt.person.role == Person.Role.BOOKKEEPER
        assert "Change the role there" in attempt.warnings[0]

    def test_history_has_one_change_of_the_role(self, corp: IdentityProvider) -> None:
        mapping(corp, "admins", Person.Role.ADMIN)
        ada = come(corp, groups("admins"))

        changes = ada.events.filter(kind=Event.Kind.PERSON_REVISED).get().changes

        assert changes == {"role": {"from": "BUSINESS_USER", "to": "BUSINESS_ADMIN"}}


class TestUnknownGroups:
    def test_log_has_a_warning_with_the_reason(self, corp: IdentityProvider) -> None:
        [result] = warnings(corp, Groups(because="the token has no claim “groups”"))

        assert result == "Roles from groups did not change: the token has no claim “groups”."

    def test_empty_groups_log_no_warning(self, corp: IdentityProvider) -> None:
        assert warnings(corp, groups()) == []


def set_role(person: Person, role: str) -> None:
    now = person.profile
    people_update.revise_person(
        person,
        Profile(given_name=now.given_name, family_name=now.family_name, email=now.email, role=role),
        actor=OLGA,
    )
