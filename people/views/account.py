"""The page “Account” of every person: name, sign-in methods, second factor and sessions."""

from dataclasses import replace
from typing import Any

from django import forms
from django.contrib import auth, messages
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST
from unfold.widgets import UnfoldAdminTextInputWidget

from people import hooks
from people.models import PersonSession
from people.operations import email_changes, people_update, sessions
from people.operations.account_settings import account_settings_of
from people.operations.passkeys import passkeys_of
from people.operations.second_factors import second_factor_of
from people.presentation.actor_names import actor_name
from people.presentation.devices import device_name
from people.values import PeopleError
from people.views.away import absences_of
from people.views.page_context import page_context
from people.views.permissions import PersonRequest
from people.views.time_zones import browser_zone

NAMES = ("given_name", "family_name")


class NamesForm(forms.Form):
    given_name = forms.CharField(
        label="First name", max_length=200, widget=UnfoldAdminTextInputWidget
    )
    family_name = forms.CharField(
        label="Last name", max_length=200, widget=UnfoldAdminTextInputWidget
    )


@never_cache
@login_required
def account(request: PersonRequest) -> HttpResponse:
    person = request.user
    # The names that a provider owns: it would restore its own ones.
    marks = [person.managed_fields[name] for name in NAMES if name in person.managed_fields]
    owners = {actor_name(mark["by"]) for mark in marks}
    form = NamesForm(
        request.POST if request.method == "POST" and not owners else None,
        initial={name: getattr(person, name) for name in NAMES},
    )
    if form.is_valid():
        try:
            profile = replace(person.profile, **form.cleaned_data)
            has_changed = people_update.revise_person(person, profile, actor=person.actor)
        except PeopleError as error:
            form.add_error(error.field if error.field in NAMES else None, str(error))
        else:
            messages.success(request, "Saved." if has_changed else "Nothing has changed.")
            return redirect("admin:account")
    # A name that could not be saved must not appear elsewhere on the page.
    person.refresh_from_db(fields=NAMES)
    context = page_context(request, "Account") | {
        "person": person,
        "form": form,
        "owners": " and ".join(sorted(owners)),
        "contact": hooks.contact_details([person.pk]).get(person.pk),
        "sign_in_methods": hooks.sign_in_methods(person, may_link=True),
        "settings": account_settings_of(person),
        "browser_zone": browser_zone(request),
        "second_factor": second_factor_of(person),
        "second_factor_set_up": hooks.url_of(hooks.Page.SECOND_FACTOR),
        "passkeys": passkeys_of(person),
        "add_passkey": hooks.url_of(hooks.Page.ADD_PASSKEY),
        "absences": absences_of(person),
        "approves": person.steps.exists(),
        "sessions": _sessions(request),
        # The navigation would be empty for other people.
        "is_nav_sidebar_enabled": person.is_staff,
    }
    return render(request, "people/account.html", context)


@require_POST
@login_required
def end_session(request: PersonRequest, session_id: int) -> HttpResponse:
    own = PersonSession.objects.filter(person=request.user)
    session = get_object_or_404(own, pk=session_id)
    device = device_name(session.user_agent)
    if session.session_key == request.session.session_key:
        messages.info(request, "This is your current session. Use “Sign out” to end it.")
    else:
        sessions.end_session(session, device=device, actor=request.user.actor)
        messages.success(request, f"The session on {device} was ended.")
    return redirect("admin:account")


@require_POST
@login_required
def sign_out_everywhere(request: PersonRequest) -> HttpResponse:
    """End all sessions of the person except this one."""
    person, key = request.user, request.session.session_key or ""
    sessions.sign_out_everywhere(person, actor=person.actor)
    auth.update_session_auth_hash(request, person)
    sessions.rename_session(key, request.session.session_key or "")
    messages.success(request, "You were signed out everywhere else.")
    return redirect("admin:account")


@require_POST
@login_required
def resend_own_confirmation(request: PersonRequest) -> HttpResponse:
    person = request.user
    if email_changes.resend_confirmation(person, actor=person.actor):
        messages.success(request, f"The confirmation was sent again to {person.pending_email}.")
    else:
        messages.info(request, "You have no address left to confirm.")
    return redirect("admin:account")


def _sessions(request: PersonRequest) -> list[dict[str, Any]]:
    return [
        {
            "row": session,
            "device": device_name(session.user_agent),
            "is_current": session.session_key == request.session.session_key,
        }
        for session in sessions.live_sessions(request.user)
    ]
