"""The filters that are on, as texts with links that remove them."""

from contextlib import suppress
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
    active = []
    if search := request.GET.get(SEARCH_VAR):
        active.append((SEARCH_VAR, "Search", {search: search}))
    for one in filters:
        [name, *_] = one.expected_parameters()
        values = [value for value in request.GET.getlist(name) if value]
        if values:
            active.append((name, capfirst(str(one.title)), _texts(one, values)))
    chips = []
    for name, label, texts in active:
        for value, text in texts.items():
            query = request.GET.copy()
            query.setlist(name, [other for other in query.getlist(name) if other != value])
            query.pop(PAGE_VAR, None)
            chips.append(Chip(label, text, f"?{query.urlencode()}"))
    return chips


def _texts(one: Any, values: list[str]) -> dict[str, str]:
    """Return the texts of those values of a filter that exist."""
    field = getattr(one, "field", None)
    if field is not None and field.remote_field:
        model, keys = field.related_model, []
        for value in values:
            # The URL may contain anything.
            with suppress(ValidationError):
                keys.append(model._meta.pk.to_python(value))
        rows = model.objects.filter(pk__in=keys)
        known = {str(row.pk): str(row) for row in rows}
    elif field is not None:
        known = {str(value): str(label) for value, label in field.flatchoices}
    else:
        known = {str(value): str(label) for value, label in one.lookup_choices}
    return {value: known[value] for value in values if value in known}
