"""Changing one's Ramp password."""

from django.contrib import auth, messages
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters

from people.operations import passwords
from people.operations.sessions import rename_session
from people.views.page_context import page_context
from people.views.password_form import ChangeForm
from people.views.permissions import PersonRequest
from people.views.reauthentication import record_authentication
from provisioning.passwords import reset
from provisioning.passwords.lockout import GuessedTooOften
from provisioning.passwords.login import confirm_password, has_password
from provisioning.sign_in.errors import SignInRefused


@never_cache
@login_required
@sensitive_post_parameters("current", "password", "again")
def change_password(request: PersonRequest) -> HttpResponse:
    """Let a person with a Ramp password choose a new one."""
    person = request.user
    may_change = has_password(person)
    form = ChangeForm(person, request.POST if request.method == "POST" and may_change else None)
    status = 200
    if form.is_valid():
        try:
            confirm_password(person, form.cleaned_data["current"])
        except SignInRefused as refusal:
            form.add_error("current", str(refusal))
            status = 429 if isinstance(refusal, GuessedTooOften) else 200
        else:
            chosen = form.cleaned_data["password"]
            passwords.change_password(person, chosen, actor=person.actor)
            key = request.session.session_key or ""
            auth.update_session_auth_hash(request, person)
            rename_session(key, request.session.session_key or "")
            record_authentication(request=request)
            message = "Your password was changed. You were signed out on all other devices."
            messages.success(request, message)
            return redirect("admin:home")
    context = page_context(request, "Change your password") | {
        "person": person,
        "form": form if may_change else None,
        "may_reset": reset.may_reset(person),
        "cancel": reverse("admin:home"),
        "is_nav_sidebar_enabled": person.is_staff,
    }
    return render(request, "provisioning/sign_in/change_password.html", context, status=status)
