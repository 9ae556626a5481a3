"""The settings of a tenant and of its sign-in page."""

import re

import pytest
from django.test import Client

from people import tenancy
from people.models import Event, Person, Tenant
from people.operations import tenants
from people.values import Actor
from provisioning.models import IdentityProvider, SignInSettings
from tests.clients.pages import signed_in, text_of
from tests.factories import core
from tests.support import sign_in_flow

pytestmark = pytest.mark.django_db

SETTINGS = "/tenants/acme/settings/"
CLOSE = "/tenants/acme/settings/close/"
SUSPEND = "/tenants/acme/settings/suspend/"
RESUME = "/tenants/acme/settings/resume/"
SIGN_IN = "/tenants/acme/auth-settings/"


@pytest.fixture
def client(in_acme: None) -> Client:
    return signed_in(core.owner())


@pytest.fixture
def operator(in_acme: None) -> Client:
    with core.in_another_tenant():
        return signed_in(core.owner(is_operator=True))


@pytest.fixture
def corp(in_acme: None) -> IdentityProvider:
    return sign_in_flow.provider()


def acme_now() -> Tenant:
    return Tenant.objects.get(name__startswith="Acme")


def test_administrator_changes_name_and_domain_only(client: Client) -> None:
    client.post(SETTINGS, {"name": "Acme Ltd", "domain": "ACME.example", "slug": "x"})

    now = acme_now()
    assert (now.name, now.domain, now.slug, now.is_active) == (
        *("Acme Ltd", "acme.example", "acme", True),
    )
    assert Event.objects.get().facts["what"] == "company"


def test_operator_changes_the_slug(operator: Client) -> None:
    operator.post(SETTINGS, {"name": "Acme", "slug": "acme-2", "domain": ""})

    now = acme_now()
    assert (now.slug, now.is_active) == ("acme-2", True)


def test_operator_suspends_and_resumes_a_tenant(operator: Client) -> None:
    client = signed_in(core.owner())

    assert "Nobody at Acme can sign in" in text_of(operator.get(SUSPEND))
    assert acme_now().is_active
    page = operator.post(SUSPEND, follow=True)

    assert "Acme is suspended" in text_of(page)
    assert not acme_now().is_active
    assert client.get("/people/").status_code == 302
    assert "Suspended" in text_of(operator.get("/tenants/"))

    page = operator.post(RESUME, follow=True)

    assert "Acme is active again" in text_of(page)
    assert acme_now().is_active
    assert client.get("/people/").status_code == 200
    assert [event.changes["is_active"]["to"] for event in Event.objects.order_by("pk")] == [
        False,
        True,
    ]


@pytest.mark.parametrize("page", [SUSPEND, RESUME])
def test_second_suspension_or_resumption_changes_nothing(operator: Client, page: str) -> None:
    for _ in range(2):
        assert operator.post(page).status_code == 302

    assert Event.objects.count() == (1 if page == SUSPEND else 0)


@pytest.mark.parametrize("page", [SUSPEND, RESUME])
def test_closed_tenant_stays_closed(operator: Client, acme: Tenant, page: str) -> None:
    tenants.close_tenant(acme, actor=Actor("command", "tests"))

    operator.post(page.replace("acme", acme.slug))

    now = acme_now()
    assert (now.is_active, bool(now.closed_at)) == (False, True)


@pytest.mark.parametrize("page", [SUSPEND, RESUME])
def test_only_operators_suspend_or_resume(client: Client, page: str) -> None:
    assert client.post(page).status_code == 403
    assert acme_now().is_active


def test_operator_sees_the_number_of_people_without_names(operator: Client) -> None:
    core.person(family_name="Secret")

    page = text_of(operator.get(SETTINGS))

    assert "<dt>People</dt><dd>1</dd>" in page
    assert re.search(r"<title>\s*Settings – Acme – Ramp\s*</title>", page)
    assert "Secret" not in page


@pytest.mark.parametrize(
    ("posted", "text"),
    [
        ({"name": ""}, "This field is required"),
        ({"name": "Acme", "domain": "not a domain"}, "Enter a domain such as example.com"),
        ({"name": "Acme", "domain": "taken.example"}, "Another company uses the domain"),
        ({"name": "Acme", "slug": "taken"}, "A tenant “taken” already exists"),
        ({"name": "Acme", "slug": "not a slug"}, "Enter a valid"),
    ],
    ids=str,
)
def test_invalid_settings_are_explained(
    operator: Client, posted: dict[str, str], text: str
) -> None:
    core.tenant(slug="taken", domain="taken.example")

    page = operator.post(SETTINGS, {"slug": "acme"} | posted)

    assert text in text_of(page)
    assert acme_now().slug == "acme"


def test_operator_cannot_suspend_their_own_tenant(operator: Client) -> None:
    with tenancy.across_tenants():
        own_slug = Person.objects.get(is_operator=True).tenant.slug

    page = operator.post(f"/tenants/{own_slug}/settings/suspend/")

    assert "You would lose access" in text_of(page)
    assert Tenant.objects.get(slug=own_slug).is_active


def test_closing_needs_the_name_of_the_tenant(operator: Client, acme: Tenant) -> None:
    client, ada = signed_in(core.owner()), core.person()

    assert "The text does not match “Acme”" in text_of(operator.post(CLOSE, {"name": "nonsense"}))
    assert acme_now().closed_at is None
    operator.post(CLOSE, {"name": "Acme"})

    now = acme_now()
    assert now.closed_at
    assert (now.slug, now.domain, now.is_active) == (f"closed-{acme.pk}", "", False)
    assert Person.objects.filter(pk=ada.pk).exists()
    assert client.get("/home/").status_code == 302
    assert "Closed" in text_of(operator.get("/tenants/"))
    core.tenant(slug="acme")


def test_only_operators_close_a_tenant(client: Client) -> None:
    assert client.post(CLOSE, {"name": "Acme"}).status_code == 403
    assert acme_now().closed_at is None


def test_default_provider_is_redirected_to(client: Client, corp: IdentityProvider) -> None:
    page = client.post(
        SIGN_IN, {"default_provider": corp.pk, "begins": "redirect", "allows_passwords": "on"}
    )

    assert page.status_code == 302
    rules = SignInSettings.objects.get()
    assert (rules.default_provider, rules.redirects) == (corp, True)
    assert Client().get("/sign-in/acme/")["Location"].startswith(f"/sign-in/acme/{corp.pk}/")


def test_passwords_can_be_turned_off(client: Client, corp: IdentityProvider) -> None:
    client.post(SIGN_IN, {"begins": "choice"})

    assert not acme_now().allows_passwords


@pytest.mark.parametrize(
    ("posted", "text"),
    [
        ({"begins": "redirect", "allows_passwords": "on"}, "Choose the provider to redirect to"),
        ({"begins": "choice"}, "only Owners could sign in"),
        ({"allows_passwords": "on"}, "This field is required"),
    ],
    ids=str,
)
def test_settings_that_lock_people_out_are_refused(
    client: Client, posted: dict[str, str], text: str
) -> None:
    assert text in text_of(client.post(SIGN_IN, posted))
    assert acme_now().allows_passwords


def test_page_warns_if_no_owner_has_a_password(client: Client) -> None:
    assert "No active Owner has a password" in text_of(client.get(SIGN_IN))


def test_provider_of_another_tenant_cannot_be_the_default(client: Client) -> None:
    with core.in_another_tenant():
        theirs = sign_in_flow.provider("Theirs")

    client.post(SIGN_IN, {"default_provider": theirs.pk, "begins": "redirect"})

    assert not SignInSettings.objects.exists()


def test_unchanged_settings_record_no_event(acme: Tenant) -> None:
    actor = Actor("person", "olga@acme.example")

    assert not tenants.change_tenant(acme, actor=actor, name="Acme")
    assert not Event.objects.exists()
