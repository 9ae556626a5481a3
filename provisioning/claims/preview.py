"""Keeps the claims of a sign-in that may list groups, and shows what each of them would give.

An administrator sees on the provider's page which claim path has the groups.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from provisioning.claims import Group, readable
from provisioning.claims.groups import read_groups
from provisioning.claims.paths import value_at
from provisioning.claims.values import MAX_DEPTH, Unreadable, is_number, kind_of

# Claims about the token and about the person (OpenID Connect Core 1.0, sections 2 and 5.1, RFC 7519
# section 4.1). They list no groups, and what they say about a person is not kept.
NEVER_GROUPS: Final = frozenset(
    (
        *("iss", "sub", "aud", "exp", "iat", "nbf", "jti", "nonce", "azp", "acr", "amr", "sid"),
        *("at_hash", "c_hash", "s_hash", "auth_time", "typ", "ver", "uti", "rh", "aio"),
        *("tid", "oid", "hd", "upn", "unique_name", "email", "email_verified", "name"),
        *("given_name", "family_name", "middle_name", "nickname", "preferred_username"),
        *("profile", "picture", "website", "gender", "birthdate", "zoneinfo", "locale"),
        *("phone_number", "phone_number_verified", "address", "updated_at"),
    )
)
MAX_CLAIMS: Final = 30
MAX_VALUES: Final = 30
MAX_TEXT_LENGTH: Final = 200
GROUPS_SHOWN: Final = 5


@dataclass(frozen=True)
class ClaimPreview:
    """What the claim at this path would give as groups."""

    path: str
    groups: list[Group]
    # Why the groups would be unknown; blank if they are known.
    problem: str = ""

    @property
    def shown(self) -> list[Group]:
        return self.groups[:GROUPS_SHOWN]

    @property
    def more(self) -> int:
        return len(self.groups[GROUPS_SHOWN:])


def kept_for_preview(claims: dict[str, Any]) -> dict[str, Any]:
    """Return the claims that may list groups, shortened, with what a database can store."""
    named = {name: value for name, value in claims.items() if name not in NEVER_GROUPS}
    return {
        readable(name): _shortened(value, 0)
        for name, value in list(named.items())[:MAX_CLAIMS]
        if len(name) <= MAX_TEXT_LENGTH
    }


def preview_of(kept: dict[str, Any], path: str, separator: str) -> ClaimPreview:
    """Return what the claim at the path gives."""
    value = value_at(kept, path)
    if value is None:
        return ClaimPreview(path, [], "is missing")
    groups = read_groups(value, separator)
    if isinstance(groups, Unreadable):
        return ClaimPreview(path, [], groups.why)
    return ClaimPreview(path, sorted(groups, key=lambda group: group.name))


def other_paths(kept: dict[str, Any], path: str, separator: str) -> list[ClaimPreview]:
    """Return the other claims that list groups. A claim that is one short text may be anything."""
    others = (preview_of(kept, found, separator) for found in _paths(kept, "", 0) if found != path)
    return [one for one in others if one.groups]


def _paths(value: dict[str, Any], prefix: str, depth: int) -> Iterator[str]:
    for name, inner in value.items():
        path = f"{prefix}{name}"
        if isinstance(inner, list):
            yield path
        elif isinstance(inner, dict) and depth < MAX_DEPTH:
            yield path
            yield from _paths(inner, f"{path}.", depth + 1)


def _shortened(value: Any, depth: int) -> Any:
    match value:
        case str():
            return readable(value)[:MAX_TEXT_LENGTH]
        case list() if depth < MAX_DEPTH:
            return [_shortened(one, depth + 1) for one in value[:MAX_VALUES]]
        case dict() if depth < MAX_DEPTH:
            few = list(value.items())[:MAX_VALUES]
            return {
                readable(name)[:MAX_TEXT_LENGTH]: _shortened(one, depth + 1) for name, one in few
            }
        case None | bool():
            return value
    return value if is_number(value) else kind_of(value)
