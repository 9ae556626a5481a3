"""The claims of an ID token and of the userinfo response, read into `Claims`."""

from typing import Any

from provisioning.claims import Claims, Groups
from provisioning.claims.groups import read_groups
from provisioning.claims.paths import value_at
from provisioning.claims.preview import kept_for_preview
from provisioning.claims.values import Unreadable, read_text, read_truth
from provisioning.providers.config import OidcSettings


def claims_from(claims: dict[str, Any], settings: OidcSettings) -> Claims:
    """Return the claims of an ID token and its userinfo. What cannot be read is left out."""
    tenant, person, subject = claims.get("tid"), claims.get("oid"), claims.get("sub")
    if isinstance(tenant, str) and isinstance(person, str) and tenant and person:
        # Entra's `sub` differs between clients. These two do not.
        subject = f"{tenant}/{person}"
    texts: dict[str, str] = {}
    problems: list[str] = []
    for name in ("email", "given_name", "family_name", "name"):
        text = read_text(claims.get(name))
        if isinstance(text, Unreadable):
            problems.append(f"The claim “{name}” {text.why}. It changes nothing.")
            text = ""
        texts[name] = text
    return Claims(
        # Not read tolerantly: two subjects must never become equal.
        subject=subject if isinstance(subject, str) else "",
        email=texts["email"],
        given_name=texts["given_name"],
        family_name=texts["family_name"],
        name=texts["name"],
        is_email_verified=read_truth(claims.get("email_verified")),
        groups=groups_from(claims, settings),
        text_claims={name: text for name, value in claims.items() if (text := _text_of(value))},
        group_claims=kept_for_preview(claims),
        problems=tuple(problems),
    )


def groups_from(claims: dict[str, Any], settings: OidcSettings) -> Groups:
    """Return the groups in the claim; unknown if it is missing, unreadable, or an overage marker.

    Entra sends `_claim_names` or `hasgroups` instead of groups for people in too many of them.
    """
    claim, elsewhere = settings.groups_claim, claims.get("_claim_names")
    is_elsewhere = isinstance(elsewhere, dict | list) and claim in elsewhere
    if is_elsewhere or read_truth(claims.get("hasgroups")):
        return Groups(
            because="the person has too many groups for the token (overage); have the provider "
            "send fewer groups, or only those assigned to Ramp"
        )
    value = value_at(claims, claim)
    if value is None:
        return Groups(because=f"the token has no claim “{claim}”")
    groups = read_groups(value, settings.groups_separator)
    if isinstance(groups, Unreadable):
        return Groups(because=f"the claim “{claim}” {groups.why}")
    return Groups(groups)


def has_profile(claims: dict[str, Any]) -> bool:
    """Tell whether the claims have the address and the name, so that userinfo is not needed."""
    texts = {name: read_text(claims.get(name)) for name in ("email", "given_name", "name")}
    usable = {name for name, text in texts.items() if text and isinstance(text, str)}
    return "email" in usable and len(usable) > 1


def merged(userinfo: dict[str, Any], payload: dict[str, Any]) -> dict[str, Any]:
    """Return the claims of both. The userinfo response wins for what it says about the profile.

    The ID token wins for everything else: Entra and ADFS send groups and roles only there.
    """
    claims = {**userinfo, **payload}
    for name in ("email", "given_name", "family_name", "name"):
        text = read_text(userinfo.get(name))
        if text and isinstance(text, str):
            claims[name] = userinfo[name]
    if "email_verified" in userinfo and "email" in userinfo:
        claims["email_verified"] = userinfo["email_verified"]
    elif claims.get("email") != payload.get("email"):
        # The ID token has verified another address.
        claims.pop("email_verified", None)
    return claims


def _text_of(value: Any) -> str:
    """Return the value as text, unchanged, for the pairing and the required claim."""
    if isinstance(value, str | bool):
        return str(value)
    text = read_text(value)
    return "" if isinstance(text, Unreadable) else text
