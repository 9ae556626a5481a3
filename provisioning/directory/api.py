"""Requests, authentication and paging for directories behind an HTTP API."""

import hashlib
import json
from typing import Any
from urllib.parse import quote, urlencode

from django.core.cache import cache

from provisioning.directory.base import DirectoryFailed
from provisioning.models import IdentityProvider
from provisioning.net import safe_http
from provisioning.net.safe_http import HttpAnswer, OutboundError
from provisioning.oidc import discovery
from provisioning.providers import manage
from provisioning.providers.config import OidcSettings, settings_of

Json = dict[str, Any]


class Api:
    """An API at a base address; each request carries the headers."""

    def __init__(self, base: str, headers: dict[str, str]) -> None:
        self.base, self.headers = base.rstrip("/"), headers

    def get(self, path: str, **parameters: str | int) -> HttpAnswer | None:
        """Return the answer; None where there is nothing of that name.

        :raises DirectoryFailed: if it is no good one.
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


def read(answer: HttpAnswer) -> Any:
    """Return the JSON of an answer.

    :raises DirectoryFailed: if it is none.
    """
    try:
        return answer.json()
    except OutboundError as error:
        raise DirectoryFailed(error.code, str(error)) from error


def segment(key: str) -> str:
    """Return the key as one segment of a path, whatever it holds."""
    return quote(key, safe="")


def text(said: Json, *names: str) -> str:
    """Return the first of the attributes that is text."""
    return next((said[name] for name in names if isinstance(said.get(name), str)), "")


def objects(said: Any) -> list[Json]:
    return [one for one in said if isinstance(one, dict)] if isinstance(said, list) else []


def client_token(provider: IdentityProvider, token_url: str = "", scope: str = "") -> str:
    """Return an access token of the provider's own client (RFC 6749 section 4.4).

    :raises DirectoryFailed: if the provider gives none.
    """
    settings: OidcSettings = settings_of(provider)
    secret = manage.secret_of(provider)
    # What one client and address obtained is not shown to another.
    told = json.dumps([provider.settings, provider.secret, token_url, scope], sort_keys=True)
    key = f"directory-token:{provider.pk}:{hashlib.sha256(told.encode()).hexdigest()}"
    if known := cache.get(key):
        return str(known)
    form = {
        "grant_type": "client_credentials",
        "client_id": settings.client_id,
        "client_secret": secret,
    } | ({"scope": scope} if scope else {})
    try:
        url = token_url or discovery.endpoints_of(settings.issuer).token
        answer = safe_http.fetch(url, method="POST", form=form)
        said = answer.json()
    except OutboundError as error:
        raise DirectoryFailed(error.code, str(error)) from error
    token = said.get("access_token") if isinstance(said, dict) else None
    if answer.status != 200 or not isinstance(token, str):
        raise DirectoryFailed(
            "directory-refused",
            f"{provider} did not issue a token for its directory. Allow the client "
            "credentials grant for the Ramp client.",
        )
    cache.set(key, token, min(int(said.get("expires_in") or 60), 600) // 2)
    return token
