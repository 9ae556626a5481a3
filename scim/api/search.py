"""Lists and searches: RFC 7644 sections 3.4.2 and 3.4.3, cursors from RFC 9865."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db.models import QuerySet
from django.http import HttpResponse
from scim2_models import InvalidSyntaxException, InvalidValueException

from people import tenancy
from people.db import prepared_statements
from scim.api import fast_queries, filter_query, pagination, responses
from scim.api.pagination import Page, PageRequest
from scim.api.request import ScimRequest, scim_response
from scim.rfc import serialize
from scim.rfc.filter_parser import lookup
from scim.rfc.projection import Projection, projection
from scim.rfc.resource_types import GROUP, USER
from scim.rfc.schema import ResourceType

NAMES = (
    *("filter", "sortBy", "sortOrder", "startIndex", "count", "cursor"),
    *("attributes", "excludedAttributes"),
)


@dataclass(frozen=True)
class Search:
    """The parameters of a list or search request."""

    filter: str = ""
    sort_by: str = ""
    descending: bool = False
    page: PageRequest = field(default_factory=PageRequest)
    attributes: Sequence[str] = ()
    excluded: Sequence[str] = ()

    def projection(self, resource: ResourceType) -> Projection | None:
        return projection(self.attributes, self.excluded, resource)


def list_users(request: ScimRequest) -> HttpResponse:
    # Providers look up a user by a single identifier before nearly every write.
    if prepared_statements.available() and _is_first_page(request.query):
        simple = lookup(request.query.get("filter", ""))
        if simple is not None:
            return _find_by_identifier(request, *simple)
    return _search(request, parse_search(request.query.dict()), [USER])


def search_users(request: ScimRequest) -> HttpResponse:
    return _search(request, parse_search(_body(request)), [USER])


def list_groups(request: ScimRequest) -> HttpResponse:
    return _search(request, parse_search(request.query.dict()), [GROUP])


def search_groups(request: ScimRequest) -> HttpResponse:
    return _search(request, parse_search(_body(request)), [GROUP])


def list_all(request: ScimRequest) -> HttpResponse:
    return _search(request, parse_search(request.query.dict()), [USER, GROUP])


def search_all(request: ScimRequest) -> HttpResponse:
    return _search(request, parse_search(_body(request)), [USER, GROUP])


def parse_search(sent: Mapping[str, Any]) -> Search:
    """Read the parameters of a list or search request; their names are case-insensitive.

    :raises InvalidSyntaxException, InvalidValueException: if a parameter is not valid.
    """
    folded = {name.lower(): value for name, value in sent.items()}
    parameters = {name: folded.get(name.lower()) for name in NAMES}
    text = "" if parameters["filter"] is None else parameters["filter"]
    order = str(parameters["sortOrder"] or "ascending").lower()
    if not isinstance(text, str):
        raise InvalidSyntaxException(detail="“filter” must be a string.")
    if order not in ("ascending", "descending"):
        raise InvalidValueException(detail="“sortOrder” must be ascending or descending.")
    sort_by = str(parameters["sortBy"] or "")
    # Cursors and anchors belong to a list with the same filter and order only.
    query = f"{text}|{sort_by}|{order}"
    return Search(
        filter=text,
        sort_by=sort_by,
        descending=order == "descending",
        page=pagination.parse_page_request(
            parameters["startIndex"], parameters["count"], parameters["cursor"], query
        ),
        attributes=_names(parameters["attributes"]),
        excluded=_names(parameters["excludedAttributes"]),
    )


def _body(request: ScimRequest) -> dict[str, Any]:
    if not isinstance(request.document, dict):
        raise InvalidSyntaxException(detail="A search request must be a JSON object.")
    return request.document


def _names(value: Any) -> list[str]:
    """Read attribute names: separated by commas in a query, an array in a body."""
    if isinstance(value, str):
        value = value.split(",")
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(name, str) for name in value):
        raise InvalidSyntaxException(
            detail="“attributes” and “excludedAttributes” must be lists of attribute names."
        )
    return [name.strip() for name in value if name.strip()]


def _is_first_page(query: Mapping[str, Any]) -> bool:
    """Tell whether the query is a filter only, without sorting, projection or a later page."""
    if not query.keys() <= {"filter", "startIndex", "count"}:
        return False
    count: str = query.get("count", "1")
    first: str = query.get("startIndex", "1")
    return first == "1" and count.isdigit() and count != "0"


def _find_by_identifier(request: ScimRequest, attribute: str, value: str) -> HttpResponse:
    found = fast_queries.find_users(request, attribute, value)
    if attribute == "id":
        # An id is case-exact (RFC 7643 section 3.1).
        found = [one for one in found if str(one.scim_id) == value]
    count = int(request.query.get("count", pagination.DEFAULT_PAGE_SIZE))
    limit = min(count, pagination.MAX_PAGE_SIZE)
    texts = [one.text for one in found[:limit]]
    return scim_response(serialize.list_response(texts, total=len(found), start_index=1).encode())


def _search(request: ScimRequest, search: Search, kinds: Sequence[ResourceType]) -> HttpResponse:
    is_whole_list = kinds == [USER] and not (search.filter or search.sort_by)
    if is_whole_list and prepared_statements.available():
        page, found = fast_queries.users_page(request, search.page)
        wanted = search.projection(USER)
        texts = [(responses.apply_projection(one, wanted) if wanted else one).text for one in found]
        return _list_response(search, page, texts)
    with tenancy.use(request.connection.tenant_id):
        if len(kinds) > 1:
            return _search_several_types(request, search, kinds)
        [resource] = kinds
        rows, by_key = _rows(request, search, resource), not search.sort_by
        page = pagination.page(request, rows, search.page, sorted_by_key=by_key)
        texts = _rendered_texts(search, resource, page.rows)
        if page.has_more and by_key and search.page.cursor is None:
            pagination.store_anchor(request, search.page, len(page.rows), page.rows[-1].pk)
    return _list_response(search, page, texts)


def _list_response(search: Search, page: Page, texts: Sequence[str]) -> HttpResponse:
    position: dict[str, Any] = {}
    if search.page.cursor is None:
        position["start_index"] = search.page.start_index
    elif page.has_more:
        position["nextCursor"] = pagination.next_cursor(
            search.page, page, sorted_by_key=not search.sort_by
        )
    body = serialize.list_response(texts, total=page.total, **position)
    return scim_response(body.encode())


def _rendered_texts(search: Search, resource: ResourceType, found: Sequence[Any]) -> list[str]:
    return [one.text for one in responses.render(resource, found, search.projection(resource))]


def _rows(
    request: ScimRequest,
    search: Search,
    resource: ResourceType,
    others: Sequence[ResourceType] = (),
) -> QuerySet[Any]:
    rows = responses.rows(resource, request.connection)
    if search.filter:
        rows = rows.filter(filter_query.condition(search.filter, resource, others))
    if not search.sort_by:
        return rows.order_by("pk")
    order = filter_query.ordering(search.sort_by, resource, others, descending=search.descending)
    return rows.order_by(order, "pk")


def _search_several_types(
    request: ScimRequest, search: Search, kinds: Sequence[ResourceType]
) -> HttpResponse:
    """Search several kinds of resources as one list, users before groups."""
    skip, limit, total = search.page.start_index - 1, search.page.count, 0
    texts: list[str] = []
    for resource in kinds:
        rows = _rows(request, search, resource, [one for one in kinds if one is not resource])
        count = rows.count()
        found = rows[skip : skip + limit - len(texts)] if len(texts) < limit else []
        texts += _rendered_texts(search, resource, list(found))
        skip, total = max(skip - count, 0), total + count
    body = serialize.list_response(texts, total=total, start_index=search.page.start_index)
    return scim_response(body.encode())
