"""The rows of this app that are personal data."""

from typing import Any, Final

from django.db.models import Q

from people.models.personal_data import (
    ALL_ROWS,
    Erased,
    PersonalData,
    pseudonym,
    time_of_erasure,
)
from scim.models import (
    FormerName,
    MatchDecision,
    RequestLog,
    SamePersonQuestion,
    ScimMembership,
    ScimUser,
    ScimUserElement,
    ScimWaitingMember,
    SyncError,
)


def _path(path: str, _: Erased) -> str:
    return path.partition("?")[0]


# No JSON, so that nobody can retry the request.
_BODIES: Final[dict[str, Any]] = {
    "body": lambda body, erased: erased.pseudonym if body else "",
    "answer": "",
}

PERSONAL_DATA: Final = (
    PersonalData(
        model=RequestLog,
        of=("user__person",),
        changed={**_BODIES, "path": _path},
        changed_if_mentioned={**_BODIES, "path": _path},
    ),
    PersonalData(
        model=SyncError,
        of=("person", "user__person"),
        found_by=("user_name_key",),
        changed={
            **dict.fromkeys(("user_name", "user_name_key"), pseudonym),
            "offending_value": "",
        },
        open=Q(resolved_at=None),
        closed_by={"resolved_at": time_of_erasure},
    ),
    PersonalData(model=SamePersonQuestion, of=("earlier", "earlier_user__person", "user__person")),
    PersonalData(model=MatchDecision, of=("person", "user__person")),
    PersonalData(
        model=FormerName, of=("user__person",), identifiers=("name_key",), deleted=ALL_ROWS
    ),
    PersonalData(model=ScimUserElement, of=("user__person",), deleted=ALL_ROWS),
    PersonalData(model=ScimMembership, of=("user__person",), deleted=ALL_ROWS),
    PersonalData(model=ScimWaitingMember, found_by=("value", "value_key"), deleted=ALL_ROWS),
    # As after a DELETE of the provider, which then adds a new person if it sends the user again.
    PersonalData(
        model=ScimUser,
        of=("person",),
        identifiers=("scim_username", "scim_external_id"),
        described_by=("document",),
        changed={
            **dict.fromkeys(("scim_username", "user_name_key"), pseudonym),
            **dict.fromkeys(("scim_external_id", "email_key", "waiting_manager"), ""),
            "document": {},
            "rendered": "{}",
            "problem": "",
            "active": False,
            "has_errors": False,
            "deleted_at": time_of_erasure,
        },
    ),
)
