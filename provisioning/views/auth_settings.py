"""Auth settings: what a tenant's sign-in page shows, or where it redirects."""

from typing import Any, Final

from django import forms
from django.contrib import messages
from django.contrib.auth.hashers import UNUSABLE_PASSWORD_PREFIX
from django.db.models import Q, QuerySet
from django.http import HttpResponse
from django.shortcuts import redirect, render
from unfold.widgets import UnfoldAdminIntegerFieldWidget, UnfoldAdminSelectWidget

from people.models import Person, SecondFactor, Tenant
from people.presentation.page_links import counted
from people.views.permissions import PersonRequest
from provisioning.models import Identity, IdentityProvider
from provisioning.sign_in import sign_in_page
from provisioning.views.tenant_base import tenant_admin_required, tenant_context

# How many of the people without a second factor the page names.
NAMED: Final = 10
MAX_SESSION_HOURS: Final = 14 * 24
MAX_IDLE_MINUTES: Final = 14 * 24 * 60


class AuthSettingsForm(forms.Form):
    default_provider: forms.ModelChoiceField[IdentityProvider] = forms.ModelChoiceField(
        None,
        label="Default provider",
        required=False,
        empty_label="None",
        widget=UnfoldAdminSelectWidget,
        help_text="Lists only providers that are shown on the sign-in page and have passed a test.",
    )
    begins = forms.ChoiceField(
        label="When people open the sign-in page",
        choices=[
            ("choice", "Show all options"),
            ("redirect", "Redirect to the default provider"),
        ],
        widget=forms.RadioSelect,
    )
    allows_passwords = forms.BooleanField(
        label="Allow people to sign in with a Ramp password",
        required=False,
        widget=forms.CheckboxInput(attrs={"class": "ramp-tick"}),
        help_text="If off, Owners who have a password can still sign in with it.",
    )

    second_factor = forms.ChoiceField(
        label="Require a second factor for password sign-in",
        required=False,
        choices=Tenant.SecondFactorRule.choices,
        widget=forms.RadioSelect,
    )

    session_hours = forms.IntegerField(
        label="End every session after (hours)",
        required=False,
        min_value=0,
        max_value=MAX_SESSION_HOURS,
        widget=UnfoldAdminIntegerFieldWidget,
        help_text="Leave empty for no limit.",
    )
    idle_minutes = forms.IntegerField(
        label="End a session without use after (minutes)",
        required=False,
        min_value=0,
        max_value=MAX_IDLE_MINUTES,
        widget=UnfoldAdminIntegerFieldWidget,
        help_text="If empty, a session that is not used ends after two weeks.",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        offered = IdentityProvider.objects.offered().filter(is_untested=False)
        self.fields["default_provider"].queryset = offered  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if cleaned.get("begins") == "redirect" and not cleaned.get("default_provider"):
            self.add_error("default_provider", "Choose the provider to redirect to.")
        if not cleaned.get("allows_passwords") and not IdentityProvider.objects.offered().exists():
            self.add_error(
                "allows_passwords",
                "No provider is enabled, so only Owners could sign in. Set up a provider first.",
            )
        return cleaned


def _lacking(label: str, people: QuerySet[Person]) -> dict[str, Any]:
    """Return the people who would have to set up a second factor to sign in with a password."""
    directories = IdentityProvider.objects.filter(kind=IdentityProvider.Kind.LDAP)
    # A list, because PostgreSQL has statistics about each provider, but not about a subquery.
    providers = list(directories.values_list("pk", flat=True))
    in_directories = Identity.objects.filter(provider__in=providers, retired_at=None)
    has_password = ~Q(password__startswith=UNUSABLE_PASSWORD_PREFIX)
    lacking = people.exclude(pk__in=SecondFactor.objects.values("person"))
    # Two queries: with OR, PostgreSQL would read everybody.
    of_ramp = lacking.filter(has_password)
    of_directories = lacking.exclude(has_password).filter(pk__in=in_directories.values("person"))
    order = ("family_name", "given_name", "pk")
    first = [
        person
        for part in (of_ramp, of_directories)
        for person in part.order_by(*order)[: NAMED + 1]
    ]
    return {
        "label": label,
        "count": counted(of_ramp, of_directories),
        "people": first[:NAMED],
        "has_more": len(first) > NAMED,
    }


@tenant_admin_required
def auth_settings(request: PersonRequest, tenant: Tenant) -> HttpResponse:
    settings = sign_in_page.settings_of(tenant)
    form = AuthSettingsForm(
        request.POST if request.method == "POST" else None,
        initial={
            "default_provider": settings.default_provider_id,
            "begins": "redirect" if settings.redirects else "choice",
            "allows_passwords": tenant.allows_passwords,
            "second_factor": tenant.second_factor,
            "session_hours": settings.session_hours or None,
            "idle_minutes": settings.idle_minutes or None,
        },
    )
    if form.is_valid():
        has_changed = sign_in_page.change_settings(
            tenant,
            default_provider=form.cleaned_data["default_provider"],
            redirects=form.cleaned_data["begins"] == "redirect",
            allows_passwords=form.cleaned_data["allows_passwords"],
            second_factor=form.cleaned_data["second_factor"] or tenant.second_factor,
            actor=request.user.actor,
        )
        has_changed |= sign_in_page.limit_sessions(
            tenant,
            session_hours=form.cleaned_data["session_hours"] or 0,
            idle_minutes=form.cleaned_data["idle_minutes"] or 0,
            actor=request.user.actor,
        )
        messages.success(request, "Saved." if has_changed else "Nothing has changed.")
        return redirect("admin:auth_settings", tenant.slug)
    owners = Person.objects.active_owners()
    context = tenant_context(request, tenant, "auth_settings") | {
        "form": form,
        "has_provider": IdentityProvider.objects.offered().exists(),
        "owners_with_password": owners.exclude(
            password__startswith=UNUSABLE_PASSWORD_PREFIX
        ).count(),
        "lacking": [
            _lacking("Administrators", Person.objects.active_administrators()),
            _lacking("Everybody", Person.objects.filter(state=Person.State.ACTIVE)),
        ],
    }
    return render(request, "provisioning/tenant/auth_settings.html", context)
