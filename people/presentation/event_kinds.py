"""The kinds of events in groups, for forms in which some of them are chosen."""

from collections.abc import Iterator
from itertools import groupby
from typing import Any

from django import forms
from django.utils.text import capfirst

from people.models import Event

# The groups by the part of a kind's name before the point.
GROUPS = {
    "person": "People",
    "invite": "Invites",
    "role": "Roles",
    "scheduled-termination": "Leaving",
    "holdings": "Leaving",
    "bulk-change": "Bulk changes",
    "organization": "Company",
    "tenant": "Company",
    "connection": "Integrations and sign-in",
    "sync-error": "Integrations and sign-in",
    "api-token": "API tokens, webhooks and exports",
    "webhook": "API tokens, webhooks and exports",
    "signal-stream": "API tokens, webhooks and exports",
    "data": "API tokens, webhooks and exports",
    "spend": "Spend",
    "workflow": "Spend",
    "approval": "Spend",
}


def grouped_kinds() -> Iterator[tuple[str, list[tuple[str, str]]]]:
    """Yield the choices of kinds in groups."""
    kinds = [(GROUPS[kind.value.partition(".")[0]], kind) for kind in Event.Kind]
    kinds.sort(key=lambda one: list(GROUPS.values()).index(one[0]))
    for group, members in groupby(kinds, lambda one: one[0]):
        yield group, [(kind.value, capfirst(kind.label)) for _, kind in members]


def kinds_field(label: str, **options: Any) -> forms.MultipleChoiceField:
    return forms.MultipleChoiceField(
        label=label,
        required=False,
        choices=list(grouped_kinds()),
        widget=forms.CheckboxSelectMultiple(attrs={"class": "ramp-tick"}),
        **options,
    )


def grouped_boxes(field: forms.BoundField) -> Iterator[tuple[str, list[Any]]]:
    """Yield the checkboxes of a `kinds_field` in groups."""
    boxes = iter(field)
    for group, members in grouped_kinds():
        yield group, [next(boxes) for _ in members]
