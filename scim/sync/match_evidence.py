"""Decide whether a new resource is the person of a deleted resource.

Providers recycle userNames, addresses and externalIds, so one identifier alone proves nothing.
"""

from dataclasses import dataclass
from enum import IntEnum
from typing import Final, Self

from people.values import normalize_key
from scim.models import ScimUser
from scim.sync.attribute_mapping import MappedUser, profile_of


class Strength(IntEnum):
    """The strength of the evidence; from FULL_NAME on, two resources are the same person."""

    NOTHING = 0
    # One identifier in common, or several that others contradict.
    POSSIBLE = 1
    FULL_NAME = 2
    USER_NAME = 3
    EMAIL = 4
    USER_NAME_AND_ID = 5


@dataclass(frozen=True, kw_only=True)
class Traits:
    """The identifying attributes of a resource. A blank trait was not sent."""

    external_id: str = ""
    user_name: str = ""
    email: str = ""
    full_name: str = ""

    @classmethod
    def of(cls, user: ScimUser, mapped: MappedUser | None = None) -> Self:
        """Return the traits of a resource; `mapped` spares reading its document again."""
        profile = (mapped or profile_of(user.document, user.connection.mapping)).profile
        return cls(
            external_id=user.scim_external_id,
            user_name=user.scim_username,
            email=profile.email,
            full_name=f"{profile.given_name} {profile.family_name}".strip(),
        )


LABELS: Final = {
    "external_id": "externalId",
    "user_name": "userName",
    "email": "email address",
    "full_name": "full name",
}
IDENTIFIERS: Final = ("external_id", "user_name", "email")


@dataclass(frozen=True)
class Evidence:
    """Which traits of two resources are equal, and which contradict each other."""

    agrees: tuple[str, ...]
    differs: tuple[str, ...]

    @property
    def strength(self) -> Strength:
        agrees = set(self.agrees)
        if "external_id" in agrees and "user_name" in agrees:
            return Strength.USER_NAME_AND_ID
        if "external_id" in agrees and "email" in agrees:
            return Strength.EMAIL

        if "user_name" in agrees and "external_id" not in self.differs:
            return Strength.USER_NAME
        if "external_id" in agrees and "full_name" in agrees:
            return Strength.FULL_NAME
        return Strength.POSSIBLE if agrees.intersection(IDENTIFIERS) else Strength.NOTHING

    @property
    def is_same(self) -> bool:
        return self.strength >= Strength.FULL_NAME


def compare(earlier: Traits, now: Traits) -> Evidence:
    """Compare two resources: externalIds exactly (RFC 7643 section 3.1), all else in any case."""
    agrees: list[str] = []
    differs: list[str] = []
    for name in LABELS:
        before, after = getattr(earlier, name), getattr(now, name)
        if before and after:
            is_equal = (
                before == after
                if name == "external_id"
                else normalize_key(before) == normalize_key(after)
            )
            (agrees if is_equal else differs).append(name)
    return Evidence(tuple(agrees), tuple(differs))
