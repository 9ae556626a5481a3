"""Sync errors: writes of users and groups that were refused, and what resolves them."""

from dataclasses import dataclass
from typing import Any

from django.db.models import Exists, OuterRef, Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render

from people.models import Invite, Person
from people.presentation.actor_names import actor_name
from people.presentation.search_forms import PersonSearch, choice
from people.values import normalize_key
from people.views.permissions import administrator_required
from scim.jobs import retry
from scim.models import Connection, ScimUser, SyncError
from scim.sync import policies
from scim.sync.error_causes import ErrorCauses, causes_of
from scim.sync.resolutions import AddressOwner, Resolution, SyncErrorCase, resolution_for
from scim.views.request_detail import readable
from scim.views.team_updates.common import context_of, page_of, show_tab

# Large columns that the list of errors does not show.
UNREAD = (
    *("user__document", "user__rendered"),
    *("request__body", "request__headers", "request__answer"),
)


class ErrorSearch(PersonSearch):
    state = choice(
        "State",
        [("dismissed", "Dismissed"), ("resolved", "Resolved"), ("all", "All")],
        otherwise="Open",
    )
    reason = choice("Reason", SyncError.Reason.choices, otherwise="Any reason")
    connection = choice("Connection", [], otherwise="Any connection")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        connections = Connection.objects.order_by("created_at")
        self.fields["connection"].choices += [  # type: ignore[attr-defined]
            (str(one.pk), f"{one}, disconnected" if one.disconnected_at else str(one))
            for one in connections
        ]


@dataclass(frozen=True)
class Row:
    """An error, what resolves it, and who has the listed address or is the named manager."""

    error: Any
    resolution: Resolution
    holder: Any
    manager: Person | None
    may_retry: bool

    @property
    def field(self) -> str:
        return policies.FIELD_NAMES.get(self.error.field, "")

    @property
    def is_open(self) -> bool:
        return not (self.error.resolved_at or self.error.dismissed_at)

    @property
    def dismissed_by(self) -> str:
        return actor_name(self.error.dismissed_by)


@administrator_required
def sync_errors(request: HttpRequest) -> HttpResponse:
    form = ErrorSearch(request.GET)
    found = listed_errors()
    match form.value_of("state"):
        case "dismissed":
            found = found.filter(dismissed_at__isnull=False)
        case "resolved":
            found = found.filter(resolved_at__isnull=False)
        case "":
            found = found.open()
    for name in ("reason", "connection"):
        if form.value_of(name):
            found = found.filter(**{name: form.value_of(name)})
    for word in form.value_of("q").split():
        # A resource that was never created has only the name that was sent.
        named = Q(user_name_key__contains=normalize_key(word))
        found = found.filter(named | Q(person__in=Person.objects.matching(word)))
    page = page_of(request, found.order_by("-happened_at", "-pk").defer(*UNREAD))
    return show_tab(
        request,
        "scim/team_updates/sync_errors.html",
        form=form,
        page=page,
        rows=rows_of(list(page)),
        is_connected=len(form.fields["connection"].choices) > 1,  # type: ignore[attr-defined]
        ever=SyncError.objects.exists,
    )


@administrator_required
def sync_error(request: HttpRequest, error_id: int) -> HttpResponse:
    error = get_object_or_404(listed_errors(), pk=error_id)
    [row] = rows_of([error])
    title = f"{error.get_reason_display()}: {who(error)}"
    context = context_of(request, title, parent="team_updates_errors") | {
        "row": row,
        "problem": error,
        "sent": readable(error.request.body) if error.request else "",
        "answer": readable(error.request.answer) if error.request else "",
        "retried_by": actor_name(error.request.retried_by)
        if error.request and error.request.retried_by
        else "",
    }
    return render(request, "scim/team_updates/sync_error.html", context)


def listed_errors() -> Any:
    return SyncError.objects.select_related(
        "connection", "person__location__entity", "user", "request"
    )


def who(error: SyncError) -> str:
    return error.person.display_name if error.person else error.who


def rows_of(errors: list[SyncError]) -> list[Row]:
    """Return each error with its resolution, in a few queries for all of them."""
    # Who has the addresses that are listed as duplicates, and whether a connection manages them.
    keys = [normalize_key(error.offending_value) for error in errors if _is_duplicate(error)]
    owners = ScimUser.objects.managing().filter(person=OuterRef("pk"))
    people = Person.objects.in_lists().filter(email_key__in=keys)
    holders = {person.email_key: person for person in people.annotate(is_owned=Exists(owners))}
    causes = causes_of(errors)
    known = [error.person_id for error in errors if error.person_id]
    held = Invite.objects.open().filter(person__in=known).exclude(hold_reason="")
    waiting = set(held.values_list("person_id", flat=True))
    return [_row(error, holders, causes, is_held=error.person_id in waiting) for error in errors]


def _row(error: SyncError, holders: dict[str, Any], causes: ErrorCauses, *, is_held: bool) -> Row:
    holder = holders.get(normalize_key(error.offending_value)) if _is_duplicate(error) else None
    if holder and holder.pk == error.person_id:
        holder = None
    owner = AddressOwner.NOBODY
    if holder:
        owner = AddressOwner.OWNED if holder.is_owned else AddressOwner.UNOWNED
    may_retry, manager = retry.may_retry(error), causes.manager_of(error)
    case = SyncErrorCase(
        reason=error.reason,
        provider=str(error.connection),
        is_known=error.person_id is not None,
        is_waiting=error.user is not None and error.user.problem == ScimUser.Problem.WAITING,
        is_held=is_held,
        holder=owner,
        is_manager_here=manager is not None,
        is_cause_gone=causes.is_gone(error),
        may_retry=may_retry,
        has_request=error.request is not None,
    )
    return Row(error, resolution_for(case), holder, manager, may_retry)


def _is_duplicate(error: SyncError) -> bool:
    return error.reason == SyncError.Reason.DUPLICATE_EMAIL
