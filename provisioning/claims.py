"""The claims of a sign-in, independent of the protocol."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

LONGEST_SUBJECT = 255
LONGEST_GROUP = 500


@dataclass(frozen=True)
class Group:
    """A group at the provider: its id and name, or the name twice if it has no id."""

    id: str
    name: str
    # Where a directory has it, by which mappings used to name it.
    dn: str = ""

    @property
    def is_storable(self) -> bool:
        texts = (self.id, self.name)
        return all(text == readable(text)[:LONGEST_GROUP] != "" for text in texts)


@dataclass(frozen=True)
class Groups:
    """The groups that somebody is in: known (and perhaps none), or unknown, and then why.

    Unknown is what a token without the claim says, or one that had no room for them (an
    overage marker); it changes nobody's roles.
    """

    known: frozenset[Group] | None = None
    because: str = ""


UNKNOWN: Final = Groups()


@dataclass(frozen=True, kw_only=True)
class Claims:
    """The authenticated account and its profile.

    `subject` never changes and is never used again for somebody else: `sub`, for Entra
    "tid/oid", an entryUUID or objectGUID. Only where no directory can be asked, it is a whole
    Kerberos principal. The address is contact data. `said` holds every claim that is text, for
    the pairing with SCIM.
    """

    subject: str
    # What a Windows ticket says of the account: its number and realm, or else the principal.
    account: str = ""
    # The whole principal, which was the subject before the directory's own id was.
    principal: str = ""
    # When the directory made the account; None if it does not say.
    account_created_at: datetime | None = None
    # The directory was not available: only people who have signed in before may sign in.
    is_unconfirmed: bool = False
    email: str = ""
    # None where the provider does not say.
    is_email_verified: bool | None = None
    given_name: str = ""
    family_name: str = ""
    # The name as one text, for who sends no parts.
    name: str = ""
    department: str = ""
    location: str = ""
    groups: Groups = UNKNOWN
    said: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Make every text one that a database stores; a subject that is none is no subject."""
        for name in ("email", "given_name", "family_name", "name", "department", "location"):
            object.__setattr__(self, name, readable(getattr(self, name)))
        if self.subject != readable(self.subject)[:LONGEST_SUBJECT]:
            object.__setattr__(self, "subject", "")


def readable(text: str) -> str:
    """Return the text with a mark for each character that no database stores."""
    return text.replace("\0", "�").encode(errors="replace").decode()
