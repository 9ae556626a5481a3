"""How pages name whoever made a change."""

# Mirrors scim's providers, which people must not import; a test holds the two together.
PROVIDERS = {
    "okta": "Okta",
    "entra": "Microsoft Entra",
    "rippling": "Rippling",
    "generic": "SCIM 2.0 provider",
}


def actor_name(actor: str, names: dict[str, str] | None = None) -> str:
    """Return the actor's name; `names` knows people by their address."""
    kind, _, name = actor.partition(":")
    match kind:
        case "scim":
            return PROVIDERS.get(name, name)
        case "person":
            return (names or {}).get(name, name)
        case "oidc" | "ldap" | "windows":
            return name
        case "command":
            return "An operator"
        case _:
            return "Ramp"
