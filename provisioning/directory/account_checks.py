"""The job that checks in live directories whether people may still sign in.

A session lasts for days. This job ends the sessions of people whose account was disabled, has
expired, was deleted, or no longer matches the provider's settings. It deactivates nobody: an
administrator or SCIM does that.

An incomplete answer changes nothing. Neither does one in which everybody, or unusually many people,
are missing: then probably the settings or the rights of the service account are wrong.
"""

import logging
import math
from collections.abc import Mapping
from datetime import datetime
from time import monotonic
from typing import Final

from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.utils import timezone

from people import tenancy
from people.models import Person
from people.operations import sessions
from people.secrets import SecretLost
from people.values import Actor
from provisioning.ldap import client
from provisioning.ldap.account_status import statuses
from provisioning.ldap.connection import LdapFailed
from provisioning.models import DirectoryCheck, Identity, IdentityProvider
from provisioning.models.account_status import AccountStatus
from provisioning.providers import manage
from provisioning.providers.config import settings_of
from provisioning.providers.issuers import authority_of
from provisioning.providers.paired_directories import windows_of
from provisioning.sign_in import attempt_log
from provisioning.sign_in.attempt_log import Outcome

log = logging.getLogger(__name__)

JOB: Final = Actor("job", "directory check")
# How many identities of one provider are checked in one turn.
CHUNK: Final = 500
# The missing accounts in one turn that are plausible: this number, or this share if it is larger.
MISSING_BELIEVED: Final = 10
SHARE_BELIEVED: Final = 0.2
MISSING: Final = (AccountStatus.OUTSIDE, AccountStatus.UNKNOWN)
REASONS: Final[Mapping[str, str]] = {
    AccountStatus.DISABLED: "the account is disabled in {directory}",
    AccountStatus.EXPIRED: "the account has expired in {directory}",
    AccountStatus.OUTSIDE: "the account is outside the base DN or user filter of {directory}",
    AccountStatus.UNKNOWN: "the account no longer exists in {directory}",
}


def check_due(*, as_of: datetime) -> int:
    """Check everybody in all live directories; return for how many people sessions ended.

    A directory only knows the present status of accounts, so `as_of` has no effect.
    """
    return run_batch(since=timezone.now(), seconds=math.inf)[0]


def run_batch(*, since: datetime, seconds: float) -> tuple[int, bool]:
    """Check the providers that were not checked since then, until the time is over.

    Each turn checks at most CHUNK people of one provider, so a company with many people or a slow
    directory does not delay the others for long.

    :returns: for how many people sessions ended, and whether all providers are done.
    """
    ends_at, signed_out = monotonic() + seconds, 0
    with tenancy.across_tenants():
        while directory := _next_due(since):
            with tenancy.use(directory.tenant_id):
                signed_out += _take_turn(directory)
            if monotonic() >= ends_at:
                return signed_out, _next_due(since) is None
    return signed_out, True


def _next_due(since: datetime) -> IdentityProvider | None:
    """Return a provider that was not checked since then, or whose pass is not finished."""
    kept = IdentityProvider.objects.kept().select_related("tenant")
    directories = kept.filter(kind=IdentityProvider.Kind.LDAP, tenant__is_active=True)
    is_done = directories.filter(check_state__tried_at__gte=since, check_state__after=0)
    due = directories.exclude(pk__in=is_done.values("pk"))
    found: IdentityProvider | None = due.order_by(
        F("check_state__tried_at").asc(nulls_first=True), "pk"
    ).first()
    return found


def _take_turn(directory: IdentityProvider) -> int:
    """Check the next identities, save the progress, and return for how many sessions ended."""
    now = timezone.now()
    defaults = {"tenant_id": directory.tenant_id, "tried_at": now}
    state, _ = DirectoryCheck.objects.get_or_create(provider=directory, defaults=defaults)
    identities = list(_identities(directory, after=state.after)[:CHUNK])
    try:
        found = _statuses(directory, identities) if identities else {}
    except (LdapFailed, SecretLost) as error:
        code = getattr(error, "code", "secret-lost")
        # The provider log has the problem already if it is the same as the last time.
        if state.problem != code:
            detail = f"The regular check of the directory failed: {error}"
            attempt_log.log_attempt(Outcome.FAILED, directory, reason=code, detail=detail)
        log.warning("Directory check of %s failed: %s", directory.pk, code)
        # The next run starts a new pass.
        state.tried_at, state.problem, state.detail = timezone.now(), code, str(error)
        state.after = 0
        state.save()
        return 0
    signed_out = sum(_apply(directory, one, found[one.subject]) for one in identities)
    is_all = len(identities) < CHUNK
    state.tried_at, state.after = now, 0 if is_all else identities[-1].pk
    state.finished_at = now if is_all else state.finished_at
    state.problem = state.detail = ""
    state.save()
    return signed_out


def _identities(directory: IdentityProvider, *, after: int) -> QuerySet[Identity]:
    """Return the identities of people who may sign in and whose subject is the directory's id."""
    # Only identities of the directory that the settings name now.
    is_confirmed = Q()
    for provider in (directory, *windows_of(directory)):
        is_confirmed |= Q(provider=provider, authority=authority_of(provider))
    identities: QuerySet[Identity] = Identity.objects.select_related("person", "provider").filter(
        is_confirmed,
        retired_at=None,
        person__state__in=[Person.State.INVITED, Person.State.ACTIVE],
        pk__gt=after,
    )
    # A subject that is still a Windows principal cannot be looked up by the directory's id.
    return identities.exclude(
        provider__kind=IdentityProvider.Kind.WINDOWS, subject__contains="@"
    ).order_by("pk")


def _statuses(directory: IdentityProvider, identities: list[Identity]) -> dict[str, AccountStatus]:
    """Return the status of each subject.

    :raises LdapFailed: if the answer is incomplete, or if implausibly many people are missing who
        were present at the last check.
    """
    subjects = sorted({one.subject for one in identities})
    settings, password = settings_of(directory), manage.secret_of(directory)
    with client.opened(settings, password, seconds=math.inf) as connected:
        found = statuses(connected, subjects)
        # If nobody was found, the base DN or the user filter may be wrong.
        if all(status in MISSING for status in found.values()):
            connected.check_has_people()
    present = {one.subject for one in identities if one.status not in MISSING}
    missing = [subject for subject in present if found[subject] in MISSING]
    is_nobody_left = len(missing) == len(present) > 1
    if is_nobody_left or len(missing) > max(MISSING_BELIEVED, SHARE_BELIEVED * len(present)):
        raise LdapFailed(
            "directory-incomplete",
            f"{len(missing)} of {len(present)} people were not found. This seems wrong, so nobody "
            "was signed out. Check the base DN, the user filter, and what the service account may "
            "read.",
        )
    return found


def _apply(directory: IdentityProvider, identity: Identity, status: AccountStatus) -> int:
    """Save the account's status; end the person's sessions if it has just become unusable."""
    if identity.status == status:
        return 0
    with transaction.atomic():
        identity.status, identity.status_since = status, timezone.now()
        identity.save(update_fields=["status", "status_since"])
        if status == AccountStatus.GOOD:
            return 0
        reason = REASONS[status].format(directory=directory.name)
        sessions.sign_out(identity.person, actor=JOB, reason=f"{reason}.")
        attempt_log.log_attempt(
            Outcome.SIGNED_OUT,
            identity.provider,
            person=identity.person,
            subject=identity.subject,
            email=identity.person.email,
            reason=status,
            detail=f"All sessions ended: {reason}.",
        )
    return 1
