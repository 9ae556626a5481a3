"""Changes of the issuer, server or directory of a provider expose no accounts or secrets."""

import base64
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import fields
from typing import Any

import pytest
from django.core.cache import cache
from django.core.management import call_command
from django.test import Client

from people import tenancy
from people.models import Event, Person, Tenant
from people.values import Actor
from provisioning.models import Identity, IdentityProvider, SignInAttempt
from provisioning.providers import config, manage
from provisioning.providers.config import OF_KIND
from provisioning.providers.directory_apis import DIRECTORY_APIS
from provisioning.providers.issuers import authority_of
from tests.clients.pages import signed_in, text_of
from tests.factories import core
from tests.services.fake_openid import CLIENT_ID, CLIENT_SECRET, OpenIdProvider
from tests.services.fake_server import Listener
from tests.support import sign_in_flow
from tests.support.openid_flow import begun, connected, is_in, sign_in

pytestmark = pytest.mark.django_db

TOKEN = "token of the directory"
PASSWORD = "password of the bind account"
SECRETS = (CLIENT_SECRET, TOKEN, PASSWORD)


class Recorder(OpenIdProvider):
    """A hostile provider that records all requests in `heard`."""

    def answer(self, path: str, form: Any, headers: Any) -> tuple[int, Any]:
        values = [self.asked_for, str(form), str(headers)]
        scheme, _, value = headers.get("Authorization", "").partition(" ")
        if scheme == "Basic":
            values.append(base64.b64decode(value).decode().replace("%20", " ").replace("%27", "'"))
        self.__dict__.setdefault("heard", []).append("\n".join(values))
        if form.get("grant_type") == "client_credentials":
            return 200, {"access_token": "at", "expires_in": 300}
        return super().answer(path, form, headers)

    @property
    def secrets_heard(self) -> set[str]:
        heard = "\n".join(self.__dict__.get("heard", []))
        return {secret for secret in SECRETS if secret in heard}


@pytest.fixture
def elsewhere() -> Iterator[Recorder]:
    provider = Recorder(user={"sub": "ada", "email": "eve@evil.example", "name": "Eve Evil"})
    yield provider
    provider.stop()


@pytest.fixture
def olga(acme: Tenant) -> Person:
    with tenancy.use(acme):
        return core.owner(email="olga@acme.example")


def page_of(provider: IdentityProvider, more: str = "") -> str:
    return f"/tenants/acme/auth-providers/{provider.pk}/{more}"


def form_of(client: Client, provider: IdentityProvider, **changed: Any) -> dict[str, Any]:
    """Return the form of the provider page as a browser would post it, with some changes."""
    form = client.get(page_of(provider)).context["form"]
    shown = {name: form[name].value() for name in form.fields}
    return {name: value for name, value in shown.items() if value not in (None, False)} | changed


def change(client: Client, provider: IdentityProvider, **changed: Any) -> Any:
    return client.post(page_of(provider), form_of(client, provider, **changed), follow=True)


def decide(client: Client, provider: IdentityProvider, decision: str) -> Any:
    move = client.get(page_of(provider, "move/")).context["move"]
    values = {"decision": decision, "seen": move.digest}
    return client.post(page_of(provider, "move/"), values, follow=True)


def the_provider() -> IdentityProvider:
    with tenancy.across_tenants():
        return IdentityProvider.objects.get()


def latest_reason() -> str:
    with tenancy.across_tenants():
        return SignInAttempt.objects.latest("pk").reason


class TestChangedIssuer:
    @pytest.fixture
    def corp(self, acme: Tenant, olga: Person, openid: OpenIdProvider) -> IdentityProvider:
        corp = connected(acme, openid)
        sign_in(Client(), corp, openid)
        return corp

    @pytest.fixture
    def moved(self, corp: IdentityProvider, olga: Person, elsewhere: Recorder) -> IdentityProvider:
        changed = {"issuer": elsewhere.url, "client_secret": CLIENT_SECRET}
        change(signed_in(olga), corp, **changed)
        corp.refresh_from_db()
        return corp

    def sign_in_at_new_issuer(self, moved: IdentityProvider, elsewhere: Recorder) -> Client:
        stranger = Client()
        response = stranger.get(f"/sign-in/acme/{moved.pk}/")
        if response.status_code == 302:
            back = elsewhere.authorize(response["Location"])
            stranger.get(back.removeprefix("http://127.0.0.1:8000"))
        return stranger

    def test_same_subject_at_the_new_issuer_does_not_sign_in(
        self, moved: IdentityProvider, elsewhere: Recorder
    ) -> None:
        stranger = self.sign_in_at_new_issuer(moved, elsewhere)

        assert not is_in(stranger)

    def test_claims_of_a_started_sign_in_are_refused(
        self, moved: IdentityProvider, acme: Tenant
    ) -> None:
        with tenancy.use(acme), suppress(Exception):
            sign_in_flow.come_in(moved)

        assert latest_reason() == "provider-moved"

    def test_redirects_to_a_page_with_the_affected_people(
        self, corp: IdentityProvider, olga: Person, elsewhere: Recorder
    ) -> None:
        changed = {"issuer": elsewhere.url, "client_secret": CLIENT_SECRET}
        page = change(signed_in(olga), corp, **changed)

        assert page.redirect_chain[-1][0] == page_of(corp, "move/")
        assert "Ada Lovelace" in text_of(page)
        assert elsewhere.url in text_of(page)

    def test_people_stay_linked_if_an_owner_confirms_them(
        self, moved: IdentityProvider, olga: Person, elsewhere: Recorder
    ) -> None:
        page = decide(signed_in(olga), moved, "same")

        assert "1 person stays linked" in text_of(page)
        assert is_in(self.sign_in_at_new_issuer(moved, elsewhere))
        with tenancy.across_tenants():
            assert Person.objects.exclude(pk=olga.pk).count() == 1
            assert Identity.objects.get().authority == elsewhere.url
            facts = Event.objects.filter(facts__has_key="move").get().facts
        assert (facts["move"]["to"], facts["move"]["people"]) == (elsewhere.url, 1)

    def test_people_are_new_if_an_owner_says_they_differ(
        self, moved: IdentityProvider, olga: Person, elsewhere: Recorder
    ) -> None:
        decide(signed_in(olga), moved, "other")

        assert is_in(self.sign_in_at_new_issuer(moved, elsewhere))
        with tenancy.across_tenants():
            ada = Person.objects.get(email="ada@acme.example")
            eve = Person.objects.get(email="eve@evil.example")
        assert (ada.full_name, eve.given_name) == ("Ada Lovelace", "Eve")

    def test_outdated_confirmation_is_refused(self, moved: IdentityProvider, olga: Person) -> None:
        client = signed_in(olga)

        page = client.post(page_of(moved, "move/"), {"decision": "same", "seen": "x"})

        assert "have changed since you opened this page" in text_of(page)
        assert "Nobody can sign in through this provider" in text_of(client.get(page_of(moved)))

    def test_only_an_owner_confirms_a_change_that_affects_owners(
        self, corp: IdentityProvider, acme: Tenant, elsewhere: Recorder
    ) -> None:
        with tenancy.use(acme):
            sign_in_flow.identity(corp, core.owner())
            admin = signed_in(core.administrator(role=Person.Role.IT_ADMIN))
        change(admin, corp, issuer=elsewhere.url, client_secret=CLIENT_SECRET)

        page = decide(admin, corp, "same")

        assert "is an Owner, so only an Owner can change this account." in text_of(page)
        assert not is_in(self.sign_in_at_new_issuer(corp, elsewhere))

    def test_group_name_at_the_new_issuer_grants_no_role(
        self, acme: Tenant, olga: Person, openid: OpenIdProvider, elsewhere: Recorder
    ) -> None:
        corp = connected(acme, openid)
        with tenancy.use(acme):
            sign_in_flow.mapping(corp, "admins", Person.Role.ADMIN)
        elsewhere.user["groups"] = ["admins"]
        change(signed_in(olga), corp, issuer=elsewhere.url, client_secret=CLIENT_SECRET)

        self.sign_in_at_new_issuer(corp, elsewhere)

        with tenancy.across_tenants():
            assert not Person.objects.filter(email="eve@evil.example").exists()

    def test_no_confirmation_is_needed_without_linked_people(
        self, acme: Tenant, olga: Person, openid: OpenIdProvider, elsewhere: Recorder
    ) -> None:
        corp = connected(acme, openid)

        change(signed_in(olga), corp, issuer=elsewhere.url, client_secret=CLIENT_SECRET)

        assert is_in(self.sign_in_at_new_issuer(corp, elsewhere))

    def test_tokens_are_not_sent_to_the_new_issuer(
        self, corp: IdentityProvider, olga: Person, openid: OpenIdProvider, elsewhere: Recorder
    ) -> None:
        ada = Client()
        sign_in(ada, corp, openid)
        under_way = Client()
        back = openid.authorize(begun(under_way, corp)).removeprefix("http://127.0.0.1:8000")
        change(signed_in(olga), corp, issuer=elsewhere.url, client_secret=CLIENT_SECRET)
        decide(signed_in(olga), corp, "same")

        assert under_way.get(back).status_code == 400
        assert latest_reason() == "state-unknown"
        assert "id_token_hint" not in ada.post("/sign-out/")["Location"]


# Secrets: each setting of each kind is changed to the URL of an attacker, and each kind of request
# is sent.

FIELDS = [
    (kind, directory, one.name)
    for kind, settings in OF_KIND.items()
    for directory in (DIRECTORY_APIS if kind == "oidc" else [""])
    for one in fields(settings)
    if one.name != "directory_kind"
]
DOCUMENTS: dict[str, dict[str, Any]] = {
    "oidc": {
        "issuer": "https://id.example",
        "client_id": CLIENT_ID,
        "client_secret": CLIENT_SECRET,
        "directory_token": TOKEN,
        "directory_browsing": "live",
    },
    "ldap": {
        "uri": "ldap://127.0.0.1:1",
        "base_dn": "dc=acme",
        "bind_dn": "cn=svc",
        "bind_password": PASSWORD,
        "directory_browsing": "live",
    },
    "windows": {"realms": ["ACME.EXAMPLE"], "keytab": base64.b64encode(b"\5\2keys").decode()},
}


def added(kind: str, directory: str, acme: Tenant) -> IdentityProvider:
    document = DOCUMENTS[kind] | {"kind": kind, "name": "Corp"}
    if directory:
        document |= {"directory_kind": directory}
    if directory == "scim":
        document |= {"directory_url": "https://scim.example"}
    with tenancy.use(acme):
        return manage.add_provider(config.read(document), actor=Actor("command", "tests"))


def point(provider: IdentityProvider, field: str, url: str) -> dict[str, Any]:
    """Return the settings, one of which is changed to the URL of the attacker."""
    kept = provider.settings[field]
    address = url.replace("http:", "ldap:") if provider.kind == "ldap" else url
    changed: Any = {list: [address], dict: {"subject": address}, bool: not kept}.get(
        type(kept), address
    )
    settings: dict[str, Any] = provider.settings | {field: changed}
    if provider.kind == "ldap" and field != "uri":
        # The listener is also the server, so that no earlier step fails.
        settings |= {"uri": provider.settings["uri"]}
    return settings


def send_every_request(olga: Person, provider: IdentityProvider) -> None:
    """Open every page that makes Ramp send requests to the provider or its directory."""
    client, stranger = signed_in(olga), Client()
    page = f"/tenants/acme/directory/{provider.pk}"
    client.post(page_of(provider, "test/"))
    for more in ("/?q=ada", "/groups/?q=a", "/person/?id=ada", "/group/?id=staff&name=staff"):
        client.get(f"{page}{more}")
    client.post(f"/tenants/acme/mappings/?provider={provider.pk}", {"group": "a", "role": "X"})
    with suppress(Exception):
        call_command("map_group", "acme", "--provider=Corp", "--group=vip", "--role=Bookkeeper")
    begin = f"/sign-in/acme/{provider.pk}/"
    response = stranger.get(begin)
    stranger.post(begin, {"login": "ada", "password": "pw-ada"})
    if response.status_code == 302:
        states = stranger.session["oidc_states"]
        for state in states:
            stranger.get(f"{begin}callback/", {"code": "code-0", "state": state})
    stranger.post(f"{begin}backchannel-logout/", {"logout_token": "x.y.z"})


@pytest.fixture(autouse=True)
def nothing_remembered() -> None:
    cache.clear()


@pytest.mark.parametrize(("kind", "directory", "field"), FIELDS)
def test_stored_secret_is_not_sent_to_a_new_address(
    acme: Tenant, olga: Person, elsewhere: Recorder, kind: str, directory: str, field: str
) -> None:
    provider = added(kind, directory, acme)

    with Listener(says=b"") as listener:
        url = f"http://127.0.0.1:{listener.port}" if kind == "ldap" else elsewhere.url
        settings = point(provider, field, url)
        # Bypass the form, as a bug might, and as if the change were confirmed.
        with tenancy.use(acme):
            provider.settings = settings
            provider.authority = authority_of(provider)
            provider.save(update_fields=["settings", "authority"])
        send_every_request(olga, provider)

    heard = b"".join(listener.asked)
    assert not [secret for secret in SECRETS if secret.encode() in heard]
    assert elsewhere.secrets_heard == set()


ADDRESSES = [
    ("oidc", "okta", "issuer", {"client_secret": CLIENT_SECRET, "directory_token": TOKEN}),
    ("oidc", "okta", "directory_url", {"directory_token": TOKEN}),
    ("oidc", "scim", "directory_url", {"directory_token": TOKEN}),
    ("oidc", "graph", "directory_url", {"client_secret": CLIENT_SECRET}),
    ("oidc", "keycloak", "directory_url", {"client_secret": CLIENT_SECRET}),
    ("oidc", "keycloak", "issuer", {"client_secret": CLIENT_SECRET}),
    ("ldap", "", "uri", {"bind_password": PASSWORD}),
    ("ldap", "", "base_dn", {"bind_password": PASSWORD}),
    ("ldap", "", "start_tls", {"bind_password": PASSWORD}),
]


@pytest.mark.parametrize(("kind", "directory", "field", "secrets"), ADDRESSES)
def test_changed_address_requires_the_secret_again(
    acme: Tenant, olga: Person, kind: str, directory: str, field: str, secrets: dict[str, str]
) -> None:
    provider, client = added(kind, directory, acme), signed_in(olga)
    new = {"start_tls": "on"}.get(field, "https://new.example")

    page = change(client, provider, **{field: new})
    unchanged = the_provider()
    change(client, provider, **{field: new} | secrets)

    assert "Enter this value again. The address has changed" in text_of(page)
    assert unchanged.settings == provider.settings
    assert str(the_provider().settings[field]) in ("True", "https://new.example")


def test_reentered_secret_is_sent_to_the_new_address(
    acme: Tenant, olga: Person, elsewhere: Recorder
) -> None:
    provider, client = added("oidc", "keycloak", acme), signed_in(olga)
    changed = {"directory_url": elsewhere.url, "issuer": elsewhere.url}

    change(client, provider, client_secret=CLIENT_SECRET, **changed)
    send_every_request(olga, provider)

    assert elsewhere.secrets_heard == {CLIENT_SECRET}


def test_directory_token_is_deleted_if_the_api_needs_none(acme: Tenant, olga: Person) -> None:
    provider = added("oidc", "okta", acme)

    change(signed_in(olga), provider, directory_kind="keycloak")

    assert the_provider().directory_token == ""


def test_changed_directory_needs_confirmation_for_windows_too(acme: Tenant, olga: Person) -> None:
    directory = added("ldap", "", acme)
    with tenancy.use(acme):
        directory.name, directory.name_key = "Directory", "directory"
        directory.save()
        settings = {"realms": ["ACME.EXAMPLE"], "directory": "Directory"}
        windows = sign_in_flow.provider("Windows", kind="windows", settings=settings)
        sign_in_flow.identity(windows, core.person())
    change(signed_in(olga), directory, uri="ldap://new.example", bind_password=PASSWORD)

    response = Client().get(f"/sign-in/acme/{windows.pk}/")

    assert response.status_code == 403
    assert "An administrator must confirm it" in text_of(response)
