"""What a sign-in says about a person, and which of it changes what is known about them.

What the provider states is kept apart from what is guessed: the parts of a full name, or a name
from an address. A guess fills in what is blank. It replaces what is known only while the provider
has never stated the parts of the name.
"""

from typing import Any, Final

from people.values import is_usable_name
from provisioning.claims import Claims

# What may follow a comma without being a first name: “Ada Lovelace, PhD”.
TITLES: Final = frozenset(("jr", "sr", "ii", "iii", "iv", "phd", "md", "mba", "esq", "cpa", "rn"))
NAMES: Final = ("given_name", "family_name")
STATED: Final = (*NAMES, "name", "email")


def stated_values(claims: Claims) -> dict[str, str]:
    """Return what the provider states about the person. An unverified address does not count."""
    email = "" if claims.is_email_verified is False else claims.email
    names = {name: getattr(claims, name) for name in (*NAMES, "name")}
    return {name: text for name, text in names.items() if is_usable_name(text)} | (
        {"email": email} if email else {}
    )


def changed_values(known: dict[str, Any], claims: Claims) -> dict[str, str]:
    """Return the fields that the provider states differently than at the last sign-ins.

    :param known: what it stated at earlier sign-ins, from `Identity.stated_values`.
    """
    stated = stated_values(claims)
    changed = {name: value for name, value in stated.items() if known.get(name) != value}
    full_name = changed.pop("name", "")
    if full_name and not any(name in known or name in stated for name in NAMES):
        changed |= dict(zip(NAMES, split_name(full_name), strict=True))
    return {name: one for name, one in changed.items() if name == "email" or is_usable_name(one)}


def names_of(claims: Claims) -> tuple[str, str]:
    """Return first and last name. Missing ones are taken from the full name or the address."""
    given, family = split_name(claims.name)
    local = claims.email.partition("@")[0].replace("_", ".").replace("-", ".")
    first, _, last = local.replace(".", " ").title().partition(" ")
    parts = (
        (claims.given_name, given, first),
        (claims.family_name, family, last, first),
    )
    usable = [next((name for name in names if is_usable_name(name)), "") for names in parts]
    return usable[0], usable[1]


def split_name(full_name: str) -> tuple[str, str]:
    """Return first and last name of “Ada Lovelace” or, as directories show it, “Lovelace, Ada”."""
    last, comma, first = (part.strip() for part in full_name.partition(","))
    is_title = first.replace(".", "").casefold() in TITLES
    if comma and last and first and "," not in first and not is_title:
        return first, last
    given, _, family = full_name.strip().partition(" ")
    return given, family.strip()
