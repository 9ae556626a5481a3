"""Requests, authentication and paging for directories behind an HTTP API."""

import hashlib
import json
from collections.abc import Collection
from typing import Any
from urllib.parse import quote, urlencode

from django.core.cache import cache

from people.net import safe_http
from people.net.safe_http import HttpAnswer, OutboundError
from provisioning.claims import Group
from provisioning.directory.base import (
    AccountProblem,
    DirectoryFailed,
    DirectoryPerson,
    Standing,
)
from provisioning.models import IdentityProvider
from provisioning.oidc import discovery
from provisioning.providers import manage
from provisioning.providers.config import OidcSettings, settings_of
from provisioning.providers.restrictions import SHARED_DIRECTORIES

Json = dict[str, Any]
Parameters = dict[str, str | int]


class Api:
    """An API at a base URL, with headers for each request."""

    def __init__(self, base: str, headers: dict[str, str]) -> None:
        self.base, self.headers = base.rstrip("/"), headers

    def get(self, path: str, **parameters: str | int) -> HttpAnswer | None:
        """Return the response; None for status 404.

        :raises DirectoryFailed: if the request fails, or for any other status than 200.
        """
        query = f"?{urlencode(parameters)}" if parameters else ""
        try:
            answer = safe_http.fetch(f"{self.base}{path}{query}", headers=self.headers)
        except OutboundError as error:
            raise DirectoryFailed(error.code, str(error)) from error
        if answer.status == 404:
            return None
        if answer.status in (401, 403):
            raise DirectoryFailed(
                "directory-refused",
                f"{self.base} returned status {answer.status}. Ramp does not have the "
                "required permissions there.",
            )
        if answer.status == 429:
            raise DirectoryFailed("too-often", f"Too many requests to {self.base}. Wait a minute.")
        if answer.status != 200:
            raise DirectoryFailed("not-ok", f"{self.base} returned status {answer.status}.")
        return answer

    def json(self, path: str, **parameters: str | int) -> Any:
        answer = self.get(path, **parameters)
        return read(answer) if answer else None


class ApiDirectory:
    """What the directories behind an API have in common: how the standing of an account is found.

    A subclass says how to find accounts.
    """

    is_live = True
    subject_is_id = True

    def standing(self, subject: str, names: Collection[str]) -> Standing | None:
        key = self.key_of(subject) if subject else ""
        person = self.person(key) if key else None
        if key and person is None and self.subject_is_id:
            return Standing(AccountProblem.NOT_THERE)
        for name in () if person else names:
            found = {one.id: one for one in self.named(name)}
            if len(found) > 1:
                raise DirectoryFailed("ambiguous", f"Several accounts are named {name}.")
            person = next(iter(found.values()), None)
            if person:
                break
        if person is None:
            return None
        problem = person.problem or self.further_problem(person)
        return Standing(problem, person, person.login or person.id)

    def key_of(self, subject: str) -> str:
        """Return the id of the account with this subject; blank if it is not of this directory."""
        return subject

    def person(self, key: str) -> DirectoryPerson | None:
        raise NotImplementedError

    def named(self, name: str) -> list[DirectoryPerson]:
        """Return the accounts with exactly this login name or address."""
        raise NotImplementedError

    def further_problem(self, person: DirectoryPerson) -> str:
        """Return a problem of the account that takes more requests to find; blank if none."""
        return ""


def read(answer: HttpAnswer) -> Any:
    """Return the JSON of a response.

    :raises DirectoryFailed: if it is not JSON.
    """
    try:
        return answer.json()
    except OutboundError as error:
        raise DirectoryFailed(error.code, str(error)) from error


def segment(key: str) -> str:
    """Return the key quoted as one segment of a path."""
    return quote(key, safe="")


def text(resource: Json, *names: str) -> str:
    """Return the first of the attributes that is text; blank if there is none."""
    return next((resource[name] for name in names if isinstance(resource.get(name), str)), "")


def objects(value: Any) -> list[Json]:
    """Return the JSON objects in the list; nothing for any other value."""
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def named_group(answer: Json) -> Group:
    """Return the group of a resource with `id` and `displayName`."""
    return Group(text(answer, "id"), text(answer, "displayName", "id"))


def client_token(provider: IdentityProvider, scope: str = "", tenant: str = "") -> str:
    """Return an access token by the client credentials grant (RFC 6749 section 4.4).

    :param tenant: the Entra organization, in place of that in an endpoint for several of them.
    :raises DirectoryFailed: if the provider does not issue one.
    """
    settings: OidcSettings = settings_of(provider)
    secret = manage.secret_of(provider)
    # A token must not be reused after a change of the client or the URL.
    request = json.dumps([provider.settings, provider.secret, tenant, scope], sort_keys=True)
    key = f"directory-token:{provider.pk}:{hashlib.sha256(request.encode()).hexdigest()}"
    if known := cache.get(key):
        return str(known)
    form = {
        "grant_type": "client_credentials",
        "client_id": settings.client_id,
        "client_secret": secret,
    } | ({"scope": scope} if scope else {})
    try:
        url = discovery.endpoints_of(settings.issuer).token
        for name in SHARED_DIRECTORIES if tenant else ():
            # Entra issues a client's own tokens only for one organization.
            url = url.replace(f"/{name}/", f"/{tenant}/", 1)
        answer = safe_http.fetch(url, method="POST", form=form)
        document = answer.json()
    except OutboundError as error:
        raise DirectoryFailed(error.code, str(error)) from error
    token = document.get("access_token") if isinstance(document, dict) else None
    if answer.status != 200 or not isinstance(token, str):
        raise DirectoryFailed(
            "directory-refused",
            f"{provider} did not issue a token for its directory. Allow the client "
            "credentials grant for the Ramp client.",
        )
    lifetime = document.get("expires_in")
    seconds = min(lifetime, 600) if isinstance(lifetime, int) else 60
    # Half of the lifetime, so that a cached token never expires during its use.
    cache.set(key, token, seconds // 2)
    return token
