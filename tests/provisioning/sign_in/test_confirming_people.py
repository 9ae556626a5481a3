"""An administrator confirms that a refused sign-in belongs to an existing person."""

from typing import Any

import pytest
import time_machine
from django.test import Client
from django.utils import timezone

from people import tenancy
from people.models import Event, Mail, Person, Tenant
from people.views.reauthentication import RECENT
from provisioning.models import Identity, IdentityProvider, SignInAttempt
from provisioning.sign_in.errors import SignInRefused
from provisioning.sign_in.sign_in import sign_in
from scim.models import Connection, ScimUser
from tests.clients.pages import signed_in, text_of
from tests.factories import core
from tests.factories.scim import scim_connection, scim_user
from tests.support import sign_in_flow
from tests.support.sign_in_flow import claims, groups, roles_of

pytestmark = pytest.mark.django_db

ADDRESS = "ada@corp.example"


@pytest.fixture
def tenant(acme: Tenant) -> Any:
    with tenancy.use(acme):
        yield acme


@pytest.fixture
def owner(tenant: Tenant) -> Person:
    return core.owner(email="olga@corp.example")


@pytest.fixture
def client(owner: Person) -> Client:
    return signed_in(owner)


@pytest.fixture
def old(tenant: Tenant) -> IdentityProvider:
    return sign_in_flow.provider("Old", settings={"issuer": "https://old.example"})


@pytest.fixture
def ada(owner: Person, old: IdentityProvider) -> Person:
    """Sign Ada in through a provider for the first time."""
    return sign_in_flow.come_in(old, "ada")


def new_provider(**fields: Any) -> IdentityProvider:
    return sign_in_flow.provider("New", settings={"issuer": "https://new.example"}, **fields)


def refused(provider: IdentityProvider, subject: str = "A-1", **values: Any) -> SignInAttempt:
    """Refuse a sign-in with Ada's address, and return the logged attempt."""
    with pytest.raises(SignInRefused):
        sign_in(provider, claims(subject, **{"email": ADDRESS} | values))
    attempt: SignInAttempt = SignInAttempt.objects.order_by("-pk")[0]
    assert attempt.reason in ("email-taken", "linked-otherwise")
    return attempt


def page(attempt: SignInAttempt) -> str:
    return f"/tenants/acme/log/{attempt.pk}/same-person/"


def own_by_scim(person: Person) -> Connection:
    user = scim_user(scim_connection(), ADDRESS)
    ScimUser.objects.filter(pk=user.pk).update(person=person)
    return user.connection


def pair(provider: IdentityProvider, connection: Connection) -> None:
    IdentityProvider.objects.filter(pk=provider.pk).update(
        paired_connection=str(connection.pk), paired_claim="oid", paired_attribute="externalId"
    )


def let_in(provider: IdentityProvider, subject: str) -> Person | None:
    try:
        return sign_in(provider, claims(subject, email=ADDRESS)).person
    except SignInRefused:
        return None


def test_log_and_person_page_link_to_the_confirmation(client: Client, ada: Person) -> None:
    attempt = refused(new_provider())

    assert page(attempt) in text_of(client.get("/tenants/acme/log/"))
    assert page(attempt) in text_of(client.get(f"/people/{ada.pk}/"))


def test_confirmed_account_is_linked(client: Client, ada: Person) -> None:
    provider = new_provider()
    attempt = refused(provider)

    assert "This is the same person" in text_of(client.get(page(attempt)))
    assert client.post(page(attempt)).status_code == 302

    assert let_in(provider, "A-1") == ada
    event = ada.events.get(kind=Event.Kind.IDENTITY_LINKED)
    assert event.actor == "person:olga@corp.example"
    mail = ada.mails.get(kind=Mail.Kind.SIGN_IN_LINKED)
    assert (mail.to, mail.facts["subject"]) == (ADDRESS, "A-1")
    assert page(attempt) not in text_of(client.get(f"/people/{ada.pk}/"))
    assert page(attempt) not in text_of(client.get("/tenants/acme/log/"))


def test_new_account_replaces_the_earlier_identity(
    client: Client, ada: Person, old: IdentityProvider
) -> None:
    """The account in the directory was created again, with another subject."""
    session = signed_in(ada)
    attempt = refused(old, "ada again")

    client.post(page(attempt))

    assert (let_in(old, "ada again"), let_in(old, "ada")) == (ada, None)
    assert session.get("/home/").status_code == 302
    past = Identity.objects.get(subject="ada")
    assert past.retired_at


@pytest.mark.parametrize("role", ["BUSINESS_OWNER", "BUSINESS_ADMIN"])
def test_administrator_cannot_confirm_an_owner(tenant: Tenant, ada: Person, role: str) -> None:
    Person.objects.filter(pk=ada.pk).update(role=role)
    provider = new_provider()
    attempt = refused(provider)
    admin = signed_in(core.administrator())

    response = admin.post(page(attempt))

    may = role == "BUSINESS_ADMIN"
    assert (response.status_code == 302) is may
    assert (let_in(provider, "A-1") == ada) is may


@pytest.mark.parametrize(
    "change",
    [
        "removal of the provider",
        "change of the authority",
        "change of the issuer",
        "deactivation",
        "adoption by SCIM",
        "adoption by another connection",
        "link to another person",
    ],
)
def test_account_is_not_linked_after(client: Client, ada: Person, change: str) -> None:
    provider = new_provider()
    attempt = refused(provider)
    match change:
        case "removal of the provider":
            IdentityProvider.objects.filter(pk=provider.pk).update(removed_at=attempt.at)
        case "change of the authority":
            IdentityProvider.objects.filter(pk=provider.pk).update(authority="elsewhere")
        case "change of the issuer":
            settings = {"issuer": "https://newer.example"}
            IdentityProvider.objects.filter(pk=provider.pk).update(settings=settings)
        case "deactivation":
            Person.objects.filter(pk=ada.pk).update(state="inactive", deactivated_at=attempt.at)
        case "adoption by SCIM":
            own_by_scim(ada)
        case "adoption by another connection":
            own_by_scim(ada)
            pair(provider, scim_connection("entra"))
        case "link to another person":
            sign_in(provider, claims("A-1", email="somebody@corp.example"))

    client.post(page(attempt))

    assert not Identity.objects.filter(provider=provider, person=ada).exists()
    assert not ada.mails.filter(kind=Mail.Kind.SIGN_IN_LINKED).exists()


def test_person_of_the_paired_connection_can_be_linked(client: Client, ada: Person) -> None:
    """The provider does not send the pairing value, so only an administrator can confirm."""
    provider, connection = new_provider(), own_by_scim(ada)
    attempt = refused(provider)
    pair(provider, connection)

    client.post(page(attempt))

    assert let_in(IdentityProvider.objects.get(pk=provider.pk), "A-1") == ada


def test_page_warns_that_the_address_is_not_verified(client: Client, ada: Person) -> None:
    attempt = refused(new_provider(), is_email_verified=False)

    assert "(not verified by New)" in text_of(client.get(page(attempt)))


def test_administrator_confirms_their_own_identity_first(client: Client, ada: Person) -> None:
    attempt = refused(new_provider())
    with time_machine.travel(timezone.now() + RECENT):
        asked = client.post(page(attempt))

    assert asked.headers["Location"].startswith("/confirm-identity/")
    assert not Identity.objects.filter(subject="A-1").exists()


def test_failed_authentication_cannot_be_confirmed(client: Client, ada: Person) -> None:
    attempt = refused(new_provider())
    SignInAttempt.objects.filter(pk=attempt.pk).update(reason="wrong-password")

    client.post(page(attempt))

    assert not Identity.objects.filter(subject="A-1").exists()


class TestMovingEveryone:
    def path(self, new: IdentityProvider, old: IdentityProvider) -> str:
        return f"/tenants/acme/auth-providers/{new.pk}/people/?from={old.pk}"

    def move(self, client: Client, new: IdentityProvider, old: IdentityProvider) -> str:
        shown = client.get(self.path(new, old))
        seen = shown.context["transfer"].digest
        return text_of(
            client.post(self.path(new, old), {"from": str(old.pk), "seen": seen}, follow=True)
        )

    def test_same_issuer_moves_people_by_subject(
        self, client: Client, ada: Person, old: IdentityProvider
    ) -> None:
        bob = sign_in_flow.come_in(old, "bob")
        IdentityProvider.objects.filter(pk=old.pk).update(removed_at=ada.changed_at)
        again = sign_in_flow.provider("Again", settings=old.settings)

        assert "2 people now sign in through Again" in self.move(client, again, old)

        assert (let_in(again, "ada"), let_in(again, "bob")) == (ada, bob)
        assert not Identity.objects.filter(provider=old, retired_at=None).exists()
        assert ada.mails.filter(kind=Mail.Kind.SIGN_IN_LINKED).exists()

    def test_other_issuer_moves_people_by_refused_sign_in(
        self, client: Client, ada: Person, old: IdentityProvider
    ) -> None:
        bob, new = sign_in_flow.come_in(old, "bob"), new_provider()
        refused(new, "A-1")

        shown = text_of(client.get(self.path(new, old)))
        assert "They have not tried to sign in through New yet," in shown
        self.move(client, new, old)

        assert let_in(new, "A-1") == ada
        assert let_in(old, "bob") == bob
        assert let_in(old, "ada") is None

    def test_person_claimed_by_two_accounts_is_not_moved(
        self, client: Client, ada: Person, old: IdentityProvider
    ) -> None:
        new = new_provider()
        refused(new, "A-1")
        refused(new, "A-2")

        assert "Nobody can be moved yet" in self.move(client, new, old)
        assert let_in(old, "ada") == ada

    def test_unverified_address_moves_no_person(
        self, client: Client, ada: Person, old: IdentityProvider
    ) -> None:
        new = new_provider()
        refused(new, "A-1", is_email_verified=False)

        assert "Nobody can be moved yet" in self.move(client, new, old)
        assert let_in(old, "ada") == ada

    def test_no_person_is_moved_to_an_unconfirmed_address(
        self, client: Client, ada: Person, old: IdentityProvider
    ) -> None:
        new = new_provider()
        refused(new, "A-1")
        settings = {"issuer": "https://newer.example"}
        IdentityProvider.objects.filter(pk=new.pk).update(settings=settings)

        shown = text_of(client.get(self.path(new, old)))
        assert "The new address of New is not confirmed yet." in shown
        assert "Nobody can be moved yet" in self.move(client, new, old)

    def test_moved_person_keeps_roles_from_groups(
        self, client: Client, ada: Person, old: IdentityProvider
    ) -> None:
        bob = sign_in_flow.come_in(old, "bob")
        sign_in_flow.mapping(old, "Auditors", sign_in_flow.role("Auditor"))
        for name in ("ada", "bob"):
            sign_in_flow.come_in(old, name, groups("Auditors"))
        new = new_provider()
        refused(new, "A-1")

        self.move(client, new, old)
        sign_in_flow.come_in(old, "bob", groups())

        assert (roles_of(ada), roles_of(bob)) == (["Auditor"], [])
        assert ada.grants.get(role__isnull=False).source == "person:olga@corp.example"

    def test_no_person_is_moved_if_the_preview_is_outdated(
        self, client: Client, ada: Person, old: IdentityProvider
    ) -> None:
        new = new_provider()
        refused(new, "A-1")
        seen = client.get(self.path(new, old)).context["transfer"].digest
        refused(new, "A-2")

        response = client.post(
            self.path(new, old), {"from": str(old.pk), "seen": seen}, follow=True
        )

        assert "so nobody was moved" in text_of(response)
        assert let_in(old, "ada") == ada

    def test_person_above_the_rank_is_not_moved(
        self, tenant: Tenant, ada: Person, old: IdentityProvider
    ) -> None:
        Person.objects.filter(pk=ada.pk).update(role="BUSINESS_OWNER")
        again = sign_in_flow.provider("Again", settings=old.settings)

        self.move(signed_in(core.administrator()), again, old)

        assert let_in(again, "ada") is None
        assert let_in(old, "ada") is not None
