"""The pages of bulk changes: list, details and confirm."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST

from people.models import BulkChange, BulkChangeItem
from people.models.bulk_changes import UNDO_DAYS
from people.models.field_table import LABELS
from people.operations.bulk import edit
from people.operations.bulk import undo as operations
from people.presentation.actor_names import actor_name, people_names
from people.presentation.page_links import BoundedPaginator
from people.views.page_context import page_context
from people.views.permissions import PersonRequest, administrator_required

CHANGES_A_PAGE = 25
PEOPLE_A_PAGE = 50
# How long the request itself undoes changes. A job does the rest.
SECONDS = 3
OUTCOMES = BulkChangeItem.Outcome


@dataclass(frozen=True)
class Row:
    """A bulk change, with the names of its actors and the number of people."""

    change: Any
    names: dict[str, str]
    now: datetime

    @property
    def title(self) -> str:
        title = f"{people(self.changed_people)} {self.change.get_kind_display()}"
        labels = [LABELS[name] for name in edit.in_order(self.change.values or {})]
        return f"{title} ({', '.join(labels)})" if labels else title

    @property
    def by(self) -> str:
        return actor_name(self.change.actor, self.names)

    @property
    def confirmed_by(self) -> str:
        return actor_name(self.change.confirmed_by, self.names)

    @property
    def undone_by(self) -> str:
        return actor_name(self.change.undone_by, self.names)

    @property
    def is_list(self) -> bool:
        return bool(self.change.kind == BulkChange.Kind.LIST)

    @property
    def is_deactivation(self) -> bool:
        return bool(self.change.kind == BulkChange.Kind.DEACTIVATED)

    @property
    def is_edit(self) -> bool:
        return bool(self.change.kind == BulkChange.Kind.EDITED)

    @property
    def may_be_undone(self) -> bool:
        return bool(self.change.may_be_undone(self.now))

    @property
    def to_apply(self) -> int:
        """Return how many people a bulk edit still has to change."""
        return 0 if self.change.undone_at else int(self.change.pending_count)

    @property
    def finished(self) -> int:
        """Return how many people the job has changed or undone, or has found unchangeable."""
        return int(self.change.everybody - self.change.pending_count)

    @property
    def changed_people(self) -> int:
        change = self.change
        return int(change.everybody - self.to_apply - change.skipped_people)

    @property
    def doing(self) -> str:
        """Return what a job is doing with the people of the change."""
        if self.to_apply:
            return "Editing people"
        return "Restoring people" if self.change.needs_confirmation else "Undoing the change"

    @property
    def verb(self) -> str:
        return "Restore" if self.change.needs_confirmation else "Undo"

    @property
    def done(self) -> str:
        return "restored" if self.change.needs_confirmation else "undone"


def people(count: int) -> str:
    return "1 person" if count == 1 else f"{count:,} people"


def bulk_change_row(change_id: UUID) -> Row:
    """Return the change with its numbers.

    :raises Http404: if there is none, or if it is a draft.
    """
    [row] = _rows([get_object_or_404(_counted(BulkChange.objects.applied()), pk=change_id)])
    return row


@administrator_required
def bulk_changes(request: HttpRequest) -> HttpResponse:
    page: Any = BoundedPaginator(
        BulkChange.objects.applied().order_by("-began_at", "-pk"), CHANGES_A_PAGE
    ).get_page(request.GET.get("page"))
    # Counts the items of the shown changes only: counting for each change before the page is cut
    # would read all items.
    shown = _counted(BulkChange.objects.filter(pk__in=[change.pk for change in page]))
    parent = ("People", reverse("admin:people_person_changelist"))
    context = page_context(request, "Bulk changes", parent=parent) | {
        "page": page,
        "rows": _rows(shown.order_by("-began_at", "-pk")),
        "undo_days": UNDO_DAYS,
        "tenant": request.user.tenant,  # type: ignore[union-attr]
    }
    return render(request, "people/bulk/bulk_changes.html", context)


@administrator_required
def bulk_change(request: HttpRequest, change_id: UUID) -> HttpResponse:
    row = bulk_change_row(change_id)
    items = row.change.items.select_related("person").order_by("pk")
    page = BoundedPaginator(items, PEOPLE_A_PAGE).get_page(request.GET.get("page"))
    parent = ("Bulk changes", reverse("admin:bulk_changes"))
    context = page_context(request, f"{row.title} by {row.by}", parent=parent) | {
        "row": row,
        "change": row.change,
        "new_values": [
            (LABELS[name], value)
            for name, value in edit.value_names(row.change.values or {}).items()
        ],
        "page": page,
        "comparisons": row.change.comparisons.defer("content") if row.is_list else (),
        "waits": "None of them is terminated until you decide.",
        "undo_days": UNDO_DAYS,
    }
    return render(request, "people/bulk/bulk_change.html", context)


@require_POST
@administrator_required
def confirm(request: PersonRequest, change_id: UUID) -> HttpResponse:
    change = get_object_or_404(BulkChange, pk=change_id)
    if operations.confirm(change, actor=request.user.actor):
        messages.success(request, "Confirmed. Scheduled terminations continue.")
    else:
        messages.error(request, str(operations.DecidedMeanwhile()))
    return redirect("admin:bulk_change", change_id)


def _counted(changes: QuerySet[BulkChange]) -> QuerySet[Any]:
    outcomes = {
        "undecided_people": OUTCOMES.CHANGED,
        "skipped_people": OUTCOMES.SKIPPED,
        "pending_count": OUTCOMES.PENDING,
        "undone_people": OUTCOMES.UNDONE,
        "kept_people": OUTCOMES.KEPT,
    }
    counts = {
        name: Count("items", filter=Q(items__outcome=outcome)) for name, outcome in outcomes.items()
    }
    return changes.annotate(everybody=Count("items"), **counts)


def _rows(changes: Iterable[Any]) -> list[Row]:
    shown, now = list(changes), timezone.now()
    names = people_names(
        actor for change in shown for actor in (change.actor, change.confirmed_by, change.undone_by)
    )
    return [Row(change, names, now) for change in shown]
