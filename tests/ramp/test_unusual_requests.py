"""Unusual paths, queries and forms cause no server error.

The addresses come from the resolver, so a new page is tested as soon as it has one. SCIM has
tests of its own, see tests/faults/test_attacks.py.
"""

import re
from collections.abc import Callable, Iterator
from io import StringIO
from typing import Any, Final
from uuid import uuid4

import pytest
from django.core.cache import cache
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver
from django.utils import timezone

from people import tenancy
from people.models import (
    BulkChange,
    Comparison,
    CustomField,
    Event,
    OutstandingItem,
    Passkey,
    Person,
    PersonSession,
    SavedView,
    Tenant,
    Workflow,
)
from people.models.bulk_changes import BulkChangeItem
from people.operations import api_tokens, people
from people.operations.invites import lifecycle
from people.operations.roles.withheld_roles import ASKED
from people.values import Actor
from provisioning.models import IdentityProvider, SignInAttempt
from provisioning.sign_in.errors import SignInRefused
from provisioning.sign_in.sign_in import sign_in
from ramp.management.commands import changepassword
from scim.models import GroupMapping as ScimMapping
from scim.models import (
    RequestLog,
    SamePersonQuestion,
    ScimGroup,
    ScimUser,
    SyncError,
    Token,
)
from tests.clients.pages import signed_in, text_of
from tests.clients.scim import Provider, mail, someone
from tests.clients.spend import Api, card, fund
from tests.factories import core
from tests.factories.scim import scim_connection
from tests.factories.signals import signal_stream
from tests.factories.webhooks import webhook_delivery, webhook_endpoint
from tests.support import rank_cases, sign_in_flow
from tests.support.offboarding import step, waits

pytestmark = pytest.mark.django_db

TESTS = Actor("command", "tests")
PASSWORD = "correct horse"
HUGE = "9" * 30
# Parameters of lists, autocompletes and redirects; each is tried alone.
READ: Final = ("q", "o", "p", "e", "term", "app_label", "next", "after", "page", "id")
# Parameters of other pages; tried together.
ALSO_READ: Final = (
    *("all", "_to_field", "_popup", "_changelist_filters", "model_name", "field_name", "before"),
    *("name", "provider", "group", "request", "who", "example", "run", "show", "state", "outcome"),
    *("path", "since", "until", "login_hint", "code", "limit", "cursor", "department", "a\0b"),
)
FILTERS: Final = ("department__id__exact", "nonsense__exact")
PARAMETER = re.compile(r"<(?:\w+:)?(\w+)>")
# A valid query of an autocomplete; each parameter is omitted or replaced in turn.
AUTOCOMPLETE: Final = {
    "term": "a",
    "app_label": "people",
    "model_name": "card",
    "field_name": "holder",
}


@pytest.fixture(autouse=True)
def company(db: None) -> Iterator[Tenant]:
    cache.clear()
    tenant = core.tenant()
    with tenancy.use(tenant):
        yield tenant


@pytest.fixture
def owner(company: Tenant) -> Person:
    return core.owner(email="olga@example.com", password=PASSWORD)


def addresses(resolver: Any = None, prefix: str = "") -> Iterator[str]:
    patterns: list[URLPattern | URLResolver] = (resolver or get_resolver()).url_patterns
    for pattern in patterns:
        path = f"{prefix}{pattern.pattern}"
        if path.startswith("scim/"):
            continue
        if isinstance(pattern, URLResolver):
            yield from addresses(pattern, path)
        else:
            yield f"/{path}"


class World:
    """A company with one object for every parameter of an address."""

    def __init__(self, company: Tenant, owner: Person) -> None:
        ada = core.person(email="ada@example.com", withheld_roles={rank_cases.IT_ADMIN: ASKED})
        usual = {"tenant_id": company.pk}
        provider = sign_in_flow.provider(
            settings=sign_in_flow.OIDC | {"issuer": "https://127.0.0.1:1"},
            browsing=IdentityProvider.Browsing.CACHED_ONLY,
        )
        scim = Provider(scim_connection())
        group = scim.add_group("Board")
        invited = core.person(state=Person.State.INVITED)
        change = BulkChange.objects.create(
            **usual, kind="deactivated", actor=str(owner.actor), began_at=timezone.now()
        )
        BulkChangeItem.objects.create(**usual, change=change, person=ada, event_id=1)
        role = rank_cases.role(is_elevated=False)
        api_tokens.create_api_token(owner, "Mine", scopes=["people:read"], actor=owner.actor)
        outstanding_item = OutstandingItem.objects.create(
            **usual, person=ada, kind="bill", state="open", amount=1, currency="EUR"
        )
        travel, learning = card(ada), fund(ada)
        self.named: dict[str, Any] = {
            "slug": company.slug,
            "preset": "okta",
            "provider": "okta",
            "provider_id": provider.pk,
            "identity_id": sign_in_flow.identity(provider, ada).pk,
            "mapping_id": sign_in_flow.mapping(provider, "Board", role).pk,
            "person_id": ada.pk,
            "change_id": change.pk,
            "passkey_id": Passkey.objects.create(
                **usual,
                person=owner,
                name="Phone",
                credential_id="AQID",
                credential=b"",
                sign_count=0,
                created_at=timezone.now(),
            ).pk,
            "session_id": PersonSession.objects.create(
                **usual,
                person=owner,
                session_key="a key",
                began_at=timezone.now(),
                last_used_at=timezone.now(),
            ).pk,
            "approval_id": waits(step(owner), outstanding_item).pk,
            "event_id": Event.objects.latest("pk").pk,
            "view_id": SavedView.objects.create(**usual, owner=owner, name="Mine").pk,
            "comparison_id": Comparison.objects.create(
                **usual,
                file_name="hr.csv",
                content=b"email\nada@example.com\n",
                encoding="utf-8",
                separator=",",
                created_by=str(owner.actor),
                created_at=timezone.now(),
            ).pk,
            "grant_id": rank_cases.give(ada, role).pk,
            "invite_id": lifecycle.issue_invite(invited, actor=TESTS).pk,
            "token_id": owner.api_tokens.get().pk,
            "endpoint_id": (endpoint := webhook_endpoint(owner)).pk,
            "delivery_id": webhook_delivery(endpoint, Event.objects.latest("pk")).pk,
            "stream_id": signal_stream(owner).pk,
            "connection_id": scim.connection.pk,
            "group_id": ScimGroup.objects.get(scim_id=group).pk,
            "field_id": CustomField.objects.create(**usual, name="Floor", external_name="floor").pk,
            "question_id": self._question(scim).pk,
            "error_id": self._error(scim).pk,
            "attempt_id": self._attempt(provider).pk,
            "request_id": RequestLog.objects.latest("received_at").pk,
            "card_id": travel.pk,
            "fund_id": learning.pk,
            "authorization_id": uuid4(),
            "key": uuid4(),
            "token": "nonsense",
            "rest": "nonsense",
        }
        mapped = ScimMapping.objects.create(
            **usual, connection=scim.connection, group=ScimGroup.objects.get(), role=role
        )
        # The values of parameters whose meaning depends on the address.
        self.at: dict[str, dict[str, Any]] = {
            "/spend/cards/": {"instrument_id": travel.pk, "object_id": travel.pk},
            "/spend/funds/": {"instrument_id": learning.pk, "object_id": learning.pk},
            "/spend/outstanding-items/": {"object_id": outstanding_item.pk},
            "/spend/workflows/": {
                "object_id": Workflow.objects.create(**usual, name="Two eyes").pk
            },
            "/people/departments/": {"object_id": core.department().pk},
            "/people/locations/": {"object_id": core.location().pk},
            "/people/entities/": {"object_id": core.entity("Subsidiary").pk},
            "/people/roles/": {"object_id": role.pk},
            "/tenants/<path": {"object_id": company.pk},
            "/integrations/scim/<uuid:connection_id>/groups/mappings/": {"mapping_id": mapped.pk},
            "/integrations/scim/<uuid:connection_id>/tokens/": {
                "token_id": Token.objects.latest("pk").pk
            },
        }

    def _question(self, scim: Provider) -> SamePersonQuestion:
        new, left = (ScimUser.objects.get(scim_id=scim.add(who)) for who in ("zoe", "eve"))
        assert left.person
        people.deactivate_person(left.person, actor=TESTS)
        return SamePersonQuestion.objects.create(
            tenant_id=new.tenant_id,
            connection=scim.connection,
            user=new,
            earlier=left.person,
            earlier_user=left,
            asked_at=timezone.now(),
        )

    def _error(self, scim: Provider) -> SyncError:
        scim("POST", "/Users", someone("bob", emails=[mail("zoe@example.com")]))
        found: SyncError = SyncError.objects.open().get()
        return found

    def _attempt(self, provider: IdentityProvider) -> SignInAttempt:
        with pytest.raises(SignInRefused):
            sign_in(provider, sign_in_flow.claims("new", email="zoe@example.com"))
        attempt: SignInAttempt = SignInAttempt.objects.get()
        return attempt

    def values(self, address: str) -> dict[str, str]:
        here = [named for start, named in self.at.items() if address.startswith(start)]
        known = self.named | (here[0] if here else {})
        return {name: str(known[name]) for name in PARAMETER.findall(address)}


@pytest.fixture
def world(company: Tenant, owner: Person) -> World:
    return World(company, owner)


def filled(address: str, values: dict[str, str]) -> str:
    return PARAMETER.sub(lambda found: values[found[1]], address)


@pytest.fixture
def ask(owner: Person) -> Callable[..., int]:
    """Request as the Owner, or with their token; changes are rolled back."""
    pages, api = signed_in(owner), Api(owner).client
    pages.raise_request_exception = api.raise_request_exception = False

    def ask(address: str, query: dict[str, str] | None = None) -> int:
        client = api if address.startswith(("/api/", "/signals/")) else pages
        with rank_cases.taken_back():
            return int(client.get(address, query).status_code)

    return ask


# Addresses that an Owner cannot open even with valid parameters, or not in this company.
UNAVAILABLE = {
    # Not found without METRICS_TOKEN.
    "/metrics",
    # For operators only, or always refused.
    *("/tenants/add/", "/tenants/<path:object_id>/change/", "/tenants/<path:object_id>/delete/"),
    *("/tenants/<slug:slug>/settings/close/", "/tenants/<slug:slug>/settings/suspend/"),
    *(f"/spend/{rows}/<path:object_id>/delete/" for rows in ("cards", "funds", "workflows")),
    "/spend/outstanding-items/<path:object_id>/delete/",
    # The company has no such token, sign-in, authorization or guest.
    *("/invite/<str:token>/", "/reset-password/<str:token>/", "/confirm-address/<str:token>/"),
    "/unsubscribe/<str:token>/",
    *("/setup/<str:token>/", "/people/<uuid:person_id>/guest/"),
    "/sign-in/<slug:slug>/<uuid:provider_id>/",
    "/confirm-identity/<uuid:provider_id>/",
    "/api/v1/authorizations/<uuid:authorization_id>",
    "/api/v1/authorizations/<uuid:authorization_id>/",
    r"/api/v1/^[\s\S]*$",
    # They need a query.
    *("/autocomplete/", "/tenants/<slug:slug>/directory/<uuid:provider_id>/person/"),
    "/signals/<slug:slug>/status",
    # Redis does not run.
    "/readyz",
}


def test_valid_parameters_open_all_other_pages(world: World, ask: Callable[..., int]) -> None:
    """Otherwise the tests below would only test pages that are not found."""
    closed = {
        address
        for address in addresses()
        if ask(filled(address, world.values(address))) not in (200, 302, 405)
    }

    assert closed == UNAVAILABLE


QUERIES = [
    *({name: "a\0b"} for name in (*READ, *FILTERS)),
    dict.fromkeys(ALSO_READ, "a\0b"),
    *({name: HUGE} for name in ("o", "p", "after", "department__id__exact")),
    dict.fromkeys(("before", "page", "limit", "id"), HUGE),
    *(dict.fromkeys(("p", "after", "page", "before"), value) for value in ("٣", "²", "-1")),
]


@pytest.mark.parametrize("query", QUERIES, ids=" ".join)
def test_unusual_query_causes_no_server_error(
    world: World, ask: Callable[..., int], query: dict[str, str]
) -> None:
    asked = [address for address in addresses() if address != "/readyz"]

    failed = [one for one in asked if ask(filled(one, world.values(one)), query) >= 500]

    assert failed == []


@pytest.mark.parametrize("value", ["%00", "a%00b", HUGE])
def test_unusual_path_causes_no_server_error(
    world: World, ask: Callable[..., int], value: str
) -> None:
    failed = [
        (address, name)
        for address in addresses()
        for name in PARAMETER.findall(address)
        if ask(filled(address, world.values(address) | {name: value})) >= 500
    ]

    assert failed == []


@pytest.mark.parametrize("name", AUTOCOMPLETE)
@pytest.mark.parametrize("value", [None, "", "a\0b", "nonsense"])
def test_unusual_autocomplete_query_is_refused(
    ask: Callable[..., int], name: str, value: str | None
) -> None:
    query = AUTOCOMPLETE | {name: value}
    values = {name: value for name, value in query.items() if value is not None}

    assert ask("/autocomplete/", AUTOCOMPLETE) == 200
    assert ask("/autocomplete/", values) == (200 if name == "term" else 403)


ACTIONS = ("deactivate_selected", "reactivate_selected", "delete_selected", "a\0b", "")
NOBODY: Final = "00000000-0000-4000-8000-000000000000"
CHOSEN: Final = ("a\0b", "nonsense", HUGE, NOBODY, "")


@pytest.mark.parametrize("action", ACTIONS)
@pytest.mark.parametrize("chosen", CHOSEN)
@pytest.mark.parametrize("confirmed", [{}, {"confirmed": "yes"}])
def test_invalid_selection_in_the_list_changes_no_person(
    owner: Person, action: str, chosen: str, confirmed: dict[str, str]
) -> None:
    ada = core.person()
    values = {"action": action, "_selected_action": [chosen, NOBODY], "index": "0"}

    answer = signed_in(owner).post("/people/", values | confirmed)

    assert answer.status_code < 500
    assert Person.objects.get(pk=ada.pk).is_active


class TestOutdatedForm:
    """The CSRF token is of the previous session, after a sign-in in another tab."""

    @pytest.fixture
    def browser(self, owner: Person) -> Client:
        browser = Client(enforce_csrf_checks=True)
        browser.force_login(owner)
        return browser

    def send(self, browser: Client, **headers: str) -> Any:
        values = {"name": "Research & more", "password": "hunter2", "csrfmiddlewaretoken": "old"}
        return browser.post("/people/departments/add/", values, headers=headers)

    def test_shows_a_page_that_keeps_the_values_except_passwords(self, browser: Client) -> None:
        answer = self.send(browser, origin="http://testserver")

        page = text_of(answer)
        assert answer.status_code == 403
        assert "This page is out of date" in page
        assert 'name="name" value="Research &amp; more"' in page
        assert 'action="/people/departments/add/"' in page
        assert "hunter2" not in page

    def test_can_be_sent_again(self, browser: Client) -> None:
        page = self.send(browser, origin="http://testserver")
        token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page.content.decode())
        assert token

        values = {"name": "Research", "csrfmiddlewaretoken": token[1]}
        answer = browser.post("/people/departments/add/", values)

        assert (answer.status_code, answer["Location"]) == (302, "/people/departments/")

    @pytest.mark.parametrize("headers", [{}, {"origin": "https://evil.example"}])
    def test_from_another_site_is_refused_without_its_values(
        self, browser: Client, headers: dict[str, str]
    ) -> None:
        answer = self.send(browser, **headers)

        assert answer.status_code == 403
        assert "Research" not in text_of(answer)


class TestDjangoCommands:
    def test_createsuperuser_is_refused(self) -> None:
        with pytest.raises(CommandError, match=r"Ramp has no superusers.*create_tenant"):
            call_command("createsuperuser", "--noinput", "--email=olga@example.com")

    @pytest.fixture
    def change_password(self, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
        def change_password(email: str, *typed: str) -> str:
            result, out = iter(typed), StringIO()
            monkeypatch.setattr(changepassword, "getpass", lambda _prompt: next(result))
            call_command("changepassword", email, stdout=out)
            return out.getvalue()

        return change_password

    def test_changepassword_changes_the_password_and_ends_sessions(
        self, owner: Person, change_password: Callable[..., str]
    ) -> None:
        browser, new = signed_in(owner), "a longer battery staple"

        result = change_password("Olga@example.com", new, new)

        assert result == f"{owner.email} at {owner.tenant.name} has a new password.\n"
        assert Person.objects.get(pk=owner.pk).check_password(new)
        assert browser.get("/home/").status_code == 302

    @pytest.mark.parametrize("email", ["nobody@example.com", ""])
    def test_changepassword_reports_an_unknown_address(
        self, owner: Person, change_password: Callable[..., str], email: str
    ) -> None:
        with pytest.raises(CommandError, match="Nobody uses the address"):
            change_password(email)

    @pytest.mark.parametrize(
        "typed", [("short", "short"), ("correct battery", "another one"), ("", "")]
    )
    def test_changepassword_refuses_a_bad_password(
        self, owner: Person, change_password: Callable[..., str], typed: tuple[str, str]
    ) -> None:
        with pytest.raises(CommandError):
            change_password(owner.email, *typed)

        assert Person.objects.get(pk=owner.pk).check_password(PASSWORD)


def test_unknown_filter_shows_the_error_page_bad_request(owner: Person) -> None:
    answer = signed_in(owner).get("/people/?updates=1")

    assert answer.status_code == 400
    assert "<bdi>Bad request</bdi></h1>" in answer.content.decode()


def test_error_page_has_navigation_after_sign_in(owner: Person) -> None:
    lost = signed_in(owner).get("/nothing-here/")

    assert lost.status_code == 404
    assert "<bdi>Page not found</bdi></h1>" in lost.content.decode()
    assert 'href="/people/"' in lost.content.decode()


def test_error_page_has_no_navigation_without_sign_in(db: None) -> None:
    lost = Client().get("/nothing-here/")

    assert lost.status_code == 404
    assert "<h1>Page not found</h1>" in lost.content.decode()
    assert 'href="/people/"' not in lost.content.decode()
