"""Confirming a new email address by the link sent to it or to the old one."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from people import tenancy
from people.mail.confirmation_links import is_current, request_id_from
from people.mail.signed_links import ForgedLink
from people.models import Mail
from people.operations import email_changes
from people.values import Actor, PeopleError
from people.views.page_context import page_context
from provisioning.sign_in.errors import SignInRefused
from provisioning.views.sign_in.emailed_links import (
    check_person,
    no_referrer,
    no_such_link,
    refusal,
)

ASKING = (Mail.Kind.CONFIRM_ADDRESS, Mail.Kind.APPROVE_ADDRESS)


@no_referrer
def confirm_address(request: HttpRequest, token: str) -> HttpResponse:
    """Ask for confirmation of the new address, and save it on POST."""
    try:
        with tenancy.across_tenants():
            mails = Mail.objects.filter(kind__in=ASKING).select_related("person__tenant")
            mail: Mail = mails.get(pk=request_id_from(token))
    except (ForgedLink, Mail.DoesNotExist):
        return no_such_link(request)
    with tenancy.use(mail.tenant_id):
        try:
            check_person(mail.person)
            return _confirm(request, mail)
        except (SignInRefused, PeopleError) as error:
            return refusal(request, error, mail.person.tenant)


def _confirm(request: HttpRequest, mail: Mail) -> HttpResponse:
    person, old = mail.person, mail.person.email
    is_old = mail.kind == Mail.Kind.APPROVE_ADDRESS
    is_confirmed = request.method == "POST"
    if is_confirmed:
        email_changes.confirm_address(mail, actor=Actor("person", mail.to))
    elif not is_current(mail):
        raise email_changes.NothingToConfirm
    waiting = email_changes.unconfirmed(person) if is_confirmed else []
    if waiting:
        title = f"Confirmed from the {'current' if is_old else 'new'} address"
    elif is_confirmed:
        title = "Your email address is confirmed"
    else:
        title = "Change your email address?" if is_old else "Confirm your email address"
    context = page_context(request, title) | {
        "is_confirmed": is_confirmed,
        "is_old": is_old,
        "waiting": waiting,
        "tenant": person.tenant,
        "old": old,
        "new": mail.facts["address"] if is_old else mail.to,
    }
    return render(request, "provisioning/sign_in/confirm_email.html", context)
