"""/Groups: a provider's groups, stored as external groups of its connection.

They grant no access by themselves; a group mapping may grant a role to their members. Members
are rows and change in sets, so that adding one to a group of 20,000 does not load the group.
"""

from collections.abc import Collection
from uuid import UUID

from django.http import HttpResponse
from django.utils import timezone
from scim2_models import InvalidValueException, NotFoundException

from people import tenancy
from people.operations import connection_events
from scim.api import etags, group_members, responses
from scim.api.adapters import GroupAdapter
from scim.api.request import ScimRequest, scim_response
from scim.models import ScimGroup, ScimMembership, ScimUser
from scim.rfc import dialects, patch
from scim.rfc.attributes import GROUP
from scim.rfc.ids import scim_uuid
from scim.rfc.normalize import normalize, replacement
from scim.rfc.serialize import etag
from scim.rfc.strict_json import Json
from scim.sync import group_roles, subgroups, sync_errors, waiting_members

BATCH_SIZE = 5_000
BULK_REFERENCE = "bulkId:"


def read(request: ScimRequest, scim_id: str) -> HttpResponse:
    """RFC 7644 section 3.4.1."""
    with tenancy.use(request.connection.tenant_id):
        shown = responses.find(request, GROUP, scim_id)
    if shown is None:
        raise not_found_error(scim_id)
    return responses.respond(request, GROUP, shown)


def create(request: ScimRequest) -> HttpResponse:
    """RFC 7644 section 3.3."""
    request.consume_rate_limit()
    document = normalize(request.document, GROUP)
    members = group_members.members_of(request.document) or frozenset()
    group = ScimGroup(
        tenant_id=request.connection.tenant_id,
        connection=request.connection,
        created_at=request.received_at,
        modified_at=request.received_at,
    )
    GroupAdapter(group).from_dict(document)
    group.save(force_insert=True)
    _add(group, members)
    if sync_errors.resolve_group(group):
        ScimGroup.objects.filter(pk=group.pk).update(has_errors=True)
    group_roles.schedule()
    return responses.respond_stored(request, GROUP, group, 201)


def replace(request: ScimRequest, scim_id: str) -> HttpResponse:
    """RFC 7644 section 3.5.1; a body without members leaves them as they are (Rippling)."""
    request.consume_rate_limit()
    group = _lock(request, scim_id)
    document = replacement(request.document, group.document, GROUP)
    members = group_members.members_of(request.document)
    _store(request, group, document)
    if members is not None:
        _replace(group, members)
        group_roles.schedule()
    return responses.respond_stored(request, GROUP, group)


def modify(request: ScimRequest, scim_id: str) -> HttpResponse:
    """RFC 7644 section 3.5.2; the response is 204, because the group may be large.

    With `attributes` in the query it is 200 with these attributes.
    """
    request.consume_rate_limit()
    change = group_members.change(dialects.operations(request.document, GROUP))
    group = _lock(request, scim_id)
    _store(request, group, patch.apply(group.document, change.operations, GROUP))
    if change.replaced is not None:
        _replace(group, change.replaced)
    # Removing an unknown id or a user who is not a member succeeds, because Okta repeats removals.
    if change.removed:
        waiting_members.remove(group, change.removed)
        removed = _uuids(change.removed)
        group.memberships.filter(user__scim_id__in=removed).delete()
        group.subgroups.filter(member__scim_id__in=removed).delete()
    _add(group, change.added)
    group_roles.schedule()
    if responses.requested_projection(request, GROUP) is not None:
        return responses.respond_stored(request, GROUP, group)
    return scim_response(status=204, ETag=etag(group.version))


def delete(request: ScimRequest, scim_id: str) -> HttpResponse:
    """RFC 7644 section 3.6."""
    group = _lock(request, scim_id)
    if group.has_errors:
        sync_errors.resolve_group(group)
    group.memberships.all().delete()
    subgroups.remove(group)
    waiting_members.clear(group)
    group.deleted_at = timezone.now()
    group.save(update_fields=["deleted_at"])
    group_roles.schedule()
    return scim_response(status=204)


def not_found_error(scim_id: str) -> NotFoundException:
    return NotFoundException(detail=f"There is no group {scim_id[:100]}.")


def _lock(request: ScimRequest, scim_id: str) -> ScimGroup:
    # `no_key`: memberships refer to the group, and inserting them must not wait for this lock.
    groups = ScimGroup.objects.known_to(request.connection).select_for_update(no_key=True)
    group = groups.filter(scim_id=scim_uuid(scim_id)).first()
    if group is None:
        raise not_found_error(scim_id)
    etags.check_match(request, group.version)
    return group


def _store(request: ScimRequest, group: ScimGroup, document: Json) -> None:
    former_name = group.scim_display_name
    GroupAdapter(group).from_dict(document)
    if group.scim_display_name != former_name:
        _record_rename(group, former_name)
    if group.has_errors:
        group.has_errors = sync_errors.resolve_group(group)
    group.version += 1
    group.modified_at = request.received_at
    group.save(force_update=True)


def _replace(group: ScimGroup, ids: Collection[str]) -> None:
    waiting_members.clear(group)
    users, groups = _find_members(group, ids)
    group.memberships.exclude(user__in=users).delete()
    group.subgroups.exclude(member__in=groups).delete()
    _insert(group, users, groups)


def _add(group: ScimGroup, ids: Collection[str]) -> None:
    if ids:
        _insert(group, *_find_members(group, ids))


def _insert(group: ScimGroup, users: Collection[int], groups: Collection[int]) -> None:
    if groups:
        subgroups.add(group, groups)
    ScimMembership.objects.bulk_create(
        (ScimMembership(group=group, user_id=user) for user in users),
        batch_size=BATCH_SIZE,
        ignore_conflicts=True,
    )


def _find_members(group: ScimGroup, ids: Collection[str]) -> tuple[list[int], list[int]]:
    """Return the primary keys of the connection's users and groups with these ids.

    All others wait for their user.

    :raises InvalidValueException: if an id refers to an operation of a bulk request that failed or
        does not exist (RFC 7644 section 3.7.2).
    """
    users = _known(ScimUser, group, ids)
    missing = [identifier for identifier in ids if identifier.lower() not in users]
    # Few groups contain groups, so these are searched only if an id belongs to no user.
    groups = _known(ScimGroup, group, missing) if missing else {}
    missing = [identifier for identifier in missing if identifier.lower() not in groups]
    if broken := [one for one in missing if one.startswith(BULK_REFERENCE)]:
        raise InvalidValueException(
            attribute="members", detail=f"There is no user {min(broken)[:100]}."
        )
    if missing:
        waiting_members.add(group, missing)
    return list(users.values()), list(groups.values())


def _known(
    model: type[ScimUser | ScimGroup], group: ScimGroup, ids: Collection[str]
) -> dict[str, int]:
    known = model.objects.known_to(group.connection).filter(scim_id__in=_uuids(ids))
    return {str(scim_id): pk for scim_id, pk in known.values_list("scim_id", "pk")}


def _record_rename(group: ScimGroup, former_name: str) -> None:
    """Record that the provider renamed the group; its mappings stay, because they refer to it."""
    connection_events.record_connection_event(
        f"renamed the group {former_name} to {group}",
        actor=group.connection.actor,
        provider=group.connection.provider,
        connection=str(group.connection_id),
        group=str(group.scim_id),
        former_name=former_name,
    )


def _uuids(ids: Collection[str]) -> list[UUID]:
    return [scim_uuid(identifier) for identifier in ids]
