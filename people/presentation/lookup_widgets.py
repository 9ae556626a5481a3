"""Autocomplete fields for large tables, which also work without JavaScript."""

from collections.abc import Mapping, Sequence
from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.admin.widgets import AutocompleteSelect
from django.core.exceptions import ValidationError
from django.db.models import Model, QuerySet
from django.template.loader import render_to_string
from django.utils.safestring import SafeString

from people.models import Person
from people.values import normalize_key


class LookupWidget(AutocompleteSelect):
    """An autocomplete. Without JavaScript, a text input takes an email address or a name."""

    @property
    def model(self) -> type[Model]:
        model: type[Model] = self.field.remote_field.model
        return model

    def optgroups(self, name: str, value: Sequence[str], attrs: Any = None) -> Any:
        """Leave out submitted values that are not keys: the query for them would fail."""
        return super().optgroups(name, [one for one in value if _is_key(self.model, one)], attrs)

    def render(self, name: str, value: Any, attrs: Any = None, renderer: Any = None) -> SafeString:
        context = {
            "name": text_input_name(name),
            "asked": "Email address" if self.model is Person else "Name",
            "value": value if value and not _is_key(self.model, value) else "",
        }
        choice: SafeString = super().render(name, value, attrs, renderer)
        return choice + render_to_string("components/_lookup_text.html", context)

    def value_from_datadict(self, data: Mapping[str, Any], files: Any, name: str) -> Any:
        """Return the key of the row that the text names, or the text if there is none."""
        text = data.get(text_input_name(name), "").strip()
        if not text:
            return super().value_from_datadict(data, files, name)
        # The text takes precedence: without JavaScript, the select keeps its earlier value.
        return self._called(text) or text

    def _called(self, text: str) -> Any:
        # PostgreSQL refuses a query with NUL.
        if "\0" in text:
            return None
        rows: Any = getattr(self.choices, "queryset")  # noqa: B009  a ModelChoiceIterator has it
        if self.model is not Person:
            return rows.filter(name_key=normalize_key(text)).values_list("pk", flat=True).first()
        return (
            # An address can belong to one person who is not terminated, and to any number of
            # terminated ones.
            rows.in_lists()
            .filter(email_key=normalize_key(text))
            .values_list("pk", flat=True)
            .first()
        )


class LookupField(forms.ModelChoiceField[Any]):
    """A choice of one row, with an error message that repeats the text."""

    widget: LookupWidget

    def to_python(self, value: Any) -> Any:
        try:
            return super().to_python(value)
        except ValidationError as error:
            model = self.widget.model
            called = "like that" if _is_key(model, value) else f"“{value}”"
            what = "nobody" if model is Person else f"no {model._meta.verbose_name}"
            raise ValidationError(f"There is {what} {called} in Ramp.") from error


def lookup_field(field: Any, rows: QuerySet[Any], **more: Any) -> LookupField:
    """Return a lookup field among the rows, for a foreign key."""
    return LookupField(rows, widget=LookupWidget(field, admin.site), **more)


def text_input_name(name: str) -> str:
    """Return the name of the text input without JavaScript."""
    return f"{name}-written"


def _is_key(model: type[Model], value: Any) -> bool:
    try:
        return model._meta.pk.to_python(value) is not None
    except ValidationError:
        return False
