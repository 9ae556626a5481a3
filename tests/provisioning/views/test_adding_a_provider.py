"""Adding a sign-in provider."""

import html
import re

import pytest
from django.test import Client, override_settings

from people import tenancy
from people.models import Event, Person, Tenant
from people.values import Actor
from provisioning.models import IdentityProvider, SignInSettings
from provisioning.providers import config
from provisioning.providers.manage import add_provider
from provisioning.providers.presets import PRESETS
from tests.clients.pages import signed_in, text_of
from tests.factories import core
from tests.factories.scim import scim_connection, scim_user
from tests.services.fake_openid import OpenIdProvider
from tests.support import sign_in_flow
from tests.support.setup_steps import literals_of, plain, words_on

pytestmark = pytest.mark.django_db

PROVIDERS = "/tenants/acme/auth-providers/"
SIGN_IN = "/sign-in/acme/"
OPENID = [name for name, preset in PRESETS.items() if preset.kind == "oidc"]
OKTA = {
    "name": "Okta",
    "provisions_people": "on",
    "browsing": "off",
    "issuer": "https://acme.okta.example",
    "client_id": "ramp",
    "client_secret": "s3cret",
    "scopes": "openid",
    "groups_claim": "groups",
}


def add_page(client: Client, preset: str = "okta") -> str:
    return text_of(client.get(f"{PROVIDERS}add/{preset}/"))


def value_of(page: str, name: str) -> str:
    """Return the value of the input or text area with this id or name; blank if it has none."""
    if shown := re.search(rf'<textarea id="{name}"[^>]*>([^<]*)</textarea>', page):
        return html.unescape(shown[1])
    [tag] = re.findall(rf'<input[^>]*(?:id|name)="{name}"[^>]*>', page)
    value = re.search(r'value="([^"]*)"', tag)
    return html.unescape(value[1]) if value else ""


def chosen(page: str, name: str) -> str:
    select = re.search(rf'<select[^>]*name="{name}".*?</select>', page)
    assert select
    option = re.search(r'<option value="([^"]*)" selected', select[0])
    return option[1] if option else ""


class TestValuesForTheProvider:
    @pytest.mark.parametrize("preset", OPENID)
    def test_urls_are_shown_before_the_form(self, client: Client, preset: str) -> None:
        page = add_page(client, preset)
        uris = {name: value_of(page, name) for name in ("redirect_uri", "backchannel_logout_uri")}

        assert page.index('id="redirect_uri"') < page.index('name="issuer"')
        assert value_of(page, "post_logout_redirect_uri") == "http://127.0.0.1:8000/sign-in/acme/"
        assert value_of(page, "sign_in_url").startswith("http://127.0.0.1:8000/sign-in/acme/")
        provider = value_of(page, "provider_id")
        for name, uri in uris.items():
            assert f"/sign-in/acme/{provider}/" in uri, name

    def test_urls_stay_when_the_provider_is_added(self, client: Client) -> None:
        page = add_page(client)
        redirect_uri = value_of(page, "redirect_uri")

        provider_id = value_of(page, "provider_id")
        added = client.post(f"{PROVIDERS}add/okta/", OKTA | {"provider_id": provider_id})

        assert added["Location"] == f"{PROVIDERS}{provider_id}/"
        assert value_of(text_of(client.get(added["Location"])), "redirect_uri") == redirect_uri

    def test_urls_are_the_same_for_every_administrator_until_used(self, client: Client) -> None:
        first = value_of(add_page(client), "redirect_uri")
        other = signed_in(core.owner(email="otto@acme.example"))
        assert value_of(add_page(other), "redirect_uri") == first
        assert value_of(add_page(other, "entra"), "redirect_uri") != first

        client.post(f"{PROVIDERS}add/okta/", OKTA)

        assert value_of(add_page(client), "redirect_uri") != first

    def test_urls_differ_between_tenants(self, client: Client) -> None:
        first = value_of(add_page(client), "provider_id")
        other = core.tenant(slug="other", name="Other")
        with tenancy.use(other):
            stranger = signed_in(core.owner(email="stranger@other.example"))
            page = text_of(stranger.get("/tenants/other/auth-providers/add/okta/"))

        assert value_of(page, "provider_id") != first

    def test_second_submit_adds_no_second_provider(self, client: Client) -> None:
        twice = OKTA | {"provider_id": value_of(add_page(client), "provider_id")}
        client.post(f"{PROVIDERS}add/okta/", twice)

        page = text_of(client.post(f"{PROVIDERS}add/okta/", twice | {"name": "Again"}))

        assert "has been added already" in page
        assert value_of(page, "provider_id") != twice["provider_id"]
        assert IdentityProvider.objects.count() == 1

    @override_settings(PUBLIC_BASE_URL="https://ramp.example")
    def test_service_principal_name_is_shown(self, client: Client) -> None:
        assert value_of(add_page(client, "windows"), "service_principal_name").startswith("HTTP/")

    @pytest.mark.parametrize("preset", PRESETS)
    def test_setup_steps_show_every_literal(self, client: Client, preset: str) -> None:
        response = client.get(f"{PROVIDERS}add/{preset}/")
        steps, shown = PRESETS[preset].steps, text_of(response)

        words = words_on(response)
        for step in steps:
            assert plain(step) in words
        for literal in literals_of([*steps, PRESETS[preset].pairing]):
            in_pairing = literal not in "".join(steps)
            code = f'<code class="ramp-literal">{html.escape(literal)}</code>'
            assert in_pairing or code in shown, literal
        for name, value in PRESETS[preset].initial.items():
            is_elsewhere = value in (True, False) or name.startswith("paired_")
            assert is_elsewhere or html.escape(str(value)) in shown, name

    def test_okta_steps_show_the_groups_filter(self, client: Client) -> None:
        assert "Matches regex, .* to send" in words_on(client.get(f"{PROVIDERS}add/okta/"))

    @pytest.mark.parametrize("preset", PRESETS)
    def test_required_fields_are_marked(self, client: Client, preset: str) -> None:
        """Each field that may not be empty has a star."""
        page = add_page(client, preset)
        starred = {
            field
            for field, star in re.findall(r'<label for="id_(\w+)"[^>]*>(.*?)</label>', page)
            if "*</span>" in star
        }

        refused = client.post(f"{PROVIDERS}add/{preset}/", {}).context["form"].errors

        assert starred == set(refused) - {"__all__"}
        assert "Fields marked with * are required." in page
        assert {"windows": "keytab", "ldap": "uri"}.get(PRESETS[preset].kind, "client_secret") in (
            starred
        )


class TestSuggestedPairing:
    @pytest.mark.parametrize(
        ("preset", "claim", "attribute"),
        [("okta", "sub", "externalId"), ("entra", "oid", "externalId")],
    )
    def test_connection_of_the_same_directory_is_suggested(
        self, client: Client, preset: str, claim: str, attribute: str
    ) -> None:
        scim_connection("rippling")
        connection = scim_connection(preset)

        page = add_page(client, preset)

        assert chosen(page, "paired_connection") == str(connection.pk)
        assert value_of(page, "paired_claim") == claim
        assert chosen(page, "paired_attribute") == attribute
        assert "is already chosen" in page

    def test_connection_in_setup_is_suggested(self, client: Client) -> None:
        connection = scim_connection("okta", activated_at=None)

        assert chosen(add_page(client), "paired_connection") == str(connection.pk)

    def test_entra_without_object_id_is_paired_by_user_name(self, client: Client) -> None:
        connection = scim_connection("entra")
        scim_user(connection, "ada@acme.example", externalId="ada.quill")

        page = add_page(client, "entra")

        assert value_of(page, "paired_claim") == "preferred_username"
        assert chosen(page, "paired_attribute") == "userName"

    def test_entra_with_object_id_is_paired_by_it(self, client: Client) -> None:
        connection = scim_connection("entra")
        object_id = "6e1a5b44-3f0e-4a34-9f62-0d8e2f7c3c11"
        scim_user(connection, "ada@acme.example", externalId=object_id)

        assert value_of(add_page(client, "entra"), "paired_claim") == "oid"

    @pytest.mark.parametrize("preset", PRESETS)
    def test_connection_of_another_directory_is_not_suggested(
        self, client: Client, preset: str
    ) -> None:
        scim_connection("generic")

        page = add_page(client, preset)

        assert chosen(page, "paired_connection") == ""
        assert "is already chosen" not in page

    def test_two_connections_are_not_suggested(self, client: Client) -> None:
        assert "is already chosen" not in add_page(client)
        scim_connection("okta")
        scim_connection("okta")

        assert chosen(add_page(client), "paired_connection") == ""

    def test_administrator_may_choose_no_pairing(self, client: Client) -> None:
        scim_connection("okta")

        client.post(f"{PROVIDERS}add/okta/", OKTA | {"paired_connection": ""})

        assert not IdentityProvider.objects.get().is_paired


class TestDraft:
    @pytest.fixture
    def draft(self, client: Client, openid: OpenIdProvider) -> IdentityProvider:
        client.post(f"{PROVIDERS}add/okta/", OKTA | {"issuer": openid.url})
        return IdentityProvider.objects.get()

    def test_sign_in_page_does_not_show_a_draft(
        self, client: Client, draft: IdentityProvider
    ) -> None:
        assert "Sign in with" not in text_of(Client().get(SIGN_IN))
        assert Client().get(f"{SIGN_IN}{draft.pk}/").status_code == 404
        assert "Draft" in text_of(client.get(f"{PROVIDERS}{draft.pk}/"))
        assert "Draft, not tested" in text_of(client.get(PROVIDERS))

    def test_successful_test_shows_the_provider(
        self, client: Client, olga: Person, draft: IdentityProvider
    ) -> None:
        page = text_of(client.post(f"{PROVIDERS}{draft.pk}/test/"))

        assert "Okta is now shown on the" in page
        assert main_button("Sign in with") in text_of(Client().get(SIGN_IN))
        event = Event.objects.filter(facts__what="tested sign-in through Okta").get()
        assert event.actor == str(olga.actor)

    def test_provider_may_stay_hidden_after_the_test(
        self, client: Client, draft: IdentityProvider
    ) -> None:
        page = text_of(client.post(f"{PROVIDERS}{draft.pk}/test/", {"stays_hidden": "on"}))

        assert "is not shown on the sign-in page yet" in page
        assert "Sign in with" not in text_of(Client().get(SIGN_IN))
        assert "Disabled" in text_of(client.get(PROVIDERS))

    def test_failed_test_leaves_a_draft(
        self, client: Client, openid: OpenIdProvider, draft: IdentityProvider
    ) -> None:
        openid.stop()

        page = text_of(client.post(f"{PROVIDERS}{draft.pk}/test/"))

        assert "Connection failed" in page
        assert "Sign in with" not in text_of(Client().get(SIGN_IN))

    def test_administrator_may_show_an_untested_provider(
        self, client: Client, draft: IdentityProvider
    ) -> None:
        page = text_of(client.get(f"{PROVIDERS}{draft.pk}/"))
        assert "Show on the sign-in page, although it is not tested" in page

        client.post(f"{PROVIDERS}{draft.pk}/", OKTA | {"is_enabled": "on"} | same_issuer(draft))

        shown = text_of(Client().get(SIGN_IN))
        assert "Sign in with" in shown
        assert main_button("Sign in with") not in shown
        assert "Enabled, not tested" in text_of(client.get(PROVIDERS))

    def test_untested_provider_cannot_be_the_default(
        self, client: Client, acme: Tenant, draft: IdentityProvider
    ) -> None:
        client.post(f"{PROVIDERS}{draft.pk}/", OKTA | {"is_enabled": "on"} | same_issuer(draft))
        choice = {
            "default_provider": str(draft.pk),
            "begins": "redirect",
            "allows_passwords": "on",
        }

        page = text_of(client.post("/tenants/acme/auth-settings/", choice))

        assert "Select a valid choice" in page
        SignInSettings.objects.create(tenant=acme, default_provider=draft, redirects=True)
        assert Client().get(SIGN_IN).status_code == 200

        client.post(f"{PROVIDERS}{draft.pk}/test/")

        assert Client().get(SIGN_IN)["Location"] == f"{SIGN_IN}{draft.pk}/"

    def test_untested_provider_is_listed_last(
        self, client: Client, draft: IdentityProvider
    ) -> None:
        sign_in_flow.provider("Zebra", settings=sign_in_flow.OIDC)
        client.post(f"{PROVIDERS}{draft.pk}/", OKTA | {"is_enabled": "on"} | same_issuer(draft))

        page = text_of(Client().get(SIGN_IN))

        assert page.index("Zebra") < page.index("<bdi>Okta</bdi>")


def test_provider_from_the_command_is_no_draft(client: Client) -> None:
    document = {
        "kind": "oidc",
        "name": "Corp",
        "issuer": "https://id.example.com",
        "client_id": "ramp",
        "client_secret": "s3cret",
    }

    add_provider(config.read(document), actor=Actor("command", "add_identity_provider"))

    assert main_button("Sign in with") in text_of(Client().get(SIGN_IN))
    assert "not tested" not in text_of(client.get(PROVIDERS))


def main_button(text: str) -> str:
    return f'class="ramp-button ramp-button-main w-full mb-3"><span>{text}'


def same_issuer(provider: IdentityProvider) -> dict[str, str]:
    return {"issuer": provider.settings["issuer"], "client_secret": ""}
