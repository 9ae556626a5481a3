"""No claim of a provider signs a person in as another person: the whole matrix.

Providers, by existing people, by claims. The attacker controls every claim but the subject that
their own account has at the provider (security.md, T2); the victim's own sign-ins are in the
other files.
"""

from collections.abc import Iterator
from itertools import product
from typing import Any

import pytest

from people import tenancy
from people.models import Event, Person, Tenant
from provisioning.claims import Claims, Group, Groups
from provisioning.models import Identity, IdentityProvider
from provisioning.sign_in.errors import SignInRefused
from provisioning.sign_in.sign_in import sign_in
from tests.clients.scim import Provider
from tests.factories import core
from tests.factories.scim import scim_connection
from tests.support.sign_in_flow import claims, mapping, provider

pytestmark = pytest.mark.django_db

VICTIM = "victim@corp.example"
Kind, State = IdentityProvider.Kind, Person.State

PROVIDERS: dict[str, dict[str, Any]] = {
    "openid": {"kind": Kind.OIDC},
    "openid, paired": {"kind": Kind.OIDC, "paired": "externalId"},
    "openid, paired by userName": {"kind": Kind.OIDC, "paired": "userName"},
    "openid, adds no people": {"kind": Kind.OIDC, "provisions_people": False},
    "directory": {"kind": Kind.LDAP},
    "windows": {"kind": Kind.WINDOWS},
}

VICTIMS: dict[str, dict[str, Any]] = {
    "an employee": {},
    "an owner": {"role": Person.Role.OWNER},
    "a person with a password": {"password": "correct horse"},
    "an invited person": {"state": State.INVITED},
    "an inactive person": {"state": State.INACTIVE, "deactivated_by": "scim:okta"},
    "a terminated person": {"state": State.TERMINATED},
    "a person with a pending address": {"email": "old@corp.example", "pending_email": VICTIM},
}

CLAIMS: dict[str, dict[str, Any]] = {
    "address of the victim": {"email": VICTIM},
    "verified address of the victim": {"email": VICTIM, "is_email_verified": True},
    "unverified address of the victim": {"email": VICTIM, "is_email_verified": False},
    "address in capitals": {"email": VICTIM.upper(), "is_email_verified": True},
    "address with a trailing space": {"email": f"{VICTIM} ", "is_email_verified": True},
    "address in full-width letters": {
        "email": "ｖｉｃｔｉｍ@corp.example",
        "is_email_verified": True,
    },
    "address in a list": {"email": f"eve@corp.example,{VICTIM}", "is_email_verified": True},
    "address as the subject": {"subject": VICTIM, "email": "eve@corp.example"},
    "address in every other claim": {
        "email": "eve@corp.example",
        "text_claims": {"oid": VICTIM, "preferred_username": VICTIM, "upn": VICTIM, "sub": VICTIM},
    },
    "address with a NUL character": {
        "email": f"{VICTIM}\0@evil.example",
        "is_email_verified": True,
    },
}

CELLS = list(product(PROVIDERS, VICTIMS, CLAIMS))


@pytest.fixture(autouse=True)
def in_acme(acme: Tenant) -> Iterator[None]:
    with tenancy.use(acme):
        core.owner()
        yield


def attacked(how: str) -> IdentityProvider:
    values = dict(PROVIDERS[how])
    if attribute := values.pop("paired", ""):
        values |= {
            "paired_connection": str(scim_connection().pk),
            "paired_claim": "oid",
            "paired_attribute": attribute,
        }
    return provider(**values)


def test_matrix_has_at_least_400_cells() -> None:
    assert len(CELLS) >= 400


@pytest.mark.parametrize(("how", "whom", "claimed"), CELLS, ids=map(" — ".join, CELLS))
def test_claims_do_not_sign_in_as_another_person(how: str, whom: str, claimed: str) -> None:
    attacker = attacked(how)
    victim = core.person(**{"email": VICTIM} | VICTIMS[whom])
    before = Person.objects.filter(pk=victim.pk).values().get()

    try:
        person = sign_in(attacker, claims(**{"subject": "eve"} | CLAIMS[claimed])).person
    except SignInRefused:
        person = None

    assert person != victim
    assert not Identity.objects.filter(person=victim).exists()
    assert Person.objects.filter(pk=victim.pk).values().get() == before
    assert not Event.objects.filter(person=victim).exists()


class TestPersonFromScim:
    @pytest.fixture
    def scim(self) -> Provider:
        scim = Provider(scim_connection("entra"))
        scim.add("victim", externalId="oid-1")
        return scim

    @pytest.mark.parametrize(
        ("attribute", "value"),
        [
            ("externalId", "OID-1"),
            ("externalId", "oid-1 "),
            ("externalId", "oid-1\0"),
            ("externalId", "victim@example.com"),
            ("externalId", "%"),
            ("externalId", ""),
            ("userName", "victim"),
            ("userName", "victim@example.com "),
            ("userName", "oid-1"),
            ("userName", "*"),
        ],
    )
    def test_only_the_exact_pairing_value_finds_the_person(
        self, scim: Provider, attribute: str, value: str
    ) -> None:
        paired = provider(
            paired_connection=str(scim.connection.pk),
            paired_claim="oid",
            paired_attribute=attribute,
        )

        attempt = sign_in(paired, claims("eve", text_claims={"oid": value}))

        assert attempt.person != Person.objects.get(email="victim@example.com")

    def test_scim_id_and_primary_keys_do_not_find_the_person(self, scim: Provider) -> None:
        victim = Person.objects.get(email="victim@example.com")
        paired = provider(
            paired_connection=str(scim.connection.pk),
            paired_claim="oid",
            paired_attribute="externalId",
        )
        user = victim.scim_users.get()

        for number, value in enumerate([str(user.scim_id), str(user.pk), str(victim.pk)]):
            attempt = sign_in(paired, claims(f"eve-{number}", text_claims={"oid": value}))
            assert attempt.person != victim

    def test_pairing_with_another_connection_does_not_find_the_person(self, scim: Provider) -> None:
        paired = provider(
            paired_connection=str(scim_connection("okta").pk),
            paired_claim="oid",
            paired_attribute="externalId",
        )

        attempt = sign_in(paired, claims("eve", text_claims={"oid": "oid-1"}))

        assert attempt.person != Person.objects.get(email="victim@example.com")


class TestRoles:
    @pytest.mark.parametrize(
        "name",
        [
            "admin",
            "Admin",
            "ADMIN",
            "Owner",
            "BUSINESS_OWNER",
            "BUSINESS_ADMIN",
            "IT Admin",
            "Root",
        ],
    )
    def test_group_named_like_a_role_grants_no_role(self, name: str) -> None:
        attempt = sign_in(provider(), claims("eve", Groups(frozenset({Group(name, name)}))))

        assert attempt.person
        assert attempt.person.role == Person.Role.CARDHOLDER

    @pytest.mark.parametrize(
        "name", ["Admins", "admins ", " admins", "admins/x", "аdmins", "ADMINS", "ａdmins"]
    )
    def test_group_with_a_similar_name_grants_no_role(self, name: str) -> None:
        corp = provider()
        mapping(corp, "admins", Person.Role.ADMIN)

        attempt = sign_in(corp, claims("eve", Groups(frozenset({Group(name, name)}))))

        assert attempt.person
        assert attempt.person.role == Person.Role.CARDHOLDER

    def test_group_named_like_the_mapped_id_grants_no_role(self) -> None:
        corp = provider()
        mapping(corp, "id-1", Person.Role.ADMIN)

        attempt = sign_in(corp, claims("eve", Groups(frozenset({Group("id-2", "id-1")}))))

        assert attempt.person
        assert attempt.person.role == Person.Role.CARDHOLDER

    def test_mapping_of_another_provider_grants_no_role(self) -> None:
        mapping(provider("Other"), "admins", Person.Role.ADMIN)

        attempt = sign_in(provider(), claims("eve", Groups(frozenset({Group("admins", "admins")}))))

        assert attempt.person
        assert attempt.person.role == Person.Role.CARDHOLDER


def test_adoption_by_scim_cuts_off_the_account_that_claimed_the_address() -> None:
    """SCIM adopts people without a connection by address, perhaps a person who only claimed it."""
    corp = provider()
    eve = sign_in(corp, claims("eve", email="newcomer@example.com")).person
    assert eve
    session = Person.objects.get(pk=eve.pk).get_session_auth_hash()
    Provider(scim_connection("entra")).add("newcomer")
    newcomer = Person.objects.get(email="newcomer@example.com")
    assert newcomer == eve
    assert newcomer.get_session_auth_hash() != session

    with pytest.raises(SignInRefused, match="not connected to it"):
        sign_in(corp, claims("eve", email="newcomer@example.com"))


def test_pairing_lets_the_adopted_person_sign_in_again() -> None:
    corp = provider()
    sign_in(corp, claims("ada", email="ada@example.com", text_claims={"oid": "1"}))
    scim = Provider(scim_connection("entra"))
    scim.add("ada", externalId="1")
    corp.paired_connection, corp.paired_claim = str(scim.connection.pk), "oid"
    corp.paired_attribute = "externalId"
    corp.save()

    assert sign_in(corp, claims("ada", email="ada@example.com", text_claims={"oid": "1"})).person


def another(subject: str) -> Claims:
    return claims(subject, email=f"{subject}@corp.example")


def test_same_subject_in_two_tenants_is_two_people(acme: Tenant) -> None:
    here = sign_in(provider(), another("eve")).person

    with core.in_another_tenant():
        there = sign_in(provider(), another("eve")).person

    assert here != there
