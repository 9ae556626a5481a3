"""The causes why somebody who can sign in has no role from groups."""

from django.utils.http import urlencode

from people.models import Person
from people.presentation.diagnosis import Diagnosis, Link, Priority
from provisioning.diagnosis.data import SignInData, page_url
from provisioning.models import GroupMapping, Identity, IdentityProvider


def only_drafted(data: SignInData) -> Diagnosis | None:
    identity = _latest(data)
    if identity is None:
        return None
    drafts = GroupMapping.objects.filter(provider=identity.provider, draft="added")
    keys = identity.groups.values("external_id")
    draft = drafts.filter(external_id__in=keys).first()
    if draft is None:
        return None
    return Diagnosis(
        Priority.ROLES_AMISS,
        "mapping-is-draft",
        f"{data.who} can sign in, but this mapping is only a draft: {draft}.",
        "Preview the drafts and apply them.",
        _mappings(data, identity.provider),
    )


def groups_unknown(data: SignInData) -> Diagnosis | None:
    identity = _latest(data)
    if identity is None:
        return None
    warnings = data.attempts[0].warnings if data.attempts else []
    warning = next((one for one in warnings if "Roles from groups" in one), "")
    if (identity.groups_seen_at and not warning) or not _in_force(identity.provider):
        return None
    return Diagnosis(
        Priority.ROLES_AMISS,
        "groups-unknown",
        f"{data.who} can sign in, but {identity.provider} did not send their groups.",
        warning or f"Have {identity.provider} send groups in the claim that its settings name.",
        Link("View member", page_url("provisioned_member", data.tenant, identity.pk)),
    )


def no_mapping(data: SignInData) -> Diagnosis | None:
    identity = _latest(data)
    if identity is None or not identity.groups.exists() or _in_force(identity.provider):
        return None
    return Diagnosis(
        Priority.ROLES_AMISS,
        "no-mapping",
        f"{data.who} can sign in, but gets no role from groups: {identity.provider} has no "
        "group mappings.",
        "Map the groups that should grant roles. A group without a mapping grants no role.",
        _mappings(data, identity.provider),
    )


def matches_nothing(data: SignInData) -> Diagnosis | None:
    identity = _latest(data)
    if identity is None or identity.groups_seen_at is None:
        return None
    mapped = set(_in_force(identity.provider))
    if not mapped:
        return None
    groups = list(identity.groups.order_by("name"))
    if not groups:
        return Diagnosis(
            Priority.ROLES_AMISS,
            "in-no-group",
            f"{data.who} can sign in, but is not in any group at {identity.provider}.",
            f"Add them to a group at {identity.provider}. They get the role at their next sign-in.",
            _mappings(data, identity.provider),
        )
    if {one.external_id for one in groups} & mapped:
        return None
    named = ", ".join(f"“{group.name}”" for group in groups[:3])
    return Diagnosis(
        Priority.ROLES_AMISS,
        "mapping-matches-nothing",
        f"{data.who} can sign in, but no mapping matches their groups ({named}).",
        "A mapping applies to one group, by its ID or exact name. The mappings page "
        "suggests similar groups.",
        _mappings(data, identity.provider),
    )


def _latest(data: SignInData) -> Identity | None:
    """Return the latest identity of an active person who has no role from a group."""
    if data.person is None or data.person.state != Person.State.ACTIVE or not data.identities:
        return None
    identity = data.identities[0]
    mapped = data.person.grants.filter(source__startswith=identity.provider.mapping_origin)
    return None if mapped.exists() or identity.provider.removed_at else identity


def _in_force(provider: IdentityProvider) -> list[str]:
    """Return the keys of the groups that grant roles."""
    in_force = GroupMapping.objects.in_force().filter(provider=provider, by_name=False)
    return list(in_force.values_list("external_id", flat=True))


def _mappings(data: SignInData, provider: IdentityProvider) -> Link:
    address = f"{page_url('mappings', data.tenant)}?{urlencode({'provider': str(provider.pk)})}"
    return Link("View group mappings", address)
