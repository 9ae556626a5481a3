"""Confirming one's identity before a sensitive action."""

import importlib
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from inspect import getsource
from pkgutil import walk_packages
from typing import Any

import pytest
import time_machine
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db.models import Model
from django.test import Client
from django.utils import timezone

from people.models import ApiToken, Person, SecondFactor, Tenant
from people.values import Actor
from provisioning.ldap import client as ldap_client
from provisioning.models import Identity, IdentityProvider, SignInAttempt
from provisioning.providers import config, manage
from provisioning.providers.config import settings_of
from provisioning.providers.manage import secret_of
from provisioning.sign_in.sign_in import sign_in
from scim.models import Connection, Token
from tests.clients.pages import signed_in, text_of
from tests.factories import core
from tests.factories.scim import scim_connection
from tests.provisioning.ldap.test_signing_in_with_ldap import connected as connected_to_ldap
from tests.services.fake_openid import OpenIdProvider
from tests.services.ldap import Slapd
from tests.support import sign_in_flow
from tests.support.openid_flow import connected
from tests.support.rank_cases import set_up_second_factor

pytestmark = pytest.mark.django_db

PASSWORD = "correct horse battery"
CONFIRM = "/confirm-identity/"
OIDC = {
    "name": "New provider",
    "provisions_people": "on",
    "browsing": "off",
    "issuer": "https://new.example",
    "client_id": "ramp",
    "client_secret": "s3cret typed once",
    "scopes": "openid",
    "groups_claim": "groups",
}
LDAP = {
    "name": "New provider",
    "browsing": "off",
    "uri": "ldaps://ldap.example",
    "base_dn": "dc=example",
    "bind_dn": "cn=ramp",
    "bind_password": "s3cret typed once",
    "user_filter": "(uid={0})",
    "group_filter": "(member={0})",
}


@dataclass
class Action:
    """A page, the form that is sent to it, and a check whether it took effect."""

    module: str
    address: Callable[[], str]
    sent: Callable[[], dict[str, Any]]
    is_done: Callable[[], bool]


def _connection_tokens() -> str:
    connection = scim_connection("rippling")
    return f"/integrations/scim/{connection.pk}/tokens/"


def _certification() -> str:
    connection = scim_connection("rippling")
    Connection.objects.update(certification_ends_at=timezone.now() + timedelta(hours=2))
    return f"/integrations/scim/{connection.pk}/certification/"


def _corp() -> str:
    corp = IdentityProvider.objects.get(name="Corp")
    return f"/tenants/acme/auth-providers/{corp.pk}/"


def _reset() -> str:
    person = core.person()
    set_up_second_factor(person)
    return f"/people/{person.pk}/reset-second-factor/"


def _with_own_factor(page: str) -> str:
    if not SecondFactor.objects.exists():
        for person in Person.objects.all():
            set_up_second_factor(person)
    return f"/account/second-factor/{page}/"


def _has(rows: type[Model], **fields: Any) -> bool:
    return rows._default_manager.filter(**fields).exists()


def _has_new_secret(secret: str = OIDC["client_secret"], name: str = "New provider") -> bool:
    found = IdentityProvider.objects.filter(name=name).first()
    return found is not None and secret_of(found) == secret


ADD = "/tenants/acme/auth-providers/add/"
KEYTAB = "AGtleXRhYg=="
ACTIONS = {
    "API token": Action(
        "people.views.api_tokens",
        lambda: "/api-tokens/",
        lambda: {
            "name": "Travel booking",
            "scopes": ["people:read", "people:manage"],
            "days": "30",
        },
        lambda: _has(ApiToken, name="Travel booking", scopes=["people:read", "people:manage"]),
    ),
    "another SCIM token": Action(
        "scim.views.settings.tokens", _connection_tokens, dict, lambda: _has(Token)
    ),
    "first SCIM token": Action(
        "scim.views.setup.steps",
        lambda: "/integrations/okta/setup/token/",
        lambda: {"after": "0"},
        lambda: _has(Token),
    ),
    "SCIM token of a test suite": Action(
        "scim.views.settings.certification",
        _certification,
        lambda: {"token": "yes"},
        lambda: _has(Token),
    ),
    "OpenID provider": Action(
        "provisioning.views.auth_providers", lambda: f"{ADD}okta/", lambda: OIDC, _has_new_secret
    ),
    "LDAP provider": Action(
        "provisioning.views.auth_providers", lambda: f"{ADD}ldap/", lambda: LDAP, _has_new_secret
    ),
    "Windows provider": Action(
        "provisioning.views.auth_providers",
        lambda: f"{ADD}windows/",
        lambda: {
            "name": "New provider",
            "browsing": "off",
            "realms": "CORP.EXAMPLE",
            "keytab": SimpleUploadedFile("ramp.keytab", b"\0keytab"),
        },
        lambda: _has_new_secret(KEYTAB),
    ),
    "reset of a second factor": Action(
        "people.views.person.access",
        _reset,
        dict,
        lambda: not _has(SecondFactor),
    ),
    "new recovery codes": Action(
        "provisioning.views.second_factor",
        lambda: _with_own_factor("recovery-codes"),
        dict,
        lambda: _has(SecondFactor, recovery_digests__0__isnull=False),
    ),
    "removal of a second factor": Action(
        "provisioning.views.second_factor",
        lambda: _with_own_factor("remove"),
        dict,
        lambda: SecondFactor.objects.count() == Person.objects.count() - 1,
    ),
    "secret of a provider": Action(
        "provisioning.views.auth_providers",
        _corp,
        lambda: OIDC | {"name": "Corp"},
        lambda: _has_new_secret(name="Corp"),
    ),
}


@pytest.fixture
def olga(in_acme: None) -> Person:
    return core.owner(email="olga@acme.example", password=PASSWORD)


@pytest.fixture
def corp(in_acme: None) -> IdentityProvider:
    values = {"kind": "oidc", "issuer": "https://id.example", "client_id": "ramp"}
    definition = config.read({"name": "Corp", "client_secret": "before", **values})
    return manage.add_provider(definition, actor=Actor("command", "tests"))


@pytest.fixture
def client(olga: Person, corp: IdentityProvider) -> Client:
    return signed_in(olga)


@pytest.fixture
def later() -> Iterator[None]:
    """Travel 16 minutes into the future."""
    with time_machine.travel(timezone.now() + timedelta(minutes=16)):
        yield


@pytest.fixture(params=ACTIONS)
def action(request: pytest.FixtureRequest) -> Action:
    return ACTIONS[request.param]


def interrupted(client: Client, action: Action) -> str:
    """Send the action, and return the URL of the page that asks to confirm the identity."""
    response = client.post(action.address(), action.sent())
    assert response.status_code == 302, response.content
    assert response["Location"].startswith(CONFIRM)
    assert not action.is_done()
    return str(response["Location"])


class TestConfirmingByPassword:
    def test_each_action_continues_after_the_password(
        self, client: Client, later: None, action: Action
    ) -> None:
        page = interrupted(client, action)

        assert "Confirm it is you" in text_of(client.get(page))
        answer = client.post(page, {"password": PASSWORD}, follow=True)

        assert answer.status_code == 200
        assert action.is_done()

    def test_no_confirmation_within_15_minutes_of_sign_in(
        self, client: Client, corp: IdentityProvider, action: Action
    ) -> None:
        with time_machine.travel(timezone.now() + timedelta(minutes=14)):
            client.post(action.address(), action.sent())

        assert action.is_done()

    def test_confirmation_is_valid_for_later_actions(self, client: Client, later: None) -> None:
        page = interrupted(client, ACTIONS["API token"])
        client.post(page, {"password": PASSWORD}, follow=True)

        client.post("/api-tokens/", {"name": "Another", "scopes": ["people:read"], "days": "1"})

        assert ApiToken.objects.count() == 2

    def test_new_token_is_shown_after_confirmation(self, client: Client, later: None) -> None:
        page = interrupted(client, ACTIONS["API token"])

        answer = client.post(page, {"password": PASSWORD}, follow=True)

        assert re.search(r'id="token" type="text" value="[^"]{20,}"', text_of(answer))
        assert "no-store" in answer["Cache-Control"]

    def test_action_continues_only_once(self, client: Client, later: None) -> None:
        page = interrupted(client, ACTIONS["API token"])
        continues = client.post(page, {"password": PASSWORD})["Location"]
        client.get(continues)

        again = text_of(client.get(continues))

        assert "This was already submitted" in again
        assert ApiToken.objects.count() == 1

    @pytest.mark.parametrize("password", ["wrong", ""])
    def test_wrong_password_does_not_continue_the_action(
        self, client: Client, later: None, action: Action, password: str
    ) -> None:
        page = interrupted(client, action)
        key = page.partition("=")[2]

        answer = client.post(page, {"password": password})
        client.get(f"{action.address()}?continue={key}")

        assert answer.status_code == 200
        assert not action.is_done()

    def test_wrong_passwords_lock_out(self, client: Client, later: None) -> None:
        page = interrupted(client, ACTIONS["API token"])

        statuses = [client.post(page, {"password": "wrong"}).status_code for _ in range(6)]

        assert statuses[-1] == 429
        assert client.post(page, {"password": PASSWORD}).status_code == 429
        assert not ApiToken.objects.exists()

    def test_attempts_are_logged(self, client: Client, olga: Person, later: None) -> None:
        page = interrupted(client, ACTIONS["API token"])
        client.post(page, {"password": "wrong"})
        client.post(page, {"password": PASSWORD})

        attempts = SignInAttempt.objects.filter(person=olga).order_by("pk")
        assert [one.outcome for one in attempts] == ["refused", "confirmed"]
        assert "confirmed who they are" in text_of(client.get("/tenants/acme/log/"))

    def test_session_keeps_no_readable_secret(self, client: Client, later: None) -> None:
        interrupted(client, ACTIONS["LDAP provider"])

        assert "s3cret" not in str(dict(client.session.items()))

    def test_another_person_cannot_continue_the_action(self, client: Client, later: None) -> None:
        page = interrupted(client, ACTIONS["API token"])
        key = page.partition("=")[2]

        signed_in(core.administrator()).get(f"/api-tokens/?continue={key}")

        assert not ApiToken.objects.exists()

    def test_session_without_authentication_time_must_confirm(
        self, client: Client, olga: Person
    ) -> None:
        session = client.session
        del session["authenticated_at"]
        session.save()

        interrupted(client, ACTIONS["API token"])

    def test_three_interrupted_actions_all_continue(self, client: Client, later: None) -> None:
        pages = [
            client.post(
                "/api-tokens/", {"name": f"Number {number}", "scopes": ["people:read"], "days": "1"}
            )["Location"]
            for number in range(3)
        ]
        for page in pages:
            client.post(page, {"password": PASSWORD}, follow=True)

        assert ApiToken.objects.count() == 3


class TestConfirmingThroughOpenID:
    @pytest.fixture
    def openid_corp(self, acme: Tenant, openid: OpenIdProvider) -> IdentityProvider:
        return connected(acme, openid, name="OpenID")

    @pytest.fixture
    def admin(self, olga: Person, openid_corp: IdentityProvider, openid: OpenIdProvider) -> Person:
        """Make an administrator who has no password."""
        admin = core.administrator(email="ada@acme.example")
        openid.user["sub"] = sign_in_flow.identity(openid_corp, admin).subject
        return admin

    @pytest.fixture
    def client(self, admin: Person, corp: IdentityProvider) -> Client:
        return signed_in(admin)

    def confirmed(
        self, client: Client, page: str, provider: IdentityProvider, openid: OpenIdProvider
    ) -> Any:
        key = page.partition("=")[2]
        assert f"{CONFIRM}{provider.pk}/?continue={key}" in text_of(client.get(page))
        begins = client.get(f"{CONFIRM}{provider.pk}/?continue={key}")["Location"]
        there = client.get(begins)["Location"]
        assert "prompt=login" in there
        assert "max_age=0" in there
        back = openid.authorize(there).removeprefix("http://127.0.0.1:8000")
        return client.get(back, follow=True)

    def test_each_action_continues_after_a_fresh_sign_in(
        self,
        client: Client,
        later: None,
        openid_corp: IdentityProvider,
        openid: OpenIdProvider,
        action: Action,
    ) -> None:
        page = interrupted(client, action)
        openid.claims["auth_time"] = int(timezone.now().timestamp())

        answer = self.confirmed(client, page, openid_corp, openid)

        assert answer.status_code == 200
        assert action.is_done()
        assert SignInAttempt.objects.latest("pk").outcome == "confirmed"

    def test_stale_authentication_is_refused(
        self,
        client: Client,
        later: None,
        openid_corp: IdentityProvider,
        openid: OpenIdProvider,
    ) -> None:
        page = interrupted(client, ACTIONS["API token"])
        openid.claims["auth_time"] = int(timezone.now().timestamp()) - 15 * 60

        answer = self.confirmed(client, page, openid_corp, openid)

        assert "OpenID did not ask you to sign in again" in text_of(answer)
        assert not ApiToken.objects.exists()
        assert SignInAttempt.objects.latest("pk").reason == "stale-authentication"

    def test_another_account_is_refused_and_the_session_stays(
        self,
        client: Client,
        admin: Person,
        later: None,
        openid_corp: IdentityProvider,
        openid: OpenIdProvider,
    ) -> None:
        page = interrupted(client, ACTIONS["API token"])
        openid.user["sub"] = "mallory"

        answer = self.confirmed(client, page, openid_corp, openid)

        assert "an account that is not linked to you" in text_of(answer)
        assert answer.wsgi_request.user == admin
        assert not ApiToken.objects.exists()
        assert not Identity.objects.filter(subject="mallory").exists()

    def test_provider_that_is_not_linked_is_not_found(
        self, client: Client, corp: IdentityProvider, later: None
    ) -> None:
        interrupted(client, ACTIONS["API token"])

        assert client.get(f"{CONFIRM}{corp.pk}/").status_code == 404

    def test_linking_a_provider_needs_confirmation(
        self, client: Client, corp: IdentityProvider, later: None
    ) -> None:
        """A thief of the session could otherwise link their own account, and confirm with it."""
        response = client.post(f"/sign-in/acme/{corp.pk}/link/")

        assert response["Location"].startswith(CONFIRM)

    def test_page_explains_that_no_method_is_available(
        self, client: Client, openid_corp: IdentityProvider, later: None
    ) -> None:
        IdentityProvider.objects.filter(pk=openid_corp.pk).update(is_enabled=False)
        page = interrupted(client, ACTIONS["API token"])

        assert "none of the providers that you signed in with is available" in text_of(
            client.get(page)
        )


def test_ldap_password_confirms_only_its_own_person(
    acme: Tenant, olga: Person, corp: IdentityProvider, slapd_service: Slapd
) -> None:
    directory = connected_to_ldap(acme, slapd_service, name="Directory")
    claims = ldap_client.sign_in(settings_of(directory), secret_of(directory), "ada", "pw-ada")
    admin = sign_in(directory, claims).person
    assert admin
    Person.objects.filter(pk=admin.pk).update(role=Person.Role.ADMIN)
    client = signed_in(Person.objects.get(pk=admin.pk))

    with time_machine.travel(timezone.now() + timedelta(minutes=16)):
        page = interrupted(client, ACTIONS["API token"])
        begins = f"{CONFIRM}{directory.pk}/?continue={page.partition('=')[2]}"
        form = client.get(begins)["Location"]
        for login in ("ben", "ada"):
            assert not ApiToken.objects.exists()
            client.get(begins)
            client.post(form, {"login": login, "password": f"pw-{login}"}, follow=True)

    assert ApiToken.objects.get().person == admin


MAKERS = re.compile(
    r"\b(create_api_token|add_token|next_token|add_provider|change_provider|link_next_sign_in"
    r"|second_factors\.remove_second_factor|replace_recovery_codes)\("
)


def test_actions_cover_every_page_that_creates_credentials() -> None:
    """Add a new page that creates credentials to ACTIONS, and decorate its view."""
    making = set()
    for package in ("people.views", "scim.views", "provisioning.views"):
        for found in walk_packages(importlib.import_module(package).__path__, f"{package}."):
            if found.ispkg:
                continue
            source = getsource(importlib.import_module(found.name))
            if MAKERS.search(source.replace("def link_next_sign_in(", "")):
                making.add(found.name)

    assert making == {one.module for one in ACTIONS.values()} | {
        "provisioning.views.sign_in.link_provider"
    }
