"""Setting up Active Directory on the pages."""

import pytest
from django.core.cache import cache
from django.test import Client

from people import tenancy
from people.models import Person, Tenant
from provisioning.models import IdentityProvider
from tests.clients.pages import text_of
from tests.factories import core
from tests.services.active_directory import (
    BASE,
    SERVICE,
    SERVICE_PASSWORD,
    ActiveDirectory,
)
from tests.services.postgres_redis_smtp import free_port
from tests.support.active_directory import added, person_in, sign_in_as, unused_name
from tests.support.sign_in_flow import mapping

pytestmark = pytest.mark.django_db

PROVIDERS = "/tenants/acme/auth-providers/"


@pytest.fixture(autouse=True)
def _fresh_limits() -> None:
    cache.clear()


@pytest.fixture
def client(acme: Tenant) -> Client:
    """Sign the owner in."""
    with tenancy.use(acme):
        owner = core.owner()
    client = Client()
    client.force_login(owner)
    return client


@pytest.fixture
def name() -> str:
    return unused_name()


def form_values(samba: ActiveDirectory, **changed: str) -> dict[str, str]:
    """Return the form of an administrator who knows the server and a service account."""
    return {
        "name": "AD",
        "uri": samba.uri,
        "bind_dn": SERVICE,
        "bind_password": SERVICE_PASSWORD,
        "base_dn": "",
        "user_filter": "",
        "group_filter": "(member={0})",
        "provisions_people": "on",
        "browsing": "off",
    } | changed


def the_provider(acme: Tenant) -> IdentityProvider:
    with tenancy.use(acme):
        return IdentityProvider.objects.select_related("tenant").get()


class TestActiveDirectoryPreset:
    def test_detects_base_dn_and_user_filter(
        self, client: Client, acme: Tenant, active_directory: ActiveDirectory, name: str
    ) -> None:
        active_directory.add_person(name)

        page = client.post(
            f"{PROVIDERS}add/active-directory/", form_values(active_directory), follow=True
        )

        assert f"base DN {BASE}" in text_of(page)
        assert f"OU=Staff,{BASE}" in text_of(page)
        assert f"OU=Groups,{BASE}" not in text_of(page)
        corp = the_provider(acme)
        assert corp.settings["base_dn"] == BASE
        tested = text_of(client.post(f"{PROVIDERS}{corp.pk}/test/", {"login": name}))
        assert f"{corp.name} is now shown on the" in tested
        visitor = Client()
        sign_in_as(name, corp, visitor)
        assert person_in(visitor)

    @pytest.mark.parametrize(
        ("changed", "problem"),
        [
            ({"bind_password": "wrong"}, "rejected the bind DN"),
            ({"uri": "ldaps://127.0.0.1:1"}, "does not accept connections"),
            ({"bind_dn": "", "bind_password": ""}, "could not be read"),
        ],
        ids=str,
    )
    def test_explains_why_the_directory_cannot_be_read(
        self,
        client: Client,
        acme: Tenant,
        active_directory: ActiveDirectory,
        changed: dict[str, str],
        problem: str,
    ) -> None:
        document = form_values(active_directory, **changed)

        page = client.post(f"{PROVIDERS}add/active-directory/", document)

        assert problem in text_of(page)
        assert SERVICE_PASSWORD not in page.content.decode()
        with tenancy.use(acme):
            assert not IdentityProvider.objects.exists()

    def test_uses_the_next_server_if_one_is_down(
        self, client: Client, acme: Tenant, active_directory: ActiveDirectory, name: str
    ) -> None:
        active_directory.add_person(name)
        servers = f"ldaps://127.0.0.1:{free_port()} {active_directory.uri}"
        document = form_values(active_directory, uri=servers)
        client.post(f"{PROVIDERS}add/active-directory/", document)
        corp, visitor = the_provider(acme), Client()
        client.post(f"{PROVIDERS}{corp.pk}/", document | {"is_enabled": "on"})

        sign_in_as(name, corp, visitor)
        page = text_of(client.post(f"{PROVIDERS}{corp.pk}/test/"))

        assert person_in(visitor)
        assert "Connection failed" in page
        assert "does not accept connections" in page
        assert f"{active_directory.uri} responded" in page


class TestTestingAsAPerson:
    @pytest.fixture
    def corp(self, acme: Tenant, active_directory: ActiveDirectory) -> IdentityProvider:
        return added(acme, active_directory.document())

    def test_shows_account_groups_and_roles(
        self, client: Client, active_directory: ActiveDirectory, corp: IdentityProvider, name: str
    ) -> None:
        group = active_directory.add_group(f"fin-{name}", active_directory.add_person(name))
        with tenancy.use(corp.tenant):
            mapping(corp, active_directory.guid(group), Person.Role.BOOKKEEPER)

        page = text_of(client.post(f"{PROVIDERS}{corp.pk}/test/", {"login": f"CORP\\{name}"}))

        assert "Connection works" in page
        assert f"is CN={name},OU=Staff" in page
        assert f"{name}@example.com" in page
        assert f"fin-{name}" in page
        assert "Their groups grant Bookkeeper" in page
        with tenancy.use(corp.tenant):
            assert not Person.objects.filter(email=f"{name}@example.com").exists()

    @pytest.mark.parametrize(
        ("state", "words"),
        [
            ("disabled", "is disabled"),
            ("elsewhere", "is not below"),
            ("nobody", "No entry matches"),
        ],
    )
    def test_explains_why_an_account_could_not_sign_in(
        self,
        *,
        client: Client,
        active_directory: ActiveDirectory,
        corp: IdentityProvider,
        name: str,
        state: str,
        words: str,
    ) -> None:
        if state != "nobody":
            ou = "Elsewhere" if state == "elsewhere" else "Staff"
            dn = active_directory.add_person(name, ou=ou)
            if state == "disabled":
                active_directory.change(dn, userAccountControl="514")

        page = text_of(client.post(f"{PROVIDERS}{corp.pk}/test/", {"login": name}))

        assert "Connection failed" in page
        assert words in page
