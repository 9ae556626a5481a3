"""Which issuer or directory vouches for a provider's subjects, and where its secrets may go.

A subject means somebody only together with its authority: "1" at another issuer is another
person. A secret is kept with the address that it was entered for. Both are derived from the
settings here and stored beside them, so that a later change of the settings is noticed.
"""

import re
from typing import Any
from urllib.parse import urlsplit

from django.db.models import F

from people.values import normalize_key
from provisioning.models import IdentityProvider
from provisioning.providers.directory_apis import DIRECTORY_APIS

Kind = IdentityProvider.Kind


def authority_of(provider: IdentityProvider) -> str:
    """Return the issuer or directory that the settings name now.

    For LDAP that is the server, the base DN, and the subject's attribute if it is not the
    usual one; for Windows the realms and the directory that knows their people.
    """
    settings = provider.settings
    if provider.kind == Kind.LDAP:
        subject = settings.get("attributes", {}).get("subject", "").casefold()
        return _directory(settings) + (f" by {subject}" if subject else "")
    if provider.kind == Kind.WINDOWS:
        realms = ", ".join(sorted(settings.get("realms", [])))
        return f"{realms} with {_windows_directory(provider)}".removesuffix(" with ")
    return str(settings.get("issuer", ""))


def is_confirmed(provider: IdentityProvider) -> bool:
    """Tell whether the settings name the authority that an administrator confirmed last."""
    return authority_of(provider) == provider.authority


def secret_destination(provider: IdentityProvider) -> str:
    """Return where the client secret or the bind password is sent; a keytab goes nowhere."""
    settings = provider.settings
    if provider.kind == Kind.LDAP:
        return _directory(settings) + (" with StartTLS" if settings.get("start_tls") else "")
    if provider.kind == Kind.WINDOWS:
        return ""
    api = DIRECTORY_APIS.get(settings.get("directory_kind", ""))
    # An API without a token of its own is asked with one that the client secret obtains.
    directory = settings.get("directory_url", "") if api and not api.takes_token else ""
    return f"{settings.get('issuer', '')} {directory}".strip()


def directory_token_destination(provider: IdentityProvider) -> str:
    """Return where the token for the directory's API is sent; blank if that API takes none."""
    settings = provider.settings
    api = DIRECTORY_APIS.get(settings.get("directory_kind", ""))
    if api is None or not api.takes_token:
        return ""
    if settings.get("directory_url"):
        return str(settings["directory_url"])
    parts = urlsplit(settings.get("issuer", ""))
    return f"{parts.scheme}://{parts.netloc}"


def _directory(settings: dict[str, Any]) -> str:
    server = settings.get("uri", "").strip().rstrip("/").casefold()
    base = re.sub(r"\s*([,=])\s*", r"\1", settings.get("base_dn", "").strip()).casefold()
    return f"{server}/{base}"


def _windows_directory(provider: IdentityProvider) -> str:
    """Return the directory's authority; one that was removed stands for what it was."""
    name = provider.settings.get("directory", "")
    named = IdentityProvider.objects.filter(
        tenant=provider.tenant_id, kind=Kind.LDAP, name_key=normalize_key(name)
    )
    latest_first = F("removed_at").desc(nulls_first=True)
    directory = named.order_by(latest_first).first() if name else None
    return authority_of(directory) if directory else name
