"""Sign-in with a Ramp password."""

from typing import Any
from unittest.mock import Mock

import pytest
from django.contrib.auth.hashers import MD5PasswordHasher
from django.test import Client
from django.utils import timezone

from people import tenancy
from people.models import Person, Tenant
from people.operations.invites import lifecycle
from people.values import Actor
from provisioning.passwords.login import person_with_password
from provisioning.sign_in.errors import SignInRefused
from tests.factories import core

pytestmark = pytest.mark.django_db

UNKNOWN = "Incorrect email or password."


def sign_in(client: Client, path: str = "/sign-in/", **values: str) -> Any:
    usual = {"email": "ada@acme.example", "password": "correct horse"}
    return client.post(path, usual | values)


def refusal(email: str, words: str = "correct horse", *, slug: str = "") -> str:
    with pytest.raises(SignInRefused) as refused:
        person_with_password(email, words, slug=slug)
    return str(refused.value)


def change(person: Person, **fields: Any) -> None:
    with tenancy.across_tenants():
        Person.objects.filter(pk=person.pk).update(**fields)


class TestSignInPage:
    def test_employee_is_redirected_to_home(self, client: Client, ada: Person) -> None:
        response = sign_in(client)

        assert (response.status_code, response["Location"]) == (302, "/home/")
        assert client.get("/home/").status_code == 200

    def test_administrator_is_redirected_to_the_overview(self, client: Client, ada: Person) -> None:
        change(ada, role=Person.Role.ADMIN)

        assert sign_in(client)["Location"] == "/"

    def test_works_on_the_sign_in_page_of_the_tenant(self, client: Client, ada: Person) -> None:
        assert sign_in(client, "/sign-in/acme/").status_code == 302

    def test_wrong_password_is_refused_with_a_message(self, client: Client, ada: Person) -> None:
        response = sign_in(client, password="wrong")

        assert UNKNOWN in response.content.decode()
        assert "_auth_user_id" not in client.session

    def test_session_key_changes_at_sign_in(self, client: Client, ada: Person) -> None:
        session = client.session
        session.save()
        planted = session.session_key
        client.cookies["sessionid"] = planted or ""

        sign_in(client)

        assert client.session.session_key != planted

    def test_sign_in_accepts_the_invite(self, client: Client, acme: Tenant) -> None:
        with tenancy.use(acme):
            bob = core.person(
                email="bob@acme.example", password="correct horse", state=Person.State.INVITED
            )
            lifecycle.issue_invite(bob, actor=Actor("scim", "okta"))

        sign_in(client, email="bob@acme.example")

        with tenancy.use(acme):
            assert Person.objects.get(pk=bob.pk).state == Person.State.ACTIVE
            assert bob.invites.get().accepted_at

    def test_next_redirects_only_to_own_pages(self, client: Client, ada: Person) -> None:
        change(ada, role=Person.Role.ADMIN)

        for elsewhere in ("https://evil.example/", "//evil.example", "/\\evil.example"):
            client.logout()
            assert sign_in(client, f"/sign-in/?next={elsewhere}")["Location"] == "/"


class TestAcceptedSignIn:
    @pytest.mark.parametrize("email", ["ADA@ACME.EXAMPLE", "Ada@acme.example"])
    def test_address_is_case_insensitive(self, ada: Person, email: str) -> None:
        assert person_with_password(email, "correct horse") == ada

    def test_confirmed_address_works_while_another_is_pending(self, ada: Person) -> None:
        change(ada, pending_email="new@acme.example")

        assert person_with_password("ada@acme.example", "correct horse") == ada
        assert refusal("new@acme.example") == UNKNOWN

    def test_password_selects_the_tenant(self, ada: Person) -> None:
        with core.in_another_tenant():
            namesake = core.person(email=ada.email, password="battery staple")

        assert person_with_password(ada.email, "correct horse") == ada
        assert person_with_password(ada.email, "battery staple") == namesake


class TestRefusedSignIn:
    @pytest.mark.parametrize(
        ("email", "password"),
        [
            pytest.param("ada@acme.example", "wrong", id="wrong password"),
            pytest.param("ada@acme.example", "", id="empty password"),
            pytest.param("ada@acme.example", "CORRECT HORSE", id="another case"),
            pytest.param("bob@acme.example", "correct horse", id="unknown address"),
            pytest.param("", "correct horse", id="no address"),
        ],
    )
    def test_wrong_email_and_wrong_password_get_the_same_message(
        self, ada: Person, email: str, password: str
    ) -> None:
        assert refusal(email, password) == UNKNOWN

    @pytest.mark.parametrize("email", ["ada@acme.example", "bob@acme.example"])
    def test_known_and_unknown_address_hash_once(
        self, ada: Person, email: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        hashing = Mock(wraps=MD5PasswordHasher().encode)
        monkeypatch.setattr(MD5PasswordHasher, "encode", hashing)

        refusal(email, "wrong")

        assert hashing.call_count == 1

    @pytest.mark.parametrize("password", ["", "!", "None"])
    def test_person_without_a_password_is_refused(self, acme: Tenant, password: str) -> None:
        with tenancy.use(acme):
            core.person(email="bob@acme.example")

        assert refusal("bob@acme.example", password) == UNKNOWN

    def test_person_of_another_tenant_is_refused(self, ada: Person) -> None:
        other = core.tenant()

        assert refusal(ada.email, slug=other.slug) == UNKNOWN

    def test_same_credentials_in_two_tenants_need_the_page_of_the_tenant(self, ada: Person) -> None:
        with core.in_another_tenant():
            core.person(email=ada.email, password="correct horse")

        assert "Use your company's own sign-in page" in refusal(ada.email)
        assert person_with_password(ada.email, "correct horse", slug="acme") == ada

    @pytest.mark.parametrize(
        ("by", "where"),
        [
            ("scim:okta", "(Okta). Ask your administrator to reactivate it there."),
            ("scim:generic", "(SCIM 2.0 provider). Ask your administrator to reactivate it there."),
            ("person:alan@acme.example", "Ask your administrator to reactivate it."),
            ("job:guests", "Ask your administrator to reactivate it."),
        ],
    )
    def test_deactivated_person_is_told_who_can_reactivate_them(
        self, ada: Person, by: str, where: str
    ) -> None:
        now = timezone.now()
        change(ada, state=Person.State.INACTIVE, deactivated_at=now, deactivated_by=by)

        assert where in refusal(ada.email)
        assert refusal(ada.email, "wrong") == UNKNOWN

    def test_terminated_person_is_refused(self, ada: Person) -> None:
        change(ada, state=Person.State.TERMINATED, terminated_at=timezone.now())

        assert refusal(ada.email) == UNKNOWN

    def test_suspended_tenant_is_refused(self, acme: Tenant, ada: Person) -> None:
        Tenant.objects.update(is_active=False)

        assert refusal(ada.email) == "Acme is suspended. Ask your administrator."
