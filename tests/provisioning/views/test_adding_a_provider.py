"""Adding a provider …"""

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


class TestShowsWhatTheProviderNeeds:
    @pytest.mark.parametrize("preset", OPENID)
    def test_before_anything_is_typed(self, client: Client, preset: str) -> None:
        page = add_page(client, preset)
        uris = {name: value_of(page, name) for name in ("redirect_uri", "backchannel_logout_uri")}

        assert page.index('id="redirect_uri"') < page.index('name="issuer"')
        assert value_of(page, "post_logout_redirect_uri") == "http://127.0.0.1:8000/sign-in/acme/"
        assert value_of(page, "sign_in_url").startswith("http://127.0.0.1:8000/sign-in/acme/")
        provider = value_of(page, "provider_id")
        for name, uri in uris.items():
            assert f"/sign-in/acme/{provider}/" in uri, name

    def test_and_keeps_it_when_the_provider_is_added(self, client: Client) -> None:
        page = add_page(client)
        redirect_uri = value_of(page, "redirect_uri")

        provider_id = value_of(page, "provider_id")
        added = client.post(f"{PROVIDERS}add/okta/", OKTA | {"provider_id": provider_id})

        assert added["Location"] == f"{PROVIDERS}{provider_id}/"
        assert value_of(text_of(client.get(added["Location"])), "redirect_uri") == redirect_uri

    def test_the_same_to_every_administrator_until_it_is_used(self, client: Client) -> None:
        first = value_of(add_page(client), "redirect_uri")
        other = signed_in(core.owner(email="otto@acme.example"))
        assert value_of(add_page(other), "redirect_uri") == first
        assert value_of(add_page(other, "entra"), "redirect_uri") != first

        client.post(f"{PROVIDERS}add/okta/", OKTA)

        assert value_of(add_page(client), "redirect_uri") != first

    def test_to_no_other_company(self, client: Client) -> None:
        first = value_of(add_page(client), "provider_id")
        other = core.tenant(slug="other", name="Other")
        with tenancy.use(other):
            stranger = signed_in(core.owner(email="stranger@other.example"))
            page = text_of(stranger.get("/tenants/other/auth-providers/add/okta/"))

        assert value_of(page, "provider_id") != first

    def test_anew_if_a_second_click_adds_it_again(self, client: Client) -> None:
        twice = OKTA | {"provider_id": value_of(add_page(client), "provider_id")}
        client.post(f"{PROVIDERS}add/okta/", twice)

        page = text_of(client.post(f"{PROVIDERS}add/okta/", twice | {"name": "Again"}))

        assert "has been added already" in page
        assert value_of(page, "provider_id") != twice["provider_id"]
        assert IdentityProvider.objects.count() == 1

    @override_settings(PUBLIC_BASE_URL="https://ramp.example")
    def test_the_service_principal_name(self, client: Client) -> None:
        assert value_of(add_page(client, "windows"), "service_principal_name").startswith("HTTP/")

    @pytest.mark.parametrize("preset", PRESETS)
    def test_the_steps_with_every_literal(self, client: Client, preset: str) -> None:
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

    def test_the_filter_that_sends_all_groups_of_okta(self, client: Client) -> None:
        assert "Matches regex, .* to send" in words_on(client.get(f"{PROVIDERS}add/okta/"))

    @pytest.mark.parametrize("preset", PRESETS)
    def test_which_fields_are_required(self, client: Client, preset: str) -> None:
        """Whatever is refused when it is empty has a star, and names itself."""
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


class TestPairsItWithTheConnectionOfTheSameDirectory:
    @pytest.mark.parametrize(
        ("preset", "claim", "attribute"),
        [("okta", "sub", "externalId"), ("entra", "oid", "externalId")],
    )
    def test_by_default(self, client: Client, preset: str, claim: str, attribute: str) -> None:
        scim_connection("rippling")
        connection = scim_connection(preset)

        page = add_page(client, preset)

        assert chosen(page, "paired_connection") == str(connection.pk)
        assert value_of(page, "paired_claim") == claim
        assert chosen(page, "paired_attribute") == attribute
        assert "is already chosen" in page

    def test_also_while_the_connection_is_set_up(self, client: Client) -> None:
        connection = scim_connection("okta", activated_at=None)

        assert chosen(add_page(client), "paired_connection") == str(connection.pk)

    def test_by_the_user_name_where_entra_sends_no_object_id(self, client: Client) -> None:
        connection = scim_connection("entra")
        scim_user(connection, "ada@acme.example", externalId="ada.quill")

        page = add_page(client, "entra")

        assert value_of(page, "paired_claim") == "preferred_username"
        assert chosen(page, "paired_attribute") == "userName"

    def test_by_the_object_id_where_entra_sends_it(self, client: Client) -> None:
        connection = scim_connection("entra")
        object_id = "6e1a5b44-3f0e-4a34-9f62-0d8e2f7c3c11"
        scim_user(connection, "ada@acme.example", externalId=object_id)

        assert value_of(add_page(client, "entra"), "paired_claim") == "oid"

    @pytest.mark.parametrize("preset", PRESETS)
    def test_but_not_with_another_directory(self, client: Client, preset: str) -> None:
        scim_connection("generic")

        page = add_page(client, preset)

        assert chosen(page, "paired_connection") == ""
        assert "is already chosen" not in page

    def test_but_not_if_it_is_disconnected_or_not_the_only_one(self, client: Client) -> None:
        assert "is already chosen" not in add_page(client)
        scim_connection("okta")
        scim_connection("okta")

        assert chosen(add_page(client), "paired_connection") == ""

    def test_unless_the_administrator_chooses_otherwise(self, client: Client) -> None:
        scim_connection("okta")

        client.post(f"{PROVIDERS}add/okta/", OKTA | {"paired_connection": ""})

        assert not IdentityProvider.objects.get().is_paired


class TestMakesADraft:
    @pytest.fixture
    def draft(self, client: Client, openid: OpenIdProvider) -> IdentityProvider:
        client.post(f"{PROVIDERS}add/okta/", OKTA | {"issuer": openid.url})
        return IdentityProvider.objects.get()

    def test_that_the_sign_in_page_does_not_show(
        self, client: Client, draft: IdentityProvider
    ) -> None:
        assert "Sign in with" not in text_of(Client().get(SIGN_IN))
        assert Client().get(f"{SIGN_IN}{draft.pk}/").status_code == 404
        assert "Draft" in text_of(client.get(f"{PROVIDERS}{draft.pk}/"))
        assert "Draft, not tested" in text_of(client.get(PROVIDERS))

    def test_that_is_shown_once_a_test_succeeds(
        self, client: Client, olga: Person, draft: IdentityProvider
    ) -> None:
        page = text_of(client.post(f"{PROVIDERS}{draft.pk}/test/"))

        assert "Okta is now shown on the" in page
        assert main_button("Sign in with") in text_of(Client().get(SIGN_IN))
        event = Event.objects.filter(facts__what="tested sign-in through Okta").get()
        assert event.actor == str(olga.actor)

    def test_that_may_stay_hidden_after_the_test(
        self, client: Client, draft: IdentityProvider
    ) -> None:
        page = text_of(client.post(f"{PROVIDERS}{draft.pk}/test/", {"stays_hidden": "on"}))

        assert "is not shown on the sign-in page yet" in page
        assert "Sign in with" not in text_of(Client().get(SIGN_IN))
        assert "Disabled" in text_of(client.get(PROVIDERS))

    def test_that_stays_one_if_the_test_fails(
        self, client: Client, openid: OpenIdProvider, draft: IdentityProvider
    ) -> None:
        openid.stop()

        page = text_of(client.post(f"{PROVIDERS}{draft.pk}/test/"))

        assert "Connection failed" in page
        assert "Sign in with" not in text_of(Client().get(SIGN_IN))

    def test_that_an_administrator_may_show_untested(
        self, client: Client, draft: IdentityProvider
    ) -> None:
        page = text_of(client.get(f"{PROVIDERS}{draft.pk}/"))
        assert "Show on the sign-in page, although it is not tested" in page

        client.post(f"{PROVIDERS}{draft.pk}/", OKTA | {"is_enabled": "on"} | same_issuer(draft))

        shown = text_of(Client().get(SIGN_IN))
        assert "Sign in with" in shown
        assert main_button("Sign in with") not in shown
        assert "Enabled, not tested" in text_of(client.get(PROVIDERS))

    def test_that_is_never_the_default_untested(
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

    def test_that_comes_after_the_tested_ones(
        self, client: Client, draft: IdentityProvider
    ) -> None:
        sign_in_flow.provider("Zebra", settings=sign_in_flow.OIDC)
        client.post(f"{PROVIDERS}{draft.pk}/", OKTA | {"is_enabled": "on"} | same_issuer(draft))

        page = text_of(Client().get(SIGN_IN))

        assert page.index("Zebra") < page.index("<bdi>Okta</bdi>")


def test_from_the_command_line_offers_it_as_before(client: Client) -> None:
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
