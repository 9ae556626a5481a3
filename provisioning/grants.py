"""Which roles somebody's groups bring, by the mappings of their provider."""

from collections.abc import Collection, Iterable

from django.db.models import Q
from django.utils import timezone

from people import operations
from people.operations import Followed, MappedRole
from people.values import Actor
from provisioning.claims import Group
from provisioning.models import (
    ExternalGroup,
    GroupMapping,
    GroupMembership,
    Identity,
    IdentityProvider,
)


def keep_groups(identity: Identity, groups: Iterable[Group]) -> None:
    """Note which groups the person is in now, and that these groups exist."""
    now, known = timezone.now(), {one.id: one for one in groups if one.is_storable}
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
    identity.groups_seen_at = now
    identity.save(update_fields=["groups_seen_at"])


def follow(identity: Identity, *, actor: Actor | None = None) -> Followed:
    """Give the person the roles of their groups, and take those that no group brings any more.

    Where it is unknown which groups they are in, nothing changes. It is the provider's doing
    unless `actor` is named.
    """
    if identity.groups_seen_at is None:
        return Followed(identity.person)
    in_force = GroupMapping.objects.in_force()
    matching = in_force.filter(provider=identity.provider_id, external_id__in=_keys(identity))
    return operations.follow_mappings(
        identity.person,
        [_mapped(mapping) for mapping in matching.select_related("role", "provider")],
        origin=identity.provider.mapping_origin,
        actor=actor or identity.provider.actor,
    )


def named(provider: IdentityProvider, keys: Collection[str], *, prefix: str = "") -> Q:
    """Return which groups mappings by these keys mean: those with such an id, or such a name."""
    meant = Q(**{f"{prefix}external_id__in": keys})
    return meant | Q(**{f"{prefix}name__in": keys}) if go_by_name(provider) else meant


def go_by_name(provider: IdentityProvider) -> bool:
    """Tell whether a mapping may name a group by its name, although it has an id besides.

    In directories the id is a DN; whoever types a mapping names the group as everybody does.
    """
    return provider.kind != IdentityProvider.Kind.OIDC


def _keys(identity: Identity) -> set[str]:
    """Return by what mappings may name the groups that somebody is in."""
    groups = identity.groups.values_list("external_id", "name")
    by_name = go_by_name(identity.provider)
    return {key for id_, name in groups for key in (id_, name if by_name else id_)}


def _mapped(mapping: GroupMapping) -> MappedRole:
    return MappedRole(mapping.any_role, mapping.source, mapping.because)
