"""The rows of this app that are personal data."""

from typing import Final

from people.models.personal_data import ALL_ROWS, PersonalData
from provisioning.models import (
    FreshSignIn,
    GroupMembership,
    Identity,
    ProviderSession,
    ReceivedSignal,
    SignInAttempt,
)

PERSONAL_DATA: Final = (
    PersonalData(
        model=SignInAttempt,
        of=("person",),
        found_by=("email", "subject"),
        changed={"subject": "", "email": "", "detail": "", "warnings": [], "ip": None},
    ),
    PersonalData(
        model=ReceivedSignal,
        of=("person",),
        found_by=("subject",),
        secrets=("digest",),
        changed={"subject": "", "detail": ""},
    ),
    PersonalData(
        model=ProviderSession, found_by=("subject",), deleted=ALL_ROWS, secrets=("session_key",)
    ),
    PersonalData(model=FreshSignIn, of=("person",), deleted=ALL_ROWS),
    PersonalData(model=GroupMembership, of=("identity__person",), deleted=ALL_ROWS),
    # Deleted, because a trigger makes the subject of an identity immutable.
    PersonalData(
        model=Identity,
        of=("person",),
        identifiers=("subject", "account"),
        described_by=("stated_values",),
        deleted=ALL_ROWS,
    ),
)
