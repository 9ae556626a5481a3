"""The base of all API views, and the format of errors."""

import logging
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from typing import Any

from django.core.exceptions import RequestDataTooBig
from django.db import OperationalError
from django.http import Http404, HttpRequest
from django.http.response import HttpResponseBase
from rest_framework import exceptions, status
from rest_framework.mixins import ListModelMixin
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import Serializer
from rest_framework.views import APIView
from rest_framework.views import exception_handler as drf_exception_handler

from people import tenancy
from people.api.authentication import CHALLENGE, HasScope, scopes_of, token_of
from people.api.parsers import TooLarge
from people.api.query_params import check_parameters, known_parameters
from people.models import Person, Scope
from people.operations.ranks import RankRefused
from people.values import PeopleError

log = logging.getLogger(__name__)


class ApiView(APIView):
    """A view that is authenticated by an API token. The token's tenant is in force.

    `scopes` lists, by method, the scopes of which the token needs one.
    """

    scopes: Mapping[str, tuple[Scope, ...]] = {}
    # The query parameters that filter a list.
    filters: type[Serializer[Any]] | None = None

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        # Before DRF authenticates: the tenant must be in force when the view makes its querysets.
        token = token_of(request)
        request.api_token = token  # type: ignore[attr-defined]
        with tenancy.use(token.tenant_id) if token else nullcontext():
            response = super().dispatch(request, *args, **kwargs)
        # Responses contain personal data, which no proxy or browser may keep.
        response["Cache-Control"] = "no-store"
        return response

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Check the token first, then refuse query parameters that the view would ignore."""
        super().initial(request, *args, **kwargs)
        if request.method not in self.allowed_methods:
            return  # The response is 405.
        check_parameters(request, self.known_parameters())

    def known_parameters(self) -> Sequence[str]:
        """Return the names of the query parameters that the request may have."""
        is_list = isinstance(self, ListModelMixin) and self.request.method in ("GET", "HEAD")
        return known_parameters(self.filters if is_list else None, is_list=is_list)

    def filter_values(self) -> dict[str, Any]:
        """Return the validated values of the query parameters.

        :raises ValidationError: if a value is invalid.
        """
        assert self.filters, "only views with filters call this"
        serializer = self.filters(data=self.request.query_params)
        serializer.is_valid(raise_exception=True)
        return dict(serializer.validated_data)


class Unavailable(exceptions.APIException):
    status_code = status.HTTP_503_SERVICE_UNAVAILABLE
    default_detail = "Ramp is temporarily unavailable. Nothing was changed. Try again."
    default_code = "unavailable"

    def __init__(self, *, wait: int) -> None:
        super().__init__()
        # DRF sets Retry-After from this attribute.
        self.wait = wait


def token_owner(request: Request) -> Person:
    """Return the person to whom the token belongs."""
    assert isinstance(request.user, Person), "authentication lets only people in"
    return request.user


def exception_handler(error: Exception, context: Mapping[str, Any]) -> Response | None:
    """Return the response for the error. All errors of the API have the same format."""
    if isinstance(error, PeopleError):
        body = {"code": error.code, "message": str(error)}
        return Response(body, status=status.HTTP_409_CONFLICT)
    # DRF also handles a PermissionDenied, but would replace its code with a general one.
    if isinstance(error, RankRefused):
        body = {"code": error.code, "message": str(error)}
        return Response(body, status=status.HTTP_403_FORBIDDEN)
    # Django raises it while DRF reads the body. DRF does not know it, and Django would answer with
    # an HTML page.
    if isinstance(error, RequestDataTooBig):
        error = TooLarge()
    # For example a lock timeout. The transaction was rolled back, so the program can repeat the
    # request.
    if isinstance(error, OperationalError):
        log.error("The database did not answer: %s", error)
        error = Unavailable(wait=1)
    response = drf_exception_handler(error, dict(context))
    if response is None:
        return None
    if isinstance(error, Http404):
        error = exceptions.NotFound()
    assert isinstance(error, exceptions.APIException), "DRF returns no response for others"
    if error.get_codes() == HasScope.code:
        # RFC 6750 section 3.1. DRF sends this header only with 401.
        needed = " ".join(scopes_of(context["view"], str(context["request"].method)))
        challenge = f'{CHALLENGE}, error="{HasScope.code}", scope="{needed}"'
        response["WWW-Authenticate"] = challenge
    response.data = _error_body(error)
    return response


def _error_body(error: exceptions.APIException) -> dict[str, Any]:
    if isinstance(error, exceptions.ValidationError):
        detail: Any = error.detail
        if isinstance(detail, dict):
            # The first error of each field.
            fields = {
                WHOLE if name == "non_field_errors" else name: _first(value)
                for name, value in detail.items()
            }
        else:
            fields = {WHOLE: _first(detail)}
        first = next(iter(fields.items()))
        message = first[1] if first[0] == WHOLE else f"{first[0]}: {first[1]}"
        return {"code": "invalid", "message": message, "fields": fields}
    if isinstance(error, exceptions.NotFound):
        return {"code": "not-found", "message": "Not found."}
    code = str(error.get_codes()).replace("_", "-")
    return {"code": code, "message": str(error.detail)}


WHOLE = "body"


def _first(value: Any) -> str:
    while isinstance(value, list | dict):
        value = next(iter(value.values() if isinstance(value, dict) else value), "")
    return str(value)
