"""Signing in with the name and the password of a directory."""

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.debug import sensitive_post_parameters
from unfold.widgets import UnfoldAdminPasswordWidget, UnfoldAdminTextInputWidget

from people.secrets import SecretLost
from people.views.page_context import page_context
from provisioning.ldap.connection import AccountRefused, LdapFailed, WrongPassword
from provisioning.models import IdentityProvider
from provisioning.passwords.directory_login import PasswordTry
from provisioning.passwords.known_devices import remember, source_of
from provisioning.passwords.ldap_lockout import NearlyLocked
from provisioning.passwords.lockout import GuessedTooOften
from provisioning.sign_in import attempt_log
from provisioning.sign_in.attempt_log import Outcome
from provisioning.sign_in.identity_lookup import person_with_subject
from provisioning.views.sign_in import pending
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
    "logon-hours": (
        "Your account at {provider} may not sign in at this time. Try again in your working hours, "
        "or ask your administrator."
    ),
    "workstation-refused": (
        "Your account at {provider} may sign in only on certain computers, and not here. Ask your "
        "administrator."
    ),
}
# Only for a device on which the owner has signed in before: a directory says that an account is
# locked whatever the password is, so strangers would learn which names exist.
LOCKED = (
    "Your account at {provider} is locked, because too many wrong passwords were entered for it "
    "there. {ends}"
)


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
            if isinstance(error, NearlyLocked):
                # The visitor does not see the status of the account.
                _log(Outcome.REFUSED, tried, error.reason, error.detail)
            form.add_error(None, _message(tried, error))
        except (LdapFailed, SecretLost) as error:
            _log_failure(tried, error)
            form.add_error(None, _message(tried, error))
            status = _status(error)
        else:
            response = finish_sign_in(request, provider, claims)
            if request.user.is_authenticated:
                remember(request, response, tried.accounts)
            else:
                pending.remember_accounts(request, tried.accounts)
            return response
    context = page_context(request, f"Sign in with {provider}") | {
        "tenant": provider.tenant,
        "provider": provider,
        "form": form,
    }
    return render(request, "provisioning/sign_in/ldap.html", context, status=status)


def _log_failure(tried: PasswordTry, error: Exception) -> None:
    is_refusal = isinstance(error, WrongPassword | AccountRefused)
    reason = getattr(error, "code", "secret-lost")
    _log(Outcome.REFUSED if is_refusal else Outcome.FAILED, tried, reason, str(error))


def _log(outcome: Outcome, tried: PasswordTry, reason: str, detail: str) -> None:
    """Log the attempt under the account that was found, or else under the name as it was typed."""
    account, login = tried.account, tried.names[0]
    if account is None:
        attempt_log.log_attempt(outcome, tried.provider, email=login, reason=reason, detail=detail)
        return
    attempt_log.log_attempt(
        outcome,
        tried.provider,
        person=person_with_subject(tried.provider, account.subject),
        subject=account.subject,
        email=account.email or account.login or login,
        reason=reason,
        detail=f"{detail} The entered name was “{login}”, which is {account.dn}.",
    )


def _message(tried: PasswordTry, error: Exception) -> str:
    provider = tried.provider.name
    is_locked = getattr(error, "reason", getattr(error, "code", "")) == "account-locked"
    if is_locked and tried.is_known_device:
        ends = getattr(error, "ends", "Ask your administrator.")
        return LOCKED.format(provider=provider, ends=ends)
    if isinstance(error, GuessedTooOften):
        return str(error)
    if isinstance(error, WrongPassword):
        return UNKNOWN
    message = OWN_ACCOUNT.get(getattr(error, "code", ""), SORRY)
    return message.format(provider=provider)


def _status(error: Exception) -> int:
    if isinstance(error, WrongPassword):
        return 200
    return 403 if getattr(error, "code", "") in OWN_ACCOUNT else 502
