"""Tells signal streams about created, changed and deleted groups: RFC 9967 section 2.4.

Call these functions in the transaction of the request.
"""

import json
from typing import Any

from django.db.models import Exists, OuterRef, QuerySet

from people.models import SignalStream
from people.operations.signals.announcements import Payloads, announce
from people.operations.signals.event_types import SignalType
from people.operations.signals.scim_payloads import PATCH_OP
from scim.api import responses
from scim.api.group_members import GroupChange
from scim.api.request import ScimRequest
from scim.models import ScimGroup
from scim.rfc.resource_types import GROUP
from scim.rfc.serialize import etag
from scim.rfc.strict_json import Json


def with_streams(groups: QuerySet[ScimGroup]) -> QuerySet[ScimGroup]:
    """Annotate whether the company has streams, so that a change of a group needs no query more."""
    streams = SignalStream.objects.filter(tenant=OuterRef("tenant"))
    return groups.annotate(has_streams=Exists(streams))


def announce_created(request: ScimRequest, group: ScimGroup) -> None:
    def notice() -> Json:
        return {"attributes": list(_resource(group)), "version": etag(group.version)}

    _announce(
        request,
        group,
        {
            SignalType.SCIM_CREATE_NOTICE: notice,
            SignalType.SCIM_CREATE_FULL: lambda: _full(group, _resource(group)),
        },
    )


def announce_changed(
    request: ScimRequest,
    group: ScimGroup,
    before: Json,
    change: GroupChange | None,
    *,
    has_other_members: bool,
) -> None:
    """Tell which attributes the request has changed, if it has changed any.

    :param before: the document of the group before the request, without members.
    :param change: that of a PATCH, or None for a PUT.
    """
    after = group.document
    names = [name for name in before | after if before.get(name) != after.get(name)]
    changed = [*names, "members"] if has_other_members else names
    if not changed:
        return

    def notice() -> Json:
        return {"attributes": changed, "version": etag(group.version)}

    def patch() -> Json:
        operations = _attribute_operations(after, names)
        operations += _member_operations(change) if change and has_other_members else []
        return _full(group, {"schemas": [PATCH_OP], "Operations": operations})

    if change:
        payloads: Payloads = {
            SignalType.SCIM_PATCH_NOTICE: notice,
            SignalType.SCIM_PATCH_FULL: patch,
        }
    else:
        payloads = {
            SignalType.SCIM_PUT_NOTICE: notice,
            SignalType.SCIM_PUT_FULL: lambda: _full(group, _resource(group)),
        }
    _announce(request, group, payloads)


def announce_deleted(request: ScimRequest, group: ScimGroup) -> None:
    _announce(request, group, {SignalType.SCIM_DELETE: dict})


def _announce(request: ScimRequest, group: ScimGroup, payloads: Payloads) -> None:
    # A new group was not read with `with_streams`.
    if not getattr(group, "has_streams", True):
        return
    subject = {"format": "scim", "uri": f"/Groups/{group.scim_id}"}
    if group.scim_external_id:
        subject["externalId"] = group.scim_external_id
    announce(subject, request.txn, payloads)


def _full(group: ScimGroup, data: Json) -> Json:
    return {"data": data, "version": etag(group.version)}


def _resource(group: ScimGroup) -> Json:
    """Return the group as a GET does, without `meta`."""
    [shown] = responses.render(GROUP, [group], None)
    resource: Json = json.loads(shown.text)
    return {name: value for name, value in resource.items() if name != "meta"}


def _attribute_operations(document: Json, names: list[str]) -> list[Json]:
    return [
        {"op": "replace", "path": name, "value": document[name]}
        if name in document
        else {"op": "remove", "path": name}
        for name in names
    ]


def _member_operations(change: GroupChange) -> list[Json]:
    if change.replaced is not None:
        return [{"op": "replace", "path": "members", "value": _values(change.replaced)}]
    operations: list[dict[str, Any]] = [
        {"op": "remove", "path": f"members[value eq {json.dumps(one)}]"}
        for one in sorted(change.removed)
    ]
    if change.added:
        operations.append({"op": "add", "path": "members", "value": _values(change.added)})
    return operations


def _values(members: frozenset[str]) -> list[Json]:
    return [{"value": one} for one in sorted(members)]
