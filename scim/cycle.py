"""The sync cycle: what waits in a connection is looked at again.

A resource may name a manager who has not arrived. When one does, an event wakes this at
once; beat comes by every few minutes for what two requests at the same instant missed.
"""

from collections.abc import Iterable

from django.db import transaction
from django.db.models import Q

from people import operations, tenancy
from people.models import Person
from people.values import PeopleError, fold
from scim import journal, provision
from scim.adapters import UserAdapter
from scim.canonical import link_manager
from scim.mapping import profile_of
from scim.models import ScimUser
from scim.provision import Manager


def resolve_waiting(waiting: Iterable[ScimUser]) -> int:
    """Give each resource the manager it waits for, if they are here; return how many got one."""
    return sum(_resolve(user.pk) for user in waiting)


def waiting_for(person: Person) -> list[ScimUser]:
    """Return the resources whose manager the person seems to be."""
    names = [fold(person.email)]
    for user in person.scim_users.filter(deleted_at=None):
        names += [
            str(user.scim_id),
            user.user_name_key,
            user.email_key,
            fold(user.scim_external_id),
        ]
    return list(ScimUser.objects.filter(waiting_manager__in=[name for name in names if name]))


def everyone_waiting() -> list[ScimUser]:
    """Return all resources of live connections that wait for a manager, all tenants'."""
    with tenancy.across_tenants():
        waiting = ScimUser.objects.filter(
            ~Q(waiting_manager=""),
            deleted_at=None,
            connection__activated_at__isnull=False,
            connection__disconnected_at=None,
        )
        return list(waiting.only("pk"))


@transaction.atomic
def _resolve(user_id: int) -> bool:
    with tenancy.across_tenants():
        user = (
            ScimUser.objects.select_related("connection", "person")
            .select_for_update(of=("self",))
            .get(pk=user_id)
        )
    with tenancy.use(user.tenant_id):
        if not user.waiting_manager or user.person is None:
            return False
        said = profile_of(user.document, user.connection.mapping)
        manager = provision.find_manager(user.connection, said.manager)
        return manager is not None and _assign(user, user.person, manager)


def _assign(user: ScimUser, person: Person, manager: Manager) -> bool:
    actor = user.connection.actor
    try:
        with transaction.atomic():
            operations.assign_manager(person, manager.person, actor=actor)
    except PeopleError:
        # It stays listed as it is: an administrator has to look at this one.
        return False
    operations.release_invite(person, actor=actor)
    journal.resolve_sync_errors(user, except_for=set())
    user.waiting_manager, user.problem, user.has_errors = "", ScimUser.Problem.NONE, False
    link_manager(user.document, manager.scim_id)
    UserAdapter(user).render()
    user.save(update_fields=["waiting_manager", "problem", "has_errors", "document", "rendered"])
    return True
