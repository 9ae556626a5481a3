"""The audit log of the company: the list, one event, and the export."""

from collections.abc import Iterator
from typing import Any

from django import forms
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from unfold.widgets import UnfoldAdminTextInputWidget

from people import hooks
from people.models import Event
from people.operations.exports import record_export
from people.presentation import audit_files, audit_log
from people.presentation.audit_log import AuditFilter
from people.presentation.event_kinds import grouped_boxes, kinds_field
from people.presentation.query_params import int_param
from people.presentation.search_forms import choice
from people.presentation.times import end_of_day, start_of_day
from people.views.page_context import page_context
from people.views.permissions import PersonRequest, administrator_required

ROWS_A_PAGE = 50


def _date(label: str) -> forms.DateField:
    widget = UnfoldAdminTextInputWidget(attrs={"type": "date"})
    return forms.DateField(label=label, required=False, widget=widget)


def _text(label: str, hint: str, **attrs: str) -> forms.CharField:
    widget = UnfoldAdminTextInputWidget(attrs={"placeholder": hint, **attrs})
    return forms.CharField(label=label, required=False, max_length=254, widget=widget)


class AuditSearch(forms.Form):
    actor = _text("Actor", "Name, address or provider", list="audit-actors")
    person = _text("Person", "Name or address")
    interface = choice("Through", Event.Interface.choices, otherwise="Anything")
    since = _date("From")
    until = _date("To")
    action = kinds_field("Actions")

    @property
    def action_groups(self) -> Iterator[tuple[str, list[Any]]]:
        """Yield the checkboxes of the actions in groups."""
        yield from grouped_boxes(self["action"])

    @property
    def filter(self) -> AuditFilter:
        """Return the filter; invalid values narrow nothing."""
        self.is_valid()
        values = self.cleaned_data
        since, until = values.get("since"), values.get("until")
        return AuditFilter(
            actor=values.get("actor", ""),
            person=values.get("person", ""),
            kinds=values.get("action", []),
            interface=values.get("interface", ""),
            since=start_of_day(since) if since else None,
            until=end_of_day(until) if until else None,
        )


@administrator_required
def audit_log_page(request: PersonRequest) -> HttpResponse:
    form = AuditSearch(request.GET)
    wanted = form.filter
    before = int_param(request, "before")
    place = audit_log.place_of(before) if before else None
    if before and place is None:
        raise Http404
    found = audit_log.older_than(audit_log.matching_events(wanted), place)
    page = list(found[: ROWS_A_PAGE + 1])
    context = page_context(request, "Audit log") | {
        "form": form,
        "ignored": ", ".join(str(form[name].label) for name in form.errors),
        "is_searched": any(vars(wanted).values()),
        "actors": sorted(set(audit_log.system_actors().values())),
        "rows": audit_log.audit_entries(page[:ROWS_A_PAGE]),
        "older_than": page[ROWS_A_PAGE - 1].pk if len(page) > ROWS_A_PAGE else None,
        "is_later_page": place is not None,
        "export_query": _without_place(request),
        "sign_in_log": hooks.url_of(hooks.Page.SIGN_IN_LOG, request.user.tenant.slug),
    }
    return render(request, "people/audit_log/list.html", context)


@administrator_required
def audit_event(request: HttpRequest, event_id: int) -> HttpResponse:
    event = get_object_or_404(Event.objects.select_related("person"), pk=event_id)
    [row] = audit_log.audit_entries([event])
    parent = ("Audit log", reverse("admin:audit_log"))
    context = page_context(request, f"Event {event_id}", parent=parent) | {"row": row}
    return render(request, "people/audit_log/event.html", context)


@administrator_required
def export_audit_log(request: PersonRequest) -> HttpResponseBase:
    """Export all events that match the filters, as CSV, or with `format=jsonl` as JSON Lines."""
    is_json = request.GET.get("format") == "jsonl"
    name, kind = ("JSON Lines", "application/jsonl") if is_json else ("CSV", "text/csv")
    wanted = AuditSearch(request.GET).filter
    # Before the rows are read, so that the file contains its own export.
    record_export(
        f"the audit log as {name}", actor=request.user.actor, filters=_without_place(request)
    )
    rows = audit_log.every_entry(audit_log.matching_events(wanted))
    lines: Any = audit_files.as_json_lines(rows) if is_json else audit_files.as_csv(rows)
    file = f"audit-log-{timezone.now():%Y-%m-%d}.{'jsonl' if is_json else 'csv'}"
    return StreamingHttpResponse(
        lines,
        content_type=f"{kind}; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{file}"'},
    )


def _without_place(request: HttpRequest) -> str:
    """Return the filters of the request, without the page and the format."""
    query = request.GET.copy()
    for name in ("before", "format"):
        query.pop(name, None)
    return query.urlencode()
