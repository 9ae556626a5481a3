"""The setup steps for a colleague in IT, who has the link and no account.

The page shows nothing about people. The visitor may create the token once, and sees when the first
request arrives.
"""

from django import forms
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods
from unfold.widgets import UnfoldAdminTextInputWidget

from people import tenancy
from people.client_address import client_address
from people.mail.setup_links import setup_link_id_from
from people.mail.signed_links import ForgedLink
from people.values import PeopleError
from people.views.page_context import page_context
from scim.api.request import base_url
from scim.connections import setup_link_limits, setup_links
from scim.connections.presets import PRESETS
from scim.models import RequestLog, SetupLink


class NameForm(forms.Form):
    name = forms.CharField(
        label="Your name",
        max_length=100,
        help_text="The history of the company shows who created the token.",
        widget=UnfoldAdminTextInputWidget(attrs={"autocomplete": "name"}),
    )


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def steps_for_it(request: HttpRequest, token: str) -> HttpResponse:
    visitor = client_address(request.META) or ""
    if not setup_link_limits.allow_visit(visitor):
        return render(request, "scim/setup/too_many_visits.html", status=429)
    try:
        link_id = setup_link_id_from(token)
    except ForgedLink as error:
        raise Http404 from error
    # The visitor is not signed in, so no tenant is set.
    with tenancy.across_tenants():
        links = SetupLink.objects.usable().select_related("connection", "tenant")
        link = links.filter(pk=link_id).first()
    if link is None:
        return render(request, "scim/setup/link_expired.html", status=410)
    with tenancy.use(link.tenant_id):
        return _page(request, link, visitor)


def _page(request: HttpRequest, link: SetupLink, visitor: str) -> HttpResponse:
    form, new_token = NameForm(request.POST if request.method == "POST" else None), ""
    if form.is_valid():
        try:
            new_token = setup_links.create_token(link, form.cleaned_data["name"], address=visitor)
        except PeopleError as error:
            form.add_error(None, str(error))
    guide = PRESETS[link.connection.provider].guide
    context = page_context(request, f"Connect {guide.name} to Ramp")
    # The visitor has no account, so the page shows when requests arrived, not what they contain.
    logs = RequestLog.objects.filter(connection=link.connection).order_by("received_at")
    used = link.connection.tokens.exclude(last_used_at=None).order_by("-last_used_at").first()
    first_at = logs.values_list("received_at", flat=True).first()
    context |= {
        "company": link.tenant.name,
        "guide": guide,
        "base_url": base_url(),
        "link": link,
        "form": form,
        "token": new_token,
        "has_token": link.connection.tokens.filter(revoked_at=None).exists(),
        "first_at": first_at or (used and used.last_used_at),
        "latest_at": used and used.last_used_at,
    }
    return render(request, "scim/setup/steps_for_it.html", context)
