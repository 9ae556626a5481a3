"""Passwords of people from SCIM who chose one when they accepted their invite."""

from collections.abc import Callable

import pytest
from django.test import Client
from django.utils import timezone

from people import tenancy
from people.models import Person, Tenant
from people.operations import people
from people.values import Actor
from provisioning.sign_in.decide import Refusal
from provisioning.sign_in.errors import TO_VISITORS
from tests.clients.pages import signed_in, text_of
from tests.clients.scim import Provider
from tests.factories import core
from tests.factories.scim import scim_connection
from tests.provisioning.sign_in.test_forgetting_a_password import (
    NEW,
    OLD,
    can_sign_in,
    change,
    choose,
    is_refused,
    link,
    mails,
    path,
)
from tests.services.fake_openid import OpenIdProvider
from tests.support.openid_flow import connected, sign_in

pytestmark = pytest.mark.django_db

EMAIL = "ada@example.com"


@pytest.fixture
def olga(acme: Tenant) -> Person:
    with tenancy.use(acme):
        return core.owner(email="olga@acme.example")


@pytest.fixture
def okta(acme: Tenant, olga: Person) -> Provider:
    with tenancy.use(acme):
        return Provider(scim_connection("okta"))


@pytest.fixture
def ada(acme: Tenant, okta: Provider) -> Person:
    with tenancy.use(acme):
        okta.add("ada")
        person: Person = Person.objects.get(email=EMAIL)
        person.set_password(OLD)
        person.state, person.joined_at = Person.State.ACTIVE, timezone.now()
        person.save()
    return person


def test_mailed_link_resets_the_password(ada: Person) -> None:
    choose(link(EMAIL))

    assert can_sign_in(NEW, EMAIL)


def test_page_after_a_wrong_password_links_to_the_reset(ada: Person) -> None:
    page = Client().post("/sign-in/acme/", {"email": EMAIL, "password": "wrong"})

    assert 'href="/forgot-password/"' in page.content.decode()
    choose(link(EMAIL))
    assert can_sign_in(NEW, EMAIL)


def test_administrator_mails_the_reset_link(ada: Person, olga: Person) -> None:
    client = signed_in(olga)

    listed = text_of(client.get("/tenants/acme/internal-users/"))
    client.post(f"/tenants/acme/internal-users/{ada.pk}/mail/")

    assert EMAIL in listed
    choose(path(mails()[-1]))
    assert can_sign_in(NEW, EMAIL)


def test_refusal_of_an_unpaired_provider_refers_to_the_password(
    acme: Tenant, ada: Person, openid: OpenIdProvider
) -> None:
    openid.user = {"sub": "ada", "email": EMAIL, "email_verified": True}

    page = text_of(sign_in(Client(), connected(acme, openid), openid))

    assert TO_VISITORS[Refusal.EMAIL_TAKEN] in page
    assert "sign in the way you did before" in page
    choose(link(EMAIL))
    assert can_sign_in(NEW, EMAIL)


def test_pending_address_gets_no_link(acme: Tenant, okta: Provider, ada: Person) -> None:
    change(ada, pending_email="eve@evil.example")

    Client().post("/forgot-password/", {"email": "eve@evil.example"})

    assert mails() == []


def test_link_is_refused_after_deactivation_by_scim(ada: Person) -> None:
    address = link(EMAIL)
    with tenancy.use(ada.tenant_id):
        people.deactivate_person(ada, actor=Actor("scim", "okta"))

    assert is_refused(address)


# Changing the password


def form_values(current: str = OLD, new: str = NEW, again: str = NEW) -> dict[str, str]:
    return {"current": current, "password": new, "again": again}


def test_password_is_changed_on_the_account_page(ada: Person) -> None:
    here, elsewhere = signed_in(ada), signed_in(ada)

    assert 'href="/home/password/"' in here.get("/home/").content.decode()
    page = text_of(here.post("/home/password/", form_values(), follow=True))

    assert "Your password was changed" in page
    assert here.get("/home/").status_code == 200
    assert elsewhere.get("/home/").status_code == 302
    assert can_sign_in(NEW, EMAIL)
    assert not can_sign_in(OLD, EMAIL)


@pytest.mark.parametrize(
    ("form", "text"),
    [
        (form_values(current="wrong"), "Incorrect password"),
        (form_values(again="other"), "The passwords do not match"),
        (form_values(new="short", again="short"), "too short"),
        ({}, "This field is required"),
    ],
)
def test_invalid_form_does_not_change_the_password(
    ada: Person, form: dict[str, str], text: str
) -> None:
    page = text_of(signed_in(ada).post("/home/password/", form))

    assert text in page
    assert can_sign_in(OLD, EMAIL)


def remove_password(ada: Person) -> None:
    change(ada, password="!")


def turn_passwords_off(ada: Person) -> None:
    Tenant.objects.update(allows_passwords=False)


@pytest.mark.parametrize("unable", [remove_password, turn_passwords_off])
def test_person_without_a_password_is_referred_to_the_provider(
    ada: Person, unable: Callable[[Person], None]
) -> None:
    unable(ada)
    with tenancy.across_tenants():
        client = signed_in(Person.objects.select_related("tenant").get(pk=ada.pk))

    assert "/home/password/" not in client.get("/home/").content.decode()
    assert "Change your password there" in text_of(client.post("/home/password/", form_values()))
