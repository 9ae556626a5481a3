"""Signing in with a directory's name and password …"""

from typing import Any

import pytest
from django.test import Client

from people import tenancy
from people.models import Person, Tenant
from people.values import Actor
from provisioning.models import IdentityProvider, SignInAttempt
from provisioning.net import circuit_breaker
from provisioning.providers import config, manage
from tests.factories import core
from tests.services.ldap import Slapd, group, person, windows
from tests.support.sign_in_flow import mapping

pytestmark = pytest.mark.django_db


@pytest.fixture
def corp(acme: Tenant, slapd_service: Slapd) -> IdentityProvider:
    return connected(acme, slapd_service)


def connected(tenant: Tenant, slapd: Slapd, **said: Any) -> IdentityProvider:
    circuit_breaker.reset(slapd.uri)
    with tenancy.use(tenant):
        definition = config.read(slapd.document(**said))
        return manage.add_provider(definition, actor=Actor("command", "tests"))


def sign_in(client: Client, provider: IdentityProvider, login: str, password: str = "") -> Any:
    said = {"login": login, "password": password or f"pw-{login}"}
    return client.post(f"/sign-in/acme/{provider.pk}/", said)


def the_attempt() -> SignInAttempt:
    with tenancy.across_tenants():
        return SignInAttempt.objects.select_related("person").latest("pk")


def test_asks_for_both(client: Client, corp: IdentityProvider) -> None:
    page = client.get(f"/sign-in/acme/{corp.pk}/").content.decode()

    assert "Use your <bdi>Corp</bdi> user name and password" in page


def test_adds_the_person_with_the_mapped_role(
    client: Client, acme: Tenant, corp: IdentityProvider
) -> None:
    with tenancy.use(acme):
        mapping(corp, "staff", Person.Role.IT_ADMIN)

    assert sign_in(client, corp, "ada")["Location"] == "/"

    with tenancy.use(acme):
        ada = Person.objects.get(email="ada@acme.test")
        assert (ada.full_name, ada.role) == ("Ada Lovelace", Person.Role.IT_ADMIN)


def test_takes_the_role_of_a_group_that_they_left(
    client: Client, acme: Tenant, corp: IdentityProvider, slapd_service: Slapd
) -> None:
    slapd_service.add(person("finn"), group("passing", "finn"))
    with tenancy.use(acme):
        mapping(corp, "passing", Person.Role.BOOKKEEPER)
    sign_in(client, corp, "finn")
    slapd_service.delete("cn=passing,ou=groups,dc=acme,dc=test")

    sign_in(Client(), corp, "finn")

    with tenancy.use(acme):
        assert Person.objects.get(email="finn@acme.test").role == Person.Role.CARDHOLDER


def test_is_the_same_person_the_next_time(client: Client, corp: IdentityProvider) -> None:
    sign_in(client, corp, "ada")
    first = the_attempt()

    sign_in(Client(), corp, "ADA", "pw-ada")

    assert the_attempt().person == first.person


@pytest.mark.parametrize(("login", "password"), [("ada", "wrong"), ("nobody", "pw-nobody")])
def test_does_not_say_which_of_the_two_is_wrong(
    client: Client, corp: IdentityProvider, login: str, password: str
) -> None:
    response = sign_in(client, corp, login, password)

    assert "Incorrect user name or password." in response.content.decode()
    assert (the_attempt().outcome, the_attempt().email) == (SignInAttempt.Outcome.REFUSED, login)


def test_is_locked_for_a_while_after_many_guesses(
    client: Client, corp: IdentityProvider, slapd_service: Slapd
) -> None:
    for number in range(10):
        sign_in(client, corp, "bob", f"wrong-{number}")
    before = slapd_service.binds()

    response = sign_in(client, corp, "bob")

    assert response.status_code == 200
    assert slapd_service.binds() == before


@pytest.mark.parametrize(
    "written", ["\uff42ob", "\U0001d41bob", "BOB", "bo\u00adb", " bob", "b\u200dob"]
)
def test_counts_every_spelling_that_the_directory_takes_for_one_entry(
    client: Client, corp: IdentityProvider, slapd_service: Slapd, written: str
) -> None:
    for number in range(5):
        sign_in(client, corp, written, f"wrong-{number}")
    before = slapd_service.binds()

    sign_in(client, corp, "bob")

    assert the_attempt().reason != ""
    # The service account asks who it is, and the password is not tried.
    assert slapd_service.binds() <= before + 1


def test_tells_the_log_and_not_the_visitor_what_to_correct(
    client: Client, acme: Tenant, slapd_service: Slapd
) -> None:
    provider = connected(acme, slapd_service, bind_password="wrong")

    page = sign_in(client, provider, "ada").content.decode()

    assert "is not available right now" in page
    assert "svc" not in page
    assert the_attempt().reason == "bind-refused"
    assert "Enter both again" in the_attempt().detail


def test_tells_whoever_knows_the_password_that_the_account_is_disabled(
    client: Client, corp: IdentityProvider, slapd_service: Slapd
) -> None:
    slapd_service.add(person("gone", "", "", *windows("userAccountControl: 514")))

    right, wrong = sign_in(client, corp, "gone"), sign_in(client, corp, "gone", "wrong")

    assert right.status_code == 403
    assert "Your account at Corp is disabled." in right.content.decode()
    assert "Incorrect user name or password." in wrong.content.decode()


def test_keeps_two_companies_with_one_directory_apart(
    client: Client, acme: Tenant, corp: IdentityProvider, slapd_service: Slapd
) -> None:
    globex = core.tenant(slug="globex")
    other = connected(globex, slapd_service)
    sign_in(client, corp, "ada")

    Client().post(f"/sign-in/globex/{other.pk}/", {"login": "ada", "password": "pw-ada"})

    with tenancy.across_tenants():
        assert Person.objects.filter(email="ada@acme.test").count() == 2
