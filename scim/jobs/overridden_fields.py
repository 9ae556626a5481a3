"""Restores managed fields that an administrator has changed to the provider's value.

The sync cycle does this, because providers do not send a value twice.
"""

from collections.abc import Iterable
from datetime import datetime

from django.db import transaction
from django.utils import timezone

from people import tenancy
from people.models import Person
from people.operations.managers import InvalidManager
from people.values import PeopleError
from scim.jobs.waiting_managers import LIVE, lock_user, save
from scim.models import ScimUser, SyncError
from scim.models.request_log import SyncErrorQuerySet
from scim.sync import provision, sync_errors
from scim.sync.provision import ProvisioningTask
from scim.sync.sync_errors import SyncErrorSubject


def overridden_users() -> list[ScimUser]:
    """Return the resources of all live connections whose managed fields somebody has changed."""
    with tenancy.across_tenants():
        users = ScimUser.objects.filter(LIVE, person__manually_overridden_at__isnull=False)
        users = users.exclude(person__state=Person.State.TERMINATED)
        return list(users.only("pk", "tenant"))


def restore_overridden_fields(users: Iterable[ScimUser]) -> int:
    """Restore the provider's values of each person; return the number of changed people."""
    return sum(_restore_user(user) for user in users)


def _restore_user(listed: ScimUser) -> bool:
    with tenancy.use(listed.tenant_id):
        subject = SyncErrorSubject()
        try:
            with transaction.atomic():
                subject.user = user = lock_user(listed.pk)
                subject.user_name = user.scim_username
                since = _overridden_since(user)
                if since is None:
                    return False
                has_changed = provision.restore_person(ProvisioningTask(user, subject))
                save(user)
                # The error about a missing manager was recorded just now, so it stays open.
                still_true = InvalidManager.code if user.waiting_manager else ""
                obsolete = _cycle_errors(user, since).open().exclude(reason=still_true)
                obsolete.update(resolved_at=timezone.now())
                return has_changed
        except PeopleError as error:
            assert since
            _record_error(user, subject, error, since)
            return False


def _overridden_since(user: ScimUser) -> datetime | None:
    """Return when a field was last overridden, None if the connection no longer manages the person.

    That may have changed after the resource was listed and before it was locked.
    """
    is_ours = user.deleted_at is None and user.connection.is_live
    return user.person.manually_overridden_at if is_ours and user.person else None


def _record_error(
    user: ScimUser, subject: SyncErrorSubject, error: PeopleError, since: datetime
) -> None:
    """Record one sync error for a failed restore; later cycles retry without recording it again.

    An administrator's dismissal lasts until somebody overrides another value.
    """
    with transaction.atomic():
        # Another cycle may have restored the fields since the transaction was rolled back.
        if _overridden_since(lock_user(user.pk)) is None:
            return
        if not _cycle_errors(user, since).filter(reason=error.code).exists():
            sync_errors.record(user.connection, subject, error, request_id=None)
            ScimUser.objects.filter(pk=user.pk).update(has_errors=True)


def _cycle_errors(user: ScimUser, since: datetime) -> SyncErrorQuerySet:
    """Return the errors that cycles have recorded; unlike others, they have no request."""
    return SyncError.objects.filter(user=user, request=None, happened_at__gte=since)
