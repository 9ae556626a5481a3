"""The catalog of integrations, and the overview page of each provider."""

from dataclasses import dataclass
from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse

from people.views.permissions import administrator_required
from scim.connections import setup_guides
from scim.connections.setup_guides import GUIDES, Guide
from scim.models import Connection
from scim.models.connection import USUAL_POLICY
from scim.views.setup.common import SearchForm, StartForm

OWNED = ("first name", "last name", "email", "department", "location", "manager", "role")
NEVER_TOUCHED = (
    "spend allocations",
    "card settings",
    "custom fields, unless you map them",
    "approval chains",
    "accounting fields",
)
INCOMPLETE = {
    Connection.Incomplete.REFUSE: (
        "A request without one of these fields is refused. No invite is sent, and Team updates "
        "shows what is missing."
    ),
    Connection.Incomplete.HOLD: (
        "A record without one of these fields is stored, and the person is invited as soon as "
        "the rest arrives. Until then, Team updates shows what is missing."
    ),
    Connection.Incomplete.FILL: (
        "People sent without a department or a location get the defaults that you choose. The "
        "other fields are required."
    ),
}


@dataclass(frozen=True)
class Card:
    """A provider of the catalog, and the status of its connection."""

    provider: str
    guide: Guide
    live: Connection | None
    in_setup: Connection | None
    disconnected: Connection | None


@administrator_required
def catalogue(request: HttpRequest) -> HttpResponse:
    form = SearchForm(request.GET)
    form.fields["q"].label = "Identity provider"
    found = setup_guides.search(form.words)
    context = admin.site.each_context(request) | {
        "title": "Integrations",
        "form": form,
        "words": form.words,
        "cards": _cards([provider.value for provider in found]),
    }
    return render(request, "scim/catalog.html", context)


@administrator_required
def overview(request: HttpRequest, provider: str) -> HttpResponse:
    return overview_page(request, provider, StartForm(provider))


def overview_page(request: HttpRequest, provider: str, form: StartForm) -> HttpResponse:
    [card] = _cards([provider])
    policy = USUAL_POLICY[Connection.Provider(provider)]
    shown = card.live or card.in_setup
    context = admin.site.each_context(request) | {
        "title": card.guide.title,
        "parent": {"title": "Integrations", "url": reverse("admin:integrations")},
        "card": card,
        "guide": card.guide,
        "provider": provider,
        "owned": OWNED,
        "never_touched": NEVER_TOUCHED,
        "incomplete": INCOMPLETE[Connection.Incomplete(shown.incomplete if shown else policy)],
        "form": form,
    }
    return render(request, "scim/catalog_entry.html", context)


def _cards(providers: list[str]) -> list[Card]:
    connections = Connection.objects.filter(provider__in=providers).order_by("created_at")
    standing: dict[str, dict[str, Any]] = {provider: {} for provider in providers}
    for connection in connections:
        standing[connection.provider].setdefault(_stage(connection), connection)
    return [
        Card(
            provider=provider,
            guide=GUIDES[Connection.Provider(provider)],
            live=stages.get("live"),
            in_setup=stages.get("in setup"),
            disconnected=stages.get("disconnected"),
        )
        for provider, stages in standing.items()
    ]


def _stage(connection: Connection) -> str:
    if connection.disconnected_at:
        return "disconnected"
    return "live" if connection.activated_at else "in setup"
