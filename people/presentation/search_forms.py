"""What lists of people are asked by."""

from typing import Any

from django import forms
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget


class PersonSearch(forms.Form):
    """Asks for a person; each list adds what else it can be narrowed by."""

    q = forms.CharField(
        label="Search",
        required=False,
        max_length=200,
        widget=UnfoldAdminTextInputWidget(
            attrs={"type": "search", "placeholder": "Name or email address"}
        ),
    )

    def asked(self, name: str) -> str:
        """Return what was asked for; what nobody can ask for is not."""
        self.is_valid()
        return str(self.cleaned_data.get(name) or "")

    @property
    def is_used(self) -> bool:
        return any(self.asked(name) for name in self.fields)


def choice(label: str, choices: Any, *, otherwise: str) -> forms.ChoiceField:
    return forms.ChoiceField(
        label=label,
        required=False,
        choices=[("", otherwise), *choices],
        widget=UnfoldAdminSelectWidget,
    )
