"""Restrictions on who may sign in through a provider."""

import json
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from people.mail.confirmation_links import latest_request
from people.models import Mail, Person, Tenant
from people.operations import email_changes
from people.operations.invites import lifecycle
from people.values import Actor
from provisioning.claims import UNKNOWN, Claims, Group, Groups
from provisioning.models import IdentityProvider, SignInAttempt
from provisioning.providers.restrictions import OPEN_HOSTS
from provisioning.sign_in.errors import SignInRefused
from provisioning.sign_in.sign_in import SignInContext, sign_in
from tests.clients.pages import signed_in, text_of
from tests.factories import core
from tests.services.fake_openid import OpenIdProvider
from tests.support import sign_in_flow
from tests.support.openid_flow import connected, is_in
from tests.support.openid_flow import sign_in as sign_in_through
from tests.support.sign_in_flow import claims, groups

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("in_acme")]

GOOGLE = {"issuer": "https://accounts.google.com", "client_id": "ramp"}
OPEN = [
    *(f"https://{host}" for host in sorted(OPEN_HOSTS)),
    "https://login.microsoftonline.com/common/v2.0",
    "https://login.microsoftonline.com/organizations/v2.0",
    "https://login.microsoftonline.com/consumers/v2.0",
    "https://login.microsoftonline.com/9188040d-6c67-4c5b-b112-36a304b66dad/v2.0",
    "HTTPS://Accounts.Google.com/",
]
RESTRICTIONS = {
    "email_domains": "acme.example",
    "hosted_domains": "acme.example",
    "entra_tenants": "11111111-2222-3333-4444-555555555555",
    "required_group": "staff",
    "required_claim": "department=Sales",
}


@pytest.fixture
def olga(in_acme: None) -> Person:
    return core.owner(email="olga@acme.example")


def google(**fields: Any) -> IdentityProvider:
    return sign_in_flow.provider("Google", settings=GOOGLE, **fields)


def restricted(**admission: Any) -> IdentityProvider:
    return sign_in_flow.provider("Corp", settings=sign_in_flow.OIDC, admission=admission)


def stranger(**values: Any) -> Claims:
    usual = {"email": "eve@gmail.example", "is_email_verified": True}
    return claims("eve", values.pop("groups", UNKNOWN), **usual | values)


def refusal_of(
    provider: IdentityProvider, given_claims: Claims, asking: SignInContext | None = None
) -> str:
    """Return the reason of the refusal; blank if the sign-in succeeds."""
    try:
        sign_in(provider, given_claims, asking or SignInContext())
    except SignInRefused:
        return SignInAttempt.objects.latest("pk").reason
    return ""


ADMITTED: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({"email_domains": ["acme.example"]}, {"email": "eve@acme.example"}),
    ({"email_domains": ["x.example", "ACME.example"]}, {"email": "eve@Acme.Example"}),
    ({"email_domains": ["acme.example"]}, {"email": "e@acme.example", "is_email_verified": None}),
    ({"hosted_domains": ["acme.example"]}, {"text_claims": {"hd": "acme.example"}}),
    ({"entra_tenants": ["T1"]}, {"text_claims": {"tid": "t1"}}),
    ({"required_group": "staff"}, {"groups": groups("staff", "chess")}),
    ({"required_group": "6b1f"}, {"groups": Groups(frozenset({Group("6b1f", "Staff")}))}),
    ({"required_claim": "department = Sales"}, {"text_claims": {"department": "Sales"}}),
    (
        {"hosted_domains": ["acme.example"], "required_group": "staff"},
        {"text_claims": {"hd": "acme.example"}, "groups": groups("staff")},
    ),
]
NOT_ADMITTED: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({"email_domains": ["acme.example"]}, {}),
    ({"email_domains": ["acme.example"]}, {"email": "eve@evil.acme.example"}),
    ({"email_domains": ["acme.example"]}, {"email": "eve@acme.example.evil.example"}),
    ({"email_domains": ["acme.example"]}, {"email": "acme.example"}),
    ({"email_domains": ["acme.example"]}, {"email": ""}),
    ({"email_domains": ["acme.example"]}, {"email": "e@acme.example", "is_email_verified": False}),
    ({"hosted_domains": ["acme.example"]}, {"email": "eve@acme.example"}),
    ({"hosted_domains": ["acme.example"]}, {"text_claims": {"hd": "gmail.example"}}),
    ({"entra_tenants": ["t1"]}, {"text_claims": {"tid": "t2"}}),
    ({"required_group": "staff"}, {"groups": groups()}),
    ({"required_group": "staff"}, {"groups": groups("Staff")}),
    ({"required_group": "staff"}, {"groups": UNKNOWN}),
    ({"required_group": "Staff"}, {"groups": Groups(frozenset({Group("e711", "Staff")}))}),
    ({"required_claim": "department=Sales"}, {"text_claims": {"department": "Sales "}}),
    ({"required_claim": "department=Sales"}, {}),
    ({"hosted_domains": ["acme.example"], "required_group": "staff"}, {"groups": groups("staff")}),
]


@pytest.mark.parametrize(("admission", "values"), ADMITTED)
def test_account_that_meets_all_restrictions_is_admitted(
    olga: Person, admission: dict[str, Any], values: dict[str, Any]
) -> None:
    assert refusal_of(restricted(**admission), stranger(**values)) == ""


@pytest.mark.parametrize(("admission", "values"), NOT_ADMITTED)
def test_account_that_misses_a_restriction_is_refused(
    olga: Person, admission: dict[str, Any], values: dict[str, Any]
) -> None:
    corp = restricted(**admission)
    invited = core.person(email="invited@acme.example", state=Person.State.INVITED)
    lifecycle.issue_invite(invited, actor=olga.actor)
    asking = SignInContext(invite=invited.invites.get())

    assert refusal_of(corp, stranger(**values)) == "not-admitted"
    assert refusal_of(corp, stranger(**values), asking) == "not-admitted"
    assert SignInAttempt.objects.latest("pk").detail.endswith("or change the account at Corp.")
    assert set(Person.objects.all()) == {olga, invited}


def test_restriction_applies_to_existing_people(olga: Person) -> None:
    corp = restricted()
    ada = sign_in_flow.come_in(corp)
    IdentityProvider.objects.update(admission={"required_group": "staff"})
    corp.refresh_from_db()

    assert refusal_of(corp, claims("ada", groups("chess"))) == "not-admitted"
    assert refusal_of(corp, claims("ada", groups("staff"))) == ""
    assert SignInAttempt.objects.latest("pk").person == ada


def test_only_the_log_names_the_missing_claim(
    olga: Person, openid: OpenIdProvider, acme: Tenant
) -> None:
    corp = connected(acme, openid, restrict_to={"hosted_domains": ["acme.example"]})
    visitor = Client()

    page = sign_in_through(visitor, corp, openid)
    log = text_of(signed_in(olga).get("/tenants/acme/log/"))

    assert page.status_code == 403
    assert "is not allowed to sign in here" in text_of(page)
    assert not is_in(visitor)
    assert "The claim “hd” is “”. Allowed: “acme.example”." in log


# Providers at which anyone can create an account


def document(issuer: str, **values: Any) -> dict[str, Any]:
    usual = {"kind": "oidc", "name": "Open", "client_id": "ramp", "client_secret": "s"}
    return usual | {"issuer": issuer} | values


def add(folder: Path, values: dict[str, Any]) -> None:
    file = folder / "provider.json"
    file.write_text(json.dumps(values))
    call_command("add_identity_provider", "acme", "--file", str(file))


@pytest.mark.parametrize("issuer", OPEN)
def test_command_requires_a_restriction_for_an_open_issuer(tmp_path: Path, issuer: str) -> None:
    with pytest.raises(CommandError, match="Anyone can create an account at this issuer"):
        add(tmp_path, document(issuer))

    assert not IdentityProvider.objects.exists()


@pytest.mark.parametrize("name", RESTRICTIONS)
def test_one_restriction_is_enough_for_an_open_issuer(tmp_path: Path, name: str) -> None:
    value = RESTRICTIONS[name]
    restriction = value if name.startswith("required") else [value]

    add(tmp_path, document("https://accounts.google.com", restrict_to={name: restriction}))

    assert IdentityProvider.objects.get().admission[name] == restriction


@pytest.mark.parametrize("name", RESTRICTIONS)
@pytest.mark.parametrize("directory", ["common", "organizations"])
def test_multi_tenant_entra_issuer_requires_a_list_of_organizations(
    tmp_path: Path, directory: str, name: str
) -> None:
    """Another organization can send any addresses, groups and claims."""
    value = RESTRICTIONS[name]
    restriction = {name: value if name.startswith("required") else [value]}
    issuer = f"https://login.microsoftonline.com/{directory}/v2.0"

    if name == "entra_tenants":
        add(tmp_path, document(issuer, restrict_to=restriction))
    else:
        with pytest.raises(CommandError, match="Enter the Entra directory"):
            add(tmp_path, document(issuer, restrict_to=restriction))


@pytest.mark.parametrize(
    "restrict_to",
    [
        *("x", ["x"], {"domains": ["x"]}, {"email_domains": "x"}, {"required_group": ["x"]}),
        *({"required_claim": "x"}, {"required_claim": "=x"}, {"required_claim": "x="}),
    ],
    ids=str,
)
def test_malformed_restriction_is_refused(tmp_path: Path, restrict_to: Any) -> None:
    with pytest.raises(CommandError, match="must "):
        add(tmp_path, document("https://id.example", restrict_to=restrict_to))


@pytest.mark.parametrize("name", RESTRICTIONS)
def test_form_requires_a_restriction_for_an_open_issuer(olga: Person, name: str) -> None:
    client, address = signed_in(olga), "/tenants/acme/auth-providers/add/google/"
    form = {
        "name": "Google",
        "issuer": "https://accounts.google.com",
        "client_id": "ramp",
        "client_secret": "s",
        "scopes": "openid",
        "groups_claim": "groups",
        "browsing": "off",
    }

    page = text_of(client.post(address, form))
    client.post(address, form | {name: RESTRICTIONS[name]})

    assert "Anyone can create an account at this issuer" in page
    provider = IdentityProvider.objects.get()
    assert provider.admission[name] in (RESTRICTIONS[name], [RESTRICTIONS[name]])
    shown = client.get(f"/tenants/acme/auth-providers/{provider.pk}/").content.decode()
    assert f'value="{RESTRICTIONS[name]}"' in shown


def test_google_preset_asks_for_the_workspace_domain(olga: Person) -> None:
    page = text_of(signed_in(olga).get("/tenants/acme/auth-providers/add/google/"))

    assert "Google Workspace domains" in page
    assert "Anyone can create a Google account" in page


def test_unrestricted_open_provider_adds_no_people(olga: Person) -> None:
    provider = google()
    ada = core.person(email="ada@acme.example")
    sign_in_flow.identity(provider, ada)

    assert refusal_of(provider, stranger()) == "provider-unrestricted"
    assert refusal_of(provider, claims(f"subject of {ada.email}")) == ""
    page = text_of(signed_in(olga).get(f"/tenants/acme/auth-providers/{provider.pk}/"))
    assert "so it does not add new people" in page


def test_open_provider_must_verify_the_address_for_a_domain_restriction(olga: Person) -> None:
    provider = google(admission={"email_domains": ["acme.example"]})
    values = {"email": "eve@acme.example"}

    assert refusal_of(provider, stranger(**values, is_email_verified=None)) == "not-admitted"
    assert refusal_of(provider, stranger(**values, is_email_verified=True)) == ""


# Addresses that the provider has not verified


def test_unverified_address_is_refused_by_default(olga: Person) -> None:
    corp = sign_in_flow.provider("Corp", settings=sign_in_flow.OIDC)
    unverified = stranger(is_email_verified=False)

    assert refusal_of(corp, unverified) == "unverified-email"


def test_allowed_unverified_address_is_pending_until_confirmed(olga: Person) -> None:
    corp = sign_in_flow.provider("Corp", settings=sign_in_flow.OIDC, adds_unverified=True)

    eve = sign_in(corp, stranger(is_email_verified=False)).person

    assert eve
    assert (eve.email, eve.pending_email) == ("", "eve@gmail.example")
    assert list(Mail.objects.values_list("kind", "to")) == [
        (Mail.Kind.CONFIRM_ADDRESS, "eve@gmail.example")
    ]
    request = latest_request(eve)
    assert request
    email_changes.confirm_address(request, actor=Actor("person", "eve@gmail.example"))
    assert Person.objects.get(pk=eve.pk).email == "eve@gmail.example"


def test_unverified_address_of_an_existing_person_is_refused(olga: Person) -> None:
    corp = sign_in_flow.provider("Corp", settings=sign_in_flow.OIDC, adds_unverified=True)
    result = stranger(email="olga@acme.example", is_email_verified=False)

    assert refusal_of(corp, result) == "email-taken"


def test_pages_show_a_person_without_a_confirmed_address(olga: Person) -> None:
    corp = sign_in_flow.provider("Corp", settings=sign_in_flow.OIDC, adds_unverified=True)
    eve = sign_in(corp, stranger(is_email_verified=False)).person
    assert eve
    client = signed_in(olga)

    for page in ("/people/", f"/people/{eve.pk}/", f"/people/{eve.pk}/edit/"):
        assert client.get(page).status_code == 200
    assert signed_in(eve).get("/home/").status_code == 200
