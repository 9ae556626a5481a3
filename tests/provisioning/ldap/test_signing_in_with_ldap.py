"""Sign-in with the user name and password of a directory."""

import time
from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client

from people import tenancy
from people.models import Person, Tenant
from people.net import circuit_breaker
from people.values import Actor
from provisioning.models import IdentityProvider, SignInAttempt
from provisioning.providers import config, manage
from tests.factories import core
from tests.services.ldap import BASE, Slapd, dn_of, group, person, windows
from tests.support.sign_in_flow import mapping

pytestmark = pytest.mark.django_db


@pytest.fixture
def corp(acme: Tenant, slapd_service: Slapd) -> IdentityProvider:
    return connected(acme, slapd_service)


def connected(tenant: Tenant, slapd: Slapd, **values: Any) -> IdentityProvider:
    circuit_breaker.reset(slapd.uri)
    with tenancy.use(tenant):
        definition = config.read(slapd.document(**values))
        return manage.add_provider(definition, actor=Actor("command", "tests"))


def sign_in(client: Client, provider: IdentityProvider, login: str, password: str = "") -> Any:
    values = {"login": login, "password": password or f"pw-{login}"}
    return client.post(f"/sign-in/acme/{provider.pk}/", values)


def the_attempt() -> SignInAttempt:
    with tenancy.across_tenants():
        return SignInAttempt.objects.select_related("person").latest("pk")


def test_form_asks_for_user_name_and_password(client: Client, corp: IdentityProvider) -> None:
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


def test_leaving_a_group_revokes_its_role(
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


def test_repeated_sign_in_is_the_same_person(client: Client, corp: IdentityProvider) -> None:
    sign_in(client, corp, "ada")
    first = the_attempt()

    sign_in(Client(), corp, "ADA", "pw-ada")

    assert the_attempt().person == first.person


@pytest.mark.parametrize(("login", "password"), [("ada", "wrong"), ("nobody", "pw-nobody")])
def test_wrong_user_name_and_wrong_password_get_the_same_message(
    client: Client, corp: IdentityProvider, login: str, password: str
) -> None:
    response = sign_in(client, corp, login, password)

    assert "Incorrect user name or password." in response.content.decode()
    email = "ada@acme.test" if login == "ada" else login
    assert (the_attempt().outcome, the_attempt().email) == (SignInAttempt.Outcome.REFUSED, email)


def test_many_guesses_lock_out_without_asking_the_directory(
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
def test_lockout_counts_equivalent_spellings_together(
    client: Client, corp: IdentityProvider, slapd_service: Slapd, written: str
) -> None:
    for number in range(5):
        sign_in(client, corp, written, f"wrong-{number}")
    before = slapd_service.binds()

    sign_in(client, corp, "bob")

    assert the_attempt().reason != ""
    # Only the service account searches; the password is not tried.
    assert slapd_service.binds() <= before + 1


def test_only_the_log_explains_a_configuration_error(
    client: Client, acme: Tenant, slapd_service: Slapd
) -> None:
    provider = connected(acme, slapd_service, bind_password="wrong")

    page = sign_in(client, provider, "ada").content.decode()

    assert "is not available right now" in page
    assert "svc" not in page
    assert the_attempt().reason == "bind-refused"
    assert "Enter both again" in the_attempt().detail


def test_only_the_correct_password_reveals_a_disabled_account(
    client: Client, corp: IdentityProvider, slapd_service: Slapd
) -> None:
    slapd_service.add(person("gone", "", "", *windows("userAccountControl: 514")))

    right, wrong = sign_in(client, corp, "gone"), sign_in(client, corp, "gone", "wrong")

    assert right.status_code == 403
    assert "Your account at Corp is disabled." in right.content.decode()
    assert "Incorrect user name or password." in wrong.content.decode()


def test_two_tenants_with_one_directory_have_separate_people(
    client: Client, acme: Tenant, corp: IdentityProvider, slapd_service: Slapd
) -> None:
    globex = core.tenant(slug="globex")
    other = connected(globex, slapd_service)
    sign_in(client, corp, "ada")

    Client().post(f"/sign-in/globex/{other.pk}/", {"login": "ada", "password": "pw-ada"})

    with tenancy.across_tenants():
        assert Person.objects.filter(email="ada@acme.test").count() == 2


class TestOpenLdap:
    @pytest.fixture
    def locking(self, acme: Tenant) -> Iterator[tuple[Slapd, IdentityProvider]]:
        """Run a directory that locks an account for a second after two wrong passwords."""
        policy = (
            f"dn: cn=policy,{BASE}\nobjectClass: device\nobjectClass: pwdPolicy\ncn: policy\n"
            "pwdAttribute: userPassword\npwdLockout: TRUE\n"
            "pwdMaxFailure: 2\npwdLockoutDuration: 1\n"
        )
        slapd = Slapd(more_entries=[policy])
        slapd.start_with("overlay ppolicy", f"ppolicy_default cn=policy,{BASE}")
        yield slapd, connected(acme, slapd)
        slapd.stop()

    def test_account_can_sign_in_after_its_lock_has_ended(
        self, client: Client, locking: tuple[Slapd, IdentityProvider]
    ) -> None:
        _, corp = locking
        for _ in range(3):
            sign_in(client, corp, "ada", "wrong")
        assert the_attempt().reason == "account-locked"
        # Wait without a request, because any request to the directory might end the lock.
        time.sleep(2.1)

        assert sign_in(client, corp, "ada").status_code == 302

    def test_lock_by_an_administrator_is_permanent(
        self, client: Client, locking: tuple[Slapd, IdentityProvider]
    ) -> None:
        slapd, corp = locking
        lock = "add: pwdAccountLockedTime\npwdAccountLockedTime: 000001010000Z\n"
        slapd.modify(f"dn: {dn_of('ada')}\nchangetype: modify\n{lock}")

        assert sign_in(client, corp, "ada").status_code == 200
        assert the_attempt().reason == "account-locked"

    @pytest.mark.parametrize(("year", "is_in"), [("2020", False), ("2120", True)])
    def test_account_expires_with_its_kerberos_principal(
        self, client: Client, corp: IdentityProvider, slapd_service: Slapd, year: str, is_in: bool
    ) -> None:
        uid = f"until{year}"
        slapd_service.add(
            person(uid, "", "", *windows(f"krbPrincipalExpiration: {year}0101000000Z"))
        )

        response = sign_in(client, corp, uid)

        assert (response.status_code == 302) is is_in
        assert ("has expired" in response.content.decode()) is not is_in

    def test_order_of_values_changes_nothing(
        self, acme: Tenant, corp: IdentityProvider, slapd_service: Slapd
    ) -> None:
        several = ("m@acme.test", "old@acme.test", "new@acme.test")
        change = f"dn: {dn_of('several')}\nchangetype: modify\nreplace: "
        slapd_service.add(person("several", "", "", *(f"mail: {one}" for one in several[1:])))
        events = set()
        for first in (*several, several[0]):
            ordered = sorted(several, key=lambda one: one != first)
            mails = "".join(f"mail: {one}\n" for one in ordered)
            names = "".join(f"givenName: {one[0]}\n" for one in ordered)
            slapd_service.modify(f"{change}mail\n{mails}-\nreplace: givenName\n{names}")

            sign_in(Client(), corp, "several")

            with tenancy.use(acme):
                [one] = Person.objects.filter(family_name="Person")
                assert (one.email, one.given_name, one.pending_email) == ("m@acme.test", "m", "")
                events.add(one.events.count())
        assert len(events) == 1

    def test_removed_value_is_replaced_by_another(
        self, acme: Tenant, corp: IdentityProvider, slapd_service: Slapd
    ) -> None:
        slapd_service.add(person("moving", "", "", "mail: moving.new@acme.test"))
        sign_in(Client(), corp, "moving")
        with tenancy.use(acme):
            before = Person.objects.get(family_name="Person").email
        slapd_service.modify(
            f"dn: {dn_of('moving')}\nchangetype: modify\ndelete: mail\nmail: {before}\n"
        )

        sign_in(Client(), corp, "moving")

        with tenancy.use(acme):
            assert Person.objects.get(family_name="Person").pending_email != before
            assert Person.objects.get(family_name="Person").pending_email
