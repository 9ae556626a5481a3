"""Which string a provider's tokens have for a group of its directory."""

import re
from typing import Final

from provisioning.models import ExternalGroup, IdentityProvider
from provisioning.providers.config import OidcSettings, settings_of

# A UUID, or an id of Okta such as 00g1emaKYZTWRYYRRTSK.
ID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|00g[0-9A-Za-z]{17}")
GROUPS_COMPARED: Final = 20


def group_key_of(provider: IdentityProvider, usual: str) -> str:
    """Return “name”, “path” or “id”: as the provider's settings say, or as sign-ins have sent.

    :param usual: what the provider sends unless it is set up otherwise.
    """
    settings: OidcSettings = settings_of(provider)
    if settings.group_key:
        return settings.group_key
    seen = ExternalGroup.objects.filter(provider=provider).order_by("-last_seen_at", "pk")
    keys = list(seen.values_list("external_id", flat=True)[:GROUPS_COMPARED])
    if not keys:
        return usual
    if any(key.startswith("/") for key in keys):
        return "path"
    return "id" if all(ID.fullmatch(key) for key in keys) else "name"
