"""The catalogue of integrations, and what it tells of each …"""

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


def test_offers_all_providers(owner: Person) -> None:
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
def test_finds_by_name_or_byname(owner: Person, words: str, found: str) -> None:
    assert names_on(owner, words) == [found]


def test_says_what_to_do_when_nothing_matches(owner: Person) -> None:
    shown = page(owner, "/integrations/?q=<b>nobody")

    assert "No results for “&lt;b&gt;nobody”" in shown
    assert "You can connect any SCIM 2.0 provider" in shown
    assert 'href="/integrations/generic/"' in shown


def test_tells_which_are_connected(owner: Person) -> None:
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


def test_does_not_tell_what_another_company_has_connected(owner: Person) -> None:
    with core.in_another_tenant():
        scim_connection("okta")

    assert "since" not in page(owner)


def test_is_reached_from_the_navigation(owner: Person) -> None:
    assert 'href="/integrations/"' in page(owner, "/people/")


def test_asks_the_same_of_the_database_however_many_there_are(owner: Person) -> None:
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
    def test_says_what_there_is_to_know(self, owner: Person, provider: str, cycle: str) -> None:
        shown = page(owner, f"/integrations/{provider}/")

        owned = shown.split("Managed fields")[1].split("Fields it never changes")[0]
        fields = ["First name", "Last name", "Email", "Department", "Location", "Manager", "Role"]
        assert all(f"<li>{field}</li>" in owned for field in fields)
        assert "<li>Spend allocations</li>" in shown
        assert cycle in shown
        assert "Single sign-on is separate" in shown

    @pytest.mark.parametrize(
        ("provider", "said"),
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
    def test_says_what_happens_to_incomplete_people(
        self, owner: Person, provider: str, said: str
    ) -> None:
        assert said in page(owner, f"/integrations/{provider}/")

    def test_offers_to_start(self, owner: Person) -> None:
        assert "Create token and start setup" in page(owner, "/integrations/okta/")

    def test_offers_to_go_on(self, owner: Person) -> None:
        scim_connection("okta", activated_at=None)

        shown = page(owner, "/integrations/okta/")

        assert "Create token and start setup" not in shown
        assert 'href="/integrations/okta/setup/"' in shown

    def test_leads_to_the_settings_of_a_live_one(self, owner: Person) -> None:
        connection = scim_connection("okta")

        shown = page(owner, "/integrations/okta/")

        assert "Create token and start setup" not in shown
        assert f'href="/integrations/scim/{connection.pk}/"' in shown

    def test_offers_to_connect_anew_what_was_disconnected(self, owner: Person) -> None:
        scim_connection("okta", disconnected_at=timezone.now())

        shown = page(owner, "/integrations/okta/")

        assert "Reconnect" in shown
        assert "Create token and start setup" in shown

    def test_is_not_there_for_a_provider_that_nobody_knows(self, owner: Person) -> None:
        assert signed_in(owner).get("/integrations/nobody/").status_code == 404


def test_is_for_administrators(tenant: Tenant) -> None:
    for address in ("/integrations/", "/integrations/okta/", "/integrations/okta/setup/review/"):
        assert signed_in(core.person()).get(address).status_code == 302
        assert signed_in(core.owner(is_operator=True)).get(address).status_code == 403
