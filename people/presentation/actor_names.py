"""How pages name whoever made a change."""

from people import hooks


def actor_name(actor: str, names: dict[str, str] | None = None) -> str:
    """Return the actor's name; `names` knows people by their address."""
    kind, _, name = actor.partition(":")
    match kind:
        case "scim":
            return hooks.provider_name(name)
        case "person":
            return (names or {}).get(name, name)
        case "oidc" | "ldap" | "windows":
            return name
        case "command":
            return "An operator"
        case _:
            return "Ramp"
