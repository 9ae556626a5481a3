"""Models of signing in: providers, identities, groups, mappings and attempts."""

from provisioning.models.attempt import SignInAttempt
from provisioning.models.directory_check import DirectoryCheck
from provisioning.models.groups import ExternalGroup, GroupMapping, GroupMembership
from provisioning.models.identity import Identity
from provisioning.models.login_failures import FailedLogins
from provisioning.models.provider import IdentityProvider, SignInSettings
from provisioning.models.sessions import ProviderSession
from provisioning.models.signals import (
    FreshSignIn,
    ReceivedSignal,
    SignalPolicy,
    TransmitterStream,
)
from provisioning.models.used_tokens import UsedToken

__all__ = [
    "DirectoryCheck",
    "ExternalGroup",
    "FailedLogins",
    "FreshSignIn",
    "GroupMapping",
    "GroupMembership",
    "Identity",
    "IdentityProvider",
    "ProviderSession",
    "ReceivedSignal",
    "SignInAttempt",
    "SignInSettings",
    "SignalPolicy",
    "TransmitterStream",
    "UsedToken",
]
