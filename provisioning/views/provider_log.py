"""The provider log: every sign-in attempt, its outcome, and what to correct."""

from typing import Any
from uuid import UUID

from django import forms
from django.db.models import Q, QuerySet
from django.http import HttpResponse
from django.shortcuts import render
from unfold.widgets import UnfoldAdminTextInputWidget

from people.models import Event, Mail, Person, Tenant
from people.presentation.query_params import int_param
from people.presentation.search_forms import PersonSearch, choice
from people.presentation.times import end_of_day, start_of_day
from people.views.permissions import PersonRequest
from provisioning.models import IdentityProvider, SignInAttempt
from provisioning.models.attempt import SUCCESSFUL
from provisioning.sign_in import confirmed_links
from provisioning.views.tenant_base import tenant_admin_required, tenant_context

ROWS_A_PAGE = 50
# A search for a single letter matches too many people.
MAX_PEOPLE = 500
Outcome = SignInAttempt.Outcome


class LogSearch(PersonSearch):
    provider = choice("Provider", [], otherwise="Any provider")
    outcome = choice(
        "Outcome",
        [("bad", "Refused or failed"), ("warned", "With a warning"), *Outcome.choices],
        otherwise="Any outcome",
    )
    since = forms.DateField(
        label="From", required=False, widget=UnfoldAdminTextInputWidget(attrs={"type": "date"})
    )
    until = forms.DateField(
        label="To", required=False, widget=UnfoldAdminTextInputWidget(attrs={"type": "date"})
    )

    def __init__(self, data: Any) -> None:
        super().__init__(data)
        self.fields["q"].widget.attrs["placeholder"] = "Name, address or subject"
        providers = IdentityProvider.objects.order_by("removed_at", "name_key")
        self.fields["provider"].choices += [  # type: ignore[attr-defined]
            ("password", "Ramp passwords"),
            *[
                (str(one.pk), f"{one} (removed)" if one.removed_at else str(one))
                for one in providers
            ],
        ]


@tenant_admin_required
def provider_log(request: PersonRequest, tenant: Tenant) -> HttpResponse:
    form = LogSearch(request.GET)
    # Filters that are not valid are ignored. The page lists them.
    form.is_valid()
    before = int_param(request, "before")
    found = _narrowed(form.cleaned_data).select_related("provider", "person").order_by("-pk")
    if before is not None:
        found = found.filter(pk__lt=before)
    # One row more shows whether there is another page.
    page = list(found[: ROWS_A_PAGE + 1])
    context = tenant_context(request, tenant, "provider_log") | {
        "form": form,
        "is_searched": form.is_used,
        "ignored": ", ".join(str(form[name].label) for name in form.errors),
        "attempts": page[:ROWS_A_PAGE],
        "linkable": {one.pk for one in confirmed_links.linkable_among(page[:ROWS_A_PAGE])},
        "did_something": _did_something(page[:ROWS_A_PAGE]),
        "older_than": page[ROWS_A_PAGE - 1].pk if len(page) > ROWS_A_PAGE else None,
        "is_later_page": before is not None,
    }
    return render(request, "provisioning/tenant/provider_log.html", context)


def _narrowed(filters: dict[str, Any]) -> QuerySet[SignInAttempt]:
    attempts: QuerySet[SignInAttempt] = SignInAttempt.objects.all()
    match filters.get("provider"):
        case "password":
            attempts = attempts.filter(provider=None)
        case str(key) if key:
            attempts = attempts.filter(provider__pk=UUID(key))
    match filters.get("outcome"):
        case "bad":
            attempts = attempts.exclude(outcome__in=(*SUCCESSFUL, Outcome.TESTED))
        case "warned":
            attempts = attempts.exclude(warnings=[])
        case str(outcome) if outcome:
            attempts = attempts.filter(outcome=outcome)
    if filters.get("since"):
        attempts = attempts.filter(at__gte=start_of_day(filters["since"]))
    if filters.get("until"):
        attempts = attempts.filter(at__lte=end_of_day(filters["until"]))
    return attempts.filter(_about(filters["q"])) if filters.get("q") else attempts


def _did_something(attempts: list[SignInAttempt]) -> set[UUID]:
    """Return the requests that changed or mailed something, to link to what they did."""
    keys = [attempt.request_id for attempt in attempts if attempt.request_id]
    events = Event.objects.filter(request_id__in=keys).values_list("request_id", flat=True)
    mails = Mail.objects.filter(request_id__in=keys).values_list("request_id", flat=True)
    return {key for key in (*events.distinct(), *mails.distinct()) if key}


def _about(words: str) -> Q:
    people = Person.objects.matching(words).values("pk")[:MAX_PEOPLE]
    text = words.strip()
    claimed = Q(email__icontains=text) | Q(subject__icontains=text)
    # The detail quotes what was typed, and names the entry that was found.
    claimed |= Q(detail__icontains=text)
    return claimed | Q(person__in=people)
