"""Search forms for lists of people."""

from typing import Any

from django import forms
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget


class PersonSearch(forms.Form):
    """A search by name or address. Each list adds filters of its own."""

    q = forms.CharField(
        label="Search",
        required=False,
        max_length=200,
        widget=UnfoldAdminTextInputWidget(
            attrs={"type": "search", "placeholder": "Name or email address"}
        ),
    )

    def value_of(self, name: str) -> str:
        """Return the value of the field; blank if it is empty or invalid."""
        self.is_valid()
        return str(self.cleaned_data.get(name) or "")

    @property
    def is_used(self) -> bool:
        return any(self.value_of(name) for name in self.fields)


def choice(label: str, choices: Any, *, otherwise: str) -> forms.ChoiceField:
    return forms.ChoiceField(
        label=label,
        required=False,
        choices=[("", otherwise), *choices],
        widget=UnfoldAdminSelectWidget,
    )
