"""The job that checks in live directories whether people may still sign in.

A session lasts for days. This job ends the sessions of people whose
account was disabled, has expired, was deleted, or no longer matches the provider's settings. It
deactivates nobody: an administrator or SCIM does that.

An answer that is not complete changes nothing. One that knows none of several people, or misses
unusually many, is not believed either: then the settings or the service account's rights are wrong.
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
from people.operations import field_ownership
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
from provisioning.providers.secrets import SecretLost
from provisioning.sign_in import attempt_log
from provisioning.sign_in.attempt_log import Outcome

log = logging.getLogger(__name__)

JOB: Final = Actor("job", "directory check")
# Identities that are asked about in one turn of a provider.
CHUNK: Final = 500
# So many missing accounts of one turn are believed, or this share of them if that is more.
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
    """Ask every live directory about everybody; return for how many people sessions ended.

    A directory only tells how accounts stand now, so `as_of` makes no difference.
    """
    return run_batch(since=timezone.now(), seconds=math.inf)[0]


def run_batch(*, since: datetime, seconds: float) -> tuple[int, bool]:
    """Ask those that were not asked since then, as far as time allows, the least recent first.

    Each turn is about one provider and at most CHUNK people, so a company with many people or a
    slow directory does not keep the others waiting for long.

    :returns: for how many people sessions ended, and whether that was all.
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
    """Return a provider that was not asked since then, or whose pass is not finished."""
    kept = IdentityProvider.objects.kept().select_related("tenant")
    directories = kept.filter(kind=IdentityProvider.Kind.LDAP, tenant__is_active=True)
    is_done = directories.filter(check_state__tried_at__gte=since, check_state__after=0)
    due = directories.exclude(pk__in=is_done.values("pk"))
    found: IdentityProvider | None = due.order_by(
        F("check_state__tried_at").asc(nulls_first=True), "pk"
    ).first()
    return found


def _take_turn(directory: IdentityProvider) -> int:
    """Ask about the next identities, note how that went, and return whose sessions ended."""
    now = timezone.now()
    usual = {"tenant_id": directory.tenant_id, "tried_at": now}
    state, _ = DirectoryCheck.objects.get_or_create(provider=directory, defaults=usual)
    identities = list(_identities(directory, after=state.after)[:CHUNK])
    try:
        told = _told(directory, identities) if identities else {}
    except (LdapFailed, SecretLost) as error:
        _note_problem(directory, state, error)
        return 0
    signed_out = sum(_apply(directory, one, told[one.subject]) for one in identities)
    is_all = len(identities) < CHUNK
    state.tried_at, state.after = now, 0 if is_all else identities[-1].pk
    state.finished_at = now if is_all else state.finished_at
    state.problem = state.detail = ""
    state.save()
    return signed_out


def _identities(directory: IdentityProvider, *, after: int) -> QuerySet[Identity]:
    """Return the identities of people who may sign in and whose subject is the directory's id."""
    identities: QuerySet[Identity] = Identity.objects.select_related("person", "provider").filter(
        _confirmed(directory, *windows_of(directory)),
        retired_at=None,
        person__state__in=[Person.State.INVITED, Person.State.ACTIVE],
        pk__gt=after,
    )
    # A Windows principal that has not been replaced yet is no id of the directory.
    return identities.exclude(
        provider__kind=IdentityProvider.Kind.WINDOWS, subject__contains="@"
    ).order_by("pk")


def _confirmed(*providers: IdentityProvider) -> Q:
    """Return the condition for identities whose directory is still the one that is asked."""
    either = Q()
    for provider in providers:
        either |= Q(provider=provider, authority=authority_of(provider))
    return either


def _told(directory: IdentityProvider, identities: list[Identity]) -> dict[str, AccountStatus]:
    """Return what the directory says of each subject.

    :raises LdapFailed: if it does not say it of all, or it cannot be believed.
    """
    subjects = sorted({one.subject for one in identities})
    settings, password = settings_of(directory), manage.secret_of(directory)
    with client.opened(settings, password, seconds=math.inf) as asked:
        told = statuses(asked, subjects)
        if all(status in MISSING for status in told.values()):
            asked.check_that_there_is_somebody()
    _check_believable(told, {one.subject for one in identities if one.status not in MISSING})
    return told


def _check_believable(told: Mapping[str, AccountStatus], present: set[str]) -> None:
    """See that not too many of those are missing who were there at the last check."""
    missing = [subject for subject in present if told[subject] in MISSING]
    is_nobody_left = len(missing) == len(present) > 1
    if is_nobody_left or len(missing) > max(MISSING_BELIEVED, SHARE_BELIEVED * len(present)):
        raise LdapFailed(
            "directory-incomplete",
            f"{len(missing)} of {len(present)} people were not found. This seems wrong, so nobody "
            "was signed out. Check the base DN, the user filter, and what the service account may "
            "read.",
        )


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
        field_ownership.sign_out(identity.person, actor=JOB, reason=f"{reason}.")
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


def _note_problem(directory: IdentityProvider, state: DirectoryCheck, error: Exception) -> None:
    """Write it into the provider log, unless the last try failed for the same reason."""
    code = getattr(error, "code", "secret-lost")
    if state.problem != code:
        detail = f"The regular check of the directory failed: {error}"
        attempt_log.log_attempt(Outcome.FAILED, directory, reason=code, detail=detail)
    log.warning("Directory check of %s failed: %s", directory.pk, code)
    # The next try begins where this one failed, at the earliest with the next run.
    state.tried_at, state.problem, state.detail = timezone.now(), code, str(error)
    state.after = 0
    state.save()
