"""The rows of this app that are personal data."""

from collections.abc import Mapping
from typing import Any, Final

from django.db.models import Q

from people.models import (
    AccountSettings,
    ApiToken,
    BulkChangeItem,
    Card,
    ComparisonRow,
    Delegation,
    Event,
    FormerAddress,
    Fund,
    Grant,
    Invite,
    Mail,
    OutstandingItem,
    Passkey,
    Person,
    PersonSession,
    SavedView,
    ScheduledTermination,
    SecondFactor,
    WebhookDelivery,
)
from people.models.personal_data import (
    ALL_ROWS,
    Erased,
    PersonalData,
    pseudonym,
    time_of_erasure,
)

GIVEN_NAME: Final = "Erased"


def family_name(_: object, erased: Erased) -> str:
    return erased.pseudonym.rpartition("-")[2]


# What the history contains of these fields afterwards, so that it still leads to the person's row.
_ERASED_FIELDS: Final[Mapping[str, Any]] = {
    "given_name": lambda _, __: GIVEN_NAME,
    "family_name": family_name,
    "email": pseudonym,
    "pending_email": pseudonym,
}


def _changes(changes: Mapping[str, Mapping[str, Any]], erased: Erased) -> dict[str, Any]:
    """Return the changes of an event without names, addresses and custom fields."""
    result = {}
    for name, change in changes.items():
        new_value = _ERASED_FIELDS.get(name, pseudonym if name.startswith("custom.") else None)
        result[name] = {
            side: new_value(text, erased) if new_value and text else text
            for side, text in change.items()
        }
    return result


PERSONAL_DATA: Final = (
    PersonalData(
        model=Person,
        of=("pk",),
        identifiers=("email", "pending_email"),
        secrets=("password", "session_epoch"),
        changed={
            "given_name": GIVEN_NAME,
            "family_name": family_name,
            "email": "",
            "email_key": "",
            "pending_email": "",
            "password": "!",
            "last_login": None,
            "managed_fields": {},
            "manually_overridden_fields": {},
            "manually_overridden_at": None,
            "custom_values": {},
            "withheld_roles": {},
            "changed_at": lambda _, erased: erased.at,
        },
    ),
    PersonalData(model=AccountSettings, of=("person",), identifiers=("phone",), deleted=ALL_ROWS),
    PersonalData(
        model=ApiToken,
        of=("person",),
        secrets=("digest", "session_epoch"),
        changed={"name": pseudonym, "revoked_at": time_of_erasure},
    ),
    PersonalData(model=BulkChangeItem, of=("person",)),
    PersonalData(model=Card, of=("holder",), texts=("name",)),
    PersonalData(
        model=ComparisonRow,
        of=("person",),
        found_by=("email", "key"),
        changed={
            **dict.fromkeys(("key", "name", "email"), pseudonym),
            "values": {},
            "differences": [],
            "explanation": "",
            "problem": "",
        },
    ),
    PersonalData(model=Delegation, of=("person",), changed={"note": ""}),
    PersonalData(model=Event, of=("person",), changed={"changes": _changes}),
    # What they did themselves. Its details are about others.
    PersonalData(
        model=Event,
        of=("actor_person",),
        texts=("actor",),
        changed={"ip": None},
        exported=("kind", "interface", "ip", "happened_at"),
    ),
    PersonalData(model=FormerAddress, of=("person",), identifiers=("email",), deleted=ALL_ROWS),
    PersonalData(model=Fund, of=("owner",), texts=("name",)),
    PersonalData(model=Grant, of=("person",), texts=("because",)),
    PersonalData(model=Invite, of=("person",)),
    PersonalData(
        model=Mail,
        of=("person",),
        identifiers=("to",),
        secrets=("facts", "held_by"),
        changed={"to": pseudonym, "facts": {}, "problem": ""},
        open=Q(sent_at=None, given_up_at=None),
        closed_by={"given_up_at": time_of_erasure},
    ),
    PersonalData(model=OutstandingItem, of=("person",), texts=("description",)),
    PersonalData(
        model=Passkey,
        of=("person",),
        deleted=ALL_ROWS,
        secrets=("credential_id", "credential", "sign_count"),
    ),
    PersonalData(model=PersonSession, of=("person",), deleted=ALL_ROWS, secrets=("session_key",)),
    # Others may use the views that are shared.
    PersonalData(
        model=SavedView, of=("owner",), deleted=Q(is_shared=False), texts=("name", "filters")
    ),
    PersonalData(model=ScheduledTermination, of=("person",), deleted=ALL_ROWS),
    PersonalData(
        model=SecondFactor,
        of=("person",),
        deleted=ALL_ROWS,
        secrets=("secret", "recovery_digests", "last_step"),
    ),
    PersonalData(
        model=WebhookDelivery,
        of=("person",),
        changed={"body": "", "response": "", "problem": ""},
        open=Q(state=WebhookDelivery.State.WAITING),
        closed_by={"state": WebhookDelivery.State.GIVEN_UP},
    ),
)
