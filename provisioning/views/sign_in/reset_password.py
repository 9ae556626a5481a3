"""A forgotten password: asking for a link, and choosing a new one by it."""

from django import forms
from django.contrib import auth, messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from unfold.widgets import UnfoldAdminEmailInputWidget

from people import tenancy
from people.mail.reset_links import is_current, mail_id_from
from people.mail.signed_links import ForgedLink
from people.models import Mail
from people.operations import passwords
from people.values import PeopleError
from people.views.page_context import page_context
from people.views.password_form import PasswordForm
from provisioning.passwords import lockout, reset
from provisioning.passwords.known_devices import remember
from provisioning.sign_in.errors import SignInRefused
from provisioning.views.sign_in.emailed_links import (
    check_person,
    no_referrer,
    no_such_link,
    refusal,
)


class AddressForm(forms.Form):
    email = forms.EmailField(
        label="Email address",
        max_length=254,
        widget=UnfoldAdminEmailInputWidget(attrs={"autocomplete": "username", "autofocus": True}),
    )


@never_cache
def forgot_password(request: HttpRequest) -> HttpResponse:
    """Ask for the address, and answer the same whether or not anybody has it."""
    form = AddressForm(request.POST if request.method == "POST" else None)
    context = page_context(request, "Forgot your password?") | {
        "form": form,
    }
    if form.is_valid():
        reset.mail_links(form.cleaned_data["email"])
        context |= {"title": "Check your email", "asked_for": form.cleaned_data["email"]}
    return render(request, "provisioning/sign_in/forgot_password.html", context)


@no_referrer
@sensitive_post_parameters("password", "again")
def reset_password(request: HttpRequest, token: str) -> HttpResponse:
    """Let the holder of the link choose a password; GET changes nothing."""
    try:
        with tenancy.across_tenants():
            asked = Mail.objects.filter(kind=Mail.Kind.RESET_PASSWORD).select_related(
                "person__tenant"
            )
            mail: Mail = asked.get(pk=mail_id_from(token))
    except (ForgedLink, Mail.DoesNotExist):
        return no_such_link(request)
    with tenancy.use(mail.tenant_id):
        try:
            check_person(mail.person)
            return _choose(request, mail)
        except (SignInRefused, PeopleError) as error:
            return refusal(request, error, mail.person.tenant)


def _choose(request: HttpRequest, mail: Mail) -> HttpResponse:
    person = mail.person
    if not is_current(mail, timezone.now()) or not reset.may_reset(person):
        raise passwords.ResetOutOfDate
    form = PasswordForm(person, request.POST if request.method == "POST" else None)
    if not form.is_valid():
        context = page_context(request, "Choose a new password") | {
            "person": person,
            "tenant": person.tenant,
            "form": form,
        }
        return render(request, "provisioning/sign_in/reset_password.html", context)
    passwords.reset_password(mail, form.cleaned_data["password"])
    with tenancy.across_tenants():
        lockout.forget(person.email)
        account = lockout.account_of(person.email)
    auth.logout(request)
    messages.success(request, "Your password was changed. Sign in with your new password.")
    response = redirect(reverse("admin:sign_in", args=[person.tenant.slug]) + "?form")
    remember(request, response, [account])
    return response
