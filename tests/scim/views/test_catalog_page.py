"""The catalog of integrations, and the overview of each provider."""

import pytest
from django.utils import timezone

from people.models import Person, Tenant
from tests.clients.pages import queries_of, signed_in, text_of
from tests.factories import core
from tests.factories.scim import scim_connection

pytestmark = pytest.mark.django_db

NAMES = (
    *("Okta", "Microsoft Entra", "Rippling", "OneLogin", "Ping Identity", "JumpCloud"),
    "Any SCIM 2.0 provider",
)


def page(person: Person, address: str = "/integrations/") -> str:
    return text_of(signed_in(person).get(address))


def names_on(person: Person, words: str) -> list[str]:
    shown = page(person, f"/integrations/?q={words}").split("ramp-cards")[-1]
    return [name for name in NAMES if f"{name}</a>" in shown]


def test_all_providers_are_listed(owner: Person) -> None:
    assert names_on(owner, "") == list(NAMES)


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("okta", "Okta"),
        ("entra", "Microsoft Entra"),
        ("Azure AD", "Microsoft Entra"),
        ("RIPP", "Rippling"),
        ("onelog", "OneLogin"),
        ("pingfederate", "Ping Identity"),
        ("jumpcloud", "JumpCloud"),
        ("sailpoint", "Any SCIM 2.0 provider"),
    ],
)
def test_provider_is_found_by_name_or_alias(owner: Person, words: str, found: str) -> None:
    assert names_on(owner, words) == [found]


def test_empty_result_offers_any_scim_provider(owner: Person) -> None:
    shown = page(owner, "/integrations/?q=<b>nobody")

    assert "No results for “&lt;b&gt;nobody”" in shown
    assert "You can connect any SCIM 2.0 provider" in shown
    assert 'href="/integrations/generic/"' in shown


def test_status_of_each_provider_is_shown(owner: Person) -> None:
    scim_connection("okta")
    scim_connection("entra", activated_at=None)
    scim_connection("rippling", disconnected_at=timezone.now())

    okta, entra, rippling, *_, generic = page(owner).split("ramp-cards")[1].split("<h2>")[1:]

    today = f"{timezone.now():%-d %B %Y}"
    assert "Connected" in okta
    assert "Setup in progress" in entra
    assert "Disconnected" in rippling
    assert f"on {today}" in rippling
    assert "Not connected" in generic


def test_connections_of_another_company_are_not_shown(owner: Person) -> None:
    with core.in_another_tenant():
        scim_connection("okta")

    assert "since" not in page(owner)


def test_navigation_links_to_the_catalog(owner: Person) -> None:
    assert 'href="/integrations/"' in page(owner, "/people/")


def test_query_count_does_not_grow_with_connections(owner: Person) -> None:
    client = signed_in(owner)
    few = queries_of(client, "/integrations/")
    for provider in ("okta", "entra", "rippling", "generic"):
        scim_connection(provider, disconnected_at=timezone.now())
        scim_connection(provider)

    assert len(queries_of(client, "/integrations/")) == len(few)


class TestOverview:
    @pytest.mark.parametrize(
        ("provider", "cycle"),
        [("okta", "5 to 10 minutes"), ("entra", "about 40 minutes"), ("rippling", "5 minutes")],
    )
    def test_shows_managed_fields_and_sync_interval(
        self, owner: Person, provider: str, cycle: str
    ) -> None:
        shown = page(owner, f"/integrations/{provider}/")

        owned = shown.split("Managed fields")[1].split("Fields it never changes")[0]
        fields = ["First name", "Last name", "Email", "Department", "Location", "Manager", "Role"]
        assert all(f"<li>{field}</li>" in owned for field in fields)
        assert "<li>Spend allocations</li>" in shown
        assert cycle in shown
        assert "Single sign-on is separate" in shown

    @pytest.mark.parametrize(
        ("provider", "text"),
        [
            ("okta", "is refused"),
            ("entra", "is refused"),
            ("rippling", "get the defaults"),
            *(
                (provider, "is stored, and the person is invited as soon as")
                for provider in ("onelogin", "ping", "jumpcloud", "generic")
            ),
        ],
    )
    def test_shows_policy_for_incomplete_people(
        self, owner: Person, provider: str, text: str
    ) -> None:
        assert text in page(owner, f"/integrations/{provider}/")

    def test_offers_setup(self, owner: Person) -> None:
        assert "Create token and start setup" in page(owner, "/integrations/okta/")

    def test_offers_to_continue_a_setup(self, owner: Person) -> None:
        scim_connection("okta", activated_at=None)

        shown = page(owner, "/integrations/okta/")

        assert "Create token and start setup" not in shown
        assert 'href="/integrations/okta/setup/"' in shown

    def test_links_to_the_settings_of_a_live_connection(self, owner: Person) -> None:
        connection = scim_connection("okta")

        shown = page(owner, "/integrations/okta/")

        assert "Create token and start setup" not in shown
        assert f'href="/integrations/scim/{connection.pk}/"' in shown

    def test_offers_to_reconnect_a_disconnected_provider(self, owner: Person) -> None:
        scim_connection("okta", disconnected_at=timezone.now())

        shown = page(owner, "/integrations/okta/")

        assert "Reconnect" in shown
        assert "Create token and start setup" in shown

    def test_unknown_provider_is_not_found(self, owner: Person) -> None:
        assert signed_in(owner).get("/integrations/nobody/").status_code == 404


def test_is_for_administrators_of_the_company_only(tenant: Tenant) -> None:
    for address in ("/integrations/", "/integrations/okta/", "/integrations/okta/setup/review/"):
        assert signed_in(core.person()).get(address).status_code == 302
        assert signed_in(core.owner(is_operator=True)).get(address).status_code == 403
