"""Providers with a directory behind an API: small servers that answer in a vendor's shapes."""

from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from people.values import Actor
from provisioning.directory import Directory, directory_of
from provisioning.models import IdentityProvider
from provisioning.providers import config, manage
from tests.services.fake_openid import CLIENT_ID, CLIENT_SECRET, OpenIdProvider

ORGANIZATION = "1a2b3c4d-0000-4000-8000-000000000001"


class CloudProvider(OpenIdProvider):
    """An OpenID provider with a directory API; `seen` is what it was asked."""

    api: Callable[[str, dict[str, str], Any], tuple[int, Any]]

    def answer(self, path: str, form: Any, headers: Any) -> tuple[int, Any]:
        for name in (ORGANIZATION, "organizations"):
            path = path.removeprefix(f"/{name}/v2.0")
        if path == "/token" and form.get("grant_type") == "client_credentials":
            good = form.get("client_secret") == CLIENT_SECRET
            return (200, {"access_token": "at", "expires_in": 300}) if good else (401, {})
        if path.startswith(("/v1.0", "/api", "/admin")):
            query = parse_qs(urlsplit(self.asked_for).query)
            return self.api(
                unquote(path), {name: value[0] for name, value in query.items()}, headers
            )
        return super().answer(path, form, headers)


def browsing(cloud: OpenIdProvider, kind: str, **values: Any) -> Directory:
    directory = directory_of(added(cloud, kind, **values))
    assert directory
    return directory


def added(cloud: OpenIdProvider, kind: str, **values: Any) -> IdentityProvider:
    document = {
        "kind": "oidc",
        "name": kind,
        "issuer": cloud.url,
        "client_id": CLIENT_ID,
        "client_secret": CLIENT_SECRET,
        "directory_browsing": "live",
        "directory_kind": kind,
    }
    definition = config.read(document | values)
    return manage.add_provider(definition, actor=Actor("command", "tests"))
