"""Admin actions that edit, deactivate or reactivate several people."""

from dataclasses import dataclass

from django.contrib import messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.html import format_html

from people.models import BulkChange, Person
from people.operations.bulk import edit
from people.operations.bulk.apply import Bulk
from people.operations.ranks import check_rank_over, refusal_over
from people.values import PeopleError
from people.views.page_context import page_context
from people.views.permissions import PersonRequest

AT_MOST = 500


@dataclass(frozen=True)
class BulkAction:
    """A bulk action, with its texts on pages."""

    action: str
    verb: str
    done: str
    already: str
    partial: str
    kind: BulkChange.Kind


DEACTIVATION = BulkAction(
    action="deactivate_selected",
    verb="Deactivate",
    done="deactivated",
    already="already inactive",
    partial="people/person/_deactivation_effects.html",
    kind=BulkChange.Kind.DEACTIVATED,
)
REACTIVATION = BulkAction(
    action="reactivate_selected",
    verb="Reactivate",
    done="reactivated",
    already="already active",
    partial="people/person/_reactivation_effects.html",
    kind=BulkChange.Kind.REACTIVATED,
)


def start_edit(request: PersonRequest, people: QuerySet[Person]) -> HttpResponse:
    # One more than allowed shows that there are too many, without counting them all.
    ids = list(people.values_list("pk", flat=True)[: edit.MAX_PEOPLE + 1])
    try:
        draft = edit.draft_edit(ids, actor=request.user.actor)
    except edit.TooManyPeople as error:
        messages.error(request, str(error))
        return redirect(request.get_full_path())
    return redirect("admin:bulk_edit", draft.pk)


def confirm_or_apply(
    request: PersonRequest, people: QuerySet[Person], change: BulkAction
) -> HttpResponse:
    # One more than allowed shows that there are too many, without counting them all.
    chosen = list(people[: AT_MOST + 1])
    if len(chosen) > AT_MOST:
        messages.error(request, f"Select at most {AT_MOST} people.")
        return redirect(request.get_full_path())
    # The confirmation page leaves these people out, so a confirmed request that contains one is
    # forged or outdated. It is refused as a whole.
    above = [person for person in chosen if refusal_over(request.user, person)]
    if "confirmed" in request.POST:
        for person in above:
            check_rank_over(request.user.actor, person)
        _apply(request, chosen, change)
        return redirect(request.get_full_path())
    chosen = [person for person in chosen if person not in above]
    context = page_context(
        request,
        f"{change.verb} {_people(len(chosen))}?",
        parent=("People", request.get_full_path()),
    ) | {
        "refusals": [refusal_over(request.user, person) for person in above],
        "people": chosen,
        "change": change,
        "checkbox_name": ACTION_CHECKBOX_NAME,
    }
    return TemplateResponse(request, "people/bulk/confirm.html", context)


def _apply(request: PersonRequest, people: list[Person], change: BulkAction) -> None:
    changed, unchanged = 0, 0
    bulk = Bulk(change.kind, request.user.actor)
    for person in people:
        try:
            if bulk.apply(person):
                changed += 1
            else:
                unchanged += 1
        # A person who cannot be changed, such as the last Owner, does not stop the others.
        except PeopleError as error:
            messages.error(request, f"{person.full_name} was not {change.done}: {error}")
    if bulk.change:
        undo = reverse("admin:bulk_change_undo", args=[bulk.change.pk])
        text = f"{_people(changed)} {'was' if changed == 1 else 'were'} {change.done}."
        link = '{} <a href="{}" class="ramp-link">Undo</a>'
        messages.success(request, format_html(link, text, undo))
    if unchanged:
        messages.info(request, f"{_people(unchanged)} skipped: {change.already}.")


def _people(count: int) -> str:
    return "1 person" if count == 1 else f"{count} people"
