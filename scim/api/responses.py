"""Responses with users and groups."""

import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import chain
from typing import Any, NamedTuple
from uuid import UUID

from django.db.models import Exists, OuterRef, QuerySet, Value
from django.http import HttpResponse

from scim.api import etags
from scim.api.request import ScimRequest, base_url, scim_response
from scim.api.user_groups import shown_groups
from scim.models import Connection, ScimGroup, ScimMembership, ScimSubgroup, ScimUser
from scim.rfc import serialize
from scim.rfc.ids import scim_uuid
from scim.rfc.projection import Projection
from scim.rfc.projection import projection as read_projection
from scim.rfc.resource_types import GROUP, USER
from scim.rfc.schema import ResourceType
from scim.rfc.serialize import StoredResource, etag

RENDERED_COLUMNS = ("pk", "scim_id", "rendered", "version", "created_at", "modified_at")


class RenderedResource(NamedTuple):
    """A resource as the text of a response."""

    text: str
    scim_id: UUID | str
    version: int


def rows(resource: ResourceType, connection: Connection) -> QuerySet[Any, Any]:
    """Return the resources that the connection may see, with the columns that a response needs."""
    model = ScimUser if resource is USER else ScimGroup
    known: QuerySet[Any] = model.objects.known_to(connection)
    return known.values_list(*RENDERED_COLUMNS, named=True)


def render(
    resource: ResourceType, found: Sequence[Any], projection: Projection | None
) -> list[RenderedResource]:
    """Render rows for a response; one query reads the groups or members of all of them."""
    related = _related(resource, found, projection)
    shown = _render_rows(resource, found, [related[row.pk] for row in found])
    return [apply_projection(one, projection) for one in shown] if projection else shown


def find(request: ScimRequest, resource: ResourceType, scim_id: str) -> RenderedResource | None:
    row = rows(resource, request.connection).filter(scim_id=scim_uuid(scim_id)).first()
    return render(resource, [row], requested_projection(request, resource))[0] if row else None


def respond(
    request: ScimRequest, resource: ResourceType, shown: RenderedResource, status: int = 200
) -> HttpResponse:
    """Respond with the resource, or with 304 if the client already has this version."""
    if status == 200 and request.method == "GET" and etags.is_known(request, shown.version):
        return scim_response(status=304, ETag=etag(shown.version))
    response = scim_response(shown.text.encode(), status, ETag=etag(shown.version))
    if status == 201:
        response["Location"] = serialize.location(resource.endpoint, shown.scim_id, base_url())
    return response


def respond_stored(
    request: ScimRequest, resource: ResourceType, row: ScimUser | ScimGroup, status: int = 200
) -> HttpResponse:
    """Respond with a resource that has just been written."""
    projection = requested_projection(request, resource)
    related = row.related if hasattr(row, "related") else _related(resource, [row], None)[row.pk]
    [shown] = _render_rows(resource, [row], [related])
    return respond(
        request, resource, apply_projection(shown, projection) if projection else shown, status
    )


def requested_projection(request: ScimRequest, resource: ResourceType) -> Projection | None:
    """Read `attributes` and `excludedAttributes` of a request for a single resource.

    :raises InvalidValueException: if both are given.
    """
    if not request.http.META.get("QUERY_STRING"):
        return None
    names = {name.lower(): str(value) for name, value in request.query.items()}
    chosen = [names.get(name, "") for name in ("attributes", "excludedattributes")]
    attributes, excluded = ([one for one in text.split(",") if one] for text in chosen)
    return read_projection(attributes, excluded, resource)


def apply_projection(resource: RenderedResource, projection: Projection) -> RenderedResource:
    text = serialize.json_text(projection.of(json.loads(resource.text)))
    return RenderedResource(text, resource.scim_id, resource.version)


def _render_rows(
    resource: ResourceType, rows: Sequence[Any], related: Sequence[Sequence[Any]]
) -> list[RenderedResource]:
    write: Any = serialize.user if resource is USER else serialize.group
    shown = []
    for row, of_row in zip(
        rows, shown_groups(related) if resource is USER else related, strict=True
    ):
        columns = (row.scim_id, row.rendered, row.version, row.created_at, row.modified_at)
        text = write(StoredResource(*columns), base_url(), of_row)
        shown.append(RenderedResource(text, row.scim_id, row.version))
    return shown


def _related(
    resource: ResourceType, found: Sequence[Any], projection: Projection | None
) -> defaultdict[int, list[Any]]:
    """Return, by primary key, the groups of each user with their names, or each group's members."""
    related: defaultdict[int, list[Any]] = defaultdict(list)
    if not found or (
        projection and not projection.shows("groups" if resource is USER else "members")
    ):
        return related
    for key, *value in _pairs(resource, [row.pk for row in found]):
        related[key].append(value)
    return related


def _pairs(resource: ResourceType, keys: list[int]) -> Iterable[tuple[Any, ...]]:
    memberships = ScimMembership.objects.order_by("pk")
    if resource is GROUP:
        users = memberships.filter(group__in=keys).annotate(kind=Value("User"))
        groups = ScimSubgroup.objects.filter(group__in=keys).annotate(kind=Value("Group"))
        return chain(
            users.values_list("group_id", "kind", "user__scim_id"),
            groups.order_by("pk").values_list("group_id", "kind", "member__scim_id"),
        )
    is_nested = Exists(ScimSubgroup.objects.filter(member=OuterRef("group")))
    return memberships.filter(user__in=keys).values_list(
        "user_id", "group__scim_id", "group__scim_display_name", is_nested
    )
