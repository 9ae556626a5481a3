"""The sync cycle: it re-applies what providers sent, because they do not send it twice.

Beat runs it every few minutes. A field that a provider owns and somebody changed is put back
to what the provider said. A resource may name a manager who is not here: an event has this
module look again as soon as somebody becomes reachable by that name, and beat finds the rest.
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
LEFT = (Person.State.INACTIVE, Person.State.TERMINATED)
# What looking again may change of a resource.
LOOKED_AT = ("waiting_manager", "problem", "has_errors", "document", "rendered")


def resolve_waiting(waiting: Iterable[ScimUser]) -> int:
    """Give each resource the manager it waits for, if they are here; return how many got one."""
    return sum(_resolve(user.pk) for user in waiting)


def waiting_for(person: Person) -> list[ScimUser]:
    """Return the resources whose manager the person seems to be."""
    names = {person.email_key}
    for user in person.scim_users.filter(deleted_at=None):
        names |= {str(user.scim_id), *managers.names_of(user)}
    return list(ScimUser.objects.filter(waiting_manager__in=names - {""}))


def list_waiting(person: Person) -> None:
    """List that the person waits for a manager, unless it is listed or they have left.

    Reactivating somebody by hand is no request that would list it.
    """
    waiting = ScimUser.objects.filter(LIVE, ~Q(waiting_manager=""), person=person)
    for user in waiting.exclude(person__state__in=LEFT).select_related("connection", "person"):
        mapped = profile_of(user.document, user.connection.mapping)
        subject = SyncErrorSubject(
            user_name=user.scim_username, user=user, raw_values=mapped.raw_values
        )
        error = InvalidManager()
        with transaction.atomic():
            if not sync_errors.is_open(user, error):
                sync_errors.record(user.connection, subject, error, request_id=None)
                ScimUser.objects.filter(pk=user.pk).update(has_errors=True)


def everyone_waiting() -> list[ScimUser]:
    """Return all resources of live connections that wait for a manager, all tenants'."""
    with tenancy.across_tenants():
        return list(ScimUser.objects.filter(LIVE, ~Q(waiting_manager="")).only("pk"))


def people_with_manual_overrides() -> list[ScimUser]:
    """Return the resources of live connections whose person somebody has changed since."""
    with tenancy.across_tenants():
        users = ScimUser.objects.filter(LIVE, person__manually_overridden_at__isnull=False)
        users = users.exclude(person__state=Person.State.TERMINATED)
        return list(users.only("pk", "tenant"))


def restore_managed_fields(users: Iterable[ScimUser]) -> int:
    """Restore the provider's values of each person; return the number of changed people."""
    return sum(_restore(user) for user in users)


def _restore(listed: ScimUser) -> bool:
    with tenancy.use(listed.tenant_id):
        subject = SyncErrorSubject()
        try:
            with transaction.atomic():
                subject.user = user = _hold(listed.pk)
                subject.user_name = user.scim_username
                since = _overridden_since(user)
                if since is None:
                    return False
                has_changed = provision.restore_managed_fields(ProvisioningTask(user, subject))
                _save(user)
                # That the manager is waited for was listed a moment ago, and is true.
                over = _refusals(user, since).open().exclude(reason=_waiting_reason(user))
                over.update(resolved_at=timezone.now())
                return has_changed
        except PeopleError as error:
            assert since
            _list(user, subject, error, since)
            return False


def _overridden_since(user: ScimUser) -> datetime | None:
    """Return since when, or None if the connection has ended or no longer manages the person."""
    is_ours = user.deleted_at is None and user.connection.is_live
    return user.person.manually_overridden_at if is_ours and user.person else None


def _list(user: ScimUser, subject: SyncErrorSubject, error: PeopleError, since: datetime) -> None:
    """Record one sync error for a failed restore; later cycles retry without recording it again.

    An administrator's dismissal lasts until somebody overrides another value.
    """
    with transaction.atomic():
        if not _refusals(user, since).filter(reason=error.code).exists():
            sync_errors.record(user.connection, subject, error, request_id=None)
            ScimUser.objects.filter(pk=user.pk).update(has_errors=True)


def _refusals(user: ScimUser, since: datetime) -> SyncErrorQuerySet:
    """Return what cycles have listed about the person; no request of theirs was refused."""
    return SyncError.objects.filter(user=user, request=None, happened_at__gte=since)


def _waiting_reason(user: ScimUser) -> str:
    return InvalidManager.code if user.waiting_manager else ""


def _hold(user_id: int) -> ScimUser:
    users = ScimUser.objects.select_related("connection", "person")
    return users.select_for_update(of=("self",)).get(pk=user_id)


@transaction.atomic
def _resolve(user_id: int) -> bool:
    with tenancy.across_tenants():
        user = _hold(user_id)
    with tenancy.use(user.tenant_id):
        if not user.waiting_manager or user.person is None:
            return False
        mapped = profile_of(user.document, user.connection.mapping)
        manager = managers.find(user.connection, mapped.manager) if mapped.manager else None
        return manager is not None and _assign(user, user.person, manager)


def _assign(user: ScimUser, person: Person, manager: Manager) -> bool:
    actor = user.connection.actor
    try:
        with transaction.atomic():
            people_update.assign_manager(person, manager.person, actor=actor)
    except PeopleError:
        # It stays listed: the manager would be circular or is not eligible.
        return False
    provision.end_waiting(user, person)
    managers.link(user, manager)
    _save(user)
    return True


def _save(user: ScimUser) -> None:
    UserAdapter(user).render()
    user.save(update_fields=LOOKED_AT)
