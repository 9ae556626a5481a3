"""Setting up an authenticator app: on the account page, and at a sign-in that requires one."""

from typing import Any, Final

import segno
from django import forms
from django.http import HttpRequest
from unfold.widgets import UnfoldAdminTextInputWidget

from people.models import Person
from people.operations.second_factors import set_up_second_factor
from people.secrets import SecretLost
from provisioning.passwords import second_factor
from provisioning.providers import second_factor_secrets

# The key of the session that stores the encrypted secret until a code has confirmed it.
SETTING_UP: Final = "second_factor_being_set_up"


class CodeForm(forms.Form):
    code = forms.CharField(
        max_length=40,
        widget=UnfoldAdminTextInputWidget(
            attrs={
                "autocomplete": "one-time-code",
                "autocapitalize": "characters",
                "spellcheck": "false",
                "autofocus": True,
            }
        ),
    )


def form_of(request: HttpRequest, label: str) -> CodeForm:
    form = CodeForm(request.POST if request.method == "POST" else None)
    form.fields["code"].label = label
    return form


def set_up(
    request: HttpRequest, person: Person, *, may_replace: bool
) -> tuple[list[str], dict[str, Any]]:
    """Store the app if the submitted code is correct.

    Return the new recovery codes, and otherwise none and the context of the page.
    """
    form = form_of(request, "Code from the app")
    secret = _secret(request, person)
    if form.is_valid():
        step = second_factor.matching_step(secret, form.cleaned_data["code"])
        if step is not None:
            del request.session[SETTING_UP]
            codes = second_factor.new_recovery_codes()
            is_set_up = set_up_second_factor(
                person,
                secret=second_factor_secrets.sealed(person, secret),
                step=step,
                recovery_digests=[second_factor.digest_of(code) for code in codes],
                may_replace=may_replace,
                actor=person.actor,
            )
            return (codes if is_set_up else []), {}
        form.add_error("code", "Incorrect code. Check the clock of your device, then try again.")
    link = second_factor.app_link(person, secret)
    return [], {
        "form": form,
        "secret": " ".join(secret[start : start + 4] for start in range(0, len(secret), 4)),
        "link": link,
        "picture": segno.make(link, error="m").svg_data_uri(scale=5, border=3, light="white"),
    }


def _secret(request: HttpRequest, person: Person) -> str:
    """Return the secret that the page has shown in this session, or a new one."""
    try:
        return second_factor_secrets.opened(person, request.session.get(SETTING_UP, ""))
    except SecretLost:
        secret = second_factor.new_secret()
        request.session[SETTING_UP] = second_factor_secrets.sealed(person, secret)
        return secret
