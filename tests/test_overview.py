"""The overview page, the navigation and page titles."""

import json
import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from io import StringIO
from typing import Any

import pytest
import time_machine
from django.core.cache import cache
from django.core.management import call_command
from django.test import Client
from django.utils import timezone

from people import tenancy
from people.models import DailyCount, Event, Person, ScheduledTermination, Tenant
from people.operations.daily_counts import count_days
from people.operations.offboarding.handover_plan import default_handover
from people.operations.offboarding.terminate import terminate_person
from people.operations.people import deactivate_person, reactivate_person
from people.operations.roles.group_mappings import Author
from people.operations.tenants import create_tenant
from people.values import Actor, Profile
from provisioning.group_roles import mappings
from provisioning.models import IdentityProvider, SignInAttempt
from provisioning.sign_in.attempt_log import log_attempt
from tests.clients.pages import queries_of, signed_in, text_of
from tests.clients.scim import Provider, someone
from tests.factories import core
from tests.factories.scim import scim_connection
from tests.support import offboarding_job, sign_in_flow

pytestmark = pytest.mark.django_db

TESTS = Actor("command", "tests")
STEPS = {
    "Connect your identity provider",
    "Add the first people",
    "Grant a role to a group",
    "Set up sign-in",
    "Have a second administrator",
}


@pytest.fixture
def company(db: None) -> Iterator[Tenant]:
    """Create a tenant as an operator does, and activate it."""
    cache.clear()
    owner = Profile(
        given_name="Olga",
        family_name="Owner",
        email="olga@acme.example",
        role=Person.Role.OWNER,
    )
    password = "a horse that is correct"
    company = create_tenant(
        "acme", "Acme", owner=owner, password=password, currency="EUR", actor=TESTS
    )
    with tenancy.use(company):
        yield company


@pytest.fixture
def owner(company: Tenant) -> Person:
    owner: Person = Person.objects.active_owners().get()
    return owner


@pytest.fixture
def client(owner: Person) -> Client:
    return signed_in(owner)


def overview(client: Client) -> str:
    return text_of(client.get("/overview/"))


def panel(client: Client, name: str) -> str:
    """Return the text of the panel with this id, without tags; blank if there is none."""
    found = re.search(rf'<section [^>]*aria-labelledby="{name}">(.*?)</section>', overview(client))
    return " ".join(re.sub("<[^>]*>", " ", found[1]).split()) if found else ""


def to_do(client: Client) -> set[str]:
    """Return the steps of the checklist that are not done."""
    return set(re.findall(r"To do: </span>(.*?)</p>", overview(client)))


class TestSetupChecklist:
    def test_new_company_has_all_steps(self, client: Client) -> None:
        assert to_do(client) == STEPS

    def test_each_step_is_checked_when_it_is_done(self, client: Client, owner: Person) -> None:
        scim = Provider(scim_connection())
        assert to_do(client) == STEPS - {"Connect your identity provider"}

        scim.add("ada")
        assert "Add the first people" not in to_do(client)

        provider = sign_in_flow.provider(settings=sign_in_flow.OIDC)
        assert to_do(client) == {"Grant a role to a group", "Have a second administrator"}

        author = Author(actor=owner.actor)
        mappings.add_draft(provider, "Finance", Person.Role.BOOKKEEPER, author=author)
        assert "Grant a role to a group" in to_do(client), "a draft grants nothing"
        mappings.apply(provider, author=author)
        assert to_do(client) == {"Have a second administrator"}

        core.administrator()
        assert panel(client, "setup") == ""

    def test_links_open(self, client: Client) -> None:
        links = re.findall(r'href="([^"]*)" class="ramp-button', overview(client))

        assert len(links) == len(STEPS)
        for link in links:
            assert client.get(link).status_code == 200

    def test_checklist_is_hidden_and_shown_for_the_whole_company(self, client: Client) -> None:
        other = signed_in(core.administrator())

        client.post("/overview/checklist/", {"shown": "no"})
        assert panel(other, "setup") == ""
        assert "Show the setup checklist" in overview(other)

        other.post("/overview/checklist/", {"shown": "yes"})
        assert panel(client, "setup").startswith("Set up Ramp")
        kinds = Event.objects.filter(facts__what="overview").values_list("actor", flat=True)
        assert len(kinds) == 2

    def test_steps_of_another_tenant_do_not_count(self, client: Client) -> None:
        with core.in_another_tenant():
            scim_connection()
            sign_in_flow.provider(settings=sign_in_flow.OIDC)
            core.administrator()

        assert to_do(client) == STEPS


class TestServiceStatus:
    def test_connection_shows_its_last_request(self, client: Client) -> None:
        scim = Provider(scim_connection())
        assert "Okta SCIM Last request: none yet No request yet" in panel(client, "services")

        scim.add("ada")
        scim("POST", "/Users", someone("eve", roles="EMPEROR"))

        result = panel(client, "services")
        assert "Okta SCIM Last request: just now · 1 error in 24 hours Connected" in result

        with time_machine.travel(timezone.now() + timedelta(days=2)):
            assert "2 days ago Silent" in panel(signed_in(client_owner()), "services")

    def test_sign_in_provider_shows_whether_it_works(self, client: Client) -> None:
        provider = sign_in_flow.provider("Partners", settings=sign_in_flow.OIDC)
        text = "Partners OpenID Connect Last sign-in:"
        assert f"{text} none yet Not used yet" in panel(client, "services")

        sign_in_flow.come_in(provider)
        assert f"{text} just now Working" in panel(client, "services")

        for _ in range(3):
            log_attempt(SignInAttempt.Outcome.FAILED, provider, reason="provider-unreachable")
        assert f"{text} just now · 3 errors in 24 hours Failing" in panel(client, "services")

        IdentityProvider.objects.update(is_enabled=False)
        assert "Disabled" in panel(client, "services")

    def test_passwords_are_listed_while_allowed(self, client: Client) -> None:
        assert "Ramp password" in panel(client, "services")

        Tenant.objects.update(allows_passwords=False)

        assert "Ramp password" not in panel(client, "services")


class TestDepartures:
    def test_lists_departures_of_the_next_seven_days(self, client: Client) -> None:
        assert panel(client, "departures") == "", "auto-termination is off"
        offboarding_job.switch(30)
        assert "Nobody is scheduled" in panel(client, "departures")
        for name, days in (("Soon", 3), ("Late", 20)):
            person = offboarding_job.gone(family_name=name)
            due_at = timezone.now() + timedelta(days=days)
            ScheduledTermination.objects.filter(person=person).update(due_at=due_at)

        result = panel(client, "departures")

        assert "Ada Soon" in result
        assert "3 days left" in result
        assert "Late" not in result


class TestMonthlyFigures:
    def test_panel_shows_arrivals_leavers_and_sign_ins(self, client: Client) -> None:
        provider = sign_in_flow.provider(settings=sign_in_flow.OIDC)
        scim = Provider(scim_connection())
        scim.add("ada")
        scim.add("bob")
        bob = Person.objects.get(email="bob@example.com")
        deactivate_person(bob, actor=TESTS)
        sign_in_flow.come_in(provider, "eve")
        log_attempt(SignInAttempt.Outcome.REFUSED, provider, reason="not-admitted")

        count(minutes=5)

        # Ada and Bob by SCIM, Eve by her first sign-in, and the owner with the tenant.
        result = panel(client, "month")
        assert "Arrived : 4 Left : 1" in result.replace(":", " :")
        assert "Signed in: 1 Refused: 1" in result

    def test_each_event_is_counted_once(self, client: Client, owner: Person) -> None:
        count(minutes=5)
        count(minutes=10)
        ada = core.person()
        deactivate_person(ada, actor=TESTS)
        count(minutes=5)
        reactivate_person(ada, actor=TESTS)
        deactivate_person(ada, actor=TESTS)
        count(minutes=5)

        assert stored() == {"arrivals": 2, "leavers": 2}

    def test_terminated_person_counts_as_one_leaver(self, owner: Person) -> None:
        active, inactive = core.person(), offboarding_job.gone()
        for person in (active, inactive):
            terminate_person(person, default_handover(person), actor=TESTS)

        count(minutes=5)

        assert stored()["leavers"] == 2

    def test_recent_events_are_not_counted_yet(self, owner: Person) -> None:
        assert count(minutes=1) == 0
        assert count(minutes=5) > 0

    def test_older_events_are_not_counted(self, client: Client, owner: Person) -> None:
        Event.objects.update(happened_at=timezone.now() - timedelta(days=40))

        count(minutes=5)

        assert stored() == {}
        assert "Arrived: 0 Left: 0" in panel(client, "month")

    def test_other_tenants_are_counted_separately(self, client: Client) -> None:
        with core.in_another_tenant():
            for _ in range(3):
                deactivate_person(core.person(), actor=TESTS)

        count(minutes=5)

        assert "Left: 0" in panel(client, "month")

    def test_run_due_counts_the_days(self, owner: Person) -> None:
        printed = StringIO()
        as_of = (timezone.now() + timedelta(minutes=5)).isoformat()

        call_command("run_due", f"--as-of={as_of}", stdout=printed)

        assert json.loads(printed.getvalue())["done"]["people.operations.daily_counts"] > 0


class TestNavigation:
    def test_navigation_has_groups(self, client: Client) -> None:
        page = text_of(client.get("/overview/"))
        nav = page[page.index('id="nav-sidebar-apps"') :]

        titles = re.findall(r"<h2[^>]*> ([A-Z][a-z]+) ", nav)
        assert titles[:4] == ["People", "Spend", "Access", "Settings"]

    def test_navigation_links_to_the_tools(self, client: Client) -> None:
        scim_connection()
        for title, path in {
            "Access diagnosis": "/people/why/",
            "Bulk changes": "/people/bulk-changes/",
            "Self-test": "/integrations/scim/self-test/",
            "Dry run": "/integrations/scim/what-if/",
            "Company settings": "/tenants/acme/settings/",
        }.items():
            assert re.search(rf'href="{path}"[^>]*>.*?<span>{title}</span>', overview(client))
            assert client.get(path, follow=True).status_code == 200

    @pytest.mark.parametrize("path", ["self-test", "what-if"])
    def test_tool_without_a_connection_explains_that(self, client: Client, path: str) -> None:
        page = text_of(client.get(f"/integrations/scim/{path}/"))

        assert "No identity provider is connected" in page

    def test_current_page_is_marked(self, client: Client) -> None:
        for path, title in {
            "/overview/": "Overview",
            "/people/": "People",
            "/people/updates/": "Team updates",
            "/tenants/acme/settings/": "Company settings",
            "/tenants/acme/log/": "Company settings",
            "/tenants/acme/auth-providers/": "Auth providers",
        }.items():
            page = text_of(client.get(path, follow=True))
            assert re.findall(r' active">.*?<span>([^<]*)</span>', page) == [title]

    def test_operator_sees_only_tenants(self, company: Tenant) -> None:
        page = text_of(signed_in(core.owner(is_operator=True)).get("/", follow=True))

        assert "<span>Tenants</span>" in page
        assert "/overview/" not in page


class TestPageTitle:
    @pytest.mark.parametrize(
        ("path", "title"),
        [
            ("/overview/", "Overview – Acme – Ramp"),
            ("/people/", "People – Acme – Ramp"),
            ("/tenants/acme/settings/", "Settings – Acme – Ramp"),
            ("/home/", "My profile – Acme – Ramp"),
        ],
    )
    def test_title_has_the_company(self, client: Client, path: str, title: str) -> None:
        assert title_of(client, path) == title

    def test_title_has_the_company_an_operator_opened(self, company: Tenant) -> None:
        with core.in_another_tenant():
            operator = signed_in(core.owner(is_operator=True))

        assert title_of(operator, "/tenants/acme/settings/") == "Settings – Acme – Ramp"
        heading = text_of(operator.get("/tenants/acme/settings/"))
        assert (
            '<a href="/tenants/acme/settings/" class="ramp-page-above" title="Back to Acme"'
            in heading
        )
        assert title_of(operator, "/tenants/").endswith(" – Operator – Ramp")

    def test_title_of_the_sign_in_page_has_the_company(self, company: Tenant) -> None:
        assert title_of(Client(), "/sign-in/acme/").endswith(" – Acme – Ramp")

    def test_special_characters_are_escaped(self, client: Client, company: Tenant) -> None:
        Tenant.objects.update(name="Acme & <Sons>")

        assert title_of(client, "/people/") == "People – Acme &amp; &lt;Sons&gt; – Ramp"


def test_overview_needs_the_same_queries_for_any_number_of_rows(client: Client) -> None:
    offboarding_job.switch(30)
    scim_connection("entra")
    sign_in_flow.provider(settings=sign_in_flow.OIDC)
    offboarding_job.gone()
    few = len(queries_of(client, "/overview/"))

    for provider in ("okta", "rippling", "ping"):
        scim_connection(provider)
        sign_in_flow.provider(provider, settings=sign_in_flow.OIDC)
        offboarding_job.gone()

    assert len(queries_of(client, "/overview/")) == few


def client_owner() -> Person:
    owner: Person = Person.objects.active_owners().get()
    return owner


def title_of(client: Client, path: str) -> str:
    [title] = re.findall("<title> ?(.*?) ?</title>", text_of(client.get(path, follow=True)))
    return str(title)


def count(*, minutes: int) -> int:
    """Run the job at this number of minutes from now."""
    as_of: datetime = timezone.now() + timedelta(minutes=minutes)
    return count_days(as_of=as_of)


def stored() -> dict[str, Any]:
    return dict(DailyCount.objects.values_list("metric", "count"))
