"""The groups of users in responses (RFC 7643 section 4.1.2).

A user is a direct member of some groups, and an indirect one of the groups that contain these.
"""

from collections import defaultdict
from collections.abc import Collection, Sequence
from typing import Any
from uuid import UUID

from scim.models import ScimSubgroup

# A group's id and name, and whether it is a member of another group.
DirectGroup = Sequence[Any]
# A group's id and name, and “direct” or “indirect”.
ShownGroup = tuple[str, str, str]


def shown_groups(groups_of_users: Sequence[Sequence[DirectGroup]]) -> list[list[ShownGroup]]:
    """Return the groups of each user, those with indirect membership last.

    The database is queried only if a group is a member of another one.
    """
    nested = {str(key) for groups in groups_of_users for key, _, is_nested in groups if is_nested}
    names, parents = _containing(nested) if nested else ({}, {})
    shown = []
    for groups in groups_of_users:
        direct = {str(key): name for key, name, _ in groups}
        # Around these at any depth; the groups may form a circle.
        indirect: list[str] = []
        pending = list(direct) if nested else []
        while pending:
            for key in parents.get(pending.pop(0), ()):
                if key not in direct and key not in indirect:
                    indirect.append(key)
                    pending.append(key)
        shown.append(
            [(key, name, "direct") for key, name in direct.items()]
            + [(key, names[key], "indirect") for key in indirect]
        )
    return shown


def _containing(nested: Collection[str]) -> tuple[dict[str, str], dict[str, list[str]]]:
    """Return the names of all groups around the nested ones, and the groups around each group."""
    names: dict[str, str] = {}
    parents: defaultdict[str, list[str]] = defaultdict(list)
    pending, asked = set(nested), set()
    while pending:
        asked |= pending
        pairs = ScimSubgroup.objects.filter(
            member__scim_id__in=[UUID(key) for key in pending], group__deleted_at=None
        )
        found = pairs.order_by("pk").values_list(
            "member__scim_id", "group__scim_id", "group__scim_display_name"
        )
        pending = set()
        for member, group, name in found:
            parents[str(member)].append(str(group))
            names[str(group)] = name
            pending.add(str(group))
        pending -= asked
    return names, parents
