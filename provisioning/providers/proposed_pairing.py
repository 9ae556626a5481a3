"""Proposes to pair a new provider with the SCIM connection of the same directory."""

from uuid import UUID

from people import hooks
from provisioning.providers.presets import Preset


def proposed_pairing(preset: Preset) -> dict[str, str]:
    """Return the values of the form; empty if there is no such connection, or more than one."""
    pairing = hooks.pairing()
    connection = pairing.connection_of(preset.scim_provider) if preset.scim_provider else ""
    if not connection:
        return {}
    proposed = {"paired_connection": connection}
    if preset.scim_provider == "entra":
        # By default, Entra sends mailNickname as externalId, and no token contains that. If the
        # administrator has followed our steps, it sends its object id instead.
        # https://learn.microsoft.com/entra/identity/app-provisioning/customize-application-attributes
        sent = pairing.latest_value(connection, "externalId")
        try:
            is_object_id = not sent or bool(UUID(sent))
        except ValueError:
            is_object_id = False
        if not is_object_id:
            proposed |= {"paired_claim": "preferred_username", "paired_attribute": "userName"}
    return proposed
