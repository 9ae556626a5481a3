"""The catalog of integrations, and the overview page of each provider."""

from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.text import get_text_list

from people.views.page_context import page_context
from people.views.permissions import administrator_required
from scim.connections import presets
from scim.connections.presets import PRESETS
from scim.connections.presets.preset import Guide
from scim.models import Connection
from scim.sync import policies
from scim.sync.attribute_mapping import REQUIRED
from scim.views.setup.common import SearchForm, StartForm

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
    found = presets.search(form.words)
    context = page_context(request, "Integrations") | {
        "form": form,
        "words": form.words,
        "cards": _cards(found),
    }
    return render(request, "scim/catalog.html", context)


@administrator_required
def overview(request: HttpRequest, provider: str) -> HttpResponse:
    return overview_page(request, provider, StartForm(provider))


def overview_page(request: HttpRequest, provider: str, form: StartForm) -> HttpResponse:
    """Show the overview; the setup shows it again with the errors of the form."""
    [card] = _cards([provider])
    policy = PRESETS[provider].incomplete
    shown = card.live or card.in_setup
    context = page_context(
        request, card.guide.title, parent=("Integrations", reverse("admin:integrations"))
    ) | {
        "card": card,
        "guide": card.guide,
        "provider": provider,
        "owned": policies.FIELD_NAMES.values(),
        "required": get_text_list([policies.FIELD_NAMES[name] for name in REQUIRED], "and"),
        "never_touched": NEVER_TOUCHED,
        "incomplete": INCOMPLETE[
            Connection.Incomplete(shown.incomplete_policy if shown else policy)
        ],
        "form": form,
    }
    return render(request, "scim/catalog_entry.html", context)


def _cards(providers: list[str]) -> list[Card]:
    connections = Connection.objects.filter(provider__in=providers).order_by("created_at")
    standing: dict[str, dict[str, Any]] = {provider: {} for provider in providers}
    for connection in connections:
        if connection.disconnected_at:
            stage = "disconnected"
        else:
            stage = "live" if connection.activated_at else "in setup"
        # The oldest one of each stage counts, as in `connections.setup`.
        standing[connection.provider].setdefault(stage, connection)
    return [
        Card(
            provider=provider,
            guide=PRESETS[provider].guide,
            live=stages.get("live"),
            in_setup=stages.get("in setup"),
            disconnected=stages.get("disconnected"),
        )
        for provider, stages in standing.items()
    ]
