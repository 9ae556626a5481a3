"""The roles that a person's groups grant, by the mappings of their provider."""

from collections.abc import Iterable
from uuid import UUID

from django.utils import timezone

from people.operations.roles import group_mappings
from people.operations.roles.mapping_rules import MappedRole, MappingResult
from people.values import Actor
from provisioning.claims import Group
from provisioning.models import (
    ExternalGroup,
    GroupMapping,
    GroupMembership,
    Identity,
)


def keep_groups(identity: Identity, groups: Iterable[Group]) -> None:
    """Note which groups the person is in now, and that these groups exist."""
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
    """Know groups by their id that were known by their DN, and the mappings of them too."""
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


def follow(identity: Identity, *, actor: Actor | None = None) -> MappingResult:
    """Grant the person the roles of their groups, and revoke those that no group grants anymore.

    Where it is unknown which groups they are in, nothing changes. It is the provider's doing
    unless `actor` is named.
    """
    if identity.groups_seen_at is None:
        return MappingResult(identity.person)
    in_force = GroupMapping.objects.in_force().filter(provider=identity.provider_id, by_name=False)
    matching = in_force.filter(external_id__in=identity.groups.values("external_id"))
    return group_mappings.apply_mappings(
        identity.person,
        [_mapped(mapping) for mapping in matching.select_related("role", "provider")],
        origin=identity.provider.mapping_origin,
        actor=actor or identity.provider.actor,
    )


def pin_mappings(provider_id: UUID, names: Iterable[str]) -> None:
    """Tie each mapping that names a group by its name to the one group of that name.

    If several groups have the name, none of them grants the role until an administrator
    chooses one by its id.
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
            # Another sign-in may have pinned it meanwhile; the first one counts.
            waiting.filter(pk=mapping.pk).update(external_id=found[0].external_id, by_name=False)


def _mapped(mapping: GroupMapping) -> MappedRole:
    return MappedRole(mapping.any_role, mapping.source, mapping.because)
