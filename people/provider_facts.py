"""What connections and sign-in providers tell about people and tenants, through `hooks`."""

from datetime import datetime
from typing import Any, NamedTuple


class Owner(NamedTuple):
    """The name of a connection, and how many active or invited people it owns."""

    name: str
    people: int
    # Why nobody is mailed because of the connection at the moment; blank if they are.
    withheld_because: str = ""


class TenantActivity(NamedTuple):
    """What an operator sees of a tenant's connections."""

    # When a connection last sent an update.
    last_sync_at: datetime | None = None
    # Sync errors of the last day that are still open.
    errors: int = 0


class ScimResource(NamedTuple):
    """The User resource of a person at a SCIM connection."""

    id: str
    external_id: str
    # As the ETag of a SCIM response.
    version: str
    # Its attributes, as the provider sent them.
    data: dict[str, Any]


class ContactDetails(NamedTuple):
    """What an identity provider sends about a person and Ramp only shows."""

    title: str = ""
    phone: str = ""
    # The name of the provider.
    provider: str = ""
