"""Signing in with the name and the password of a directory."""

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.debug import sensitive_post_parameters
from unfold.widgets import UnfoldAdminPasswordWidget, UnfoldAdminTextInputWidget

from people.views.page_context import page_context
from provisioning.ldap.connection import LdapFailed, WrongPassword
from provisioning.models import IdentityProvider
from provisioning.passwords.directory_login import PasswordTry
from provisioning.passwords.known_devices import remember, source_of
from provisioning.passwords.ldap_lockout import NearlyLocked
from provisioning.passwords.lockout import GuessedTooOften
from provisioning.providers.secrets import SecretLost
from provisioning.sign_in import attempt_log
from provisioning.sign_in.attempt_log import Outcome
from provisioning.views.sign_in.finish import finish_sign_in

UNKNOWN = "Incorrect user name or password."
SORRY = (
    "{provider} is not available right now. Try again in a minute. If the problem continues, "
    "contact your administrator. The provider log says what to correct."
)
# Messages for a visitor who has entered the correct password.
OWN_ACCOUNT = {
    "account-disabled": "Your account at {provider} is disabled. Ask your administrator.",
    "account-expired": "Your account at {provider} has expired. Ask your administrator.",
    "password-must-change": "Choose a new password at {provider} first, then sign in with it.",
    "password-expired": "Your password at {provider} has expired. Change it there first.",
}


class DirectoryForm(forms.Form):
    login = forms.CharField(
        label="User name",
        max_length=254,
        widget=UnfoldAdminTextInputWidget(
            attrs={"autocomplete": "username", "autofocus": True, "autocapitalize": "none"}
        ),
    )
    password = forms.CharField(
        strip=False,
        max_length=1000,
        widget=UnfoldAdminPasswordWidget(attrs={"autocomplete": "current-password"}),
    )


@sensitive_post_parameters("password")
def begin(request: HttpRequest, provider: IdentityProvider) -> HttpResponse:
    """Ask for user name and password, and sign in the person that the directory identifies."""
    form = DirectoryForm(request.POST if request.method == "POST" else None)
    status = 200
    if form.is_valid():
        tried = PasswordTry(provider, form.cleaned_data["login"], source_of(request))
        try:
            claims = tried.claims(form.cleaned_data["password"])
        except GuessedTooOften as error:
            _log_nearly_locked(provider, form.cleaned_data["login"], error)
            form.add_error(None, str(error))
        except (LdapFailed, SecretLost) as error:
            _log_failure(provider, form.cleaned_data["login"], error)
            form.add_error(None, _message(provider, error))
            status = _status(error)
        else:
            response = finish_sign_in(request, provider, claims)
            if request.user.is_authenticated:
                remember(request, response, tried.accounts)
            return response
    context = page_context(request, f"Sign in with {provider}") | {
        "tenant": provider.tenant,
        "provider": provider,
        "form": form,
    }
    return render(request, "provisioning/sign_in/ldap.html", context, status=status)


def _log_nearly_locked(provider: IdentityProvider, login: str, error: GuessedTooOften) -> None:
    """Log the status of the account, which the visitor does not see."""
    if isinstance(error, NearlyLocked):
        attempt_log.log_attempt(
            Outcome.REFUSED, provider, email=login, reason="nearly-locked", detail=error.detail
        )


def _log_failure(provider: IdentityProvider, login: str, error: Exception) -> None:
    is_wrong_password = isinstance(error, WrongPassword)
    attempt_log.log_attempt(
        Outcome.REFUSED if is_wrong_password else Outcome.FAILED,
        provider,
        email=login,
        reason=getattr(error, "code", "secret-lost"),
        detail=str(error),
    )


def _message(provider: IdentityProvider, error: Exception) -> str:
    if isinstance(error, WrongPassword):
        return UNKNOWN
    said = OWN_ACCOUNT.get(getattr(error, "code", ""), SORRY)
    return said.format(provider=provider.name)


def _status(error: Exception) -> int:
    if isinstance(error, WrongPassword):
        return 200
    return 403 if getattr(error, "code", "") in OWN_ACCOUNT else 502
