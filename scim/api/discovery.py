"""The discovery endpoints: RFC 7644 section 4, RFC 7643 sections 5 to 7."""

from functools import cache

from django.http import HttpResponse
from scim2_models import ForbiddenException, NotFoundException, NotImplementedException

from people import tenancy
from people.operations.signals.event_types import SignalType
from people.operations.signals.security_events import wants_scim_events
from scim.api import bulk, cursors, pagination
from scim.api.request import ScimRequest, base_url, scim_response
from scim.rfc import serialize, strict_json
from scim.rfc.schema_documents import resource_type_documents, schema_documents
from scim.rfc.strict_json import Json

CONFIG = "urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig"


def service_provider_config(request: ScimRequest) -> HttpResponse:
    _check_request(request)
    config = _config(base_url())
    with tenancy.use(request.connection.tenant_id):
        sends_scim_events = wants_scim_events()
    # RFC 9967 section 4. Clients from before this RFC, such as those of scim2-models, refuse the
    # attribute, so only companies with such a signal stream show it.
    if sends_scim_events:
        uris = [signal.value for signal in SignalType if signal.is_scim]
        config = config | {"securityEvents": {"asyncRequest": "request", "eventUris": uris}}
    return scim_response(serialize.json_bytes(config))


def resource_types(request: ScimRequest) -> HttpResponse:
    return _list_response(request, resource_type_documents(base_url()))


def resource_type(request: ScimRequest, name: str) -> HttpResponse:
    return _find_document(request, resource_type_documents(base_url()), name)


def schemas(request: ScimRequest) -> HttpResponse:
    return _list_response(request, schema_documents(base_url()))


def schema(request: ScimRequest, urn: str) -> HttpResponse:
    return _find_document(request, schema_documents(base_url()), urn)


def me(request: ScimRequest) -> HttpResponse:
    """RFC 7644 section 3.11 allows a server not to support /Me.

    :raises NotImplementedException: always, because a token belongs to a connection.
    """
    _check_request(request)
    raise NotImplementedException(
        detail="A SCIM token does not belong to a person. Use /Users instead."
    )


def _check_request(request: ScimRequest) -> None:
    """Authenticate, and refuse filters as RFC 7644 section 4 requires.

    :raises UnauthorizedException: if the token is not valid.
    :raises ForbiddenException: if the request has a filter.
    """
    request.connection  # noqa: B018  authenticates
    if "filter" in request.query:
        raise ForbiddenException(detail="This list cannot be filtered.")


def _list_response(request: ScimRequest, documents: list[Json]) -> HttpResponse:
    _check_request(request)
    texts = [serialize.json_text(document) for document in documents]
    return scim_response(serialize.list_response(texts, total=len(texts), start_index=1).encode())


def _find_document(request: ScimRequest, documents: list[Json], name: str) -> HttpResponse:
    _check_request(request)
    for document in documents:
        # URNs are case-insensitive (RFC 8141 section 3.1).
        if document["id"].lower() == name.lower():
            return scim_response(serialize.json_bytes(document))
    # The detail repeats text of the client, so it is cut, here as elsewhere.
    raise NotFoundException(detail=f"“{name[:200]}” was not found.")


@cache
def _config(base: str) -> Json:
    return {
        "schemas": [CONFIG],
        "patch": {"supported": True},
        "bulk": {
            "supported": True,
            "maxOperations": bulk.MAX_OPERATIONS,
            "maxPayloadSize": strict_json.MAX_BODY_SIZE,
        },
        "filter": {"supported": True, "maxResults": pagination.MAX_PAGE_SIZE},
        "changePassword": {"supported": False},
        "sort": {"supported": True},
        "etag": {"supported": True},
        "pagination": {
            "cursor": True,
            "index": True,
            "defaultPaginationMethod": "index",
            "defaultPageSize": pagination.DEFAULT_PAGE_SIZE,
            "maxPageSize": pagination.MAX_PAGE_SIZE,
            "cursorTimeout": cursors.LIFETIME_SECONDS,
        },
        "authenticationSchemes": [
            {
                "type": "oauthbearertoken",
                "name": "Bearer token",
                "description": "The token that Ramp showed when the connection was created.",
                "primary": True,
            }
        ],
        "meta": {
            "resourceType": "ServiceProviderConfig",
            "location": f"{base}/ServiceProviderConfig",
        },
    }
