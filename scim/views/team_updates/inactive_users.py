"""Inactive users: since when, deactivated by whom, and how to reactivate them."""

from typing import Any

from django.http import HttpRequest, HttpResponse

from people.models import Person
from people.presentation.actor_names import actor_name
from people.presentation.search_forms import PersonSearch, choice
from people.values import VIA_SCIM, Actor
from people.views.offboarding.schedule_status import days_in_force, termination_statuses
from people.views.permissions import administrator_required
from scim.models import Connection
from scim.views.team_updates.common import inactive_people, page_of, show_tab


class InactiveSearch(PersonSearch):
    by = choice(
        "Deactivated",
        [("provider", "By an identity provider"), ("hand", "Manually")],
        otherwise="By anyone",
    )


@administrator_required
def inactive_users(request: HttpRequest) -> HttpResponse:
    form = InactiveSearch(request.GET)
    found = inactive_people().matching(form.value_of("q"))
    match form.value_of("by"):
        case "provider":
            found = found.deactivated_via_scim()
        case "hand":
            found = found.exclude(deactivated_by__startswith=VIA_SCIM)
    page = page_of(request, found.order_by("-deactivated_at", "pk"))
    return show_tab(
        request,
        "scim/team_updates/inactive_users.html",
        form=form,
        page=page,
        rows=_rows(page),
        is_on=days_in_force() is not None,
        # A deactivation increments the session epoch.
        ever=lambda: Person.objects.filter(session_epoch__gt=0).exists(),
    )


def _rows(people: Any) -> list[dict[str, Any]]:
    actors = {Actor.read(person.deactivated_by) for person in people}
    keys = [actor.key for actor in actors if actor.kind == "person"]
    colleagues = Person.objects.with_email_key(*keys)
    names = {colleague.email: colleague.full_name for colleague in colleagues}
    ahead = termination_statuses(people)
    live = {str(one.actor) for one in Connection.objects.filter(disconnected_at=None)}
    return [
        {
            "person": person,
            "termination": ahead[person.pk],
            "by": actor_name(person.deactivated_by, names),
            # Without a live provider, only an administrator can reactivate them.
            "is_its_turn": person.deactivated_by in live,
        }
        for person in people
    ]
