"""What may be done to people, and under which rules; every door calls these."""

from people.operations.acceptance import (
    InviteExpired,
    InviteRevoked,
    InviteUsed,
    accept_invite,
    check_invite,
)
from people.operations.connections import note_connection
from people.operations.custom_fields import (
    CustomFieldTaken,
    add_custom_field,
    delete_custom_field,
)
from people.operations.description import DuplicateEmail, InvalidName, snapshot
from people.operations.email_changes import (
    ConfirmationRefused,
    NothingToConfirm,
    confirm_address,
    resend_confirmation,
)
from people.operations.hierarchy import CircularManager, InvalidManager, SelfManager, may_manage
from people.operations.invites import (
    InviteHeld,
    NotInvitable,
    issue_invite,
    release_invite,
    resend_invite,
    revoke_invite,
)
from people.operations.locks import held_columns, hold_person, holding, lock, read_held
from people.operations.mailing import post
from people.operations.organisation import InvalidLocationChange
from people.operations.ownership import release_fields
from people.operations.people import (
    Terminated,
    add_person,
    deactivate_person,
    join_person,
    reactivate_person,
)
from people.operations.places import (
    CurrencyInUse,
    DuplicateName,
    StillInUse,
    check_currency,
    check_name,
    check_unused,
    delete_place,
    save_place,
)
from people.operations.revising import assign_manager, put_back, revise_person
from people.operations.roles import (
    InvalidRole,
    LastAdministrator,
    LastOwner,
    grant_role,
    is_elevated,
    withdraw_grant,
)
from people.operations.sandboxes import empty_sandbox, open_sandbox
from people.operations.tenants import SlugTaken, create_tenant, set_invite_life

__all__ = [
    "CircularManager",
    "ConfirmationRefused",
    "CurrencyInUse",
    "CustomFieldTaken",
    "DuplicateEmail",
    "DuplicateName",
    "InvalidLocationChange",
    "InvalidManager",
    "InvalidName",
    "InvalidRole",
    "InviteExpired",
    "InviteHeld",
    "InviteRevoked",
    "InviteUsed",
    "LastAdministrator",
    "LastOwner",
    "NotInvitable",
    "NothingToConfirm",
    "SelfManager",
    "SlugTaken",
    "StillInUse",
    "Terminated",
    "accept_invite",
    "add_custom_field",
    "add_person",
    "assign_manager",
    "check_currency",
    "check_invite",
    "check_name",
    "check_unused",
    "confirm_address",
    "create_tenant",
    "deactivate_person",
    "delete_custom_field",
    "delete_place",
    "empty_sandbox",
    "grant_role",
    "held_columns",
    "hold_person",
    "holding",
    "is_elevated",
    "issue_invite",
    "join_person",
    "lock",
    "may_manage",
    "note_connection",
    "open_sandbox",
    "post",
    "put_back",
    "reactivate_person",
    "read_held",
    "release_fields",
    "release_invite",
    "resend_confirmation",
    "resend_invite",
    "revise_person",
    "revoke_invite",
    "save_place",
    "set_invite_life",
    "snapshot",
    "withdraw_grant",
]
