"""Group mappings of a provider: drafted, previewed and applied.

A draft changes nobody until it is applied.
"""

from collections.abc import Iterable
from functools import partial
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet

from people.models import Person, Role
from people.models.group_mappings import role_values
from people.operations import ranks
from people.operations.roles import group_mappings
from people.operations.roles.group_mappings import Author, MappingChange, MappingEffects
from people.values import PeopleError
from provisioning import locks
from provisioning.group_roles import memberships
from provisioning.models import ExternalGroup, GroupMapping, Identity, IdentityProvider
from provisioning.providers import manage

Draft = GroupMapping.Draft
AnyRole = Role | Person.Role
# How many ids an error lists if several groups have the same name.
MAX_LISTED = 5


class InvalidGroup(PeopleError):
    code = "invalid-group"
    field = "group"

    def __init__(self) -> None:
        super().__init__("Enter the group name exactly as at the provider, up to 500 characters.")


class AmbiguousGroup(PeopleError):
    code = "ambiguous-group"
    field = "group"

    def __init__(self, name: str, ids: Iterable[str]) -> None:
        listed = ", ".join(f"“{one}”" for one in ids)
        super().__init__(
            f"Several groups are named “{name}”. Enter the id of the one you mean: {listed}."
        )


def is_role_mapped(role: Role) -> bool:
    return GroupMapping.objects.filter(role=role).exists()


def has_mappings() -> bool:
    """Tell whether a group of a provider grants a role now. Drafts do not."""
    in_force = GroupMapping.objects.in_force()
    return in_force.filter(provider__removed_at=None).exists()


def add_draft(
    provider: IdentityProvider,
    group: str,
    role: AnyRole,
    *,
    author: Author,
    is_owner_confirmed: bool = False,
    name: str = "",
) -> GroupMapping:
    """Draft a mapping: the group grants the role once the drafts are applied.

    :param group: the group's id, or a name that only one known group has. The name of a directory
        group that no sign-in has sent yet applies to the first group of that name that is sent.
    :param name: the name of the group, if `group` is an id from a directory.
    :raises InvalidGroup: if the text cannot be an id or a name.
    :raises AmbiguousGroup: if several known groups have this name.
    :raises NotMappable, RoleAboveRank, OwnerNotConfirmed: if the group may not grant the role.
    """
    group_mappings.check_mappable(role, author, is_owner_confirmed=is_owner_confirmed)
    if not 0 < len(group) <= 500 or "\0" in group or not group.strip():
        raise InvalidGroup
    known = group_called(provider, group)
    mapping, is_new = GroupMapping.objects.get_or_create(
        provider=provider,
        external_id=known.external_id if known else group,
        **role_values(role),
        defaults={
            "tenant_id": provider.tenant_id,
            "group_name": known.name if known else name or group,
            "by_name": not (known or name) and could_be_name(provider, group),
            "draft": Draft.ADDED,
        },
    )
    if not is_new and mapping.draft == Draft.REMOVED:
        cancel_removal(mapping, author=author)
    return mapping


def remove_draft(mapping: GroupMapping, *, author: Author) -> None:
    """Draft the removal of a mapping: it ends once the drafts are applied.

    :raises RoleAboveRank: if the author may not grant the role.
    """
    ranks.check_may_grant(author.actor, mapping.any_role)
    if mapping.draft == Draft.ADDED:
        mapping.delete()
    else:
        _mark(mapping, Draft.REMOVED)


def cancel_removal(mapping: GroupMapping, *, author: Author) -> None:
    """Cancel the drafted removal of the mapping.

    :raises RoleAboveRank: as `remove_draft`.
    """
    ranks.check_may_grant(author.actor, mapping.any_role)
    if mapping.draft == Draft.REMOVED:
        _mark(mapping, Draft.NONE)


def discard(provider: IdentityProvider) -> None:
    """Discard the drafts of the provider. Active mappings stay."""
    drafts = drafts_of(provider)
    drafts.filter(draft=Draft.ADDED).delete()
    drafts.filter(draft=Draft.REMOVED).update(draft=Draft.NONE)


def drafts_of(provider: IdentityProvider) -> QuerySet[GroupMapping]:
    drafts: QuerySet[GroupMapping] = GroupMapping.objects.filter(provider=provider)
    return drafts.exclude(draft=Draft.NONE).order_by("pk")


def preview(provider: IdentityProvider, *, author: Author) -> MappingEffects:
    """Return the effects that `apply` would have now.

    :raises RoleAboveRank: as `apply`.
    """
    drafts = drafts_of(provider)
    return group_mappings.preview(partial(_activate_drafts, provider, drafts, author=author))


def apply(provider: IdentityProvider, *, author: Author) -> MappingEffects:
    """Apply the drafts of the provider, and update everyone's roles.

    The last Owner and the last administrator keep their role; `problems` contains the reason.

    :raises RoleAboveRank: if a draft of another administrator is above the author's rank.
    """
    return _apply(provider, drafts_of(provider), author=author)


@transaction.atomic
def map_group(
    provider: IdentityProvider, group: str, role: AnyRole, *, author: Author, name: str = ""
) -> MappingEffects:
    """Map the group to the role immediately, independent of any drafts.

    :raises InvalidGroup, AmbiguousGroup, NotMappable, RoleAboveRank: as `add_draft`.
    """
    mapping = add_draft(provider, group, role, author=author, is_owner_confirmed=True, name=name)
    return _apply(provider, drafts_of(provider).filter(pk=mapping.pk), author=author)


def group_called(provider: IdentityProvider, text: str) -> ExternalGroup | None:
    """Return the known group with this id, or the only one with this name.

    :raises AmbiguousGroup: if several groups have the name.
    """
    known = ExternalGroup.objects.filter(provider=provider)
    if exact := known.filter(external_id=text).first():
        return exact
    named = list(known.filter(name=text).order_by("external_id")[:MAX_LISTED])
    if len(named) > 1:
        raise AmbiguousGroup(text, (group.external_id for group in named))
    return named[0] if named else None


def could_be_name(provider: IdentityProvider, text: str) -> bool:
    """Tell whether the text can be a group's name at a provider whose groups also have ids.

    OpenID providers send one text for each group, which is its id here. In a directory the id is
    a DN or a UUID, and administrators enter the name.
    """
    if provider.kind == IdentityProvider.Kind.OIDC or "=" in text:
        return False
    try:
        UUID(text)
    except ValueError:
        return True
    return False


def members_matching(
    provider: IdentityProvider, mappings: Iterable[GroupMapping]
) -> QuerySet[Identity]:
    """Return the members of the mapped groups, as seen at sign-ins."""
    keys = {mapping.external_id for mapping in mappings if not mapping.by_name}
    return Identity.objects.filter(
        groups__external_id__in=keys, groups__provider=provider, provider=provider, retired_at=None
    ).exclude(person__state=Person.State.TERMINATED)


def _mark(mapping: GroupMapping, draft: str) -> None:
    mapping.draft = draft
    mapping.save(update_fields=["draft"])


@transaction.atomic
def _apply(
    provider: IdentityProvider, drafts: QuerySet[GroupMapping], *, author: Author
) -> MappingEffects:
    outcome = group_mappings.apply(partial(_activate_drafts, provider, drafts, author=author))
    if outcome.added or outcome.removed:
        manage.record_provider_event(
            "mapped groups of",
            provider,
            actor=author.actor,
            added=outcome.added,
            removed=outcome.removed,
            changed=len(outcome.changes),
        )
    return outcome


def _activate_drafts(
    provider: IdentityProvider, drafts: QuerySet[GroupMapping], *, author: Author
) -> MappingChange:
    locks.lock_provider_shared(provider)
    chosen = list(drafts.select_related("role", "provider"))
    added = [mapping for mapping in chosen if mapping.draft == Draft.ADDED]
    removed = [mapping for mapping in chosen if mapping.draft == Draft.REMOVED]
    for mapping in added:
        group_mappings.check_mappable(mapping.any_role, author, is_owner_confirmed=True)
    for mapping in removed:
        ranks.check_may_grant(author.actor, mapping.any_role)
    affected = _affected_identities(provider, added, removed)
    drafts.filter(draft=Draft.ADDED).update(draft=Draft.NONE)
    drafts.filter(draft=Draft.REMOVED).delete()
    return MappingChange(
        memberships.mapped_groups(provider),
        author.actor,
        added=[str(mapping) for mapping in added],
        removed=[str(mapping) for mapping in removed],
        member_count=len(affected),
        # People whose groups the provider has never sent keep their roles.
        people=[one.person_id for one in affected if one.groups_seen_at],
    )


def _affected_identities(
    provider: IdentityProvider, added: list[GroupMapping], removed: list[GroupMapping]
) -> list[Identity]:
    """Return the identities of people whose roles may change.

    People who may gain a role come first, so a new Owner is added before the last one is removed.
    """
    gaining = members_matching(provider, added)
    holding = Identity.objects.filter(
        provider=provider,
        retired_at=None,
        person__grants__source__in=[mapping.source for mapping in removed],
    )
    affected: dict[int, Identity] = {}
    for identities in (gaining, members_matching(provider, removed), holding):
        by_name = identities.order_by("person__family_name", "person__given_name", "pk")
        for identity in by_name.distinct():
            affected.setdefault(identity.pk, identity)
    return list(affected.values())
