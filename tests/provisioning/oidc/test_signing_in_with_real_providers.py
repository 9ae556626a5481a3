"""Sign-in with OpenID providers that are not part of Ramp."""

import json
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

import httpx
import pytest

from tests.canaille import CanailleOpenId
from tests.clients.browserless import Visitor
from tests.django_oauth_toolkit import DjangoOauthToolkit
from tests.lemonldap import LemonLdap
from tests.oidc_provider import OidcProvider
from tests.services.server import Server

MAP = """
from people import tenancy
from people.models import Person, Tenant
from provisioning.models import IdentityProvider
from tests.support.sign_in_flow import mapping
with tenancy.use(Tenant.objects.get(slug="{tenant}")):
    mapping(IdentityProvider.objects.get(), "finance", Person.Role.BOOKKEEPER)
"""
CHANGE = """
import json
from people import tenancy
from people.models import Tenant
from people.values import Actor
from provisioning.models import IdentityProvider
from provisioning.providers import config, manage
with tenancy.use(Tenant.objects.get(slug="{tenant}")):
    manage.change_provider(
        IdentityProvider.objects.get(),
        config.read(json.loads({document!r})),
        is_enabled=True,
        actor=Actor("command", "tests"),
    )
"""
ATTEMPT = """
from people import tenancy
from people.models import Tenant
from provisioning.models import SignInAttempt
with tenancy.use(Tenant.objects.get(slug="{tenant}")):
    print(SignInAttempt.objects.latest("pk").detail)
"""
OpenId = OidcProvider | CanailleOpenId | DjangoOauthToolkit | LemonLdap
PEOPLE = """
import json
from people import tenancy
from people.models import Person, Tenant
with tenancy.use(Tenant.objects.get(slug="{tenant}")):
    people = Person.objects.filter(email="{email}")
    print(json.dumps(list(people.values("given_name", "family_name", "role"))))
"""
ADA = {
    "email": "ada@acme.example",
    "email_verified": True,
    "given_name": "Ada",
    "family_name": "Lovelace",
}


@dataclass
class Corp:
    """A tenant whose people sign in through a provider."""

    server: Server
    openid: OpenId
    tenant: str
    document: dict[str, Any]
    sign_in_url: str

    def person(self, email: str) -> list[dict[str, Any]]:
        code = PEOPLE.format(tenant=self.tenant, email=email)
        people: list[dict[str, Any]] = json.loads(
            self.server.manage("shell", "-c", code).splitlines()[-1]
        )
        return people

    def change(self, **values: Any) -> None:
        """Change the settings of the provider in Ramp."""
        document = json.dumps(self.document | values)
        self.server.manage("shell", "-c", CHANGE.format(tenant=self.tenant, document=document))

    def latest_attempt(self) -> str:
        """Return the detail of the latest sign-in in the provider log."""
        result = self.server.manage("shell", "-c", ATTEMPT.format(tenant=self.tenant))
        return result.splitlines()[-1]

    def sign_in(self, visitor: Visitor, login: str) -> httpx.Response:
        """Fill in the pages of the provider until it redirects to Ramp."""
        values = {"login": login, "password": "correct horse"}
        if isinstance(self.openid, LemonLdap):
            values = {"user": login, "password": login}
        page = visitor.get(self.sign_in_url)
        while str(page.url).startswith(self.openid.issuer):
            page = visitor.fill_in(page, **values)
        return page

    def sign_out(self, visitor: Visitor) -> httpx.Response:
        page = visitor.get(f"{self.server.url}/home/")
        page = visitor.fill_in(page, "/sign-out/")
        while str(page.url).startswith(self.openid.issuer):
            page = visitor.fill_in(page, logout="yes")
        return page


@pytest.fixture(scope="module", params=get_args(OpenId))
def openid(request: pytest.FixtureRequest) -> Iterator[OpenId]:
    service: OpenId = request.param()
    service.introduce("ada", **ADA, groups=["finance"])
    yield service
    service.stop()


@pytest.fixture(scope="module")
def corp(server: Server, openid: OpenId, tmp_path_factory: pytest.TempPathFactory) -> Corp:
    tenant = f"tenant-{secrets.token_hex(4)}"
    owner = ("--owner-email", f"owner@{tenant}.example.com", "--owner-password", "correct horse")
    server.manage("create_tenant", tenant, "--name", "Acme", *owner)
    file: Path = tmp_path_factory.mktemp("provider") / "provider.json"
    document = openid.register()
    file.write_text(json.dumps(document))
    content = json.loads(server.manage("add_identity_provider", tenant, "--file", str(file)))
    openid.enter(content)
    server.manage("shell", "-c", MAP.format(tenant=tenant))
    return Corp(server, openid, tenant, document, content["sign_in_url"])


def is_in(visitor: Visitor, corp: Corp) -> bool:
    return visitor.get(f"{corp.server.url}/home/").url.path == "/home/"


def test_adds_the_person_with_the_mapped_role(corp: Corp) -> None:
    with Visitor() as visitor:
        page = corp.sign_in(visitor, "ada")

        assert page.url.path == "/home/", page.text
    assert corp.person("ada@acme.example") == [
        {"given_name": "Ada", "family_name": "Lovelace", "role": "BUSINESS_BOOKKEEPER"}
    ]


def test_leaving_a_group_revokes_its_role(corp: Corp) -> None:
    bob = {"given_name": "Bob", "family_name": "Builder", "email": "bob@acme.example"}
    corp.openid.introduce("bob", **bob, groups=["finance", "staff"])
    with Visitor() as visitor:
        corp.sign_in(visitor, "bob")
    corp.openid.introduce("bob", **bob, groups=["staff"])

    with Visitor() as visitor:
        assert corp.sign_in(visitor, "bob").url.path == "/home/"

    [found] = corp.person("bob@acme.example")
    assert found["role"] == "BUSINESS_USER"


def test_signing_out_ends_the_session_at_the_provider(corp: Corp) -> None:
    with Visitor() as visitor:
        corp.sign_in(visitor, "ada")

        page = corp.sign_out(visitor)

        assert page.url == f"{corp.server.url}/sign-in/{corp.tenant}/"
        assert not is_in(visitor, corp)
        assert str(visitor.get(corp.sign_in_url).url).startswith(corp.openid.issuer)


# Canaille mixes up the codes of a client after one of them was not exchanged.
@pytest.mark.parametrize("openid", [OidcProvider, DjangoOauthToolkit, LemonLdap], indirect=True)
def test_wrong_client_secret_fails_and_is_logged(corp: Corp) -> None:
    corp.change(client_secret="wrong")
    with Visitor() as visitor:
        page = corp.sign_in(visitor, "ada")

        assert not is_in(visitor, corp)
    corp.change()

    assert page.status_code == 400
    assert "Sign-in failed" in page.text
    assert corp.latest_attempt().endswith("Check the client ID and client secret.")


# The other providers do not support back-channel logout.
@pytest.mark.parametrize("openid", [OidcProvider], indirect=True)
def test_back_channel_logout_ends_only_the_session_it_names(
    corp: Corp, openid: OidcProvider
) -> None:
    with Visitor() as visitor, Visitor() as elsewhere:
        corp.sign_in(visitor, "ada")
        corp.sign_in(elsewhere, "ada")

        openid.sign_out(visitor)

        assert not is_in(visitor, corp)
        assert is_in(elsewhere, corp)
