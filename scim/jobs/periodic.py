"""The sync cycle: it re-applies what providers sent, because they do not send it twice.

Beat runs it every five minutes. It restores managed fields that an administrator has changed to
the provider's value. It also assigns managers who arrive after their reports: an event triggers
this as soon as somebody can be found by the name of the manager, and the cycle does what events
missed.
"""

from collections.abc import Iterable
from datetime import datetime

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from people import tenancy
from people.models import Person
from people.operations import people_update
from people.operations.managers import InvalidManager
from people.values import PeopleError
from scim.api.adapters import UserAdapter
from scim.models import ScimUser, SyncError
from scim.models.request_log import SyncErrorQuerySet
from scim.sync import managers, provision, sync_errors
from scim.sync.attribute_mapping import profile_of
from scim.sync.managers import Manager
from scim.sync.provision import ProvisioningTask
from scim.sync.sync_errors import SyncErrorSubject

LIVE = Q(
    deleted_at=None,
    connection__activated_at__isnull=False,
    connection__disconnected_at=None,
)
HAS_LEFT = (Person.State.INACTIVE, Person.State.TERMINATED)
# The columns that the sync cycle may change.
SAVED_FIELDS = ("waiting_manager", "problem", "has_errors", "document", "rendered")


def resolve_waiting(waiting: Iterable[ScimUser]) -> int:
    """Assign the managers that the resources wait for; return how many could be assigned."""
    return sum(_resolve_user(user.pk) for user in waiting)


def users_waiting_for(person: Person) -> list[ScimUser]:
    """Return the resources that wait for a manager by one of the person's names."""
    # A person without a resource can be found by their address only.
    names = {person.email_key}
    for user in person.scim_users.filter(deleted_at=None):
        names |= {str(user.scim_id), *managers.names_of(user)}
    return list(ScimUser.objects.filter(waiting_manager__in=names - {""}))


def record_waiting(person: Person) -> None:
    """Record the sync error of a missing manager, unless it exists or the person has left.

    When an administrator reactivates a person, there is no SCIM request that would record it.
    """
    waiting = ScimUser.objects.filter(LIVE, ~Q(waiting_manager=""), person=person)
    waiting = waiting.exclude(person__state__in=HAS_LEFT)
    for user_id in list(waiting.values_list("pk", flat=True)):
        with transaction.atomic():
            # Another worker may have assigned the manager since the users were read.
            user = _lock_user(user_id)
            error = InvalidManager()
            if user.waiting_manager and not sync_errors.is_unresolved(user, error):
                mapped = profile_of(user.document, user.connection.mapping)
                subject = SyncErrorSubject(
                    user_name=user.scim_username, user=user, raw_values=mapped.raw_values
                )
                sync_errors.record(user.connection, subject, error, request_id=None)
                ScimUser.objects.filter(pk=user.pk).update(has_errors=True)


def all_waiting_users() -> list[ScimUser]:
    """Return the resources of all live connections that wait for a manager."""
    with tenancy.across_tenants():
        return list(ScimUser.objects.filter(LIVE, ~Q(waiting_manager="")).only("pk"))


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
                subject.user = user = _lock_user(listed.pk)
                subject.user_name = user.scim_username
                since = _overridden_since(user)
                if since is None:
                    return False
                has_changed = provision.restore_person(ProvisioningTask(user, subject))
                _save(user)
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
        if _overridden_since(_lock_user(user.pk)) is None:
            return
        if not _cycle_errors(user, since).filter(reason=error.code).exists():
            sync_errors.record(user.connection, subject, error, request_id=None)
            ScimUser.objects.filter(pk=user.pk).update(has_errors=True)


def _cycle_errors(user: ScimUser, since: datetime) -> SyncErrorQuerySet:
    """Return the errors that cycles have recorded; unlike others, they have no request."""
    return SyncError.objects.filter(user=user, request=None, happened_at__gte=since)


def _lock_user(user_id: int) -> ScimUser:
    users = ScimUser.objects.select_related("connection", "person")
    # `of`: the nullable join to the person cannot be locked, and the operations lock the person.
    return users.select_for_update(of=("self",)).get(pk=user_id)


@transaction.atomic
def _resolve_user(user_id: int) -> bool:
    with tenancy.across_tenants():
        user = _lock_user(user_id)
    with tenancy.use(user.tenant_id):
        if not user.waiting_manager or user.person is None:
            return False
        mapped = profile_of(user.document, user.connection.mapping)
        manager = managers.find(user.connection, mapped.manager) if mapped.manager else None
        return manager is not None and _assign_manager(user, user.person, manager)


def _assign_manager(user: ScimUser, person: Person, manager: Manager) -> bool:
    actor = user.connection.actor
    try:
        with transaction.atomic():
            people_update.assign_manager(person, manager.person, actor=actor)
    except PeopleError:
        # The sync error stays open, because the manager is circular or not eligible.
        return False
    provision.end_waiting(user, person)
    managers.link(user, manager)
    _save(user)
    return True


def _save(user: ScimUser) -> None:
    UserAdapter(user).render()
    user.save(update_fields=SAVED_FIELDS)
