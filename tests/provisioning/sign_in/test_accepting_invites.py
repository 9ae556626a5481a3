"""Accepting an invite."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any
from uuid import uuid4

import pytest
from django.conf import settings as django_settings
from django.core.cache import cache
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from people import tenancy
from people.mail.invite_links import invite_link
from people.mail.signed_links import sign
from people.models import Event, Invite, Person, Tenant
from people.operations import people, people_update
from people.operations.invites import lifecycle
from people.values import Actor
from provisioning.models import Identity, IdentityProvider
from tests.clients.pages import signed_in, text_of
from tests.factories import core
from tests.services.fake_openid import OpenIdProvider
from tests.support.concurrency import Racers
from tests.support.openid_flow import connected, sign_in

pytestmark = pytest.mark.django_db

OKTA = Actor("scim", "okta")
PASSWORD = "a horse that is correct"


@pytest.fixture
def bob(acme: Tenant) -> Person:
    """Invite Bob, whose manager is Ada, in a tenant with an owner."""
    with tenancy.use(acme):
        core.owner()
        ada = core.person(email="ada@acme.example")
        invited = core.person(
            given_name="Bob",
            family_name="Babbage",
            email="bob@acme.example",
            state=Person.State.INVITED,
            manager=ada,
        )
        lifecycle.issue_invite(invited, actor=OKTA)
    return invited


@pytest.fixture
def invite(bob: Person) -> Invite:
    with tenancy.use(bob.tenant):
        invite: Invite = bob.invites.get()
    return invite


@pytest.fixture
def openid() -> Iterator[OpenIdProvider]:
    cache.clear()
    provider = OpenIdProvider()
    yield provider
    provider.stop()


@pytest.fixture
def corp(acme: Tenant, openid: OpenIdProvider) -> IdentityProvider:
    return connected(acme, openid)


def path(invite: Invite) -> str:
    return invite_link(invite).removeprefix(django_settings.PUBLIC_BASE_URL)


def accept(client: Client, invite: Invite, **values: str) -> Any:
    return client.post(path(invite), {"password": PASSWORD, "again": PASSWORD} | values)


def stored(row: Any) -> Any:
    with tenancy.across_tenants():
        return type(row).objects.get(pk=row.pk)


def change(row: Any, **fields: Any) -> None:
    with tenancy.across_tenants():
        type(row).objects.filter(pk=row.pk).update(**fields)


def perform(operation: Any, person: Person) -> None:
    with tenancy.use(person.tenant):
        operation(person, actor=OKTA)


class TestAccepted:
    def test_accepting_sets_the_password_and_signs_in(self, client: Client, invite: Invite) -> None:
        response = accept(client, invite)

        assert (response.status_code, response["Location"]) == (302, "/home/")
        assert "Welcome to Acme, Bob." in text_of(client.get("/home/"))
        bob = stored(invite.person)
        assert bob.state == Person.State.ACTIVE
        assert bob.check_password(PASSWORD)

    def test_invite_is_marked_as_accepted_with_its_events(
        self, client: Client, invite: Invite
    ) -> None:
        accept(client, invite)

        with tenancy.use(invite.tenant_id):
            assert Invite.objects.get().accepted_at
            kinds = list(invite.person.events.order_by("pk").values_list("kind", flat=True))
        assert kinds == ["invite.issued", "invite.accepted", "person.joined"]

    def test_accepting_changes_the_session_key(self, client: Client, invite: Invite) -> None:
        session = client.session
        session.save()
        planted = session.session_key
        client.cookies["sessionid"] = planted or ""

        accept(client, invite)

        assert client.session.session_key != planted

    def test_administrator_is_redirected_to_the_overview(
        self, client: Client, invite: Invite
    ) -> None:
        change(invite.person, role=Person.Role.ADMIN)

        assert accept(client, invite)["Location"] == "/"

    def test_link_works_after_the_secret_key_was_rotated(
        self, client: Client, invite: Invite, settings: Settings
    ) -> None:
        address = path(invite)
        settings.SECRET_KEY_FALLBACKS = [django_settings.SECRET_KEY]
        settings.SECRET_KEY = "the next one"

        assert client.get(address).status_code == 200

    @pytest.mark.parametrize(
        ("values", "answer"),
        [
            ({"password": "short", "again": "short"}, "too short"),
            ({"password": "password1", "again": "password1"}, "too common"),
            ({"again": "another horse"}, "The passwords do not match."),
            ({"password": "", "again": ""}, "This field is required."),
        ],
        ids=str,
    )
    def test_invalid_password_is_refused(
        self, client: Client, invite: Invite, values: dict[str, str], answer: str
    ) -> None:
        response = accept(client, invite, **values)

        assert answer in text_of(response)
        assert stored(invite.person).state == Person.State.INVITED
        assert "_auth_user_id" not in client.session

    def test_post_without_csrf_token_is_refused(self, invite: Invite) -> None:
        strict = Client(enforce_csrf_checks=True)

        assert accept(strict, invite).status_code == 403


class TestInvitePage:
    def test_shows_inviter_invitee_company_and_address(
        self, client: Client, invite: Invite
    ) -> None:
        page = text_of(client.get(path(invite)))

        assert "Hello Bob. <bdi>Ada Lovelace</bdi> invited you to join <bdi>Acme</bdi>" in page
        assert "bob@acme.example" in page

    @pytest.mark.parametrize("method", ["get", "head"])
    def test_viewing_the_page_does_not_accept_the_invite(
        self, client: Client, invite: Invite, method: str
    ) -> None:
        for _ in range(3):
            assert getattr(client, method)(path(invite)).status_code == 200

        assert stored(invite.person).state == Person.State.INVITED

    def test_page_sends_no_referrer_and_is_not_cached(self, client: Client, invite: Invite) -> None:
        response = client.get(path(invite))

        assert response["Referrer-Policy"] == "strict-origin"
        assert "no-store" in response["Cache-Control"]

    def test_link_is_not_logged(
        self, invite: Invite, acme: Tenant, caplog: pytest.LogCaptureFixture
    ) -> None:
        with tenancy.use(acme):
            browser = signed_in(Person.objects.get(email="ada@acme.example"))

        assert browser.get(path(invite)).status_code == 403

        assert "/invite/" not in caplog.text

    def test_offers_only_the_provider_if_passwords_are_off(
        self, client: Client, invite: Invite, corp: IdentityProvider
    ) -> None:
        change(corp.tenant, allows_passwords=False)

        for response in (client.get(path(invite)), accept(client, invite)):
            assert "You do not need a password" in text_of(response)
            assert f'value="{corp.pk}"' in text_of(response)
            assert b'type="password"' not in response.content
        assert stored(invite.person).state == Person.State.INVITED

    def test_explains_that_no_sign_in_method_is_available(
        self, client: Client, invite: Invite, acme: Tenant
    ) -> None:
        change(acme, allows_passwords=False)

        assert "No sign-in method is available" in text_of(client.get(path(invite)))

    def test_offers_the_provider_and_a_password(
        self, client: Client, invite: Invite, corp: IdentityProvider
    ) -> None:
        page = client.get(path(invite)).content.decode()

        assert f'value="{corp.pk}"' in page
        assert 'type="password"' in page


class TestAcceptedThroughAProvider:
    def test_invite_is_accepted_with_another_address_at_the_provider(
        self, client: Client, invite: Invite, corp: IdentityProvider, openid: OpenIdProvider
    ) -> None:
        openid.user = {"sub": "bob", "email": "robert@elsewhere.example", "name": "Robert B"}

        chosen = client.post(path(invite), {"provider": str(corp.pk)})
        back = openid.authorize(client.get(chosen["Location"])["Location"])
        client.get(back.removeprefix(django_settings.PUBLIC_BASE_URL))

        assert client.get("/home/").status_code == 200
        assert stored(invite.person).state == Person.State.ACTIVE
        assert stored(invite).accepted_at
        with tenancy.use(corp.tenant):
            assert Identity.objects.get().person == invite.person
            assert not Person.objects.filter(given_name="Robert").exists()

    def test_sign_in_after_only_viewing_the_page_does_not_accept(
        self, client: Client, invite: Invite, corp: IdentityProvider, openid: OpenIdProvider
    ) -> None:
        openid.user = {"sub": "eve", "email": "eve@acme.example", "name": "Eve Adams"}
        client.get(path(invite))

        sign_in(client, corp, openid)

        assert stored(invite.person).state == Person.State.INVITED

    def test_provider_of_another_tenant_is_not_offered(
        self, client: Client, invite: Invite, openid: OpenIdProvider
    ) -> None:
        other = connected(core.tenant(), openid)

        response = client.post(path(invite), {"provider": str(other.pk)})

        assert response.status_code == 200
        assert "sign_in_invite" not in client.session


class TestRefused:
    def assert_refused(self, invite: Invite, status: int, text: str) -> None:
        """Viewing and accepting show this message, and no person is signed in."""
        looking, accepting = Client(), Client()
        for client, response in (
            (looking, looking.get(path(invite))),
            (accepting, accept(accepting, invite)),
        ):
            assert (response.status_code, text in text_of(response)) == (status, True)
            assert "_auth_user_id" not in client.session
            assert response["Referrer-Policy"] == "strict-origin"

    def test_expired_invite_is_refused(self, invite: Invite) -> None:
        change(invite, expires_at=timezone.now() - timedelta(seconds=1))

        self.assert_refused(invite, 410, "This invite expired on")

    def test_resent_invite_works_again(self, client: Client, invite: Invite) -> None:
        change(invite, expires_at=timezone.now() - timedelta(days=1))
        perform(lifecycle.resend_invite, invite.person)

        assert accept(client, invite).status_code == 302

    def test_accepted_invite_is_refused(self, client: Client, invite: Invite) -> None:
        accept(client, invite)

        self.assert_refused(invite, 410, "This invite was already accepted. Sign in instead.")
        assert stored(invite.person).check_password(PASSWORD)

    def test_revoked_invite_is_refused(self, invite: Invite) -> None:
        perform(lifecycle.revoke_invite, invite.person)

        self.assert_refused(invite, 410, "This invite was revoked.")

    def test_invite_to_an_earlier_address_is_refused(self, invite: Invite) -> None:
        bob = invite.person
        with tenancy.use(bob.tenant):
            profile = replace(bob.profile, email="bob.babbage@acme.example")
            people_update.revise_person(bob, profile, actor=OKTA)

        self.assert_refused(invite, 410, "This invite was revoked.")

    def test_invite_of_a_deactivated_person_is_refused(self, invite: Invite) -> None:
        perform(people.deactivate_person, invite.person)

        self.assert_refused(invite, 403, "Ask your administrator to reactivate it there.")

    def test_invite_of_a_terminated_person_is_refused(self, invite: Invite) -> None:
        now = timezone.now()
        change(invite.person, state=Person.State.TERMINATED, terminated_at=now)

        self.assert_refused(invite, 410, "This invite was revoked.")

    def test_invite_of_a_suspended_tenant_is_refused(self, invite: Invite, acme: Tenant) -> None:
        change(acme, is_active=False)

        self.assert_refused(invite, 403, "Acme is suspended. Ask your administrator.")

    def test_invite_is_refused_while_another_person_is_signed_in(
        self, client: Client, invite: Invite, acme: Tenant
    ) -> None:
        with tenancy.use(acme):
            ada = Person.objects.get(email="ada@acme.example")
        client.force_login(ada)

        for response in (client.get(path(invite)), accept(client, invite)):
            assert response.status_code == 403
            assert "you are signed in as <bdi>Ada Lovelace</bdi>" in text_of(response)
        assert client.session["_auth_user_id"] == str(ada.pk)


class TestUnknownLink:
    @pytest.fixture(autouse=True)
    def address(self, invite: Invite) -> str:
        return path(invite)

    def assert_unknown(self, address: str) -> None:
        for client in (Client().get, Client().post):
            response = client(address)
            page = text_of(response)
            assert response.status_code == 404
            assert "This link does not work" in page
            assert not any(word in page for word in ("Acme", "Bob", "acme"))

    def test_forged_link_is_not_found(self, address: str, invite: Invite) -> None:
        token = address.split("/")[2]
        name, _, seal = token.partition(".")
        other = f"{name[:-1]}{'0' if name[-1] != '0' else '1'}"
        for forged in (f"{other}.{seal}", f"{name}.{seal[:-1]}", name, "x", f"{name}.", f".{seal}"):
            self.assert_unknown(f"/invite/{forged}/")

    def test_link_signed_for_another_purpose_is_not_found(self, invite: Invite) -> None:
        elsewhere = sign("confirm-address", invite.pk).rstrip("/").rpartition("/")[2]

        self.assert_unknown(f"/invite/{elsewhere}/")

    def test_link_of_another_installation_is_not_found(
        self, address: str, settings: Settings
    ) -> None:
        settings.SECRET_KEY = "somebody else's"

        self.assert_unknown(address)

    def test_link_of_a_missing_invite_is_not_found(self) -> None:
        self.assert_unknown(sign("invite", uuid4()).partition("127.0.0.1:8000")[2])


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("racers", [2], indirect=True)
def test_only_one_of_two_simultaneous_acceptances_succeeds(acme: Tenant, racers: Racers) -> None:
    for number in range(10):
        with tenancy.use(acme):
            invited = core.person(state=Person.State.INVITED)
            invite = lifecycle.issue_invite(invited, actor=OKTA)
        passwords = [f"a horse of browser {one}" for one in range(2)]
        browsers = [Client(), Client()]

        answers = racers(
            *[
                partial(accept, browser, invite, password=password, again=password)
                for browser, password in zip(browsers, passwords, strict=True)
            ]
        )

        statuses = [answer.status_code for answer in answers]
        assert sorted(statuses) == [302, 410], number
        winner = statuses.index(302)
        assert stored(invited).check_password(passwords[winner])
        assert "_auth_user_id" not in browsers[1 - winner].session
        with tenancy.use(acme):
            assert invited.events.filter(kind=Event.Kind.PERSON_JOINED).count() == 1
