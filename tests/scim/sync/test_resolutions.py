"""The action that Ramp offers for a sync error."""

import pytest

from scim.models import SyncError
from scim.sync.resolutions import Action, AddressOwner, SyncErrorCase, resolution_for

CASES = {
    "circular manager": (
        {"reason": "circular-manager", "is_manager_here": True},
        Action.OPEN_MANAGER,
    ),
    "circular manager who is not in Ramp": ({"reason": "circular-manager"}, Action.OPEN_PERSON),
    "self manager": ({"reason": "self-manager"}, Action.SHOW_REQUEST),
    "self manager of a new user": (
        {"reason": "self-manager", "is_known": False},
        Action.SHOW_REQUEST,
    ),
    "waiting manager that holds the invite": (
        {"reason": "invalid-manager", "is_waiting": True, "is_held": True},
        Action.INVITE_ANYWAY,
    ),
    "waiting manager without a held invite": (
        {"reason": "invalid-manager", "is_waiting": True},
        Action.OPEN_PERSON,
    ),
    "unknown manager": ({"reason": "invalid-manager"}, Action.SHOW_REQUEST),
    "manager who is a guest": (
        {"reason": "invalid-manager", "is_manager_here": True},
        Action.OPEN_MANAGER,
    ),
    "manager who exists now": (
        {"reason": "invalid-manager", "is_manager_here": True, "is_cause_gone": True},
        Action.RETRY,
    ),
    "email of an unmanaged person": (
        {"reason": "duplicate-email", "is_known": False, "holder": AddressOwner.UNOWNED},
        Action.LINK,
    ),
    "email of a managed person": (
        {"reason": "duplicate-email", "is_known": False, "holder": AddressOwner.OWNED},
        Action.OPEN_BOTH,
    ),
    "email sent for an existing person": (
        {"reason": "duplicate-email", "holder": AddressOwner.UNOWNED},
        Action.OPEN_BOTH,
    ),
    "email that has become free": ({"reason": "duplicate-email"}, Action.RETRY),
    "name": ({"reason": "invalid-name"}, Action.SHOW_REQUEST),
    "missing fields": ({"reason": "incomplete"}, Action.SHOW_REQUEST),
    "missing fields after a change of settings": (
        {"reason": "incomplete", "is_cause_gone": True},
        Action.RETRY,
    ),
    "location": ({"reason": "invalid-location-change"}, Action.OPEN_LOCATION),
    "role": ({"reason": "invalid-role-assignment"}, Action.EDIT_MAPPING),
    "unreadable request": ({"reason": "invalid-syntax"}, Action.SHOW_REQUEST),
    "outdated version": ({"reason": "precondition-failed"}, Action.RETRY),
    "last owner": ({"reason": "last-owner"}, Action.OPEN_ROLE),
    "last administrator": ({"reason": "last-administrator"}, Action.OPEN_ROLE),
    "terminated": ({"reason": "terminated"}, Action.OPEN_PERSON),
    "deleted request": (
        {"reason": "invalid-name", "may_retry": False, "has_request": False},
        Action.DISMISS,
    ),
    "removed cause and deleted request": (
        {"reason": "incomplete", "is_cause_gone": True, "may_retry": False},
        Action.SHOW_REQUEST,
    ),
    "link that cannot be retried": (
        {
            "reason": "duplicate-email",
            "is_known": False,
            "holder": AddressOwner.UNOWNED,
            "may_retry": False,
            "has_request": False,
        },
        Action.DISMISS,
    ),
}


@pytest.mark.parametrize(("facts", "action"), CASES.values(), ids=CASES)
def test_each_case_has_one_action(facts: dict[str, object], action: Action) -> None:
    case = SyncErrorCase(**{"provider": "Okta", "is_known": True, "may_retry": True, **facts})  # type: ignore[arg-type]

    assert resolution_for(case).action == action


@pytest.mark.parametrize("reason", SyncError.Reason.values)
def test_every_reason_has_an_advice_text(reason: str) -> None:
    advice = resolution_for(
        SyncErrorCase(reason=reason, provider="Okta", is_known=True, may_retry=True)
    ).advice

    assert advice.endswith(".")
    assert "{" not in advice
