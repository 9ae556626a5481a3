"""The authority for a provider's subjects, and the destination of its secrets.

A subject identifies a person only together with its authority, which is the issuer or directory:
"1" at another issuer is another person. A secret is stored with the address for which it was
entered. Both are derived from the settings here and stored beside them, so that a later change of
the settings is detected.
"""

from typing import Any
from urllib.parse import urlsplit

from django.db.models import F

from people.values import normalize_key
from provisioning.models import IdentityProvider
from provisioning.providers.directory_apis import DIRECTORY_APIS
from provisioning.providers.distinguished_names import normalize_dn

Kind = IdentityProvider.Kind


def authority_of(provider: IdentityProvider) -> str:
    """Return the issuer or directory in the present settings.

    For LDAP it consists of the server, the base DN, and the subject's attribute if it is not the
    default; for Windows, of the realms and the directory of their people.
    """
    settings = provider.settings
    if provider.kind == Kind.LDAP:
        subject = settings.get("attributes", {}).get("subject", "").casefold()
        return _directory(settings) + (f" by {subject}" if subject else "")
    if provider.kind == Kind.WINDOWS:
        realms = ", ".join(sorted(settings.get("realms", [])))
        name = settings.get("directory", "")
        named = IdentityProvider.objects.filter(
            tenant=provider.tenant_id, kind=Kind.LDAP, name_key=normalize_key(name)
        )
        # A removed directory keeps its authority.
        latest_first = F("removed_at").desc(nulls_first=True)
        directory = named.order_by(latest_first).first() if name else None
        authority = authority_of(directory) if directory else name
        return f"{realms} with {authority}".removesuffix(" with ")
    return str(settings.get("issuer", ""))


def is_confirmed(provider: IdentityProvider) -> bool:
    """Tell whether the present authority is the one that an administrator has confirmed."""
    return authority_of(provider) == provider.authority


def secret_destination(provider: IdentityProvider) -> str:
    """Return where the client secret or bind password is sent; blank for a keytab."""
    settings = provider.settings
    if provider.kind == Kind.LDAP:
        return _directory(settings) + (" with StartTLS" if settings.get("start_tls") else "")
    if provider.kind == Kind.WINDOWS:
        return ""
    api = DIRECTORY_APIS.get(settings.get("directory_kind", ""))
    # An API without its own token uses the client secret too, so its URL counts.
    directory = settings.get("directory_url", "") if api and not api.takes_token else ""
    return f"{settings.get('issuer', '')} {directory}".strip()


def directory_token_destination(provider: IdentityProvider) -> str:
    """Return where the token for the directory's API is sent; blank if the API needs none."""
    settings = provider.settings
    api = DIRECTORY_APIS.get(settings.get("directory_kind", ""))
    if api is None or not api.takes_token:
        return ""
    if settings.get("directory_url"):
        return str(settings["directory_url"])
    parts = urlsplit(settings.get("issuer", ""))
    return f"{parts.scheme}://{parts.netloc}"


def _directory(settings: dict[str, Any]) -> str:
    # In any order: it only says which server is asked first.
    servers = sorted(one.rstrip("/") for one in settings.get("uri", "").replace(",", " ").split())
    server = " ".join(servers).casefold()
    return f"{server}/{normalize_dn(settings.get('base_dn', ''))}"
