"""The items that need the attention of an administrator, on the overview and in the API."""

import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.cache import cache
from django.test import Client
from django.utils import timezone

from people import tenancy
from people.models import (
    BulkChange,
    Invite,
    Mail,
    OutstandingItem,
    Person,
    ScheduledTermination,
    Tenant,
    WebhookEndpoint,
)
from people.operations.invites import lifecycle
from people.operations.people import reactivate_person
from people.operations.roles.group_mappings import Author
from people.operations.roles.withheld_roles import ASKED
from people.values import Actor
from people.views.offboarding.schedule_status import days_in_force
from provisioning.group_roles import mappings
from provisioning.models import IdentityProvider, SignInAttempt, TransmitterStream
from provisioning.sign_in.attempt_log import log_attempt
from scim.models import Connection, SamePersonQuestion, Token
from tests.clients.pages import queries_of, signed_in, text_of
from tests.clients.scim import Provider, someone
from tests.clients.spend import Api
from tests.factories import core
from tests.factories.scim import scim_connection, scim_user
from tests.factories.signals import signal_stream
from tests.factories.webhooks import webhook_endpoint
from tests.support import offboarding_job, sign_in_flow

pytestmark = pytest.mark.django_db

TESTS = Actor("command", "tests")
Fix = Callable[[Client], object]
Cause = Callable[[], Fix]


@pytest.fixture
def company(db: None) -> Iterator[Tenant]:
    cache.clear()
    company = core.tenant(slug="acme", name="Acme")
    with tenancy.use(company):
        core.owner(email="owner@example.com")
        yield company


@pytest.fixture
def owner(company: Tenant) -> Person:
    owner: Person = Person.objects.active_owners().get()
    return owner


@pytest.fixture
def client(owner: Person) -> Client:
    return signed_in(owner)


def refused_change() -> Fix:
    scim = Provider(scim_connection())
    scim("POST", "/Users", someone("ada", roles="EMPEROR"))
    return lambda _: scim.add("ada")


def expired_invite() -> Fix:
    invite = invited()
    Invite.objects.filter(pk=invite.pk).update(expires_at=timezone.now() - timedelta(days=1))
    return lambda client: client.post(f"/people/updates/invites/{invite.pk}/resend/")


def bounced_invite() -> Fix:
    invite = invited()
    Mail.objects.filter(invite=invite).update(problem="550 No such mailbox")
    return lambda client: client.post(f"/people/updates/invites/{invite.pk}/revoke/")


def invited() -> Invite:
    return lifecycle.issue_invite(core.person(state=Person.State.INVITED), actor=TESTS)


def possible_return() -> Fix:
    connection = Provider(scim_connection()).connection
    question = SamePersonQuestion.objects.create(
        tenant_id=connection.tenant_id,
        connection=connection,
        user=scim_user(connection, "ada"),
        earlier_user=scim_user(connection, "ada.old"),
        earlier=core.person(state=Person.State.INACTIVE),
        asked_at=timezone.now(),
    )
    page = f"/people/updates/review/{question.pk}/"
    return lambda client: client.post(page, {"answer": "different"})


def withheld_role() -> Fix:
    person = core.person(withheld_roles={Person.Role.ADMIN: ASKED})
    answer = {"role": Person.Role.ADMIN, "answer": "decline"}
    return lambda client: client.post(f"/people/updates/review/roles/{person.pk}/", answer)


def silent_connection() -> Fix:
    scim = Provider(scim_connection())
    Token.objects.update(last_used_at=timezone.now() - timedelta(days=2))
    return lambda _: scim.add("ada")


def connection_without_token() -> Fix:
    connection = scim_connection()
    return lambda client: client.post(f"/integrations/scim/{connection.pk}/tokens/")


def unfinished_setup() -> Fix:
    scim_connection(activated_at=None)
    return lambda client: client.post("/integrations/okta/setup/abandon/")


def bulk_change() -> Fix:
    change = offboarding_job.bulk_change(offboarding_job.gone())
    return lambda client: client.post(f"/people/bulk-changes/{change.pk}/confirm/")


def failed_termination() -> Fix:
    person = leaver(days=-1, problem="The successor was terminated.")
    return lambda _: reactivate_person(person, actor=TESTS)


def blocked_termination() -> Fix:
    person = leaver(days=3)
    kind = OutstandingItem.Kind.BILL
    bill = offboarding_job.outstanding_item(person, kind, "open")
    return lambda _: OutstandingItem.objects.filter(pk=bill.pk).delete()


def leaver(*, days: int, problem: str = "") -> Person:
    """Make a person whose termination is due in this number of days."""
    if days_in_force() is None:
        offboarding_job.switch(30)
    person = offboarding_job.gone()
    due_at = timezone.now() + timedelta(days=days)
    rows = ScheduledTermination.objects.filter(person=person)
    assert rows.update(due_at=due_at, problem=problem)
    return person


def mapping_draft() -> Fix:
    provider = sign_in_flow.provider(settings=sign_in_flow.OIDC)
    owner = Person.objects.active_owners().first()
    assert owner
    mappings.add_draft(
        provider, "Finance", Person.Role.BOOKKEEPER, author=Author(actor=owner.actor)
    )
    page = f"/tenants/{owner.tenant.slug}/mappings/{provider.pk}/discard/"
    return lambda client: client.post(page)


def moved_provider() -> Fix:
    provider = sign_in_flow.provider(settings=sign_in_flow.OIDC)
    there = sign_in_flow.OIDC | {"issuer": "https://elsewhere.example"}
    IdentityProvider.objects.filter(pk=provider.pk).update(settings=there)
    slug = Tenant.objects.get(pk=provider.tenant_id).slug
    page = f"/tenants/{slug}/auth-providers/{provider.pk}/move/"

    def confirm(client: Client) -> object:
        values = {"decision": "same", "seen": client.get(page).context["move"].digest}
        return client.post(page, values)

    return confirm


def failing_signals() -> Fix:
    provider = sign_in_flow.provider()
    stream = TransmitterStream.objects.create(
        tenant_id=provider.tenant_id,
        provider=provider,
        issuer="https://id.example",
        configured_by=Person.objects.active_owners().get(),
        failing_since=timezone.now() - timedelta(hours=2),
    )
    path = f"/tenants/acme/auth-providers/{stream.provider_id}/signals/remove/"
    return lambda client: client.post(path)


def failing_webhook() -> Fix:
    owner = Person.objects.active_owners().first()
    assert owner
    made = webhook_endpoint(owner, failing_since=timezone.now() - timedelta(hours=2))
    page = f"/webhooks/{made.pk}/pause/"
    return lambda client: client.post(page)


def failing_signal_stream() -> Fix:
    owner = Person.objects.active_owners().first()
    assert owner
    stream = signal_stream(owner)
    long_ago = timezone.now() - timedelta(hours=2)
    WebhookEndpoint.objects.filter(pk=stream.pk).update(failing_since=long_ago)
    return lambda client: client.post(f"/signal-streams/{stream.pk}/delete/")


def failing_provider() -> Fix:
    provider = sign_in_flow.provider(settings=sign_in_flow.OIDC)
    for _ in range(3):
        log_attempt(SignInAttempt.Outcome.FAILED, provider, reason="provider-unreachable")
    return lambda _: sign_in_flow.come_in(provider)


CAUSES: dict[str, tuple[str, Cause]] = {
    "a refused change": ("sync-errors", refused_change),
    "an expired invite": ("invites", expired_invite),
    "an invite that bounced": ("invites", bounced_invite),
    "a possible return": ("same-person", possible_return),
    "a withheld role": ("withheld-roles", withheld_role),
    "a silent connection": ("silent-connection", silent_connection),
    "a connection without a token": ("connection-without-token", connection_without_token),
    "an unfinished setup": ("unfinished-setup", unfinished_setup),
    "a bulk change": ("bulk-changes", bulk_change),
    "a failed termination": ("failed-terminations", failed_termination),
    "a blocked termination": ("blocked-terminations", blocked_termination),
    "a draft of a mapping": ("mapping-drafts", mapping_draft),
    "a provider that moved": ("provider-moved", moved_provider),
    "a failing webhook": ("failing-webhooks", failing_webhook),
    "a failing signal stream": ("failing-signal-streams", failing_signal_stream),
    "a provider that fails": ("failing-provider", failing_provider),
    "a failing stream of signals": ("failing-signals", failing_signals),
}


def badge(client: Client) -> str:
    """Return the number on the button “Team updates” of the People page."""
    page = text_of(client.get("/people/"))
    [button] = re.findall(
        r'<a href="/people/updates/" class="ramp-button" data-dialog(.*?)</a>', page
    )
    return "".join(re.findall(r'ramp-count">([^<]*)<', button))


def codes(client: Client) -> list[str]:
    return re.findall('data-code="([^"]*)"', text_of(client.get("/overview/")))


def listed(owner: Person) -> dict[str, Any]:
    answer = Api(owner).get("attention")
    assert answer.status_code == 200
    body: dict[str, Any] = answer.json()
    return body


@pytest.mark.parametrize("name", CAUSES)
def test_item_is_listed_with_its_link_until_it_is_fixed(
    client: Client, owner: Person, name: str
) -> None:
    code, cause = CAUSES[name]
    fix = cause()

    assert codes(client) == [code]
    [item] = listed(owner)["items"]
    assert item["code"] == code
    assert item["text"] in text_of(client.get("/overview/"))
    remedy = item["url"].removeprefix(settings.PUBLIC_BASE_URL)
    assert client.get(remedy, follow=True).status_code == 200

    fix(client)

    assert codes(client) == []
    assert listed(owner) == {"total": 0, "is_exact": True, "items": []}
    assert "Nothing needs your attention." in text_of(client.get("/overview/"))


def test_overview_badge_and_api_show_the_same_total(client: Client, owner: Person) -> None:
    for cause in (expired_invite, bounced_invite, withheld_role, mapping_draft, bulk_change):
        cause()

    body = listed(owner)
    assert (body["total"], body["is_exact"]) == (5, True)
    assert sum(item["count"] for item in body["items"]) == 5
    assert badge(client) == "5"
    assert 'Needs attention <span class="ramp-count">5</span>' in text_of(client.get("/overview/"))


def test_items_are_sorted_by_importance_and_then_by_age(client: Client, owner: Person) -> None:
    for cause in (unfinished_setup, expired_invite, withheld_role, refused_change_of_entra):
        cause()

    assert codes(client) == ["sync-errors", "invites", "withheld-roles", "unfinished-setup"]


def refused_change_of_entra() -> Fix:
    scim = Provider(scim_connection("entra"))
    scim("POST", "/Users", someone("eve", roles="EMPEROR"))
    return lambda _: scim.add("eve")


@pytest.mark.parametrize("name", CAUSES)
def test_items_of_another_tenant_are_not_shown(client: Client, owner: Person, name: str) -> None:
    with core.in_another_tenant():
        core.owner()
        CAUSES[name][1]()

    assert codes(client) == []
    assert badge(client) == "0" or not badge(client)
    assert listed(owner)["total"] == 0


def test_employees_and_operators_do_not_see_the_overview(company: Tenant) -> None:
    refused_change()

    employee = signed_in(core.person()).get("/overview/", follow=True)
    assert employee.redirect_chain[-1] == ("/home/", 302)
    assert signed_in(core.owner(is_operator=True)).get("/overview/").status_code == 403


def test_bounced_and_expired_invite_counts_once(client: Client, owner: Person) -> None:
    bounced_invite()
    Invite.objects.update(expires_at=timezone.now() - timedelta(days=1))

    assert listed(owner)["total"] == 1
    page = text_of(client.get("/people/updates/invites/?show=attention"))
    assert page.count('name="invite"') == 1


def test_resent_invite_does_not_count(client: Client, owner: Person) -> None:
    bounced_invite()
    invite = Invite.objects.get()
    client.post(f"/people/updates/invites/{invite.pk}/resend/")

    assert listed(owner)["total"] == 0


def test_linked_page_lists_the_counted_terminations(client: Client) -> None:
    blocked_termination()
    far = leaver(days=20)
    offboarding_job.outstanding_item(far, OutstandingItem.Kind.BILL, "open")

    page = text_of(client.get("/people/departures/?show=blocked-soon"))

    assert page.count('data-label="Person"') == 1
    assert "1 termination is due within 7 days and blocked." in text_of(client.get("/overview/"))


def test_one_bulk_change_is_described_and_several_link_to_the_list(
    client: Client, owner: Person
) -> None:
    bulk_change()
    assert "Okta deactivated 1 people within an hour." in text_of(client.get("/overview/"))

    bulk_change()
    [item] = listed(owner)["items"]
    assert item["count"] == BulkChange.objects.count() == 2
    assert item["url"].endswith("/people/bulk-changes/")


def test_pages_need_the_same_queries_for_any_number_of_items(client: Client) -> None:
    def cause(times: int) -> None:
        connection = Connection.objects.filter(provider="okta").first() or scim_connection()
        scim = Provider(connection)
        for _ in range(times):
            expired_invite()
            bounced_invite()
            withheld_role()
            blocked_termination()
            scim("POST", "/Users", someone(f"eve{core.number()}", roles="EMPEROR"))

    cause(1)
    few = [len(queries_of(client, page)) for page in ("/overview/", "/people/")]
    Token.objects.all().delete()
    cause(9)

    assert [len(queries_of(client, page)) for page in ("/overview/", "/people/")] == few
    assert few[0] <= 45


def test_documentation_explains_each_item() -> None:
    text = (Path(__file__).parents[1] / "docs" / "overview.md").read_text()

    assert set(re.findall("^. `([a-z-]+)` .", text, re.MULTILINE)) == {
        code for code, _ in CAUSES.values()
    }
