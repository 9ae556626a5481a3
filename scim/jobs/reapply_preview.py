"""Preview how a changed mapping changes people: re-apply some resources, and roll back."""

from dataclasses import dataclass
from uuid import UUID

from django.db import transaction

from people.models import Person
from people.operations import person_fields
from people.values import PeopleError
from scim.jobs.reapply import provision_again
from scim.models import Connection, RequestLog, ScimUser
from scim.sync.provision import ProvisioningTask
from scim.sync.sync_errors import SyncErrorSubject

PREVIEW_SIZE = 12
# Several requests may be about the same user, so more are read than are shown.
RECENT_REQUESTS = 200


@dataclass
class ReapplyPreview:
    """The values of a person before and after re-applying their resource."""

    user: ScimUser
    before: dict[str, str]
    after: dict[str, str]
    problem: PeopleError | None = None

    @property
    def is_new(self) -> bool:
        return not self.before and bool(self.after)

    @property
    def changed(self) -> list[str]:
        return [
            name
            for name in self.before | self.after
            if self.before.get(name) != self.after.get(name)
        ]


def preview_reapply(connection: Connection) -> list[ReapplyPreview]:
    """Re-apply the most recent resources with the unsaved settings, and roll back."""
    with transaction.atomic():
        # The resources of the latest requests come first, followed by the newest ones.
        requests = RequestLog.objects.filter(connection=connection).order_by("-received_at")
        recent = requests.values_list("user_id", flat=True)[:RECENT_REQUESTS]
        users = ScimUser.objects.known_to(connection)
        mentioned = {user_id: None for user_id in recent if user_id}
        known = set(users.filter(pk__in=mentioned).values_list("pk", flat=True))
        newest = users.order_by("-pk").values_list("pk", flat=True)[:PREVIEW_SIZE]
        chosen = dict.fromkeys([*(one for one in mentioned if one in known), *newest])
        previews = [_preview_user(connection, user_id) for user_id in list(chosen)[:PREVIEW_SIZE]]
        transaction.set_rollback(True)
    return previews


def _preview_user(connection: Connection, user_id: int) -> ReapplyPreview:
    user = ScimUser.objects.select_related("person").get(pk=user_id)
    user.connection = connection
    preview = ReapplyPreview(user, before=_person_values(user.person_id), after={})
    try:
        with transaction.atomic():
            provision_again(
                ProvisioningTask(user, SyncErrorSubject(user_name=user.scim_username, user=user))
            )
    except PeopleError as error:
        preview.problem, preview.after = error, preview.before
    else:
        preview.after = _person_values(user.person_id)
    return preview


def _person_values(person_id: UUID | None) -> dict[str, str]:
    if person_id is None:
        return {}
    people = Person.objects.select_related("department", "location", "manager")
    person = people.get(pk=person_id)
    manager = {"manager": person.manager.full_name} if person.manager else {}
    return person_fields.snapshot(person) | manager
