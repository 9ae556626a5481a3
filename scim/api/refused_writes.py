"""Which refused writes Team updates lists, for which resource, and for what reason."""

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
# 401 and 429 are about the client as a whole, 405 about an address that takes no such write.
NOT_LISTED = (401, 405, 429)
# What may name a resource that has no id of ours, in this order.
NAMES = {Kind.USER: ("username", "externalid"), Kind.GROUP: ("displayname", "externalid")}
LONGEST_NAME = 255


def is_listed(request: ScimRequest, status: int) -> bool:
    """Tell whether Team updates lists a refusal: every refused write of a user or group."""
    kind, _, rest = request.path.partition("/")
    is_write = request.method in WRITES and kind in KINDS and rest != ".search"
    return is_write and 400 <= status < 500 and status not in NOT_LISTED


def subject_of(request: ScimRequest) -> SyncErrorSubject:
    """Return the resource that the request is about, as far as its path and body name it.

    What the request has found out already stays. A resource that was deleted counts as known.
    """
    subject = request.subject
    kind, _, scim_id = request.path.partition("/")
    subject.resource_type = KINDS[kind]
    if subject.resource_type == Kind.USER and not subject.user and scim_id:
        subject.user = _resource(ScimUser, request, scim_id)
    if subject.resource_type == Kind.GROUP and scim_id:
        subject.group = _resource(ScimGroup, request, scim_id)
    name = _name_of(subject) or _sent_name(request, subject.resource_type) or scim_id
    subject.user_name = sync_errors.storable(name).strip()[:LONGEST_NAME]
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
    with tenancy.use(request.connection.tenant_id):
        resources = model.objects.filter(connection=request.connection)
        return resources.filter(scim_id=scim_uuid(scim_id)).first()


def _name_of(subject: SyncErrorSubject) -> str:
    if subject.group:
        return subject.group.scim_display_name
    return subject.user.scim_username if subject.user else subject.user_name


def _sent_name(request: ScimRequest, kind: str) -> str:
    """Return what the body calls the resource, if it can be read."""
    try:
        body = request.document if request.body else {}
    except SCIMException:
        return ""
    sent = {name.lower(): value for name, value in body.items()} if isinstance(body, dict) else {}
    names = (sent.get(name) for name in NAMES.get(Kind(kind), ()))
    return next((name for name in names if isinstance(name, str) and name.strip()), "")
