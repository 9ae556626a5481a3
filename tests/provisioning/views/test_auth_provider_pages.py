"""The pages that add, test and remove a provider and browse its directory."""

import pytest
import time_machine
from django.core.cache import cache
from django.test import Client
from django.utils import timezone

from people.models import Person, Role
from people.values import Actor
from provisioning.ldap import client as ldap_client
from provisioning.models import GroupMapping, IdentityProvider
from provisioning.providers import config, connection_test_limits
from provisioning.providers.config import settings_of
from provisioning.providers.manage import add_provider, directory_token_of, secret_of
from provisioning.providers.presets import PRESETS
from provisioning.sign_in.sign_in import sign_in
from tests.clients.pages import text_of
from tests.factories.scim import scim_connection
from tests.services.ldap import Slapd
from tests.support import sign_in_flow
from tests.support.sign_in_flow import again, come_in, groups, roles_of

pytestmark = pytest.mark.django_db

NEW = {
    "name": "Okta",
    "provisions_people": "on",
    "browsing": "off",
    "issuer": "https://acme.okta.example",
    "client_id": "ramp",
    "client_secret": "s3cret",
    "scopes": "openid",
    "groups_claim": "groups",
}


MEMBERS = "/tenants/acme/provisioned-members/"
MAPPINGS = "/tenants/acme/mappings/"
PROVIDERS = "/tenants/acme/auth-providers/"


# Auth providers


def test_adds_a_provider_without_showing_its_secret(client: Client, olga: Person) -> None:
    page = client.post(f"{PROVIDERS}add/okta/", NEW, follow=True)

    provider = IdentityProvider.objects.get()
    assert provider.settings["issuer"] == "https://acme.okta.example"
    assert "s3cret" not in text_of(page)
    assert f"/sign-in/acme/{provider.pk}/callback/" in text_of(page)


@pytest.mark.parametrize(
    "preset",
    PRESETS,
)
def test_add_page_shows_setup_steps_for_each_preset(client: Client, preset: str) -> None:
    page = text_of(client.get(f"{PROVIDERS}add/{preset}/"))

    assert "Setup steps at the provider" in page
    assert "Name" in text_of(client.post(f"{PROVIDERS}add/{preset}/", {}))
    assert not IdentityProvider.objects.exists()


def test_unknown_preset_is_not_found(client: Client) -> None:
    assert client.get(f"{PROVIDERS}add/nonsense/").status_code == 404


def test_empty_secret_field_keeps_the_secret(client: Client, olga: Person) -> None:
    client.post(f"{PROVIDERS}add/okta/", NEW)
    before = IdentityProvider.objects.get()

    changed = NEW | {"name": "Renamed", "client_secret": "", "is_enabled": "on"}
    client.post(f"{PROVIDERS}{before.pk}/", changed)

    after = IdentityProvider.objects.get()
    assert (after.name, after.secret, after.is_enabled) == ("Renamed", before.secret, True)


def test_disables_a_provider(client: Client, olga: Person) -> None:
    client.post(f"{PROVIDERS}add/okta/", NEW)
    provider = IdentityProvider.objects.get()

    client.post(f"{PROVIDERS}{provider.pk}/", NEW)

    assert not IdentityProvider.objects.get().is_enabled


@pytest.mark.parametrize(
    ("changed", "text"),
    [
        ({"name": ""}, "This field is required"),
        ({"issuer": ""}, "This field is required"),
        ({"client_secret": ""}, "This field is required"),
        ({"browsing": "everything"}, "is not one of the available choices"),
        ({"paired_connection": "nonsense"}, "is not one of the available choices"),
    ],
    ids=str,
)
def test_invalid_provider_is_explained(client: Client, changed: dict[str, str], text: str) -> None:
    assert text in text_of(client.post(f"{PROVIDERS}add/okta/", NEW | changed))
    assert not IdentityProvider.objects.exists()


def test_duplicate_name_is_refused(client: Client, corp: IdentityProvider) -> None:
    page = client.post(f"{PROVIDERS}add/okta/", NEW | {"name": "CORP"})

    assert "An identity provider named “CORP” already exists" in text_of(page)


def test_pairing_with_scim_needs_a_claim(client: Client, olga: Person) -> None:
    connection = scim_connection("okta")
    pairing = {"paired_connection": str(connection.pk), "paired_attribute": "externalId"}

    page = client.post(f"{PROVIDERS}add/okta/", NEW | pairing)
    assert "Enter the claim" in text_of(page)

    client.post(f"{PROVIDERS}add/okta/", NEW | pairing | {"paired_claim": "sub"})
    assert IdentityProvider.objects.get().paired_claim == "sub"


LDAP = {
    "name": "Directory",
    "browsing": "live",
    "uri": "ldaps://ldap.example.com",
    "base_dn": "dc=example",
    "user_filter": "(uid={0})",
    "group_filter": "(member={0})",
    "attributes": "email = userPrincipalName\n\ndepartment=ou",
}


def test_adds_an_ldap_provider(client: Client, olga: Person) -> None:
    client.post(f"{PROVIDERS}add/ldap/", LDAP)

    provider = IdentityProvider.objects.get()
    assert provider.settings["attributes"] == {"email": "userPrincipalName", "department": "ou"}
    page = text_of(client.get(f"{PROVIDERS}{provider.pk}/"))
    assert "email = userPrincipalName" in page


@pytest.mark.parametrize(
    ("changed", "text"),
    [
        ({"attributes": "nonsense"}, "does not have the form"),
        ({"attributes": "shoe = size"}, "but not shoe"),
        ({"user_filter": "(uid=ada)"}, "must contain {0}"),
    ],
    ids=str,
)
def test_invalid_ldap_settings_are_explained(
    client: Client, changed: dict[str, str], text: str
) -> None:
    assert text in text_of(client.post(f"{PROVIDERS}add/ldap/", LDAP | changed))


def test_removal_needs_the_name_of_the_provider(
    client: Client, corp: IdentityProvider, ada: Person
) -> None:
    remove = f"{PROVIDERS}{corp.pk}/remove/"

    assert "The text does not match “Corp”" in text_of(client.post(remove, {"name": "Crop"}))
    client.post(remove, {"name": "Corp"})

    assert not IdentityProvider.objects.kept().exists()
    assert again(ada).is_active
    assert client.get(f"{PROVIDERS}{corp.pk}/").status_code == 404
    assert "removed" in text_of(client.get(MEMBERS))


def test_removal_turns_mapped_roles_into_manual_grants(
    client: Client, corp: IdentityProvider
) -> None:
    sign_in_flow.mapping(corp, "Auditors", sign_in_flow.role())
    sign_in_flow.mapping(corp, "Checkers", sign_in_flow.role("Checker"))
    sign_in_flow.mapping(corp, "Inspectors", Role.objects.get(name="Auditor"))
    sign_in_flow.mapping(corp, "Books", Person.Role.BOOKKEEPER)
    eve = come_in(corp, "eve", groups("Auditors", "Inspectors", "Checkers", "Books"))
    page = f"/people/{eve.pk}/"

    client.post(f"{PROVIDERS}{corp.pk}/remove/", {"name": "Corp"})

    assert (again(eve).role, roles_of(eve)) == (Person.Role.BOOKKEEPER, ["Auditor", "Checker"])
    shown = text_of(client.get(page))
    assert "granted by the group “Checkers” of Corp, which was removed" in shown
    for grant in eve.grants.all():
        client.post(f"{page}roles/{grant.pk}/withdraw/")
    assert roles_of(eve) == []
    auditor = Role.objects.get(name="Auditor")
    client.post(f"/people/roles/{auditor.pk}/delete/", {"post": "yes"})
    assert not Role.objects.filter(name="Auditor").exists()


def test_sign_in_through_another_provider_keeps_roles_of_the_removed_one(
    client: Client, corp: IdentityProvider
) -> None:
    other = sign_in_flow.provider("Other", settings=sign_in_flow.OIDC)
    sign_in_flow.mapping(corp, "Books", Person.Role.BOOKKEEPER)
    eve = come_in(corp, "eve", groups("Books"))
    sign_in_flow.identity(other, eve)

    client.post(f"{PROVIDERS}{corp.pk}/remove/", {"name": "Corp"})
    sign_in(other, sign_in_flow.claims(f"subject of {eve.email}", groups("Chess")))

    assert again(eve).role == Person.Role.BOOKKEEPER


def test_connection_test_shows_the_failed_step(client: Client, olga: Person) -> None:
    client.post(f"{PROVIDERS}add/okta/", NEW | {"issuer": "https://nowhere.invalid"})
    test = f"{PROVIDERS}{IdentityProvider.objects.get().pk}/test/"

    assert "What is tested" in text_of(client.get(test))
    page = text_of(client.post(test))

    assert "Connection failed" in page
    assert "nowhere.invalid" in page
    assert "s3cret" not in page


def test_connection_tests_are_rate_limited(client: Client, corp: IdentityProvider) -> None:
    with time_machine.travel(timezone.now(), tick=False):
        for _ in range(connection_test_limits.PER_MINUTE):
            connection_test_limits.allow_test()

        page = text_of(client.post(f"{PROVIDERS}{corp.pk}/test/"))

        assert "at most 10 times a minute" in page


# Directory browsing


def test_browses_people_and_groups_seen_at_sign_ins(client: Client, olga: Person) -> None:
    corp = sign_in_flow.provider(settings=sign_in_flow.OIDC, browsing="cached_only")
    come_in(corp, given_groups=groups("Sales"))
    sign_in_flow.mapping(corp, "Sales", Person.Role.ADMIN)
    directory = f"/tenants/acme/directory/{corp.pk}/"

    people = text_of(client.get(f"{directory}?q=love"))
    person = text_of(client.get(f"{directory}person/?id=ada"))
    listed = text_of(client.get(f"{directory}groups/"))
    group = text_of(client.get(f"{directory}group/?id=Sales&name=Sales"))

    assert "people who have signed in, and their groups" in people
    assert "Ada Lovelace" in people
    assert "Admin, from the group <bdi>Sales</bdi>" in person
    assert "group=Sales&amp;name=Sales#add" in listed
    assert "Ada Lovelace" in group


def test_group_chosen_in_the_directory_is_mapped_by_its_id(
    client: Client, corp: IdentityProvider
) -> None:
    page = client.get(f"{MAPPINGS}?provider={corp.pk}&group=6b1f&name=Finance")
    chosen = {name: page.context["form"].initial[name] for name in ("chosen_id", "chosen_name")}

    client.post(MAPPINGS, {"group": "6b1f", "role": "BUSINESS_ADMIN"} | chosen)
    client.post(MAPPINGS, {"group": "typed", "role": "BUSINESS_ADMIN"} | chosen)

    made = GroupMapping.objects.order_by("pk").values_list("external_id", "group_name")
    assert list(made) == [("6b1f", "Finance"), ("typed", "typed")]


def test_live_browsing_needs_an_api(client: Client, olga: Person) -> None:
    live = NEW | {"browsing": "live"}

    assert "Choose the API for live browsing" in text_of(client.post(f"{PROVIDERS}add/okta/", live))
    page = client.post(
        f"{PROVIDERS}add/okta/",
        live | {"directory_kind": "okta", "directory_token": "t0ken"},
        follow=True,
    )

    provider = IdentityProvider.objects.get()
    assert provider.settings["directory_kind"] == "okta"
    assert directory_token_of(provider) == "t0ken"
    assert "t0ken" not in text_of(page)


def test_role_of_a_mapping_cannot_be_deleted(client: Client, corp: IdentityProvider) -> None:
    auditor = sign_in_flow.role("Auditor")
    sign_in_flow.mapping(corp, "Sales", auditor)

    page = client.post(f"/people/roles/{auditor.pk}/delete/", {"post": "yes"}, follow=True)

    assert "an identity provider group grants it" in text_of(page)


def test_browses_live_before_the_first_sign_in(
    client: Client, olga: Person, slapd_service: Slapd
) -> None:
    document = slapd_service.document(directory_browsing="live")
    actor = Actor("command", "tests")
    corp = add_provider(config.read(document), actor=actor)
    directory = f"/tenants/acme/directory/{corp.pk}/"

    before = text_of(client.get(f"{directory}?q=lovelace"))
    person = sign_in(corp, ldap_client.look_up(settings_of(corp), secret_of(corp), "ada")).person
    cache.clear()
    after = text_of(client.get(f"{directory}?q=lovelace"))
    group = text_of(client.get(f"{directory}groups/?q=staff"))

    assert person
    assert "Live from" in before
    assert "Has not signed in" in before
    assert "Has not signed in" not in after
    assert "name=staff#add" in group


def test_unreachable_directory_is_explained(client: Client, olga: Person) -> None:
    client.post(f"{PROVIDERS}add/ldap/", LDAP | {"uri": "ldaps://nowhere.invalid"})
    corp = IdentityProvider.objects.get()

    page = text_of(client.get(f"/tenants/acme/directory/{corp.pk}/"))

    assert "nowhere.invalid" in page
    assert "Test connection" in page


def test_page_explains_that_browsing_is_off(client: Client, corp: IdentityProvider) -> None:
    page = text_of(client.get(f"/tenants/acme/directory/{corp.pk}/"))

    assert "Directory browsing is off" in page
