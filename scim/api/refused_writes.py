"""Decide which refused writes Team updates lists, and for which resource."""

from typing import Any

from django.db.models import Q
from scim2_models import SCIMException

from people import tenancy
from scim.api.request import ScimRequest
from scim.models import ScimGroup, ScimUser, SyncError
from scim.rfc.ids import scim_uuid
from scim.sync import sync_errors
from scim.sync.sync_errors import SyncErrorSubject

Kind = SyncError.Kind
KINDS = {"Users": Kind.USER, "Groups": Kind.GROUP, "Bulk": Kind.BULK}
WRITES = ("POST", "PUT", "PATCH", "DELETE")
# 401 and 429 concern the client as a whole, 405 an address that does not support the method.
NOT_LISTED = (401, 405, 429)
# The attributes that may name a resource without a SCIM id, in this order.
NAMES = {Kind.USER: ("username", "externalid"), Kind.GROUP: ("displayname", "externalid")}
# The length of `SyncError.user_name`.
MAX_NAME_LENGTH = 255


def is_listed(request: ScimRequest, status: int) -> bool:
    """Tell whether Team updates lists a refusal: every refused write of a user or group."""
    kind, _, rest = request.path.partition("/")
    is_write = request.method in WRITES and kind in KINDS and rest != ".search"
    return is_write and 400 <= status < 500 and status not in NOT_LISTED


def subject_of(request: ScimRequest) -> SyncErrorSubject:
    """Complete the subject of the request from its path and body, and return it.

    Values that processing the request has already set stay. Deleted resources are found too.
    """
    subject = request.subject
    kind, _, scim_id = request.path.partition("/")
    subject.resource_type = KINDS[kind]
    if subject.resource_type == Kind.USER and not subject.user and scim_id:
        subject.user = _resource(ScimUser, request, scim_id)
    if subject.resource_type == Kind.GROUP and scim_id:
        subject.group = _resource(ScimGroup, request, scim_id)
    if subject.group:
        name = subject.group.scim_display_name
    else:
        name = subject.user.scim_username if subject.user else subject.user_name
    name = name or _sent_name(request, subject.resource_type) or scim_id
    subject.user_name = sync_errors.storable(name).strip()[:MAX_NAME_LENGTH]
    return subject


def mark_has_errors(request: ScimRequest, subject: SyncErrorSubject) -> None:
    """Mark the resource, so that its next successful write resolves the sync error."""
    if subject.resource_type == Kind.BULK:
        return
    key = sync_errors.key_of(subject.user_name)
    if subject.resource_type == Kind.GROUP:
        groups = ScimGroup.objects.filter(connection=request.connection)
        named = Q(pk=subject.group.pk if subject.group else None) | Q(display_name_key=key)
        groups.filter(named, has_errors=False).update(has_errors=True)
        return
    users = ScimUser.objects.filter(connection=request.connection)
    named = Q(pk=subject.user.pk if subject.user else None) | Q(user_name_key=key)
    if key:
        named |= Q(scim_external_id=subject.user_name)
    users.filter(named, has_errors=False).update(has_errors=True)


def _resource(model: type[Any], request: ScimRequest, scim_id: str) -> Any:
    # Not `known_to`, because the request may be about a deleted resource.
    with tenancy.use(request.connection.tenant_id):
        resources = model.objects.filter(connection=request.connection)
        return resources.filter(scim_id=scim_uuid(scim_id)).first()


def _sent_name(request: ScimRequest, kind: str) -> str:
    """Return the name of the resource in the body, or blank if the body cannot be read."""
    try:
        body = request.document if request.body else {}
    except SCIMException:
        return ""
    sent = {name.lower(): value for name, value in body.items()} if isinstance(body, dict) else {}
    names = (sent.get(name) for name in NAMES.get(Kind(kind), ()))
    return next((name for name in names if isinstance(name, str) and name.strip()), "")
