"""The step after the password: the second factor, or setting one up if the company requires it."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST

from people import tenancy
from people.models import Person
from people.operations.second_factors import second_factor_of
from people.views.page_context import page_context
from provisioning.models import IdentityProvider
from provisioning.passwords import passkeys
from provisioning.passwords.known_devices import remember, source_of
from provisioning.passwords.lockout import GuessedTooOften
from provisioning.passwords.second_factor import check_code
from provisioning.sign_in import attempt_log
from provisioning.sign_in.attempt_log import Outcome
from provisioning.sign_in.errors import SignInRefused
from provisioning.views.second_factor_set_up import form_of, set_up
from provisioning.views.sign_in import pending
from provisioning.views.sign_in.finish import log_in


@never_cache
@sensitive_post_parameters("code")
def sign_in_second_factor(request: HttpRequest) -> HttpResponse:
    """Ask for a code, and sign in the person."""
    person = pending.pending_person(request)
    if person is None:
        return _start_again(request)
    with tenancy.use(person.tenant_id):
        if second_factor_of(person) is None:
            return redirect("admin:sign_in_set_up_second_factor")
        form = form_of(request, "Code")
        status = 200
        if form.is_valid():
            try:
                check_code(person, form.cleaned_data["code"], source_of(request))
            except SignInRefused as refusal:
                form.add_error("code", str(refusal))
                status = 429 if isinstance(refusal, GuessedTooOften) else 200
            else:
                return _complete(request, person, "With a second factor.")
        context = page_context(request, "Enter your code") | {
            "form": form,
            "person": person,
            "passkey_options": passkeys.ask(request, person),
        }
        page = "provisioning/sign_in/second_factor.html"
        return render(request, page, context, status=status)


@never_cache
@require_POST
def sign_in_passkey(request: HttpRequest) -> HttpResponse:
    """Sign in the person by a passkey."""
    person = pending.pending_person(request)
    if person is None:
        return _start_again(request)
    with tenancy.use(person.tenant_id):
        try:
            passkeys.check(request, person, request.POST.get("credential", ""))
        except SignInRefused as refusal:
            messages.error(request, str(refusal))
            return redirect("admin:sign_in_second_factor")
        return _complete(request, person, "With a passkey.")


@never_cache
@sensitive_post_parameters("code")
def sign_in_set_up_second_factor(request: HttpRequest) -> HttpResponse:
    """Have a person set up their first second factor, and sign them in."""
    person = pending.pending_person(request)
    if person is None:
        return _start_again(request)
    with tenancy.use(person.tenant_id):
        if second_factor_of(person) is not None:
            # Only the code of the app that is set up signs them in.
            return redirect("admin:sign_in_second_factor")
        codes, more = set_up(request, person, may_replace=False)
        if codes:
            signed_in = _complete(request, person, "With a second factor.")
            context = page_context(request, "Save your recovery codes") | {
                "codes": codes,
                "next": signed_in["Location"],
            }
            response = render(request, "provisioning/sign_in/recovery_codes.html", context)
            # This page is shown instead of the redirect, whose cookies are needed too.
            response.cookies.update(signed_in.cookies)
            return response
        if not more:
            return redirect("admin:sign_in_second_factor")
        context = page_context(request, "Set up your second factor") | more | {"person": person}
        return render(request, "provisioning/sign_in/set_up_second_factor.html", context)


def _complete(request: HttpRequest, person: Person, detail: str) -> HttpResponse:
    came_through, accounts = pending.finish(request)
    provider: IdentityProvider | None = None
    if came_through:
        provider = IdentityProvider.objects.filter(pk=came_through["provider"]).first()
    attempt_log.log_attempt(
        Outcome.SIGNED_IN,
        provider,
        person=person,
        email=person.email,
        detail=detail,
    )
    response = log_in(request, person, came_through=came_through, has_second_factor=True)
    if accounts:
        remember(request, response, accounts)
    return response


def _start_again(request: HttpRequest) -> HttpResponse:
    if not request.user.is_authenticated:
        messages.info(request, "Enter your password first. You then have 15 minutes for the code.")
    return redirect("admin:login")
