"""The claims of a sign-in, independent of the protocol."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

MAX_SUBJECT_LENGTH = 255
MAX_GROUP_LENGTH = 500
# The claims and attributes with a login name, for the provider log.
LOGINS: Final = (
    *("preferred_username", "upn", "unique_name"),
    *("userprincipalname", "uid", "samaccountname", "principal"),
)


@dataclass(frozen=True)
class Group:
    """A group at the provider. Without an id, `id` is the name too."""

    id: str
    name: str
    # Its DN in a directory. Older mappings refer to the group by it.
    dn: str = ""

    @property
    def is_storable(self) -> bool:
        texts = (self.id, self.name)
        return all(text == readable(text)[:MAX_GROUP_LENGTH] != "" for text in texts)


@dataclass(frozen=True)
class Groups:
    """A person's groups, which may be none; or unknown, with the reason.

    They are unknown if the token has no such claim, or an overage marker because it had no room
    for them. Unknown groups change no roles.
    """

    known: frozenset[Group] | None = None
    because: str = ""


UNKNOWN: Final = Groups()


@dataclass(frozen=True, kw_only=True)
class Claims:
    """The authenticated account and its profile.

    `subject` never changes and is never reused for another account: `sub`, for Entra "tid/oid", an
    entryUUID or objectGUID. Only if there is no directory, it is the whole Kerberos principal. The
    address is contact data and identifies nobody. `text_claims` contains every claim that is
    text, for the pairing with SCIM.
    """

    subject: str
    # The account in a Windows ticket: its relative id and realm, or else the principal.
    account: str = ""
    # The whole Kerberos principal. Older identities have it as their subject.
    principal: str = ""
    # When the account was created in the directory; None if that is unknown.
    account_created_at: datetime | None = None
    # The directory was not available: only people who have signed in before may sign in.
    is_unconfirmed: bool = False
    email: str = ""
    # None if the provider does not send it.
    is_email_verified: bool | None = None
    given_name: str = ""
    family_name: str = ""
    # The full name, for providers that do not send its parts.
    name: str = ""
    department: str = ""
    location: str = ""
    # All values of fields that may have several, by field. They have no order.
    alternatives: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    groups: Groups = UNKNOWN
    text_claims: Mapping[str, str] = field(default_factory=dict)
    # The claims that may list groups, for the preview on the provider's page.
    group_claims: Mapping[str, Any] = field(default_factory=dict)
    # What could not be read, as sentences for the provider log.
    problems: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Replace characters that no database stores. A subject with such a character is dropped.

        Two subjects must never become equal by the replacement.
        """
        for name in ("email", "given_name", "family_name", "name", "department", "location"):
            object.__setattr__(self, name, readable(getattr(self, name)))
        if self.subject != readable(self.subject)[:MAX_SUBJECT_LENGTH]:
            object.__setattr__(self, "subject", "")

    @property
    def log_name(self) -> str:
        """The address, or else the login name, under which the provider log lists the attempt."""
        logins = (self.text_claims.get(name, "") for name in LOGINS)
        return self.email or next(filter(None, logins), "")


def readable(text: str) -> str:
    """Return the text with U+FFFD or “?” for each character that PostgreSQL cannot store."""
    return text.replace("\0", "�").encode(errors="replace").decode()
