"""/Groups: a provider's groups, stored as external groups of its connection.

They grant no access by themselves; a group mapping may grant a role to their members.
"""

from django.http import HttpResponse
from django.utils import timezone
from scim2_models import NotFoundException

from people import tenancy
from people.operations import connection_events
from scim.api import etags, group_events, group_members, responses
from scim.api.adapters import GroupAdapter
from scim.api.request import ScimRequest, scim_response
from scim.models import ScimGroup
from scim.rfc import patch, patch_operations
from scim.rfc.ids import scim_uuid
from scim.rfc.normalize import normalize, replacement
from scim.rfc.resource_types import GROUP
from scim.rfc.serialize import etag
from scim.rfc.strict_json import Json
from scim.sync import group_roles, memberships, sync_errors


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
    memberships.add(group, members)
    if sync_errors.resolve_group(group):
        ScimGroup.objects.filter(pk=group.pk).update(has_errors=True)
    group_roles.schedule()
    group_events.announce_created(request, group)
    return responses.respond_stored(request, GROUP, group, 201)


def replace(request: ScimRequest, scim_id: str) -> HttpResponse:
    """RFC 7644 section 3.5.1; a body without members leaves them as they are (Rippling)."""
    request.consume_rate_limit()
    group = _lock(request, scim_id)
    before = group.document
    document = replacement(request.document, before, GROUP)
    members = group_members.members_of(request.document)
    has_other_members = members is not None and memberships.replace(group, members)
    _store(request, group, document, has_other_members=has_other_members)
    group_events.announce_changed(request, group, before, None, has_other_members=has_other_members)
    if members is not None:
        group_roles.schedule()
    return responses.respond_stored(request, GROUP, group)


def modify(request: ScimRequest, scim_id: str) -> HttpResponse:
    """RFC 7644 section 3.5.2; the response is 204, because the group may be large.

    With `attributes` in the query it is 200 with these attributes.
    """
    request.consume_rate_limit()
    change = group_members.change(patch_operations.read_operations(request.document, GROUP))
    group = _lock(request, scim_id)
    before = group.document
    document = patch.apply(before, change.operations, GROUP)
    if change.replaced is not None:
        has_other_members = memberships.replace(group, change.replaced)
    else:
        has_removed = memberships.remove(group, change.removed)
        has_other_members = memberships.add(group, change.added) or has_removed
    _store(request, group, document, has_other_members=has_other_members)
    group_events.announce_changed(
        request, group, before, change, has_other_members=has_other_members
    )
    group_roles.schedule()
    if responses.requested_projection(request, GROUP) is not None:
        return responses.respond_stored(request, GROUP, group)
    return scim_response(status=204, ETag=etag(group.version))


def delete(request: ScimRequest, scim_id: str) -> HttpResponse:
    """RFC 7644 section 3.6."""
    group = _lock(request, scim_id)
    if group.has_errors:
        sync_errors.resolve_group(group)
    memberships.remove_all(group)
    group.deleted_at = timezone.now()
    group.save(update_fields=["deleted_at"])
    group_events.announce_deleted(request, group)
    group_roles.schedule()
    return scim_response(status=204)


def not_found_error(scim_id: str) -> NotFoundException:
    return NotFoundException(detail=f"There is no group {scim_id[:100]}.")


def _lock(request: ScimRequest, scim_id: str) -> ScimGroup:
    # `no_key`: memberships refer to the group, and inserting them must not wait for this lock.
    groups = ScimGroup.objects.known_to(request.connection).select_for_update(no_key=True)
    groups = group_events.with_streams(groups)
    group = groups.filter(scim_id=scim_uuid(scim_id)).first()
    if group is None:
        raise not_found_error(scim_id)
    etags.check_match(request, group.version)
    return group


def _store(
    request: ScimRequest, group: ScimGroup, document: Json, *, has_other_members: bool
) -> None:
    """Save the group; what is there already changes no timestamp (RFC 7644 section 3.5.2.1)."""
    if document != group.document or has_other_members:
        group.version += 1
        group.modified_at = request.received_at
    former_name = group.scim_display_name
    GroupAdapter(group).from_dict(document)
    if group.scim_display_name != former_name:
        _record_rename(group, former_name)
    if group.has_errors:
        group.has_errors = sync_errors.resolve_group(group)
    group.save(force_update=True)


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
