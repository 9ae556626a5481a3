"""The form of a webhook endpoint."""

from collections.abc import Iterator
from typing import Any

from django import forms
from unfold.widgets import UnfoldAdminTextInputWidget

from people.models import WebhookEndpoint
from people.presentation.event_kinds import grouped_boxes, kinds_field

ALL, CHOSEN = "all", "chosen"


class EndpointForm(forms.Form):
    url = forms.CharField(
        label="URL",
        max_length=500,
        help_text="Ramp sends a POST request with JSON for each event. Redirects are not followed.",
        widget=UnfoldAdminTextInputWidget(
            attrs={
                "placeholder": "https://example.com/ramp-events",
                "inputmode": "url",
                "autocomplete": "off",
                "spellcheck": "false",
            }
        ),
    )
    description = forms.CharField(
        label="Name",
        required=False,
        max_length=100,
        help_text="Optional. Lists show the name instead of the URL.",
        widget=UnfoldAdminTextInputWidget(attrs={"placeholder": "Data warehouse"}),
    )
    events = forms.ChoiceField(
        label="Events",
        choices=[(ALL, "All events, including those of later versions"), (CHOSEN, "Only these:")],
        widget=forms.RadioSelect(attrs={"class": "ramp-tick"}),
    )
    kinds = kinds_field("Event kinds")

    @classmethod
    def of(cls, endpoint: WebhookEndpoint) -> "EndpointForm":
        return cls(
            initial={
                "url": endpoint.url,
                "description": endpoint.description,
                "events": CHOSEN if endpoint.kinds else ALL,
                "kinds": endpoint.kinds,
            }
        )

    @property
    def kind_groups(self) -> Iterator[tuple[str, list[Any]]]:
        return grouped_boxes(self["kinds"])

    def clean(self) -> dict[str, Any]:
        values = self.cleaned_data
        if values.get("events") == CHOSEN and not values.get("kinds") and "kinds" in values:
            self.add_error("kinds", "Choose at least one event kind.")
        return values

    @property
    def settings(self) -> dict[str, Any]:
        """Return the arguments of the operations, once the form is valid."""
        values = self.cleaned_data
        return {
            "url": values["url"],
            "description": values["description"],
            "kinds": values["kinds"] if values["events"] == CHOSEN else [],
        }
