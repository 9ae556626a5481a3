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
from scim.api.request import ScimRequest, answer
from scim.rfc import serialize
from scim.rfc.attributes import GROUP, USER
from scim.rfc.filter_parser import lookup
from scim.rfc.projection import Projection, projection
from scim.rfc.schema import ResourceType

NAMES = (
    *("filter", "sortBy", "sortOrder", "startIndex", "count", "cursor"),
    *("attributes", "excludedAttributes"),
)


@dataclass(frozen=True)
class Search:
    """What a list or search request asks for."""

    filter: str = ""
    sort_by: str = ""
    descending: bool = False
    page: PageRequest = field(default_factory=PageRequest)
    attributes: Sequence[str] = ()
    excluded: Sequence[str] = ()

    def projection(self, resource: ResourceType) -> Projection | None:
        return projection(self.attributes, self.excluded, resource)


def list_users(request: ScimRequest) -> HttpResponse:
    if prepared_statements.available() and _asks_for_the_top(request.query):
        simple = lookup(request.query.get("filter", ""))
        if simple is not None:
            return _looked_up(request, *simple)
    return _search(request, asked(request.query.dict()), [USER])


def search_users(request: ScimRequest) -> HttpResponse:
    return _search(request, asked(_body(request)), [USER])


def list_groups(request: ScimRequest) -> HttpResponse:
    return _search(request, asked(request.query.dict()), [GROUP])


def search_groups(request: ScimRequest) -> HttpResponse:
    return _search(request, asked(_body(request)), [GROUP])


def list_all(request: ScimRequest) -> HttpResponse:
    return _search(request, asked(request.query.dict()), [USER, GROUP])


def search_all(request: ScimRequest) -> HttpResponse:
    return _search(request, asked(_body(request)), [USER, GROUP])


def asked(given: Mapping[str, Any]) -> Search:
    """Read the parameters of a request, in whatever case their names are written.

    :raises SCIMException: if one of them is not what it should be.
    """
    folded = {name.lower(): value for name, value in given.items()}
    parameters = {name: folded.get(name.lower()) for name in NAMES}
    text = "" if parameters["filter"] is None else parameters["filter"]
    order = str(parameters["sortOrder"] or "ascending").lower()
    if not isinstance(text, str):
        raise InvalidSyntaxException(detail="“filter” must be a string.")
    if order not in ("ascending", "descending"):
        raise InvalidValueException(detail="“sortOrder” must be ascending or descending.")
    sort_by = str(parameters["sortBy"] or "")
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


def _names(given: Any) -> list[str]:
    """Split a list of attribute names: commas in an address, an array in a body."""
    if isinstance(given, str):
        given = given.split(",")
    if given is None:
        return []
    if not isinstance(given, list) or not all(isinstance(name, str) for name in given):
        raise InvalidSyntaxException(
            detail="“attributes” and “excludedAttributes” must be lists of attribute names."
        )
    return [name.strip() for name in given if name.strip()]


def _asks_for_the_top(query: Mapping[str, Any]) -> bool:
    """Tell whether nothing but the beginning of a filtered list is asked for."""
    if not query.keys() <= {"filter", "startIndex", "count"}:
        return False
    count: str = query.get("count", "1")
    first: str = query.get("startIndex", "1")
    return first == "1" and count.isdigit() and count != "0"


def _looked_up(request: ScimRequest, attribute: str, value: str) -> HttpResponse:
    shown = fast_queries.shown_users(request, attribute, value)
    if attribute == "id":
        # Its case matters (RFC 7643 section 3.1).
        shown = [one for one in shown if str(one.scim_id) == value]
    most = min(int(request.query.get("count", pagination.LARGEST_PAGE)), pagination.LARGEST_PAGE)
    texts = [one.text for one in shown[:most]]
    return answer(serialize.list_response(texts, total=len(shown), start_index=1).encode())


def _search(request: ScimRequest, search: Search, kinds: Sequence[ResourceType]) -> HttpResponse:
    if (
        kinds == [USER]
        and prepared_statements.available()
        and not (search.filter or search.sort_by)
    ):
        return _whole_list(request, search)
    with tenancy.use(request.connection.tenant_id):
        if len(kinds) > 1:
            return _mixed(request, search, kinds)
        [resource] = kinds
        rows, by_key = _rows(request, search, resource), not search.sort_by
        page = pagination.page(request, rows, search.page, sorted_by_key=by_key)
        texts = _texts(search, resource, page.rows)
        if page.goes_on and by_key and search.page.cursor is None:
            pagination.leave_anchor(request, search.page, len(page.rows), page.rows[-1].pk)
    return _listed(search, page, texts)


def _whole_list(request: ScimRequest, search: Search) -> HttpResponse:
    page, shown = fast_queries.users_page(request, search.page)
    wanted = search.projection(USER)
    texts = [(responses.cut(one, wanted) if wanted else one).text for one in shown]
    return _listed(search, page, texts)


def _listed(search: Search, page: Page, texts: Sequence[str]) -> HttpResponse:
    way: dict[str, Any] = {}
    if search.page.cursor is None:
        way["start_index"] = search.page.start_index
    elif page.goes_on:
        shown = pagination.shown_before(search.page) + len(page.rows)
        by_key = not search.sort_by
        way["nextCursor"] = pagination.next_cursor(
            search.page, shown, page.rows[-1].pk, sorted_by_key=by_key
        )
    body = serialize.list_response(texts, total=page.total, **way)
    return answer(body.encode())


def _texts(search: Search, resource: ResourceType, found: Sequence[Any]) -> list[str]:
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


def _mixed(request: ScimRequest, search: Search, kinds: Sequence[ResourceType]) -> HttpResponse:
    """Search several kinds of resources as one list, users before groups."""
    skip, room, total = search.page.start_index - 1, search.page.count, 0
    texts: list[str] = []
    for resource in kinds:
        rows = _rows(request, search, resource, [one for one in kinds if one is not resource])
        count = rows.count()
        found = rows[skip : skip + room - len(texts)] if len(texts) < room else []
        texts += _texts(search, resource, list(found))
        skip, total = max(skip - count, 0), total + count
    body = serialize.list_response(texts, total=total, start_index=search.page.start_index)
    return answer(body.encode())
