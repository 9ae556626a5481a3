"""The page to undo a bulk change."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from people.models import BulkChange, Person
from people.models.field_table import LABELS
from people.operations.bulk import edit
from people.operations.bulk import undo as operations
from people.values import PeopleError
from people.views.bulk.bulk_changes import OUTCOMES, SECONDS, Row, bulk_change_row, people
from people.views.page_context import page_context
from people.views.permissions import PersonRequest, administrator_required

NAMED = 50


@administrator_required
def undo(request: PersonRequest, change_id: UUID) -> HttpResponse:
    row = bulk_change_row(change_id)
    if not row.may_be_undone:
        too_late = operations.DecidedMeanwhile if row.change.undone_at else operations.TooLateToUndo
        messages.error(request, str(too_late()))
        return redirect("admin:bulk_change", change_id)
    if request.method == "POST":
        return _undo(request, row.change)
    return render(request, "people/bulk/undo.html", _undo_context(request, row))


def _undo(request: PersonRequest, change: BulkChange) -> HttpResponse:
    try:
        count = operations.request_undo(
            change, kept=request.POST.get("kept", ""), actor=request.user.actor
        )
    except operations.MoreChangedSince as error:
        messages.error(request, str(error))
        return redirect("admin:bulk_change_undo", change.pk)
    except PeopleError as error:
        messages.error(request, str(error))
    else:
        # Without a message if a job does the rest: the page shows the progress.
        if operations.run_batch(change=change, seconds=SECONDS)[1]:
            kept = change.items.filter(outcome=OUTCOMES.KEPT).count()
            if kept:
                count = change.items.filter(outcome=OUTCOMES.UNDONE).count()
            text = f"The change was undone for {people(count)}."
            if change.needs_confirmation:
                text = f"{people(count)} {'was' if count == 1 else 'were'} restored."
            messages.success(request, text)
        else:
            operations.waker.wake()
    return redirect("admin:bulk_change", change.pk)


def _undo_context(request: HttpRequest, row: Row) -> dict[str, Any]:
    change = row.change
    staying = operations.changed_since(change)
    count = len(staying)
    left = change.undecided_people - count
    if not left:
        title = "No people left to change"
    elif change.needs_confirmation:
        title = f"Restore {people(left)}?"
    else:
        title = f"Undo the change for {people(left)}?"
    page = reverse("admin:bulk_change", args=[change.pk])
    context = page_context(request, title, parent=(f"{row.title} by {row.by}", page))
    # People with fields that have changed since the edit.
    changed = edit.changed_since(change) if row.is_edit else {}
    items = change.items.filter(pk__in=list(changed)[:NAMED]).select_related("person")
    return context | {
        "row": row,
        "change": change,
        "left": left,
        "kept": operations.fingerprint(staying),
        "staying": change.items.filter(pk__in=staying[:NAMED]).select_related("person"),
        "changed_fields": [
            (item.person, ", ".join(LABELS[name] for name in changed[item.pk].changed))
            for item in items.order_by("pk")
        ],
        "staying_count": count,
        "more_staying": max(count - NAMED, 0),
        "blocked": list(_blocked_before(change)[:NAMED]),
        "submit": row.verb,
        "cancel": page,
    }


def _blocked_before(change: BulkChange) -> QuerySet[Person]:
    """Return people deactivated manually before the connection deactivated the others."""
    blocked: QuerySet[Person] = Person.objects.none()
    if change.needs_confirmation:
        blocked = Person.objects.filter(
            state=Person.State.INACTIVE,
            deactivated_at__lt=change.began_at,
            deactivated_by__startswith="person:",
            # The people of this connection, which manages their addresses.
            managed_fields__email__by=change.actor,
        )
    return blocked.order_by("family_name", "given_name", "pk")
