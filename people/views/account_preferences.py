"""The page of everybody with their own phone number, time zone and email digest."""

from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.validators import RegexValidator
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from people import hooks
from people.models import AccountSettings
from people.models.time_zones import zone_names
from people.operations.account_settings import account_settings_of, change_account_settings
from people.views.page_context import page_context
from people.views.permissions import PersonRequest
from people.views.time_zones import browser_zone

# Zones without a place, which most people do not know, and earlier names of other zones.
HIDDEN_ZONES = ("Etc/", "US/", "Brazil/", "Canada/", "Chile/", "Mexico/")


class PreferencesForm(forms.Form):
    phone = forms.CharField(
        required=False,
        max_length=40,
        validators=[
            RegexValidator(
                r"^\+?[0-9][0-9 ()./-]{2,}$", "Enter a phone number, such as +49 30 901820."
            )
        ],
        widget=UnfoldAdminTextInputWidget(attrs={"type": "tel", "autocomplete": "tel"}),
        help_text="Administrators of your company see it.",
    )
    time_zone = forms.CharField(
        label="Time zone",
        required=False,
        max_length=64,
        widget=UnfoldAdminTextInputWidget(attrs={"list": "time-zones", "autocomplete": "off"}),
    )
    digest = forms.ChoiceField(
        label="Email digest of what needs attention",
        choices=AccountSettings.Digest.choices,
        widget=UnfoldAdminSelectWidget,
        help_text="Sent at 8:00 in your time zone, and only if something needs attention.",
    )

    def __init__(self, data: Any, *, settings: AccountSettings, has_phone: bool) -> None:
        names = ("phone", "time_zone", "digest")
        super().__init__(data, initial={name: getattr(settings, name) for name in names})
        if has_phone:
            del self.fields["phone"]
        if not settings.person.is_administrator:
            del self.fields["digest"]

    def clean_time_zone(self) -> str:
        name: str = self.cleaned_data["time_zone"]
        if name and name not in zone_names():
            raise forms.ValidationError("Choose a time zone of the list, such as Europe/Berlin.")
        return name


@never_cache
@login_required
def account_preferences(request: PersonRequest) -> HttpResponse:
    person = request.user
    contact = hooks.contact_details([person.pk]).get(person.pk)
    form = PreferencesForm(
        request.POST if request.method == "POST" else None,
        settings=account_settings_of(person),
        has_phone=bool(contact and contact.phone),
    )
    zone = browser_zone(request)
    form.fields[
        "time_zone"
    ].help_text = f"Leave it empty for the time zone of your browser{f', {zone}' if zone else ''}."
    if form.is_valid():
        has_changed = change_account_settings(person, form.cleaned_data, actor=person.actor)
        messages.success(request, "Saved." if has_changed else "Nothing has changed.")
        return redirect("admin:account")
    parent = ("Account", reverse("admin:account"))
    context = page_context(request, "Preferences", parent=parent) | {
        "person": person,
        "form": form,
        "zones": sorted(
            name
            for name in zone_names()
            if name == "UTC" or ("/" in name and not name.startswith(HIDDEN_ZONES))
        ),
        "cancel": reverse("admin:account"),
        "now": timezone.now(),
        # The navigation would be empty for other people.
        "is_nav_sidebar_enabled": person.is_staff,
    }
    return render(request, "people/account_preferences.html", context)
