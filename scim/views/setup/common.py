"""Shared code of the setup pages."""

from typing import Any

from django import forms
from django.http import HttpRequest
from django.urls import reverse
from unfold.widgets import UnfoldAdminTextInputWidget

from people.views.page_context import page_context
from scim.api.request import base_url
from scim.connections import setup
from scim.connections.presets import PRESETS
from scim.models import Connection

STEPS = {
    "setup_token": "Base URL and token",
    "setup_steps": "Steps at the provider",
    "setup_first_request": "First request",
    "setup_review": "Review",
    "setup_activate": "Activate",
}


class ProviderConverter:
    """URL converter for the name of a provider."""

    regex = "|".join(PRESETS)

    def to_python(self, value: str) -> str:
        return value

    def to_url(self, value: str) -> str:
        return str(value)


class StartForm(forms.Form):
    """What is needed to create a connection.

    `after` is the number of the newest token that the page knows of, 0 if there is none.
    """

    after = forms.IntegerField(min_value=0, initial=0, widget=forms.HiddenInput)

    def __init__(self, provider: str, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # A connection that exists has its defaults already.
        if fills(provider) and setup.in_setup(provider) is None:
            self.fields["department"] = _default("department")
            self.fields["location"] = _default("location")


class SearchForm(forms.Form):
    """The search words and the open tab of a list."""

    q = forms.CharField(
        required=False,
        max_length=100,
        label="Name or email",
        widget=UnfoldAdminTextInputWidget(attrs={"type": "search"}),
    )
    show = forms.CharField(required=False, widget=forms.HiddenInput)

    @property
    def words(self) -> str:
        return str(self.cleaned_data.get("q", "")) if self.is_valid() else ""


def fills(provider: str) -> bool:
    return PRESETS[provider].incomplete == Connection.Incomplete.FILL


def _default(what: str) -> forms.CharField:
    return forms.CharField(
        label=f"Default {what}",
        max_length=200,
        help_text=f"Used for people who are sent without a {what}.",
        widget=UnfoldAdminTextInputWidget,
    )


def context_of(request: HttpRequest, provider: str, step: str, **more: Any) -> dict[str, Any]:
    """Return the context of a setup page; `step` is its URL name."""
    guide = PRESETS[provider].guide
    names, connection = list(STEPS), more.get("connection")
    past = set(names[: names.index(step)]) if step in STEPS else set()
    # Review can be opened before any request has arrived.
    if "setup_first_request" in past and (connection is None or not setup.is_used(connection)):
        past.remove("setup_first_request")
    steps = [
        {
            "title": title,
            "url": reverse(f"admin:{name}", args=[provider]),
            "is_current": name == step,
            "is_past": name in past,
        }
        for name, title in STEPS.items()
    ]
    context = page_context(
        request,
        STEPS.get(step, f"Connect {guide.name}"),
        parent=(guide.title, reverse("admin:integration", args=[provider])),
    ) | {
        "provider": provider,
        "guide": guide,
        "base_url": base_url(),
        "steps": steps,
    }
    return context | more
