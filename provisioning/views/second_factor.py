"""The pages on which a person sets up, replaces and removes their own second factor."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters

from people.operations import second_factors
from people.session_backend import HAS_SECOND_FACTOR
from people.values import PeopleError
from people.views.page_context import page_context
from people.views.permissions import PersonRequest
from people.views.reauthentication import requires_recent_authentication
from provisioning.passwords import second_factor as codes_of
from provisioning.views.second_factor_set_up import set_up


@never_cache
@login_required
# A stolen session must not be enough to replace the app.
@requires_recent_authentication
@sensitive_post_parameters("code")
def set_up_second_factor(request: PersonRequest) -> HttpResponse:
    """Show the secret of a new authenticator app, and store it once its code is entered."""
    person = request.user
    codes, more = set_up(request, person, may_replace=True)
    if codes:
        request.session[HAS_SECOND_FACTOR] = True
        messages.success(request, "Your second factor is set up.")
        return _show_codes(request, codes)
    is_first = second_factors.second_factor_of(person) is None
    title = "Set up a second factor" if is_first else "Replace your second factor"
    context = account_context(request, title) | more
    return render(request, "provisioning/account/set_up_second_factor.html", context)


@never_cache
@login_required
@requires_recent_authentication
def recovery_codes(request: PersonRequest) -> HttpResponse:
    """Replace all recovery codes, and show the new ones."""
    if request.method == "POST":
        codes = codes_of.new_recovery_codes()
        digests = [codes_of.digest_of(code) for code in codes]
        person = request.user
        if second_factors.replace_recovery_codes(person, digests, actor=person.actor):
            return _show_codes(request, codes)
    return redirect("admin:account")


@never_cache
@login_required
@requires_recent_authentication
def remove_second_factor(request: PersonRequest) -> HttpResponse:
    """Ask, then remove the person's own second factor."""
    person = request.user
    if request.method != "POST":
        context = account_context(request, "Remove your second factor?")
        return render(request, "provisioning/account/remove_second_factor.html", context)
    try:
        second_factors.remove_second_factor(person, actor=person.actor)
    except PeopleError as error:
        messages.error(request, str(error))
    else:
        messages.success(request, "Your second factor was removed.")
    return redirect("admin:account")


def _show_codes(request: PersonRequest, codes: list[str]) -> HttpResponse:
    context = account_context(request, "Save your recovery codes") | {"codes": codes}
    return render(request, "provisioning/account/recovery_codes.html", context)


def account_context(request: PersonRequest, title: str) -> dict[str, object]:
    return page_context(request, title, parent=("Account", reverse("admin:account"))) | {
        "person": request.user,
        "cancel": reverse("admin:account"),
        "is_nav_sidebar_enabled": request.user.is_staff,
    }
