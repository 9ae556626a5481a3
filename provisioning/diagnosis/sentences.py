"""The sentences of the access diagnosis about refused sign-ins and unusable accounts."""

from collections.abc import Mapping
from typing import Final

from provisioning.directory.base import AccountProblem
from provisioning.models.account_status import AccountStatus

# The sentence for a refused attempt, by its reason; the log says what to correct.
REFUSALS: Final = {
    "not-admitted": "The sign-in of {who} was refused: {provider} restricts who can sign in.",
    "provider-unrestricted": (
        "The sign-in of {who} was refused: {provider} does not add people without a restriction."
    ),
    "provider-moved": (
        "The sign-in of {who} was refused: the new address of {provider} is not confirmed."
    ),
    "no-subject": "{provider} did not identify {who}.",
    "scim-incomplete": (
        "The sign-in of {who} was refused: SCIM has not sent all required attributes."
    ),
    "linked-otherwise": (
        "The sign-in of {who} was refused: they are linked to another account of {provider}."
    ),
    "not-paired": "{who} comes from SCIM, and {provider} is not paired with that connection.",
    "somebody-else": (
        "The sign-in of {who} was refused: that account of {provider} is linked to another person."
    ),
    "no-email": "The sign-in of {who} was refused: {provider} sent no email address.",
    "invalid-email": "The sign-in of {who} was refused: {provider} sent an invalid email address.",
    "unverified-email": (
        "The sign-in of {who} was refused: {provider} has not verified their email address."
    ),
    "email-taken": "The sign-in of {who} was refused: their email address is already in use.",
    "unknown-person": (
        "The sign-in of {who} was refused: they have no account, and {provider} does not add "
        "people."
    ),
    "tenant-inactive": "The sign-in of {who} was refused while the company was suspended.",
    "password-refused": "The sign-in of {who} was refused although the password was correct.",
    "person-deactivated": "The sign-in of {who} was refused: they were deactivated.",
    "person-terminated": "The sign-in of {who} was refused: they were terminated.",
    "account-disabled": "The account of {who} is disabled in the directory of {provider}.",
    "account-expired": "The account of {who} has expired in the directory of {provider}.",
    "account-outside": "The account of {who} is outside the base DN or user filter of {provider}.",
    "account-unknown": "The account of {who} no longer exists in the directory of {provider}.",
    "account-replaced": "The sign-in of {who} was refused: another account now has that user name.",
    "directory-unavailable": (
        "The sign-in of {who} was refused: the directory of {provider} did not answer."
    ),
    "account-locked": "The account of {who} is locked in the directory of {provider}.",
    "logon-hours": "The account of {who} may not sign in to {provider} at this time.",
    "workstation-refused": (
        "The account of {who} may sign in to {provider} only on certain computers."
    ),
    "password-expired": "The password of {who} at {provider} has expired.",
    "password-must-change": "{who} has to choose a new password at {provider} first.",
    "wrong-password": "{who} entered an incorrect password at {provider}.",
    "no-entry": "{who} was not found among those who may sign in through {provider}.",
    "nearly-locked": (
        "The sign-in of {who} was refused: another incorrect password would lock their account."
    ),
}
# The same, as the directory says it when it is asked.
LIVE: Final[Mapping[str, str]] = {
    AccountStatus.DISABLED: "{who} is disabled in {provider}.",
    AccountStatus.EXPIRED: "The account of {who} has expired in {provider}.",
    AccountStatus.OUTSIDE: (
        "{who} is in {provider}, but outside of its base DN or user filter, so they cannot sign in."
    ),
    AccountStatus.UNKNOWN: "{provider} no longer has the account of {who}.",
    AccountProblem.SUSPENDED: "{who} is suspended in {provider}.",
    AccountProblem.DEACTIVATED: "{who} is deactivated in {provider}.",
    AccountProblem.LOCKED: "{who} is locked out in {provider}.",
    AccountProblem.NOT_ACTIVATED: "{who} has not activated their account in {provider} yet.",
    AccountProblem.PASSWORD_EXPIRED: "The password of {who} at {provider} has expired.",
    AccountProblem.PASSWORD_RESET: "{who} has to choose a new password at {provider} first.",
    AccountProblem.NOT_ASSIGNED: "{who} is not assigned to the Ramp application in {provider}.",
    AccountProblem.NOT_THERE: "{who} is not in {provider}.",
}
# What to do about it.
ADVICE: Final[Mapping[str, str]] = {
    AccountStatus.DISABLED: "Enable the account in {provider}, if they should be able to sign in.",
    AccountProblem.SUSPENDED: "Unsuspend them in {provider}, if they should be able to sign in.",
    AccountProblem.DEACTIVATED: "Activate them in {provider}, if they should be able to sign in.",
    AccountProblem.LOCKED: "Unlock them in {provider}, or wait until the lock ends.",
    AccountProblem.NOT_ACTIVATED: (
        "Activate them in {provider}, or have them follow the link in the activation email."
    ),
    AccountProblem.PASSWORD_EXPIRED: "Have them choose a new password at {provider}.",
    AccountProblem.PASSWORD_RESET: "Have them follow the link in the email from {provider}.",
    AccountProblem.NOT_ASSIGNED: (
        "Assign them, or a group that they are in, to the Ramp application in {provider}."
    ),
    AccountProblem.NOT_THERE: (
        "Neither their earlier account nor their name or address is there. Add them in {provider}, "
        "if they should be able to sign in."
    ),
}
USUAL_ADVICE: Final = (
    "Correct it there, or in the provider's settings, if they should be able to sign in."
)
