"""How many people a mapping matches now, and similar groups if it matches nobody."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any

from django.db.models import Count, Q

from people.models import Person
from people.values import normalize_key
from provisioning.models import ExternalGroup, GroupMapping, IdentityProvider

GROUPS_COMPARED = 5_000
MISSES_SHOWN = 3


@dataclass(frozen=True)
class SimilarGroup:
    """A group seen at sign-ins, and how its name differs from that in the mapping."""

    group: ExternalGroup
    how: str


@dataclass
class Matched:
    """A mapping with the number of people in its group, as seen at sign-ins."""

    mapping: GroupMapping
    members: int = 0
    # Whether anybody was ever seen in it.
    is_known: bool = False
    similar_groups: list[SimilarGroup] = field(default_factory=list)
    # Groups with the same name and another id, which do not grant the role.
    namesakes: list[ExternalGroup] = field(default_factory=list)
    # Its people in the live directory who have not signed in, if that was asked.
    newcomers: Any = None


def matched(provider: IdentityProvider, mappings: list[GroupMapping]) -> list[Matched]:
    """Count the people that each mapping matches, in two queries for all mappings."""
    known = ExternalGroup.objects.filter(provider=provider)
    present = Q(memberships__identity__retired_at=None) & ~Q(
        memberships__identity__person__state=Person.State.TERMINATED
    )
    keys = {mapping.external_id for mapping in mappings}
    mapped = known.filter(external_id__in=keys).annotate(
        member_count=Count("memberships", filter=present)
    )
    member_counts = {group.external_id: group.member_count for group in mapped}
    groups = list(known.order_by("name", "pk")[:GROUPS_COMPARED])
    rows = []
    for mapping in mappings:
        # A mapping by name applies to no group yet.
        members = None if mapping.by_name else member_counts.get(mapping.external_id)
        namesakes = [
            group
            for group in groups
            if group.name == mapping.group_name and group.external_id != mapping.external_id
        ][:MISSES_SHOWN]
        row = Matched(mapping, members or 0, is_known=members is not None, namesakes=namesakes)
        if not members and not namesakes:
            row.similar_groups = similar_groups(mapping.external_id, groups)
        rows.append(row)
    return rows


def similar_groups(text: str, groups: Iterable[ExternalGroup]) -> list[SimilarGroup]:
    """Return groups with a similar name, the most similar first."""
    by_name: dict[str, ExternalGroup] = {}
    for group in groups:
        if text not in (group.name, group.external_id):
            by_name.setdefault(group.name, group)
    same = [
        SimilarGroup(group, how)
        for name, group in by_name.items()
        if (how := _difference(text, name))
    ]
    keys = {normalize_key(name): name for name in by_name if not _difference(text, name)}
    similar = get_close_matches(normalize_key(text), list(keys), n=MISSES_SHOWN, cutoff=0.75)
    found = [*same, *(SimilarGroup(by_name[keys[key]], "a similar name") for key in similar)]
    return found[:MISSES_SHOWN]


def _difference(text: str, name: str) -> str:
    """Describe the difference if it is only in capitalization or spaces."""
    if normalize_key(text) == normalize_key(name):
        return "different capitalization"
    if text.split() == name.split():
        return "different spaces"
    if normalize_key("".join(text.split())) == normalize_key("".join(name.split())):
        return "different spaces and capitalization"
    return ""
