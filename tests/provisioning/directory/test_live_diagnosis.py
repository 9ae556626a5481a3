"""Access diagnosis asks a real Active Directory."""

from urllib.parse import quote

import pytest
from django.test import Client

from people.models import Tenant
from provisioning.models import IdentityProvider
from tests.clients.pages import text_of
from tests.services.active_directory import ActiveDirectory
from tests.services.postgres_redis_smtp import free_port
from tests.support.active_directory import LEAVING, added, leave, sign_in_as, unused_name

pytestmark = pytest.mark.django_db

# Every account here is named Dora; only the address is unique.
SENTENCES = {
    "deleted": "AD no longer has the account of",
    "disabled": "is disabled in AD.",
    "expired": "has expired in AD.",
    "outside the base DN": "outside of its base DN or user filter",
    "outside the filter": "outside of its base DN or user filter",
}


@pytest.fixture
def corp(live_active_directory: IdentityProvider) -> IdentityProvider:
    return live_active_directory


@pytest.fixture
def admin(owner_client: Client) -> Client:
    return owner_client


@pytest.fixture
def name() -> str:
    return unused_name()


def asked(admin: Client, text: str) -> str:
    return text_of(admin.get(f"/people/why/?who={quote(text)}"))


class TestPersonWhoHasSignedIn:
    @pytest.mark.parametrize("how", LEAVING)
    def test_explains_why_the_person_can_no_longer_sign_in(
        self,
        admin: Client,
        active_directory: ActiveDirectory,
        corp: IdentityProvider,
        name: str,
        how: str,
    ) -> None:
        dn = active_directory.add_person(name, "Dora", name.title())
        sign_in_as(name, corp, Client())
        assert SENTENCES[how] not in asked(admin, f"{name}@example.com")
        leave(active_directory, dn, how)

        assert SENTENCES[how] in asked(admin, f"{name}@example.com")


def test_disabled_account_is_reported_although_the_filter_excludes_it(
    admin: Client, acme: Tenant, active_directory: ActiveDirectory, name: str
) -> None:
    enabled = "(&(sAMAccountName={0})(!(userAccountControl:1.2.840.113556.1.4.803:=2)))"
    corp = added(acme, active_directory.document(user_filter=enabled))
    dn = active_directory.add_person(name)
    sign_in_as(name, corp, Client())

    active_directory.change(dn, userAccountControl="514")

    assert "is disabled in AD." in asked(admin, f"{name}@example.com")


class TestAccountThatNeverSignedIn:
    @pytest.mark.parametrize(
        "form", ["{0}", "CORP\\{0}", "{0}@corp.example.com", "{0}@example.com"]
    )
    def test_is_found_by_each_form_of_the_login(
        self,
        admin: Client,
        active_directory: ActiveDirectory,
        corp: IdentityProvider,
        name: str,
        form: str,
    ) -> None:
        active_directory.change(active_directory.add_person(name), userAccountControl="514")

        assert "is disabled in AD" in asked(admin, form.format(name))

    def test_is_reported_as_never_signed_in(
        self, admin: Client, active_directory: ActiveDirectory, corp: IdentityProvider, name: str
    ) -> None:
        active_directory.add_person(name)

        page = asked(admin, name)

        assert f"{name} is in AD, but has never signed in to Ramp" in page

    def test_failed_attempt_is_found_by_each_form_of_the_login(
        self, admin: Client, active_directory: ActiveDirectory, corp: IdentityProvider, name: str
    ) -> None:
        active_directory.add_person(name)
        sign_in_as(f"CORP\\{name}", corp, Client(), "wrong")

        for form in (name, f"CORP\\{name}", f"{name}@example.com", f"{name}@corp.example.com"):
            assert "entered an incorrect password at AD" in asked(admin, form)

    def test_directory_is_not_asked_unless_live_browsing_is_on(
        self, admin: Client, acme: Tenant, active_directory: ActiveDirectory, name: str
    ) -> None:
        added(acme, active_directory.document(directory_browsing="off"))
        active_directory.change(active_directory.add_person(name), userAccountControl="514")

        assert "is disabled" not in asked(admin, name)


def test_page_reports_a_directory_that_is_down(
    admin: Client, acme: Tenant, active_directory: ActiveDirectory, name: str
) -> None:
    uri = f"ldaps://127.0.0.1:{free_port()}"
    added(acme, active_directory.document(uri=uri, directory_browsing="live"))

    page = asked(admin, name)

    assert "AD could not be asked" in page
    assert "does not accept connections" in page
