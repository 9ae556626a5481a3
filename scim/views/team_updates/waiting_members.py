"""Team updates, Group members: who is named as a member of a group, but has not arrived."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import Q
from django.http import HttpRequest, HttpResponse

from people.presentation.search_forms import PersonSearch
from people.values import normalize_key
from people.views.permissions import administrator_required
from scim.models import Connection, ScimGroup, ScimUser, ScimWaitingMember
from scim.rfc.ids import scim_uuid
from scim.views.team_updates.common import page_of, show_tab
from scim.views.team_updates.common import waiting_members as listed_members


@dataclass(frozen=True)
class Row:
    """A waiting member, by the name of the user or group that was deleted, if there was one."""

    member: ScimWaitingMember
    name: str
    deleted_at: datetime | None

    @property
    def group(self) -> ScimGroup:
        return self.member.group

    @property
    def connection(self) -> Connection:
        return self.group.connection


@administrator_required
def waiting_members(request: HttpRequest) -> HttpResponse:
    form = PersonSearch(request.GET)
    found = listed_members().select_related("group__connection")
    for word in form.value_of("q").split():
        key = normalize_key(word)
        found = found.filter(Q(value__icontains=word) | Q(group__display_name_key__contains=key))
    page = page_of(request, found.order_by("group__display_name_key", "group", "pk"))
    # A member has only an id. If the provider deleted its user or group, the page shows the name.
    ids = [scim_uuid(member.value) for member in page]
    gone: dict[tuple[UUID, UUID], tuple[str, datetime | None]] = {}
    for group in ScimGroup.objects.filter(scim_id__in=ids):
        gone[group.connection_id, group.scim_id] = (f"Group {group}", group.deleted_at)
    users = ScimUser.objects.filter(scim_id__in=ids).select_related("person")
    for user in users.defer("document", "rendered"):
        name = user.person.full_name if user.person else user.scim_username
        gone[user.connection_id, user.scim_id] = (name, user.deleted_at)
    return show_tab(
        request,
        "scim/team_updates/waiting_members.html",
        form=form,
        page=page,
        rows=[
            Row(member, *gone.get((member.group.connection_id, scim_id), (member.value, None)))
            for member, scim_id in zip(page, ids, strict=True)
        ],
        ever=lambda: False,
    )
