"""Internal users: people with a Ramp password."""

from typing import Any

import pytest
from django.conf import settings as django_settings
from django.test import Client

from people import tenancy
from people.mail.invite_links import invite_link
from people.models import Invite, Mail, Person, Tenant
from provisioning.models import Identity
from tests.clients.pages import queries_of, signed_in, text_of
from tests.clients.scim import Provider
from tests.factories import core
from tests.factories.scim import scim_connection
from tests.support import sign_in_flow

pytestmark = pytest.mark.django_db

PAGE = "/tenants/acme/internal-users/"
PASSWORD = "a horse that is correct"


@pytest.fixture
def olga(acme: Tenant) -> Person:
    with tenancy.use(acme):
        return core.owner(email="olga@acme.example", password=PASSWORD)


@pytest.fixture
def browser(olga: Person) -> Client:
    return signed_in(olga)


def add(browser: Client, **values: str) -> Any:
    usual = {
        "given_name": "Ida",
        "family_name": "Rhodes",
        "email": "ida@acme.example",
        "role": Person.Role.BOOKKEEPER,
    }
    return browser.post(f"{PAGE}add/", usual | values)


def person_of(tenant: Tenant, **fields: Any) -> Person:
    with tenancy.use(tenant):
        return core.person(**fields)


def mails(kind: Mail.Kind) -> list[str]:
    with tenancy.across_tenants():
        return list(Mail.objects.filter(kind=kind).values_list("to", flat=True))


def test_added_user_is_invited_and_chooses_a_password(browser: Client) -> None:
    assert add(browser)["Location"] == PAGE
    assert mails(Mail.Kind.INVITE) == ["ida@acme.example"]

    with tenancy.across_tenants():
        invite = Invite.objects.get()
    path = invite_link(invite).removeprefix(django_settings.PUBLIC_BASE_URL)
    ida = Client()
    ida.post(path, {"password": PASSWORD, "again": PASSWORD})

    assert "Ida Rhodes" in text_of(ida.get("/home/"))
    assert "Bookkeeper" in text_of(browser.get(PAGE))


def test_form_explains_invalid_values(browser: Client) -> None:
    assert "already associated" in text_of(add(browser, email="olga@acme.example"))
    assert "entered correctly" in text_of(add(browser, given_name="123"))
    assert "Enter a valid email" in text_of(add(browser, email="ida"))


def test_list_has_only_people_who_can_use_a_password(browser: Client, acme: Tenant) -> None:
    with tenancy.use(acme):
        Provider(scim_connection("okta")).add("scim")
        provider = sign_in_flow.provider()
        sign_in_flow.identity(provider, core.person(given_name="Paula"))
        sign_in_flow.identity(provider, core.person(given_name="Joined"), Identity.How.INVITED)
        both = core.person(given_name="Both", password=PASSWORD)
        sign_in_flow.identity(provider, both, Identity.How.LINKED)
        core.person(given_name="Internal")

    page = text_of(browser.get(PAGE))

    assert "Internal Lovelace" in page
    assert "Both Lovelace" in page
    for name in ("Paula", "Joined", "scim@"):
        assert name not in page


def test_list_is_searched_by_name_address_and_status(browser: Client, acme: Tenant) -> None:
    person_of(acme, given_name="Bob", email="bob@acme.example")
    person_of(acme, given_name="Eve", state=Person.State.INVITED)

    assert "Bob Lovelace" in text_of(browser.get(f"{PAGE}?q=bob%40"))
    assert "Bob Lovelace" not in text_of(browser.get(f"{PAGE}?q=eve"))
    assert "Bob Lovelace" not in text_of(browser.get(f"{PAGE}?state=invited"))
    assert "No internal user matches" in text_of(browser.get(f"{PAGE}?q=xyzzy"))


def test_active_user_is_mailed_a_reset_link(browser: Client, ada: Person) -> None:
    response = browser.post(f"{PAGE}{ada.pk}/mail/", follow=True)

    assert mails(Mail.Kind.RESET_PASSWORD) == [ada.email]
    assert f"a link to choose a password to {ada.email}" in text_of(response)
    assert "sent Ada Lovelace a link" in text_of(browser.get(f"/people/{ada.pk}/"))


def test_invited_user_is_mailed_the_invite_again(browser: Client, acme: Tenant) -> None:
    invited = person_of(acme, state=Person.State.INVITED)

    browser.post(f"{PAGE}{invited.pk}/mail/")

    assert mails(Mail.Kind.INVITE) == [invited.email]
    assert mails(Mail.Kind.RESET_PASSWORD) == []


def test_inactive_user_is_mailed_nothing(browser: Client, acme: Tenant) -> None:
    inactive = person_of(acme, state=Person.State.INACTIVE)

    response = browser.post(f"{PAGE}{inactive.pk}/mail/", follow=True)

    assert "has no Ramp password to reset" in text_of(response)
    assert mails(Mail.Kind.RESET_PASSWORD) == []


def test_person_of_a_provider_cannot_be_mailed(browser: Client, acme: Tenant) -> None:
    with tenancy.use(acme):
        person = core.person()
        sign_in_flow.identity(sign_in_flow.provider(), person)

    assert browser.post(f"{PAGE}{person.pk}/mail/").status_code == 404


def test_invited_owner_chooses_a_password_if_passwords_are_off(
    browser: Client, acme: Tenant
) -> None:
    Tenant.objects.update(allows_passwords=False)
    assert "Passwords are turned off" in text_of(browser.get(PAGE))
    add(browser, role=Person.Role.OWNER)

    with tenancy.across_tenants():
        path = invite_link(Invite.objects.get()).removeprefix(django_settings.PUBLIC_BASE_URL)

    assert b'type="password"' in Client().get(path).content


class TestAccess:
    @pytest.mark.parametrize("address", [PAGE, f"{PAGE}add/"])
    def test_only_administrators_of_the_tenant_open_the_pages(
        self, browser: Client, ada: Person, address: str
    ) -> None:
        with core.in_another_tenant():
            stranger = signed_in(core.owner())

        assert browser.get(address).status_code == 200
        assert stranger.get(address).status_code == 404
        assert signed_in(ada).get(address).status_code == 302
        assert Client().get(address)["Location"].startswith("/sign-in/")

    def test_people_of_another_tenant_are_not_found(self, browser: Client) -> None:
        with core.in_another_tenant() as other:
            person = core.person()

        assert browser.post(f"{PAGE}{person.pk}/mail/").status_code == 404
        assert browser.post(f"/tenants/{other.slug}/internal-users/add/").status_code == 404

    def test_mailing_needs_a_post(self, browser: Client, ada: Person) -> None:
        assert browser.get(f"{PAGE}{ada.pk}/mail/").status_code == 405


def test_list_needs_the_same_queries_for_any_number(browser: Client, acme: Tenant) -> None:
    few = len(queries_of(browser, PAGE))
    for _ in range(20):
        person_of(acme)

    assert len(queries_of(browser, PAGE)) == few
