"""Access diagnosis asks cloud directories.

The servers answer in the shapes that the vendors publish; the adapters name the pages.
"""

import json
import re
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

import pytest
import time_machine
from django.test import Client
from django.utils import timezone

from provisioning.directory import live_standing
from provisioning.models import IdentityProvider
from provisioning.sign_in.sign_in import sign_in
from tests.clients.pages import text_of
from tests.factories import core
from tests.services.fake_openid import CLIENT_ID
from tests.support.cloud_directories import ORGANIZATION, CloudProvider, added
from tests.support.sign_in_flow import claims

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("in_acme")]

DORA = "dora@acme.example"
KEY = "00u1dora"
NOT_FOUND: tuple[int, Any] = (404, {"errorCode": "E0000007"})


@dataclass
class Vendor:
    """A directory with one account, Dora's, in a vendor's shape."""

    kind: str
    more: dict[str, Any]
    # Attributes of the account except names; None if there is no account.
    account: dict[str, Any] | None = field(default_factory=dict)
    is_assigned: bool = True
    # The settings of the application for assignments; None if the client may not read it.
    application: dict[str, Any] | None = field(default_factory=dict)
    is_locked: bool = False
    asked: list[str] = field(default_factory=list)

    @property
    def subject(self) -> str:
        return f"{ORGANIZATION}/{KEY}" if self.kind == "graph" else KEY

    def answer(self, path: str, query: dict[str, str], headers: Any) -> tuple[int, Any]:
        self.asked.append(path)
        how: Callable[[list[str], dict[str, str]], tuple[int, Any]] = getattr(self, self.kind)
        below = {"graph": 2, "keycloak": 4}.get(self.kind, 3)
        return how(path.split("/")[below:], query)

    def graph(self, parts: list[str], query: dict[str, str]) -> tuple[int, Any]:
        person = {"id": KEY, "displayName": "Dora New", "mail": DORA, "userPrincipalName": DORA}
        found = [] if self.account is None else [person | self.account]
        match parts:
            case ["users"]:
                return 200, {"value": found if f"'{DORA}'" in query["$filter"] else []}
            case ["users", key] if key == KEY and found:
                return 200, found[0]
            case ["users", key, "appRoleAssignments"] if key == KEY:
                assert query["$filter"] == "resourceId eq app1"
                return 200, {"value": [{"resourceId": "app1"}] if self.is_assigned else []}
            case [app] if app == f"servicePrincipals(appId='{CLIENT_ID}')":
                return (403, {}) if self.application is None else (200, self.application)
        return 404, {"error": {"code": "Request_ResourceNotFound"}}

    def okta(self, parts: list[str], query: dict[str, str]) -> tuple[int, Any]:
        profile = {"firstName": "Dora", "lastName": "New", "email": DORA, "login": DORA}
        person = {"id": KEY, "status": "ACTIVE", "profile": profile}
        found = [] if self.account is None else [person | self.account]
        match parts:
            case ["users"]:
                sought = re.findall(r'profile\.\w+ (eq|sw) ("[^"]*")', query["search"])
                names = [json.loads(text).lower() for _, text in sought]
                return 200, found if {DORA, "dora@"} & {*names} else []
            case ["users", key] if key == KEY and found:
                return 200, found[0]
            case ["apps", app] if app == CLIENT_ID:
                return (403, {}) if self.application is None else (200, self.application)
            case ["apps", app, "users", key] if (app, key) == (CLIENT_ID, KEY):
                if self.application is None:
                    return 403, {}
                return (200, {"id": KEY}) if self.is_assigned else NOT_FOUND
        return NOT_FOUND

    def keycloak(self, parts: list[str], query: dict[str, str]) -> tuple[int, Any]:
        person = {"id": KEY, "username": "dora", "email": DORA, "enabled": True}
        found = [] if self.account is None else [person | self.account]
        match parts:
            case ["users"]:
                assert query["exact"] == "true"
                is_hers = query.get("email") == DORA or query.get("username", "").lower() == "dora"
                return 200, found if is_hers else []
            case ["users", key] if key == KEY and found:
                return 200, found[0]
            case ["attack-detection", "brute-force", "users", key] if key == KEY:
                return 200, {"disabled": self.is_locked, "numFailures": 0}
        return 404, {"error": "User not found"}

    def scim(self, parts: list[str], query: dict[str, str]) -> tuple[int, Any]:
        person = {"id": KEY, "userName": "dora", "emails": [{"value": DORA}], "active": True}
        found = [] if self.account is None else [person | self.account]
        match parts:
            case ["Users"]:
                names = ('userName eq "dora"', f'emails.value eq "{DORA}"')
                here = found if query["filter"].lower() in map(str.lower, names) else []
                return 200, {"totalResults": len(here), "Resources": here}
            case ["Users", key] if key == KEY and found:
                return 200, found[0]
        return 404, {}


def vendor(kind: str, **values: Any) -> Vendor:
    more: dict[str, dict[str, Any]] = {
        "graph": {"name": "Microsoft Entra"},
        "okta": {"name": "Okta", "directory_token": "t0ken"},
        "keycloak": {"name": "Keycloak"},
        "scim": {"name": "Directory", "directory_token": "t0ken"},
    }
    return Vendor(kind, more[kind], **values)


@pytest.fixture
def admin(owner_client: Client) -> Client:
    return owner_client


def connected(cloud: CloudProvider, of: Vendor, **more: Any) -> IdentityProvider:
    """Add the vendor's provider, with live browsing unless told otherwise."""
    cloud.api = of.answer
    values = of.more | more
    match of.kind:
        case "graph":
            issuer = f"{cloud.url}/{ORGANIZATION}/v2.0"
            cloud.discovery = {"issuer": issuer}
            values |= {"directory_url": cloud.url, "issuer": issuer}
        case "keycloak":
            values |= {"directory_url": f"{cloud.url}/admin/realms/acme"}
        case "scim":
            values |= {"directory_url": f"{cloud.url}/api/v2"}
    return added(cloud, of.kind, **values)


def asked(admin: Client, text: str = DORA) -> str:
    return text_of(admin.get(f"/people/why/?who={quote(text)}"))


KINDS = ("graph", "okta", "keycloak", "scim")
REQUIRED = {"id": "app1", "appRoleAssignmentRequired": True}
BLOCKED = [
    (vendor("graph", account={"accountEnabled": False}), "is disabled in Microsoft Entra."),
    (
        vendor("graph", application=REQUIRED, is_assigned=False),
        "is not assigned to the Ramp application in Microsoft Entra.",
    ),
    (vendor("graph", account=None), "is not in Microsoft Entra."),
    (vendor("okta", account={"status": "SUSPENDED"}), "is suspended in Okta."),
    (vendor("okta", account={"status": "LOCKED_OUT"}), "is locked out in Okta."),
    (vendor("okta", account={"status": "DEPROVISIONED"}), "is deactivated in Okta."),
    (vendor("okta", account={"status": "STAGED"}), "has not activated their account in Okta yet."),
    (vendor("okta", account={"status": "PROVISIONED"}), "has not activated their account in Okta"),
    (vendor("okta", account={"status": "PASSWORD_EXPIRED"}), "at Okta has expired."),
    (vendor("okta", account={"status": "RECOVERY"}), "has to choose a new password at Okta first."),
    (vendor("okta", is_assigned=False), "is not assigned to the Ramp application in Okta."),
    (vendor("okta", account=None), "is not in Okta."),
    (vendor("keycloak", account={"enabled": False}), "is disabled in Keycloak."),
    (vendor("keycloak", is_locked=True), "is locked out in Keycloak."),
    (vendor("keycloak", account=None), "is not in Keycloak."),
    (vendor("scim", account={"active": False}), "is disabled in Directory."),
    (vendor("scim", account={"active": "False"}), "is disabled in Directory."),
    (vendor("scim", account=None), "is not in Directory."),
]


@pytest.mark.parametrize(
    ("of", "sentence"), BLOCKED, ids=[f"{of.kind}: {sentence}" for of, sentence in BLOCKED]
)
def test_explains_why_a_person_can_no_longer_sign_in(
    admin: Client, cloud: CloudProvider, of: Vendor, sentence: str
) -> None:
    provider = connected(cloud, of)
    sign_in(provider, claims(of.subject, email=DORA))

    page = asked(admin)

    assert sentence in page
    assert f"{provider} says so now about" in page
    if status := (of.account or {}).get("status"):
        assert f"(status {status})" in page


@pytest.mark.parametrize(
    ("of", "sentence"), BLOCKED, ids=[f"{of.kind}: {sentence}" for of, sentence in BLOCKED]
)
def test_explains_why_an_account_that_never_signed_in_cannot(
    admin: Client, cloud: CloudProvider, of: Vendor, sentence: str
) -> None:
    connected(cloud, of)

    page = asked(admin)

    assert sentence in page
    assert DORA in page


@pytest.mark.parametrize("kind", KINDS)
def test_reports_an_account_that_has_never_signed_in(
    admin: Client, cloud: CloudProvider, kind: str
) -> None:
    provider = connected(cloud, vendor(kind))

    page = admin.get(f"/people/why/?who={DORA}")

    assert f"{DORA} is in {provider}, but has never signed in to Ramp" in text_of(page)
    assert f"/directory/{provider.pk}/person/?id={KEY}" in page.content.decode()


@pytest.mark.parametrize("kind", KINDS)
def test_working_account_has_no_problem(admin: Client, cloud: CloudProvider, kind: str) -> None:
    of = vendor(kind)
    provider = connected(cloud, of)
    sign_in(provider, claims(of.subject, email=DORA))

    page = asked(admin)

    assert "says so now" not in page
    assert f"{provider} has the account dora" in page


@pytest.mark.parametrize("kind", ["okta", "keycloak", "scim"])
def test_finds_an_account_by_login_without_domain(
    admin: Client, cloud: CloudProvider, kind: str
) -> None:
    provider = connected(cloud, vendor(kind))

    assert f"dora is in {provider}, but has never signed in" in asked(admin, "dora")


@pytest.mark.parametrize("kind", ["graph", "okta"])
def test_assignment_is_not_reported_if_applications_cannot_be_read(
    admin: Client, cloud: CloudProvider, kind: str
) -> None:
    connected(cloud, vendor(kind, application=None, is_assigned=False))

    page = asked(admin)

    assert "not assigned" not in page
    assert "has never signed in to Ramp" in page


@pytest.mark.parametrize(
    "of",
    [
        vendor("graph", application=REQUIRED | {"appRoleAssignmentRequired": False}),
        vendor("okta", application={"settings": {"implicitAssignment": True}}),
    ],
    ids=lambda one: one.kind,
)
def test_application_without_required_assignment_has_no_problem(
    admin: Client, cloud: CloudProvider, of: Vendor
) -> None:
    of.is_assigned = False
    connected(cloud, of)

    assert "not assigned" not in asked(admin)


@pytest.mark.parametrize("browsing", ["off", "cached_only"])
@pytest.mark.parametrize("kind", KINDS)
def test_directory_is_asked_only_with_live_browsing(
    admin: Client, cloud: CloudProvider, kind: str, browsing: str
) -> None:
    of = vendor(kind, account=None)
    provider = connected(cloud, of, directory_browsing=browsing)
    sign_in(provider, claims(of.subject, email=DORA))

    assert "is not in" not in asked(admin)
    assert of.asked == []


@pytest.mark.parametrize("kind", KINDS)
def test_page_reports_a_directory_that_is_down(
    admin: Client, cloud: CloudProvider, kind: str
) -> None:
    provider = connected(cloud, vendor(kind))
    cloud.api = lambda *_: (503, {})

    page = asked(admin)

    assert f"{provider} could not be asked" in page
    assert "returned status 503" in page


def test_reports_missing_permissions_of_the_token(admin: Client, cloud: CloudProvider) -> None:
    connected(cloud, vendor("okta"))
    cloud.api = lambda *_: (401, {"errorCode": "E0000011"})

    assert "Ramp does not have the required permissions there" in asked(admin)


def test_reports_that_no_api_is_chosen(admin: Client, cloud: CloudProvider) -> None:
    added(cloud, "", name="Auth0")

    assert "Auth0 has no API for live browsing. Choose one in its settings." in asked(admin)


def test_requests_to_the_directory_are_rate_limited(admin: Client, cloud: CloudProvider) -> None:
    connected(cloud, vendor("scim"))
    with time_machine.travel(timezone.now(), tick=False):
        for _ in range(60):
            assert "has the account dora" in asked(admin)

        assert "Too many requests to Directory" in asked(admin)


def test_fixed_account_is_shown_at_once(admin: Client, cloud: CloudProvider) -> None:
    of = vendor("okta", account={"status": "SUSPENDED"})
    provider = connected(cloud, of)
    sign_in(provider, claims(of.subject, email=DORA))
    assert "is suspended in Okta" in asked(admin)

    of.account = {"status": "ACTIVE"}

    assert "is suspended in Okta" not in asked(admin)


@pytest.mark.parametrize(
    ("kind", "is_said"), [("graph", True), ("okta", True), ("keycloak", False), ("scim", False)]
)
def test_new_account_with_the_same_address_is_not_the_old_account(
    admin: Client, cloud: CloudProvider, kind: str, *, is_said: bool
) -> None:
    """Not for Keycloak, whose subjects may be pairwise, nor for SCIM, whose ids are no subjects."""
    of = vendor(kind)
    provider = connected(cloud, of)
    sign_in(provider, claims(of.subject.replace(KEY, "00u0gone"), email=DORA))

    assert (f"is not in {provider}." in asked(admin)) is is_said


def test_results_of_a_server_that_ignores_filters_are_discarded(
    admin: Client, cloud: CloudProvider
) -> None:
    connected(cloud, vendor("scim"))
    other = {"id": "u2", "userName": "olaf", "active": False}
    cloud.api = lambda *_: (200, {"totalResults": 1, "Resources": [other]})

    page = asked(admin)

    assert "returns other people for the filter “userName eq”" in page
    assert "is disabled" not in page


def test_finds_an_account_by_its_second_address(admin: Client, cloud: CloudProvider) -> None:
    first, second = {"value": "dora@old.example", "primary": True}, {"value": DORA.upper()}
    connected(cloud, vendor("scim", account={"emails": [first, second]}))

    assert "has the account dora" in asked(admin)


@pytest.mark.parametrize("kind", ["okta", "keycloak", "scim"])
def test_account_whose_login_is_the_given_name_is_not_matched(
    admin: Client, cloud: CloudProvider, kind: str
) -> None:
    """The account dora does not belong to Dora Newman."""
    connected(cloud, vendor(kind, account={"enabled": False, "active": False, "status": "STAGED"}))
    core.person(email="newman@acme.example", given_name="Dora", family_name="Newman")

    page = asked(admin, "Dora")

    assert "Dora Newman" in page
    assert "says so now" not in page


def test_all_directories_together_stay_within_the_time_limit(
    admin: Client, cloud: CloudProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live_standing, "MAX_SECONDS", 0.4)
    connected(cloud, vendor("scim"), name="First")
    connected(cloud, vendor("scim"), name="Second")
    is_over = threading.Event()
    cloud.api = lambda *_: (200, {"late": is_over.wait(10)})

    page = asked(admin)

    is_over.set()
    assert "did not respond in the time that Ramp allows for this page" in page
    assert "Second could not be asked: The other directories took too long to answer." in page
