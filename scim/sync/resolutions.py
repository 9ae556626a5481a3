"""The resolution of each sync error: an action and advice."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from scim.models import SyncError

Reason = SyncError.Reason


class Action(StrEnum):
    OPEN_PERSON = "open-person"
    OPEN_ROLE = "open-role"
    OPEN_BOTH = "open-both"
    OPEN_MANAGER = "open-manager"
    OPEN_LOCATION = "open-location"
    EDIT_MAPPING = "edit-mapping"
    SHOW_REQUEST = "show-request"
    LINK = "link"
    INVITE_ANYWAY = "invite-anyway"
    RETRY = "retry"
    DISMISS = "dismiss"


class AddressOwner(StrEnum):
    """Who has the address that is listed as a duplicate."""

    NOBODY = "nobody"
    UNOWNED = "unowned"
    OWNED = "owned"


@dataclass(frozen=True, kw_only=True)
class SyncErrorCase:
    """The facts about an open sync error that decide its resolution."""

    reason: str
    provider: str
    # The error concerns an existing person.
    is_known: bool = False
    # The invite is on hold until the manager arrives.
    is_waiting: bool = False
    is_held: bool = False
    holder: AddressOwner = AddressOwner.NOBODY
    # The named manager is in Ramp now.
    is_manager_here: bool = False
    # What prevented the change is gone, or may be gone, so a retry may succeed.
    is_cause_gone: bool = False
    may_retry: bool = False
    # The request, or what is left of it, can be shown.
    has_request: bool = True


class Resolution(NamedTuple):
    action: Action
    advice: str


def resolution_for(case: SyncErrorCase) -> Resolution:
    """Return the preferred action if it is possible, otherwise a possible one, with advice.

    Retry is the action only if the same request may succeed now.
    """
    preferred, advice = _preferred(case)
    return Resolution(_possible_action(preferred, case), advice.format(provider=case.provider))


def _preferred(case: SyncErrorCase) -> tuple[Action, str]:
    if case.is_cause_gone and not (case.is_held or case.is_waiting):
        return (
            Action.RETRY,
            "What prevented this change has been corrected, or the settings of {provider} have "
            "changed since. Retry the request.",
        )
    match case.reason:
        case Reason.INVALID_MANAGER:
            return _for_manager(case)
        case Reason.DUPLICATE_EMAIL:
            return _for_address(case)
        case _:
            return DEFAULT_RESOLUTIONS.get(case.reason, DEFAULT_RESOLUTIONS[Reason.REFUSED])


DEFAULT_RESOLUTIONS: dict[str, tuple[Action, str]] = {
    Reason.CIRCULAR_MANAGER: (
        Action.OPEN_MANAGER,
        "The person manages this manager, directly or indirectly. In {provider}, first change "
        "the manager of the person who is higher up. Then this change is accepted.",
    ),
    Reason.SELF_MANAGER: (
        Action.SHOW_REQUEST,
        "In {provider}, assign a different manager, or none.",
    ),
    Reason.INVALID_NAME: (
        Action.SHOW_REQUEST,
        "Correct the name in {provider}. It is sent again automatically.",
    ),
    Reason.INCOMPLETE: (
        Action.SHOW_REQUEST,
        "Fill in the missing fields in {provider}, and check that its mapping sends them. After "
        "changing the policy or the mapping in Ramp, retry.",
    ),
    Reason.INVALID_LOCATION_CHANGE: (
        Action.OPEN_LOCATION,
        "Their cards are issued in another currency. Choose a location of the same entity in "
        "{provider}; or place the location under that entity in Ramp, and retry.",
    ),
    Reason.INVALID_ROLE_ASSIGNMENT: (
        Action.EDIT_MAPPING,
        "Choose a role in {provider} that exists in Ramp. Guest is only for new people. If "
        "roles are assigned only in Ramp, choose this in the SCIM settings and retry.",
    ),
    # The role is assigned already, so a retry would choose the same one.
    Reason.SEVERAL_ROLES: (
        Action.OPEN_PERSON,
        "Ramp assigned the highest role that {provider} may assign. If it is the right one, "
        "dismiss this. If not, send one role only from {provider}, or mark one as primary.",
    ),
    Reason.LAST_OWNER: (
        Action.OPEN_ROLE,
        "Make somebody else Owner first, and retry.",
    ),
    Reason.LAST_ADMINISTRATOR: (
        Action.OPEN_ROLE,
        "Give somebody else the role Owner, Admin or IT Admin first, and retry.",
    ),
    Reason.TERMINATED: (
        Action.OPEN_PERSON,
        "The person was terminated, which is permanent. If they return, delete their user in "
        "{provider} and add a new one. Ramp adds it as a new person.",
    ),
    # A retry would send the same unreadable body.
    Reason.INVALID_SYNTAX: (
        Action.SHOW_REQUEST,
        "Ramp could not read the request. Open it below and correct what builds it in {provider}: "
        "the app, an attribute mapping or a script.",
    ),
    Reason.INVALID_VALUE: (
        Action.SHOW_REQUEST,
        "Correct the value that the message names in {provider}, or remove its attribute mapping.",
    ),
    Reason.INVALID_PATH: (
        Action.SHOW_REQUEST,
        "The request changes an attribute that Ramp does not have. Remove or correct the "
        "attribute mapping in {provider}.",
    ),
    Reason.INVALID_FILTER: (
        Action.SHOW_REQUEST,
        "The request selects a value in a way that Ramp does not support. Correct the attribute "
        "mapping in {provider}.",
    ),
    Reason.NO_TARGET: (
        Action.SHOW_REQUEST,
        "The request changes a value that does not exist. Have {provider} send the whole user or "
        "group again.",
    ),
    Reason.MUTABILITY: (
        Action.SHOW_REQUEST,
        "The request changes an attribute that only Ramp sets. Remove its attribute mapping in "
        "{provider}.",
    ),
    Reason.UNIQUENESS: (
        Action.SHOW_REQUEST,
        "Another user of {provider} has this userName or externalId in Ramp. Correct one of the "
        "two in {provider}.",
    ),
    Reason.TOO_MANY: (
        Action.SHOW_REQUEST,
        "The request has more values than Ramp accepts at once. Have {provider} send fewer at "
        "once.",
    ),
    Reason.NOT_FOUND: (
        Action.SHOW_REQUEST,
        "{provider} changed a user or group that Ramp does not have, or that {provider} deleted "
        "before. Remove it from the app in {provider} and assign it again.",
    ),
    Reason.CONFLICT: (
        Action.SHOW_REQUEST,
        "The request conflicts with what Ramp has. Have {provider} send it again.",
    ),
    Reason.PRECONDITION_FAILED: (
        Action.RETRY,
        "Something else changed the resource after {provider} had read it. {provider} reads it "
        "again and repeats the change automatically. Otherwise, retry.",
    ),
    Reason.PAYLOAD_TOO_LARGE: (
        Action.SHOW_REQUEST,
        "The request is larger than Ramp accepts. Send fewer members or attributes at once, for "
        "example without the photo.",
    ),
    Reason.UNSUPPORTED_MEDIA_TYPE: (
        Action.SHOW_REQUEST,
        "The client must send JSON: Content-Type “application/scim+json”.",
    ),
    Reason.REFUSED: (
        Action.SHOW_REQUEST,
        "Follow the message, and have {provider} send the request again.",
    ),
}


def _for_manager(case: SyncErrorCase) -> tuple[Action, str]:
    if case.is_held:
        return (
            Action.INVITE_ANYWAY,
            "The invite is on hold until {provider} sends this manager. Send it without the "
            "manager, or wait.",
        )
    if case.is_waiting:
        return (
            Action.OPEN_PERSON,
            "The manager is assigned as soon as {provider} sends them. If the reference is wrong, "
            "correct it in {provider}.",
        )
    return (
        Action.OPEN_MANAGER if case.is_manager_here else Action.SHOW_REQUEST,
        "Add the manager first and retry, or correct the reference in {provider}. Guests and "
        "terminated people cannot be managers.",
    )


def _for_address(case: SyncErrorCase) -> tuple[Action, str]:
    if case.holder == AddressOwner.NOBODY:
        return Action.RETRY, "This address is no longer used by anyone else."
    if case.holder == AddressOwner.UNOWNED and not case.is_known:
        return (
            Action.LINK,
            "The person with this address is not managed by an identity provider. If they are "
            "the same person, link them. {provider} manages them from then on.",
        )
    return (
        Action.OPEN_BOTH,
        "Two records have the same address. Compare them, and correct the wrong one at its source.",
    )


def _possible_action(preferred: Action, case: SyncErrorCase) -> Action:
    """Return the next best action if the preferred one is not possible."""
    candidates: Sequence[Action] = (preferred, Action.SHOW_REQUEST, Action.DISMISS)
    if preferred == Action.OPEN_MANAGER:
        # The manager is not in Ramp any more.
        candidates = (preferred, Action.OPEN_PERSON, *candidates[1:])
    return next(action for action in candidates if _is_possible(action, case))


def _is_possible(action: Action, case: SyncErrorCase) -> bool:
    match action:
        case Action.OPEN_PERSON | Action.OPEN_ROLE | Action.INVITE_ANYWAY:
            return case.is_known
        case Action.OPEN_MANAGER:
            return case.is_manager_here
        case Action.RETRY | Action.LINK:
            return case.may_retry
        case Action.SHOW_REQUEST:
            return case.has_request
        case _:
            return True
