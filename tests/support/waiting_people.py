"""Who waits for a manager, and what Team updates says about it: both must agree at any time."""

from people.models import Invite, Person
from scim.jobs import waiting_managers
from scim.models import ScimUser, SyncError
from scim.sync.managers import WAITS


def assert_waiting_is_listed() -> None:
    """See that everybody who waits for a manager is listed, and nobody else."""
    waiting = ScimUser.objects.filter(waiting_managers.LIVE).exclude(waiting_manager="")
    waiting = waiting.exclude(person__state__in=waiting_managers.HAS_LEFT)
    rows = SyncError.objects.filter(reason=SyncError.Reason.INVALID_MANAGER, resolved_at=None)
    waits = set(waiting.values_list("scim_username", flat=True))
    listed = set(rows.values_list("user__scim_username", flat=True))
    assert waits <= listed, f"not listed: {waits - listed}"
    # Of a refused request nobody waits.
    accepted = rows.open().exclude(request__status__gte=400)
    values = set(accepted.values_list("user__scim_username", flat=True))
    assert values <= waits, f"listed, and does not wait: {values - waits}"
    held = Invite.objects.open().filter(hold_reason=WAITS)
    people = Person.objects.filter(pk__in=held.values("person"))
    kept = set(people.values_list("scim_users__scim_username", flat=True))
    assert kept <= waits, f"held without a reason: {kept - waits}"
