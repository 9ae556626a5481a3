"""Shared code of the five tabs of Team updates.

These are `pending_invites`, `inactive_users`, `sync_errors`, `to_review` and `waiting_members`.
Each is a page, which the People page also shows in a dialog.
"""

from collections.abc import Callable
from typing import Any

from django.db.models import Exists, OuterRef, QuerySet, Subquery
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone

from people.models import Invite, Mail, Person
from people.operations.roles.withheld_roles import people_with_withheld_roles
from people.presentation.page_links import BoundedPaginator, counted
from people.presentation.search_forms import PersonSearch
from people.views.page_context import page_context
from people.views.permissions import administrator_required
from scim.models import SamePersonQuestion, ScimGroup, ScimWaitingMember, SyncError

ROWS_A_PAGE = 50


def pending_invites() -> Any:
    """Return the open invites, each with the delivery problem of its latest mail, if any."""
    mails = Mail.objects.filter(invite=OuterRef("pk"), kind=Mail.Kind.INVITE)
    latest = mails.order_by("-created_at", "pk").values("problem")[:1]
    return Invite.objects.open().annotate(problem=Subquery(latest))


def inactive_people() -> Any:
    return Person.objects.filter(state=Person.State.INACTIVE)


def sync_errors() -> Any:
    return SyncError.objects.open()


def same_person_questions() -> Any:
    """Return the open questions whether a new person is one who left."""
    return SamePersonQuestion.objects.open()


def expired_invites() -> QuerySet[Invite]:
    """Return the open invites that nobody can accept any more."""
    invites: QuerySet[Invite] = Invite.objects.open().filter(expires_at__lte=timezone.now())
    return invites


def undelivered_invites() -> QuerySet[Invite]:
    """Return the open invites that have not expired, and whose last mail did not arrive."""
    later = Mail.objects.filter(
        invite=OuterRef("invite"), kind=Mail.Kind.INVITE, created_at__gt=OuterRef("created_at")
    )
    # By the index `mail_invite_problem`. The problem of an earlier mail no longer matters.
    mails = Mail.objects.filter(kind=Mail.Kind.INVITE).exclude(problem="").exclude(Exists(later))
    invites: QuerySet[Invite] = Invite.objects.open()
    return invites.filter(expires_at__gt=timezone.now(), pk__in=mails.values("invite"))


def waiting_members() -> QuerySet[ScimWaitingMember]:
    """Return the members of groups who have not arrived, of connections that can send them."""
    groups = ScimGroup.objects.filter(
        deleted_at=None,
        connection__activated_at__isnull=False,
        connection__disconnected_at=None,
    )
    return ScimWaitingMember.objects.filter(group__in=groups)


def to_review() -> list[QuerySet[Any]]:
    return [same_person_questions(), people_with_withheld_roles()]


TABS: dict[str, tuple[str, Callable[[], list[QuerySet[Any]]]]] = {
    "team_updates_invites": ("Pending invites", lambda: [Invite.objects.open()]),
    "team_updates_inactive": ("Inactive users", lambda: [inactive_people()]),
    "team_updates_errors": ("Sync errors", lambda: [SyncError.objects.open()]),
    "team_updates_review": ("To review", to_review),
    "team_updates_members": ("Group members", lambda: [waiting_members()]),
}


# The tabs by urgency: refused changes and questions wait for an administrator; the others may wait.
URGENCY = (
    *("team_updates_errors", "team_updates_review", "team_updates_invites"),
    *("team_updates_inactive", "team_updates_members"),
)


def page_of(request: HttpRequest, rows: QuerySet[Any]) -> Any:
    return BoundedPaginator(rows, ROWS_A_PAGE).get_page(request.GET.get("page"))


@administrator_required
def team_updates(request: HttpRequest) -> HttpResponse:
    """Redirect to the most urgent tab that has rows.

    Before the tabs had addresses, this was the list of pending invites. Bookmarks of its filters
    lead there.
    """
    if request.GET:
        invites = reverse("admin:team_updates_invites")
        return redirect(f"{invites}?{request.GET.urlencode()}")
    with_rows = (name for name in URGENCY if any(rows.exists() for rows in TABS[name][1]()))
    return redirect(f"admin:{next(with_rows, 'team_updates_invites')}")


def show_tab(
    request: HttpRequest, template: str, *, form: PersonSearch, page: Any, ever: Any, **shown: Any
) -> HttpResponse:
    """Render a tab; `ever`, called only if it is empty, tells whether it ever had rows."""
    context = context_of(request, "Team updates") | shown
    here = request.resolver_match.url_name if request.resolver_match else ""
    context |= {
        "tabs": [
            {
                "title": title,
                "count": counted(*rows()),
                "url": reverse(f"admin:{name}"),
                "is_here": name == here,
            }
            for name, (title, rows) in TABS.items()
        ],
        "form": form,
        "page": page,
        "is_searched": form.is_used,
        "is_all_done": not page.object_list and not form.is_used and ever(),
    }
    return render(request, template, context)


def context_of(request: HttpRequest, title: str, *, parent: str = "") -> dict[str, Any]:
    """Return the context of a Team updates page, as a page or in the dialog."""
    above = ("Team updates", parent) if parent else ("People", "people_person_changelist")
    return page_context(request, title, parent=(above[0], reverse(f"admin:{above[1]}"))) | {
        "base": "scim/team_updates/_dialog.html"
        if "X-Dialog" in request.headers
        else "admin/base_site.html",
    }
