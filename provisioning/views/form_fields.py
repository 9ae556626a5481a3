"""Form fields with the widgets of the pages."""

from typing import Any

from django import forms
from unfold.widgets import (
    UnfoldAdminPasswordWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextInputWidget,
)


def text_input(label: str, help_text: str = "", *, required: bool = True, **attrs: str) -> Any:
    widget = UnfoldAdminTextInputWidget(
        attrs={"spellcheck": "false", "autocomplete": "off", **attrs}
    )
    return forms.CharField(
        label=label, help_text=help_text, required=required, max_length=2000, widget=widget
    )


def choice_input(label: str, choices: Any = (), help_text: str = "") -> forms.ChoiceField:
    return forms.ChoiceField(
        label=label,
        choices=choices,
        help_text=help_text,
        required=False,
        widget=UnfoldAdminSelectWidget,
    )


def tick_input(label: str, help_text: str = "", *, initial: bool = True) -> forms.BooleanField:
    return forms.BooleanField(
        label=label,
        help_text=help_text,
        required=False,
        initial=initial,
        widget=forms.CheckboxInput(attrs={"class": "ramp-tick"}),
    )


def secret_input(label: str, help_text: str = "") -> forms.CharField:
    return forms.CharField(
        label=label,
        required=False,
        max_length=2000,
        strip=False,
        help_text=help_text,
        widget=UnfoldAdminPasswordWidget(attrs={"autocomplete": "new-password"}),
    )
