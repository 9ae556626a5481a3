"""The filters that are on, as texts with links that remove them."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.contrib.admin.views.main import PAGE_VAR, SEARCH_VAR
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.utils.text import capfirst


@dataclass(frozen=True)
class Chip:
    label: str
    value: str
    # The query string of the list without this filter.
    removal: str


def filter_chips(request: HttpRequest, filters: list[Any]) -> list[Chip]:
    """Return a chip for each value of each filter, and one for the search."""
    chips = []
    for name, label, values in _active(request, filters):
        for value, text in values.items():
            chips.append(Chip(label, text, _without(request, name, value)))
    return chips


def _active(request: HttpRequest, filters: list[Any]) -> Iterator[tuple[str, str, dict[str, str]]]:
    """Yield the parameter, the label, and the texts of the values of each active filter."""
    if search := request.GET.get(SEARCH_VAR):
        yield SEARCH_VAR, "Search", {search: search}
    for one in filters:
        [name, *_] = one.expected_parameters()
        values = [value for value in request.GET.getlist(name) if value]
        if values:
            yield name, capfirst(str(one.title)), _texts(one, values)


def _texts(one: Any, values: list[str]) -> dict[str, str]:
    field = getattr(one, "field", None)
    if field is not None and field.remote_field:
        rows = field.related_model.objects.filter(pk__in=_keys(field.related_model, values))
        known = {str(row.pk): str(row) for row in rows}
    elif field is not None:
        known = {str(value): str(label) for value, label in field.flatchoices}
    else:
        known = {str(value): str(label) for value, label in one.lookup_choices}
    return {value: known[value] for value in values if value in known}


def _keys(model: Any, values: list[str]) -> Iterator[Any]:
    for value in values:
        try:
            yield model._meta.pk.to_python(value)
        except ValidationError:
            continue


def _without(request: HttpRequest, name: str, value: str) -> str:
    query = request.GET.copy()
    query.setlist(name, [one for one in query.getlist(name) if one != value])
    query.pop(PAGE_VAR, None)
    return f"?{query.urlencode()}"
