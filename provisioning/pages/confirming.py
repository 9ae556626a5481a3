"""Confirming a new address, by the link that was mailed to it."""

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from people import operations, tenancy
from people.confirmations import is_current, request_named_by
from people.links import ForgedLink
from people.models import Mail
from people.values import Actor, PeopleError
from provisioning.pages.links import check_person, discreet, no_such_link, refusal
from provisioning.refusals import SignInRefused


@discreet
def confirm_address(request: HttpRequest, token: str) -> HttpResponse:
    """Ask whether the address is to count from now on, and have it count when they say so."""
    try:
        asking = _request(token)
    except (ForgedLink, Mail.DoesNotExist):
        return no_such_link(request)
    with tenancy.use(asking.tenant_id):
        try:
            check_person(asking.person)
            return _confirm(request, asking)
        except (SignInRefused, PeopleError) as error:
            return refusal(request, error, asking.person.tenant)


def _request(token: str) -> Mail:
    with tenancy.across_tenants():
        asking = Mail.objects.filter(kind=Mail.Kind.CONFIRM_ADDRESS)
        mail: Mail = asking.select_related("person__tenant").get(pk=request_named_by(token))
    return mail


def _confirm(request: HttpRequest, asking: Mail) -> HttpResponse:
    old = asking.person.email
    is_confirmed = request.method == "POST"
    if is_confirmed:
        operations.confirm_address(asking, actor=Actor("person", asking.to))
    elif not is_current(asking):
        raise operations.NothingToConfirm
    context = admin.site.each_context(request) | {
        "title": "Your address is confirmed" if is_confirmed else "Confirm your address",
        "is_confirmed": is_confirmed,
        "tenant": asking.person.tenant,
        "old": old,
        "new": asking.to,
    }
    return render(request, "provisioning/confirm_address.html", context)
