"""Asks for a fresh sign-in at the provider that has reported an account; see `fresh_sign_in`."""

from datetime import timedelta
from typing import Final

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from people import tenancy
from people.models import Person
from people.views.page_context import page_context
from provisioning.models import FreshSignIn, IdentityProvider
from provisioning.sign_in import attempt_log, fresh_sign_in

# The session key of the provider at which the visitor has to enter their credentials again.
MUST_BE_FRESH: Final = "must_be_fresh"
LIFETIME: Final = timedelta(minutes=15)


def must_be_fresh(request: HttpRequest, provider: IdentityProvider) -> bool:
    """Tell whether the visitor was sent to the provider to enter their credentials again."""
    pending = request.session.get(MUST_BE_FRESH) or {}
    age = timezone.now().timestamp() - pending.get("at", 0)
    return pending.get("provider") == str(provider.pk) and age < LIFETIME.total_seconds()


def refuse_unless_fresh(
    request: HttpRequest, person: Person, provider_id: str, authenticated_at: float | None
) -> HttpResponse | None:
    """Return the page that says why the person has to sign in again; None if they do not."""
    with tenancy.use(person.tenant_id):
        required = fresh_sign_in.required_of(person)
        if required is None:
            return None
        was_asked = must_be_fresh(request, required.provider)
        if fresh_sign_in.is_met(
            required,
            provider_id=provider_id,
            authenticated_at=authenticated_at,
            was_asked_for_credentials=was_asked,
        ):
            required.delete()
            request.session.pop(MUST_BE_FRESH, None)
            return None
        return _ask(request, person, required)


def _ask(request: HttpRequest, person: Person, required: FreshSignIn) -> HttpResponse:
    provider = required.provider
    message = (
        f"{provider} reported about your account: {required.because}. Enter your credentials at "
        f"{provider} again before you can use Ramp."
    )
    attempt_log.log_late_refusal(provider, person, reason="fresh-sign-in-needed", detail=message)
    request.session[MUST_BE_FRESH] = {
        "provider": str(provider.pk),
        "at": timezone.now().timestamp(),
    }
    context = page_context(request, "Sign in again") | {
        "message": message,
        "tenant": provider.tenant,
        "provider": provider,
    }
    return render(request, "provisioning/sign_in/sign_in_again.html", context, status=403)
