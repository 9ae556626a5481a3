"""The request log of a connection: its requests and their results."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django import forms
from django.conf import settings
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from unfold.widgets import UnfoldAdminTextInputWidget

from people.models import Person
from people.presentation.times import end_of_day, start_of_day
from people.values import normalize_key
from people.views.page_context import page_context
from people.views.permissions import administrator_required
from scim.models import Connection, RequestLog, ScimUser, SyncError
from scim.rfc.ids import scim_uuid

REQUESTS_A_PAGE = 50
# Limits a search for a single letter, which matches nearly everybody.
MAX_USERS = 500
TABS = {"": "All", "success": "Success", "errors": "Errors"}


class SearchForm(forms.Form):
    path = forms.CharField(required=False, max_length=200, widget=UnfoldAdminTextInputWidget)
    who = forms.CharField(
        label="Person",
        required=False,
        max_length=254,
        widget=UnfoldAdminTextInputWidget(attrs={"placeholder": "Name, address or userName"}),
    )
    since = forms.DateField(
        label="From", required=False, widget=UnfoldAdminTextInputWidget(attrs={"type": "date"})
    )
    until = forms.DateField(
        label="To", required=False, widget=UnfoldAdminTextInputWidget(attrs={"type": "date"})
    )
    before = forms.UUIDField(required=False, widget=forms.HiddenInput)
    outcome = forms.ChoiceField(required=False, choices=TABS.items(), widget=forms.HiddenInput)


@dataclass(frozen=True)
class Row:
    log: RequestLog
    # The userName in a refused request, whose user may not exist.
    user_name: str

    @property
    def is_error(self) -> bool:
        return self.log.status >= 400


@administrator_required
def request_log(request: HttpRequest, connection_id: UUID) -> HttpResponse:
    connection = get_object_or_404(Connection, pk=connection_id)
    form = SearchForm(request.GET)
    form.is_valid()
    values = form.cleaned_data
    logs = RequestLog.objects.filter(connection=connection)
    oldest = logs.order_by("received_at").first()
    found = _matching(logs, connection, values).select_related("user__person")
    # One more than the page shows, to tell whether there are older ones.
    page = list(found[: REQUESTS_A_PAGE + 1])
    has_older = len(page) > REQUESTS_A_PAGE
    ignored = ", ".join(str(form[name].label) for name in form.errors if name in form.fields)
    context = page_context(
        request,
        "Request log",
        parent=("SCIM settings", reverse("admin:scim_settings", args=[connection_id])),
    ) | {
        "connection": connection,
        "form": form,
        "ignored": f"Ignored because the value is not valid: {ignored}." if ignored else "",
        "tabs": _tabs(request, values.get("outcome", "")),
        "outcome": values.get("outcome", ""),
        "is_searched": any(values.get(name) for name in ("path", "who", "since", "until")),
        "rows": _rows(page[:REQUESTS_A_PAGE]),
        "older": _address(request, before=str(page[REQUESTS_A_PAGE - 1].pk)) if has_older else "",
        "newest": _address(request, before=None) if values.get("before") else "",
        "oldest": oldest,
        "days_kept": settings.REQUEST_LOG_DAYS,
    }
    return render(request, "scim/request_log.html", context)


def _matching(
    logs: QuerySet[RequestLog], connection: Connection, values: dict[str, Any]
) -> QuerySet[RequestLog]:
    """Return the requests that the search finds, newest first, or those older than `before`."""
    match values.get("outcome"):
        case "success":
            logs = logs.filter(status__lt=400)
        case "errors":
            logs = logs.filter(status__gte=400)
    if values.get("path"):
        logs = logs.filter(path__icontains=values["path"])
    if values.get("who"):
        logs = logs.filter(_about(connection, values["who"]))
    if values.get("since"):
        since = start_of_day(values["since"])
        logs = logs.filter(received_at__gte=since)
    if values.get("until"):
        until = end_of_day(values["until"])
        logs = logs.filter(received_at__lte=until)
    logs = logs.order_by("-received_at", "-pk")
    if values.get("before"):
        # Not by the page's number, because new requests arrive while somebody turns the pages.
        at = RequestLog.objects.filter(pk=values["before"]).values("received_at")[:1]
        logs = logs.filter(Q(received_at__lt=at) | Q(received_at=at, pk__lt=values["before"]))
    return logs


def _about(connection: Connection, words: str) -> Q:
    """Filter the requests about a person, including refused ones that did not create anybody."""
    key = normalize_key(words.strip())
    named = Q(user_name_key__contains=key) | Q(email_key__contains=key)
    # Text that is not an id becomes the nil UUID.
    if scim_uuid(words.strip()).int:
        named |= Q(scim_id=scim_uuid(words.strip()))
    people = Person.objects.matching(words).values("pk")[:MAX_USERS]
    users = ScimUser.objects.filter(named | Q(person__in=people), connection=connection)
    errors = SyncError.objects.filter(connection=connection, user_name_key__contains=key)
    return Q(user__in=users.values("pk")[:MAX_USERS]) | Q(pk__in=errors.values("request"))


def _rows(logs: list[RequestLog]) -> list[Row]:
    refused = [log.pk for log in logs if log.status >= 400]
    errors = SyncError.objects.filter(request__in=refused)
    names = dict(errors.values_list("request_id", "user_name"))
    return [Row(log, names.get(log.pk, "")) for log in logs]


def _tabs(request: HttpRequest, chosen: str) -> list[dict[str, Any]]:
    return [
        {
            "title": title,
            "url": _address(request, outcome=outcome or None, before=None),
            "is_chosen": outcome == chosen,
        }
        for outcome, title in TABS.items()
    ]


def _address(request: HttpRequest, **changes: str | None) -> str:
    """Return the URL of the page with some parameters changed or removed."""
    query: QueryDict = request.GET.copy()
    for name, value in changes.items():
        query.pop(name, None)
        if value:
            query[name] = value
    return f"?{query.urlencode()}"
