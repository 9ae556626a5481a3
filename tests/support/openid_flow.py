"""Going through an OpenID provider as a browser does."""

from typing import Any

from django.test import Client

from people import tenancy
from people.models import Person, Tenant
from people.values import Actor
from provisioning.models import IdentityProvider, SignInAttempt
from provisioning.providers import config, manage
from tests.services.fake_openid import CLIENT_ID, CLIENT_SECRET, OpenIdProvider

# Who signs in, as long as no test says otherwise.
ADA = {
    "sub": "ada",
    "email": "ada@acme.example",
    "email_verified": True,
    "given_name": "Ada",
    "family_name": "Lovelace",
}


def connected(tenant: Tenant, openid: OpenIdProvider, **values: Any) -> IdentityProvider:
    definition = config.read(
        {
            "kind": "oidc",
            "name": "Corp",
            "issuer": openid.url,
            "client_id": CLIENT_ID,
            "client_secret": CLIENT_SECRET,
        }
        | values
    )
    with tenancy.use(tenant):
        return manage.add_provider(definition, actor=Actor("command", "tests"))


def begun(client: Client, provider: IdentityProvider, query: str = "") -> str:
    """Begin in this browser; return the provider's page that it is sent to."""
    response = client.get(f"/sign-in/acme/{provider.pk}/{query}")
    assert response.status_code == 302, response.content
    return str(response["Location"])


def sign_in(client: Client, provider: IdentityProvider, openid: OpenIdProvider) -> Any:
    back = openid.authorize(begun(client, provider))
    return client.get(back.removeprefix("http://127.0.0.1:8000"))


def is_in(client: Client) -> bool:
    return bool(client.get("/home/").status_code == 200)


def the_attempt() -> SignInAttempt:
    with tenancy.across_tenants():
        return SignInAttempt.objects.latest("pk")


def people() -> list[str]:
    with tenancy.across_tenants():
        return list(Person.objects.values_list("email", flat=True))
