"""Out of office: the pages on which a person, or an administrator for them, chooses a delegate."""

from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db.models import Q
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from unfold.widgets import INPUT_CLASSES, UnfoldAdminTextInputWidget

from people.models import Delegation, Person
from people.operations.delegations import current_delegation, delegate_approvals, end_delegation
from people.operations.ranks import check_rank_over
from people.presentation.times import moment_text, offset_text
from people.values import PeopleError, normalize_key
from people.views.page_context import page_context
from people.views.permissions import PersonRequest, administrator_required

# More would make the list of suggestions hard to read.
SUGGESTED: Final = 30


@dataclass(frozen=True)
class Absences:
    """The delegation of a person, and those of the people whose delegate they are."""

    own: Delegation | None
    received: list[Delegation]
    # The person's delegate is away in the same period, and nobody decides instead.
    delegate_away: Delegation | None


def absences_of(person: Person) -> Absences:
    present = Delegation.objects.not_over(timezone.now()).filter(person__state=Person.State.ACTIVE)
    # One query for both, because the page of a person makes many.
    about = present.filter(Q(person=person) | Q(delegate=person))
    found = list(about.select_related("person", "delegate").order_by("starts_at", "pk"))
    own = next((one for one in found if one.person_id == person.pk), None)
    away = None
    if own:
        overlapping = present.filter(starts_at__lt=own.ends_at, ends_at__gt=own.starts_at)
        away = overlapping.filter(person=own.delegate_id).first()
    return Absences(own, [one for one in found if one != own], away)


class MomentInput(forms.DateTimeInput):
    """The browser's field for day and time, in the time zone of the viewer."""

    input_type = "datetime-local"

    def __init__(self) -> None:
        attrs = {"class": " ".join(INPUT_CLASSES), "step": "60"}
        super().__init__(attrs=attrs, format="%Y-%m-%dT%H:%M")


class AwayForm(forms.Form):
    delegate = forms.CharField(
        max_length=254,
        widget=UnfoldAdminTextInputWidget(attrs={"list": "colleagues", "autocomplete": "off"}),
        help_text="The email address or the full name of a colleague.",
    )
    starts_at = forms.DateTimeField(label="From", widget=MomentInput)
    ends_at = forms.DateTimeField(label="Until", widget=MomentInput)
    note = forms.CharField(
        required=False,
        max_length=200,
        widget=UnfoldAdminTextInputWidget,
        help_text="Optional. The delegate sees it.",
    )

    def clean_delegate(self) -> Person:
        text: str = self.cleaned_data["delegate"]
        key = normalize_key(" ".join(text.split()))
        active = Person.objects.filter(state=Person.State.ACTIVE)
        found: list[Person]
        if "@" in key:
            found = list(active.with_email_key(key)[:2])
        else:
            # Parts of names are not searched: employees do not see the list of all people.
            named = active.matching(text).order_by("pk")
            found = [one for one in named[:1000] if normalize_key(one.full_name) == key][:2]
        if len(found) > 1:
            raise forms.ValidationError(
                "Several people have this name. Enter the email address instead."
            )
        if not found:
            raise forms.ValidationError("Nobody in your company has this address or name.")
        return found[0]


@never_cache
@login_required
def account_away(request: PersonRequest) -> HttpResponse:
    return _page(request, request.user, back=("My profile", reverse("admin:home")))


@administrator_required
def person_away(request: PersonRequest, person_id: UUID) -> HttpResponse:
    person = get_object_or_404(Person.objects.in_lists(), pk=person_id)
    check_rank_over(request.user.actor, person)
    page = reverse("admin:people_person_change", args=[person.pk])
    return _page(request, person, back=(person.full_name, page))


def _page(request: PersonRequest, person: Person, *, back: tuple[str, str]) -> HttpResponse:
    if request.method == "POST" and "end" in request.POST:
        was_ended = end_delegation(person, actor=request.user.actor)
        messages.success(request, "The delegation was ended." if was_ended else "It had ended.")
        return redirect(back[1])
    delegation = current_delegation(person)
    form = AwayForm(
        request.POST if request.method == "POST" else None, initial=_initial(delegation)
    )
    if form.is_valid() and _save(request, person, form):
        return redirect(back[1])
    is_own = person == request.user
    title = "Out of office" if is_own else f"Out of office of {person.full_name}"
    context = page_context(request, title, parent=back) | {
        "person": person,
        "is_own": is_own,
        "form": form,
        "delegation": delegation,
        "received": absences_of(person).received,
        "colleagues": _colleagues(person),
        "zone": offset_text(timezone.localtime()),
        "cancel": back[1],
        # The navigation would be empty for other people.
        "is_nav_sidebar_enabled": request.user.is_staff,
        "is_employee": not request.user.is_staff,
    }
    return render(request, "people/approvals/away.html", context)


def _initial(delegation: Delegation | None) -> dict[str, Any]:
    if delegation is None:
        return {"starts_at": timezone.now()}
    names = ("starts_at", "ends_at", "note")
    chosen = {name: getattr(delegation, name) for name in names}
    return chosen | {"delegate": delegation.delegate.email or delegation.delegate.full_name}


def _save(request: PersonRequest, person: Person, form: AwayForm) -> bool:
    """Store the delegation; if it is refused, say so on the form and return False."""
    values = form.cleaned_data
    delegate, starts_at, ends_at = values["delegate"], values["starts_at"], values["ends_at"]
    try:
        has_changed = delegate_approvals(
            person,
            delegate,
            starts_at=starts_at,
            ends_at=ends_at,
            note=values["note"],
            actor=request.user.actor,
        )
    except PeopleError as error:
        form.add_error(error.field if error.field in form.fields else None, str(error))
        return False
    period = f"until {moment_text(ends_at)}"
    if starts_at > timezone.now():
        period = f"from {moment_text(starts_at)} {period}"
    text = f"{delegate.full_name} decides approvals of {person.full_name} {period}."
    messages.success(request, text if has_changed else "Nothing has changed.")
    return True


def _colleagues(person: Person) -> list[Person]:
    """Return likely delegates: the manager, the reports, and approvers of the same workflows."""
    near = Q(pk=person.manager_id) | Q(manager=person)
    near |= Q(steps__workflow__steps__approver=person)
    active = Person.objects.filter(near, state=Person.State.ACTIVE).exclude(pk=person.pk)
    return list(
        active.exclude(email="").distinct().order_by("family_name", "given_name", "pk")[:SUGGESTED]
    )
