"""The link for a colleague in IT: an administrator creates, mails and revokes it."""

from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST
from unfold.widgets import UnfoldAdminEmailInputWidget

from people.mail.setup_links import setup_link
from people.values import PeopleError
from people.views.permissions import PersonRequest, administrator_required
from people.views.reauthentication import requires_recent_authentication
from scim.connections import setup, setup_link_limits, setup_links
from scim.models import Connection
from scim.views.catalog import overview_page
from scim.views.setup.common import StartForm


class MailLinkForm(forms.Form):
    to = forms.EmailField(
        label="Email address of your colleague",
        max_length=254,
        widget=UnfoldAdminEmailInputWidget(attrs={"autocomplete": "off"}),
    )


@administrator_required
@requires_recent_authentication
@require_POST
def create_it_link(request: PersonRequest, provider: str) -> HttpResponse:
    """Start the setup if nobody has, without a token, and create the link."""
    form = StartForm(provider, request.POST)
    if not form.is_valid():
        return overview_page(request, provider, form)
    defaults = {name: form.cleaned_data.get(name, "") for name in ("department", "location")}
    try:
        connection = setup.start(provider, actor=request.user.actor, **defaults)
    except PeopleError as error:
        messages.error(request, str(error))
        return redirect("admin:integration", provider)
    setup_links.create_link(connection, actor=request.user.actor)
    messages.success(request, "The link was created. Copy it, or send it by email.")
    return redirect("admin:setup_token", provider)


@administrator_required
@requires_recent_authentication
@require_POST
def mail_it_link(request: PersonRequest, provider: str) -> HttpResponse:
    connection = setup.in_setup(provider)
    link = setup_links.link_of(connection) if connection else None
    form = MailLinkForm(request.POST)
    if link is None:
        messages.error(request, "There is no link that works. Create one first.")
    elif not form.is_valid():
        messages.error(request, " ".join(map(str, form.errors["to"])))
    elif not setup_link_limits.allow_mail():
        limit = setup_link_limits.MAILS_PER_HOUR
        messages.error(request, f"The link can be sent {limit} times an hour. Copy it instead.")
    else:
        setup_links.mail_link(link, form.cleaned_data["to"], sender=request.user)
        messages.success(request, f"The link was sent to {form.cleaned_data['to']}.")
    return redirect("admin:setup_token", provider)


@administrator_required
@require_POST
def revoke_it_link(request: PersonRequest, provider: str) -> HttpResponse:
    connection = setup.in_setup(provider)
    if connection and setup_links.revoke_link(connection, actor=request.user.actor):
        messages.success(request, "The link was revoked. Nobody can open it anymore.")
    return redirect("admin:setup_token", provider)


def it_link_context(connection: Connection) -> dict[str, Any]:
    """Return what templates/scim/setup/_it_link.html needs."""
    link = setup_links.link_of(connection)
    return {
        "it_link": link,
        "it_link_address": setup_link(link.pk) if link else "",
        "mail_form": MailLinkForm(),
    }
