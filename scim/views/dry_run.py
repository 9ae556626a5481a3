"""The dry-run page: what a request would do, without doing it."""

import json
from contextlib import suppress
from dataclasses import dataclass
from uuid import UUID

from django import forms
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from unfold.widgets import (
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
)

from people.models import Person
from people.presentation.page_links import counted
from people.presentation.request_effects import RequestEffects, request_effects
from people.values import normalize_key
from people.views.permissions import PersonRequest, administrator_required
from people.views.person.roles import Line, role_lines
from scim.api.request import ScimRequest
from scim.models import Connection, RequestLog, ScimUser, SyncError
from scim.rfc.ids import scim_uuid
from scim.tools import dry_run
from scim.tools.request_examples import LABELS, example
from scim.views.settings.overview import context_of

METHODS = ("POST", "PUT", "PATCH", "DELETE")
PREFIX = "/scim/v2"
# Slightly more than the API accepts, so that the API's own error is shown.
MAX_BODY_LENGTH = 2_000_000


class RequestForm(forms.Form):
    method = forms.ChoiceField(
        choices=[(method, method) for method in METHODS],
        widget=UnfoldAdminSelectWidget,
        error_messages={
            "invalid_choice": (
                "Choose POST, PUT, PATCH or DELETE. A read changes nothing, so it cannot be "
                "previewed."
            )
        },
    )
    path = forms.CharField(
        max_length=2000,
        widget=UnfoldAdminTextInputWidget(attrs={"spellcheck": "false"}),
        help_text="The part after the base URL, such as /Users.",
    )
    body = forms.CharField(
        required=False,
        strip=False,
        max_length=MAX_BODY_LENGTH,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 18, "spellcheck": "false"}),
        error_messages={"max_length": "The request body may hold at most 1 MiB."},
    )

    def clean_path(self) -> str:
        """Accept a complete URL and use its path."""
        path: str = self.cleaned_data["path"]
        if PREFIX in path:
            path = path.partition(PREFIX)[2]
        path = "/" + path.strip("/")
        if path.partition("?")[0].lower() == "/bulk":
            raise forms.ValidationError("Run the operations of a bulk request one at a time.")
        return path


class ExampleForm(forms.Form):
    example = forms.ChoiceField(
        choices=list(LABELS.items()), required=False, widget=UnfoldAdminSelectWidget
    )
    who = forms.CharField(
        label="Person",
        max_length=255,
        required=False,
        widget=UnfoldAdminTextInputWidget(attrs={"placeholder": "their userName"}),
    )


@dataclass(frozen=True)
class Consequences:
    """The effects of the request before it was rolled back."""

    effects: RequestEffects
    listed: list[SyncError]
    cleared: list[SyncError]
    # The affected people, and their resulting roles.
    roles: list[tuple[str, list[Line]]]


@administrator_required
def dry_run_page(request: PersonRequest, connection_id: UUID) -> HttpResponse:
    connection = get_object_or_404(Connection, pk=connection_id)
    chooser = ExampleForm(request.GET)
    is_asking = request.method == "POST" and connection.disconnected_at is None
    initial, nobody = _initial(request, connection)
    form = RequestForm(request.POST if is_asking else None, initial=initial)
    context = context_of(request, connection, f"Dry run: {connection}")
    if form.is_valid():
        response, consequences = dry_run.dry_run(
            connection, **form.cleaned_data, actor=request.user.actor, inspect=_consequences
        )
        answer = response.content.decode()
        # The response to a DELETE is empty.
        with suppress(ValueError):
            answer = json.dumps(json.loads(answer), indent=2, ensure_ascii=False)
        context |= {
            "status": response.status_code,
            "answer": answer,
            "is_refused": response.status_code >= 400,
            "consequences": consequences,
        }
    context |= {"form": form, "chooser": chooser, "nobody": nobody}
    return render(request, "scim/dry_run.html", context)


def _consequences(request: ScimRequest) -> Consequences:
    """Collect the effects of the request before it is rolled back."""
    effects = request_effects(request.request_id)
    listed = SyncError.objects.filter(request_id=request.request_id)
    cleared = SyncError.objects.none()
    if request.subject.user:
        cleared = SyncError.objects.filter(
            user=request.subject.user, resolved_at__gte=request.received_at
        )
    # Lists, because `dry_run` rolls back before the page is rendered.
    touched = {entry.person.pk for entry in effects.entries if entry.person}
    people = Person.objects.filter(pk__in=touched).order_by("family_name", "pk")
    return Consequences(
        effects=effects,
        listed=list(listed),
        cleared=list(cleared),
        roles=[
            (person.display_name, list(role_lines(person, counted(person.reports.in_lists()))))
            for person in people
        ],
    )


def _initial(request: PersonRequest, connection: Connection) -> tuple[dict[str, str], str]:
    """Return the initial form values, and the userName for which there is no example."""
    stored = RequestLog.objects.filter(
        connection=connection, pk=scim_uuid(request.GET.get("request", ""))
    ).first()
    if stored:
        return {"method": stored.method, "path": stored.path, "body": stored.body}, ""
    who = request.GET.get("who", "").strip()
    known = ScimUser.objects.known_to(connection).order_by("pk")
    if who:
        user = known.filter(user_name_key=normalize_key(who)).first()
    else:
        user = known.filter(person__isnull=False, active=True).first()
    shown = example(connection, user, request.GET.get("example", "change"))
    initial = {"method": shown.method, "path": shown.path, "body": shown.body}
    return initial, who if who and user is None else ""
