"""What the sign-in page offers."""

from typing import Any
from urllib.parse import quote

import pytest
from django.test import Client

from people import tenancy
from people.models import Person, Tenant
from provisioning.models import IdentityProvider, SignInAttempt, SignInSettings
from tests.clients.pages import text_of
from tests.support import sign_in_flow

pytestmark = pytest.mark.django_db

PASSWORD = "correct horse"


@pytest.fixture
def corp(acme: Tenant) -> IdentityProvider:
    return provider(acme, "Corp")


def provider(tenant: Tenant, name: str, **fields: Any) -> IdentityProvider:
    settings = {"issuer": "https://id.corp.example", "client_id": "ramp"}
    with tenancy.use(tenant):
        return sign_in_flow.provider(name, settings=settings, **fields)


def sign_in_path(provider: IdentityProvider) -> str:
    return f"/sign-in/{provider.tenant.slug}/{provider.pk}/"


def redirect_to(provider: IdentityProvider) -> None:
    tenant = provider.tenant
    with tenancy.use(tenant):
        SignInSettings.objects.create(tenant=tenant, default_provider=provider, redirects=True)


def without_passwords(tenant: Tenant) -> None:
    Tenant.objects.filter(pk=tenant.pk).update(allows_passwords=False)


def sign_in(client: Client, path: str = "/sign-in/acme/?form", **values: str) -> Any:
    return client.post(path, {"email": "ada@acme.example", "password": PASSWORD} | values)


class TestSignInPageOfATenant:
    def test_shows_each_provider_and_the_password_form(
        self, client: Client, corp: IdentityProvider
    ) -> None:
        other = provider(corp.tenant, "Windows", kind=IdentityProvider.Kind.WINDOWS)

        page = client.get("/sign-in/acme/").content.decode()

        assert sign_in_path(corp) in page
        assert sign_in_path(other) in page
        assert 'name="password"' in page

    def test_disabled_provider_is_not_shown(self, client: Client, acme: Tenant) -> None:
        provider(acme, "Hidden", is_enabled=False)

        assert "Hidden" not in text_of(client.get("/sign-in/acme/"))
        assert "Hidden" not in text_of(client.get("/sign-in/"))

    def test_form_is_behind_a_link_if_passwords_are_off(
        self, client: Client, corp: IdentityProvider
    ) -> None:
        without_passwords(corp.tenant)

        page = client.get("/sign-in/acme/").content.decode()

        assert 'name="password"' not in page
        assert "/sign-in/acme/?form" in page
        assert 'name="password"' in client.get("/sign-in/acme/?form").content.decode()

    def test_explains_that_no_sign_in_method_is_available(
        self, client: Client, acme: Tenant
    ) -> None:
        without_passwords(acme)

        assert "No sign-in method is available" in text_of(client.get("/sign-in/acme/"))

    def test_suspended_tenant_shows_no_sign_in_method(
        self, client: Client, corp: IdentityProvider
    ) -> None:
        redirect_to(corp)
        Tenant.objects.filter(pk=corp.tenant_id).update(is_active=False)

        page = text_of(client.get("/sign-in/acme/"))

        assert "This company is suspended" in page
        assert sign_in_path(corp) not in page


class TestRedirectToTheDefaultProvider:
    def test_redirects_to_the_default_provider(
        self, client: Client, corp: IdentityProvider
    ) -> None:
        redirect_to(corp)

        assert client.get("/sign-in/acme/")["Location"] == sign_in_path(corp)

    def test_disabled_default_provider_is_not_redirected_to(
        self, client: Client, corp: IdentityProvider
    ) -> None:
        redirect_to(corp)
        with tenancy.use(corp.tenant):
            IdentityProvider.objects.update(is_enabled=False)

        assert client.get("/sign-in/acme/").status_code == 200

    def test_form_parameter_shows_the_password_form(
        self, client: Client, corp: IdentityProvider
    ) -> None:
        redirect_to(corp)

        assert 'name="password"' in client.get("/sign-in/acme/?form").content.decode()

    def test_requested_page_is_remembered(
        self, client: Client, corp: IdentityProvider, ada: Person
    ) -> None:
        redirect_to(corp)
        with tenancy.use(corp.tenant):
            Person.objects.filter(pk=ada.pk).update(role=Person.Role.ADMIN)
        client.get(f"/sign-in/acme/?next={quote('/people/departments/')}")

        assert sign_in(client)["Location"] == "/people/departments/"


class TestPasswordsOff:
    def test_owner_can_sign_in_with_a_password(
        self, client: Client, acme: Tenant, ada: Person
    ) -> None:
        without_passwords(acme)
        with tenancy.use(acme):
            Person.objects.filter(pk=ada.pk).update(role=Person.Role.OWNER)

        assert sign_in(client).status_code == 302
        assert client.get("/people/").status_code == 200

    def test_others_cannot_sign_in_with_a_password(
        self, client: Client, acme: Tenant, ada: Person
    ) -> None:
        without_passwords(acme)

        assert "does not allow passwords" in text_of(sign_in(client))
        assert "does not allow passwords" in text_of(sign_in(client, "/sign-in/"))
        assert "_auth_user_id" not in client.session


class TestFindingTheTenantByDomain:
    def lead(self, client: Client, email: str) -> Any:
        return client.post("/sign-in/", {"email": email, "company": "yes"})

    def test_redirects_to_the_sign_in_page_of_the_tenant(
        self, client: Client, corp: IdentityProvider
    ) -> None:
        Tenant.objects.filter(pk=corp.tenant_id).update(domain="acme.example")

        response = self.lead(client, "ada@ACME.example")

        assert response["Location"].startswith("/sign-in/acme/?login_hint=ada%40")
        page = client.get(response["Location"]).content.decode()
        assert f"{sign_in_path(corp)}?login_hint=ada%40" in page

    @pytest.mark.parametrize(
        ("email", "text"),
        [
            ("ada@nowhere.example", "No company is registered"),
            ("", "This field is required"),
            ("ada", "Enter a valid email address"),
            ("ada@acme.example", "No company is registered"),
        ],
    )
    def test_unknown_domain_is_explained(
        self, client: Client, acme: Tenant, email: str, text: str
    ) -> None:
        assert text in text_of(self.lead(client, email))

    def test_shared_domain_is_explained(self, client: Client, acme: Tenant) -> None:
        Tenant.objects.create(slug="more", name="More", domain="acme.example")
        Tenant.objects.update(domain="acme.example")

        assert "Several companies share" in text_of(self.lead(client, "ada@acme.example"))

    def test_entered_password_is_not_rendered(self, client: Client) -> None:
        values = {"email": "ada@nowhere.example", "password": "typed by habit", "company": "yes"}

        assert b"typed by habit" not in client.post("/sign-in/", values).content


FOREIGN_URLS = [
    "https://evil.example/",
    "//evil.example/",
    "///evil.example/",
    "////evil.example",
    "/\\evil.example",
    "\\/evil.example",
    "\\\\evil.example",
    "http:evil.example",
    "http:/evil.example",
    "http:///evil.example",
    "https:evil.example",
    "javascript:alert(1)",
    "JaVaScRiPt:alert(1)",
    "data:text/html,hi",
    "vbscript:x",
    " //evil.example",
    "\t//evil.example",
    "\n//evil.example",
    "/\t/evil.example",
    "/\n/evil.example",
    "\x00//evil.example",
    "//evil.example@testserver",
    "https://testserver@evil.example/",
    "https://testserver.evil.example/",
    "https://evil.example/testserver",
    "https://evil.example#testserver",
    "https://evil.example?testserver",
    "https://evil.example\\@testserver",
    "//testserver@evil.example",
    "//[::1]/",
    "//127.1/",
    "//2130706433/",
    "ftp://testserver/",
    "ws://testserver/",
    "blob:https://evil.example/x",
    "mailto:a@evil.example",
    "https:\\\\evil.example",
    "https:/\\evil.example",
    "https://evil。example/",
    "//evil%E3%80%82example",
    "https://еvil.example/",
    "//evil.example:80/",
    "//:80",
    "//@evil.example",
    "https://",
    "//",
    "///",
    "http://[",
    "http://[::1",
    "https://evil.example/..;/people/",
    "//evil.example/%2f..",
    "http://testserver:80@evil.example/",
    "http://testserver:9999/",
    "\u2028//evil.example",
    "\ufeff//evil.example",
    "https://evil.example%00.testserver",
    "https://evil.example%2ftestserver",
    "x://evil.example",
    "intent://evil.example",
    "file:///etc/passwd",
]


@pytest.mark.parametrize("wanted", FOREIGN_URLS)
def test_next_never_redirects_to_another_site(client: Client, ada: Person, wanted: str) -> None:
    assert len(FOREIGN_URLS) >= 60
    with tenancy.across_tenants():
        Person.objects.filter(pk=ada.pk).update(role=Person.Role.ADMIN)
    client.get(f"/sign-in/?next={quote(wanted)}")

    response = sign_in(client, f"/sign-in/acme/?form&next={quote(wanted)}")

    assert response["Location"].startswith("/")
    assert "evil" not in response["Location"] or response["Location"].startswith("/sign-in/")


class TestProviderLog:
    def test_logs_a_sign_in_with_a_password(self, client: Client, ada: Person) -> None:
        sign_in(client)

        with tenancy.use(ada.tenant):
            attempt = SignInAttempt.objects.get()
        assert (attempt.person, attempt.provider, attempt.outcome) == (ada, None, "signed-in")

    def test_logs_why_a_correct_password_was_refused(self, client: Client, ada: Person) -> None:
        without_passwords(ada.tenant)
        sign_in(client)

        with tenancy.use(ada.tenant):
            attempt = SignInAttempt.objects.get()
        assert (attempt.person, attempt.outcome) == (ada, "refused")
        assert "does not allow passwords" in attempt.detail
