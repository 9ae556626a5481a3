"""The groups that members of a provider are in, as seen at sign-ins, and the mapped ones."""

import re
from collections.abc import Iterable
from uuid import UUID

from django.db.models import F
from django.utils import timezone

from people.operations.roles.group_mappings import MappedGroups
from provisioning.claims import Group
from provisioning.models import (
    ExternalGroup,
    GroupMapping,
    GroupMembership,
    Identity,
    IdentityProvider,
)


def save_groups(identity: Identity, groups: Iterable[Group]) -> None:
    """Store the groups that a sign-in sent, and the person's memberships in them."""
    now, known = timezone.now(), {one.id: one for one in groups if one.is_storable}
    _replace_dns(identity.provider_id, known.values())
    ExternalGroup.objects.bulk_create(
        [
            ExternalGroup(
                tenant_id=identity.tenant_id,
                provider_id=identity.provider_id,
                external_id=group.id,
                name=group.name,
                last_seen_at=now,
            )
            # In the same order always: two sign-ins cannot deadlock.
            for group in sorted(known.values(), key=lambda group: group.id)
        ],
        update_conflicts=True,
        unique_fields=["provider", "external_id"],
        update_fields=["name", "last_seen_at"],
    )
    seen = ExternalGroup.objects.filter(provider=identity.provider_id, external_id__in=known)
    identity.memberships.exclude(group__in=seen).delete()
    GroupMembership.objects.bulk_create(
        [GroupMembership(group=group, identity=identity) for group in seen], ignore_conflicts=True
    )
    pin_mappings(identity.provider_id, (group.name for group in known.values()))
    identity.groups_seen_at = now
    identity.save(update_fields=["groups_seen_at"])


def _replace_dns(provider_id: UUID, groups: Iterable[Group]) -> None:
    """Replace the DN by the id in groups and mappings that were stored under their DN."""
    by_dn = {group.dn: group for group in groups if group.dn not in ("", group.id)}
    known = ExternalGroup.objects.filter(provider=provider_id)
    for row in known.filter(external_id__in=by_dn).select_for_update():
        group = by_dn[row.external_id]
        kept = known.filter(external_id=group.id).first()
        if kept is None:
            row.external_id = group.id
            row.save(update_fields=["external_id"])
            continue
        members = GroupMembership.objects.filter(group=row)
        members.exclude(identity__in=kept.members.all()).update(group=kept)
        row.delete()
    mappings = GroupMapping.objects.filter(provider=provider_id)
    for mapping in mappings.filter(external_id__in=by_dn):
        group = by_dn[mapping.external_id]
        same_role = mappings.filter(base_role=mapping.base_role, role=mapping.role_id)
        if same_role.filter(external_id=group.id).exists():
            mapping.delete()
        else:
            mapping.external_id, mapping.group_name = group.id, group.name
            mapping.save(update_fields=["external_id", "group_name"])


def other_form_of_group(identity: Identity, groups: frozenset[Group]) -> str:
    """Return why the groups are not usable yet: one of them came by its name before; else blank.

    An OpenID provider may begin to send `{"id": …, "name": "finance"}` or “finance staff” instead
    of “finance”. Until an administrator maps the new form, the person would lose the role.
    """
    if identity.provider.kind != IdentityProvider.Kind.OIDC:
        return ""
    forms = {group.name: group.id for group in groups if group.name != group.id}
    if len(groups) == 1:
        [only] = groups
        forms |= dict.fromkeys(re.split(r"[\s,;|]+", only.id), only.id)
    mappings = GroupMapping.objects.in_force().filter(provider=identity.provider_id)
    in_force = set(mappings.values_list("external_id", flat=True))
    held = identity.memberships.filter(group__external_id__in=in_force & forms.keys())
    sent = in_force & {group.id for group in groups}
    for name in sorted(held.values_list("group__external_id", flat=True)):
        if name not in sent and forms[name] not in sent:
            return (
                f"the provider sent the group “{name}” earlier, and now sends “{forms[name]}”; map "
                f"“{forms[name]}” and remove the mapping of “{name}”, or correct the claim"
            )
    return ""


def mapped_groups(provider: IdentityProvider) -> MappedGroups:
    """Return the mappings in force and the members of all groups.

    People whose groups the provider has never sent have no memberships.
    """
    mappings = GroupMapping.objects.in_force().filter(provider=provider, by_name=False)
    members = GroupMembership.objects.filter(
        group__provider=provider,
        identity__provider=provider,
        identity__retired_at=None,
        identity__groups_seen_at__isnull=False,
    )
    return MappedGroups(
        provider,
        mappings.select_related("role", "provider"),
        "external_id",
        members.annotate(member_id=F("identity__person_id"), group_key=F("group__external_id")),
    )


def pin_mappings(provider_id: UUID, names: Iterable[str]) -> None:
    """Replace the name by the id in mappings whose name only one group has.

    If several groups have the name, none of them grants the role until an administrator selects
    one by its id.
    """
    waiting = GroupMapping.objects.filter(provider=provider_id, by_name=True)
    for mapping in waiting.filter(external_id__in=set(names)):
        groups = ExternalGroup.objects.filter(provider=provider_id, name=mapping.external_id)
        found = list(groups[:2])
        if len(found) != 1:
            continue
        same_role = GroupMapping.objects.filter(
            provider=provider_id, base_role=mapping.base_role, role=mapping.role_id
        )
        if same_role.filter(external_id=found[0].external_id).exclude(pk=mapping.pk).exists():
            mapping.delete()
        else:
            # A concurrent sign-in may have pinned it already: `waiting` excludes it then.
            waiting.filter(pk=mapping.pk).update(external_id=found[0].external_id, by_name=False)
