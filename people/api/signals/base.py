"""The base of the API of signal streams."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework.exceptions import NotFound, Throttled, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import Serializer

from people.api.base import ApiView, token_owner
from people.models import ApiToken, Scope, SignalStream
from people.operations.signals.streams import VERIFICATION_INTERVAL, VerifiedJustNow
from people.values import PeopleError

MANAGING = (Scope.MANAGE_SIGNALS,)


@extend_schema(exclude=True)
class SignalView(ApiView):
    """A view below the issuer of one company, for tokens of this company.

    A token with the scope manages the streams that it added, and those that belong to no valid
    token: administrators added them, or their token has ended.
    """

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        if token_owner(request).tenant.slug != kwargs["slug"]:
            raise NotFound

    def known_parameters(self) -> Sequence[str]:
        return ("stream_id",) if self.request.method in ("GET", "HEAD", "DELETE") else ()

    def handle_exception(self, exc: Exception) -> Response:
        """Answer with the statuses of SSF 1.0, where those of Ramp's own API differ."""
        if isinstance(exc, VerifiedJustNow):
            exc = Throttled(wait=VERIFICATION_INTERVAL.seconds, detail=str(exc))
        elif isinstance(exc, PeopleError) and exc.field:
            exc = ValidationError({exc.field: str(exc)})
        return super().handle_exception(exc)


def valid(serializer: type[Serializer[Any]], data: Any) -> dict[str, Any]:
    """Return the validated values.

    :raises ValidationError: if a value is missing or invalid.
    """
    checked = serializer(data=data)
    checked.is_valid(raise_exception=True)
    return dict(checked.validated_data)


def token_of(request: Request) -> ApiToken:
    assert isinstance(request.auth, ApiToken), "only tokens authenticate"
    return request.auth


def streams_of(request: Request) -> QuerySet[SignalStream]:
    """Return the streams that the token of the request may manage."""
    reachable: QuerySet[SignalStream] = SignalStream.objects.reachable_by(token_of(request))
    return reachable.select_related("endpoint", "tenant")


def found(request: Request, stream_id: UUID) -> SignalStream:
    """Return the stream of the company.

    :raises NotFound: if there is none, or it belongs to another token.
    """
    stream = streams_of(request).filter(pk=stream_id).first()
    if stream is None:
        raise NotFound
    return stream
