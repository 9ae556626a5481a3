"""The page “Confirm it is you”.

`people.views.reauthentication` redirects here. People with a password enter it. People who sign in
through a provider sign in there again, and return through `finish`.
"""

from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from unfold.widgets import UnfoldAdminPasswordWidget

from people.models import Person
from people.views.page_context import page_context
from people.views.permissions import PersonRequest
from people.views.reauthentication import (
    CONTINUE,
    continued_path,
    interrupted_path,
    record_authentication,
)
from provisioning.claims import Claims
from provisioning.models import IdentityProvider
from provisioning.passwords.known_devices import source_of
from provisioning.passwords.lockout import GuessedTooOften
from provisioning.passwords.login import confirm_password, has_password
from provisioning.sign_in import attempt_log
from provisioning.sign_in.attempt_log import Outcome
from provisioning.sign_in.errors import SignInRefused
from provisioning.sign_in.identity_lookup import identity_of

# Session key while a person confirms through a provider, and how long it is valid.
CONFIRMING: Final = "confirming_identity"
CONFIRMING_LIFETIME: Final = timedelta(minutes=10)
# How far a provider's clock may be behind ours.
LEEWAY: Final = timedelta(seconds=60)
SOMEBODY_ELSE: Final = (
    "You signed in to {provider} with an account that is not linked to you. Sign in there with "
    "your own account."
)
STALE: Final = "{provider} did not ask you to sign in again. Sign out there, and try again."


class ConfirmForm(forms.Form):
    password = forms.CharField(
        strip=False,
        max_length=1000,
        widget=UnfoldAdminPasswordWidget(
            attrs={"autocomplete": "current-password", "autofocus": True}
        ),
    )


@login_required
@never_cache
@sensitive_post_parameters("password")
def confirm_identity(request: PersonRequest) -> HttpResponse:
    """Ask for the password, or offer the person's providers."""
    key = request.GET.get(CONTINUE, "")
    may_type = has_password(request.user)
    form = ConfirmForm(request.POST if request.method == "POST" and may_type else None)
    status = 200
    if form.is_valid():
        try:
            confirm_password(request.user, form.cleaned_data["password"], source_of(request))
        except SignInRefused as refusal:
            form.add_error("password", str(refusal))
            status = 429 if isinstance(refusal, GuessedTooOften) else 200
        else:
            return _confirmed(request, key)
    path = interrupted_path(request, key)
    context = page_context(request, "Confirm it is you") | {
        "form": form if may_type else None,
        "providers": _providers_of(request.user),
        "key": key,
        "cancel": path or reverse("admin:index"),
    }
    return render(request, "provisioning/sign_in/reauthentication.html", context, status=status)


@login_required
@never_cache
def confirm_with_provider(request: PersonRequest, provider_id: UUID) -> HttpResponse:
    """Send the person to a provider that they have signed in with before."""
    provider = get_object_or_404(_providers_of(request.user), pk=provider_id)
    request.session[CONFIRMING] = {
        "provider": str(provider.pk),
        "key": request.GET.get(CONTINUE, ""),
        "at": timezone.now().timestamp(),
    }
    return redirect("admin:sign_in_with", provider.tenant.slug, provider.pk)


def is_confirming(request: HttpRequest, provider: IdentityProvider) -> bool:
    """Tell whether the signed-in person was sent to the provider to confirm their identity."""
    pending = request.session.get(CONFIRMING) or {}
    is_recent = (
        timezone.now().timestamp() - pending.get("at", 0) < CONFIRMING_LIFETIME.total_seconds()
    )
    return (
        request.user.is_authenticated and pending.get("provider") == str(provider.pk) and is_recent
    )


def confirm_by_claims(
    request: HttpRequest,
    provider: IdentityProvider,
    claims: Claims,
    authenticated_at: float | None,
) -> HttpResponse:
    """Confirm the visitor's identity by the provider's claims, or show why they are not enough.

    :param authenticated_at: when the provider last asked for credentials. If it is None, the claims
        are accepted anyway, because not every provider sends the time.
    """
    person = request.user
    assert isinstance(person, Person)
    pending: dict[str, Any] = request.session.pop(CONFIRMING)
    identity = identity_of(provider, claims)
    if identity is None or identity.person != person:
        reason, text = "somebody-else", SOMEBODY_ELSE
    elif authenticated_at is not None and authenticated_at < pending["at"] - LEEWAY.total_seconds():
        reason, text = "stale-authentication", STALE
    else:
        attempt_log.log_attempt(Outcome.CONFIRMED, provider, person=person, subject=claims.subject)
        return _confirmed(request, pending["key"])
    message = text.format(provider=provider.name)
    attempt_log.log_attempt(
        Outcome.REFUSED,
        provider,
        person=person,
        subject=claims.subject,
        reason=reason,
        detail=f"{person.full_name} was asked to confirm who they are. {message}",
    )
    messages.error(request, message)
    return redirect(f"{reverse('admin:confirm_identity')}?{urlencode({CONTINUE: pending['key']})}")


def _confirmed(request: HttpRequest, key: str) -> HttpResponse:
    record_authentication(request=request)
    return redirect(continued_path(request, key) or "admin:index")


def _providers_of(person: Person) -> Any:
    """Return the providers that the person has signed in with and may still use."""
    offered = IdentityProvider.objects.offered().select_related("tenant")
    own = {"identities__person": person, "identities__retired_at": None}
    return offered.filter(**own).distinct()
