"""A guest's last day: the banner on their page, and the page to change it."""

from collections.abc import Iterator
from datetime import date, timedelta
from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from unfold.widgets import UnfoldAdminTextInputWidget

from people.models import Person
from people.operations.guests import set_last_day
from people.operations.ranks import check_rank_over
from people.presentation.person_notices import Notice
from people.presentation.times import day_text, moment_text, start_of_day
from people.values import PeopleError
from people.views.page_context import page_context
from people.views.permissions import PersonRequest, administrator_required


def notices_for(person: Person) -> Iterator[Notice]:
    """Yield a banner for the person's page with a guest's last day."""
    if person.role != Person.Role.GUEST or not person.is_active:
        return
    ends_at = person.deactivates_at
    if ends_at:
        text = f"A guest until {moment_text(ends_at)}. They are deactivated then."
    else:
        text = "A guest without a last day. They stay active until somebody deactivates them."
    page = reverse("admin:guest", args=[person.pk])
    yield Notice(text=text, url=page, link="Change", icon="event", is_warning=False)


class LastDayForm(forms.Form):
    day = forms.DateField(
        label="Deactivate at the start of",
        help_text="In your time zone. The day must be in the future.",
        widget=UnfoldAdminTextInputWidget(attrs={"type": "date"}),
    )

    def clean_day(self) -> date:
        day: date = self.cleaned_data["day"]
        if day < tomorrow():
            raise forms.ValidationError("Choose tomorrow or a later day.")
        return day


def tomorrow() -> date:
    return timezone.localdate() + timedelta(days=1)


@administrator_required
def guest(request: PersonRequest, person_id: UUID) -> HttpResponse:
    guests = Person.objects.in_lists().filter(role=Person.Role.GUEST)
    person = get_object_or_404(guests, pk=person_id)
    check_rank_over(request.user.actor, person)
    is_removed = "remove" in request.POST
    data = request.POST if request.method == "POST" and not is_removed else None
    ends_at = person.deactivates_at
    form = LastDayForm(
        data, initial={"day": timezone.localdate(ends_at).isoformat() if ends_at else None}
    )
    form.fields["day"].widget.attrs["min"] = tomorrow().isoformat()
    if is_removed or form.is_valid():
        day = None if is_removed else form.cleaned_data["day"]
        return _set(request, person, day)
    page = reverse("admin:people_person_change", args=[person.pk])
    context = page_context(
        request, f"Last day of {person.full_name}", parent=(person.full_name, page)
    ) | {
        "person": person,
        "form": form,
        "submit": "Save",
        "cancel": page,
    }
    return render(request, "people/person/guest.html", context)


def _set(request: PersonRequest, person: Person, day: date | None) -> HttpResponse:
    ends_at = start_of_day(day) if day else None
    try:
        set_last_day(person, ends_at, actor=request.user.actor)
    except PeopleError as error:
        messages.error(request, str(error))
    else:
        result = (
            f"will be deactivated on {day_text(ends_at)}" if ends_at else "no longer has a last day"
        )
        messages.success(request, f"{person.full_name} {result}.")
    return redirect("admin:people_person_change", person.pk)
