"""API views of cards, funds and authorizations."""

import re
from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.fields import empty
from rest_framework.generics import ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BooleanField, Serializer, UUIDField

from people.api.base import ApiView
from people.api.openapi import refusals
from people.api.pagination import NewestFirstPagination, PersonCursorPagination
from people.api.spend_serializers import (
    AuthorizationSerializer,
    CardSerializer,
    DecisionSerializer,
    FundSerializer,
    PurchaseSerializer,
)
from people.models import ApiToken, Authorization, Card, Fund, Scope
from people.operations.spend import cards_and_funds, idempotency
from people.operations.spend.cards_and_funds import Purchase

READING = {"GET": (Scope.READ_PEOPLE, Scope.AUTHORIZE_SPEND)}
AUTHORIZING = {"GET": (Scope.AUTHORIZE_SPEND,), "POST": (Scope.AUTHORIZE_SPEND,)}


class CardFilter(Serializer[Any]):
    holder = UUIDField(required=False, help_text="The id of the person who holds the card.")
    ended = BooleanField(
        required=False, default=False, help_text="Whether to list the cards that have ended."
    )


class Flag(BooleanField):
    """A boolean without a default: DRF would treat a missing one in a query as false."""

    default_empty_html = empty


class AuthorizationFilter(Serializer[Any]):
    card = UUIDField(required=False, help_text="The id of the card.")
    fund = UUIDField(required=False, help_text="The id of the fund.")
    approved = Flag(
        required=False, source="is_approved", help_text="Whether the purchase was approved."
    )


class FundFilter(Serializer[Any]):
    owner = UUIDField(required=False, help_text="The id of the person who owns the fund.")
    ended = BooleanField(
        required=False, default=False, help_text="Whether to list the funds that have ended."
    )


class CardList(ApiView, ListAPIView[Card]):
    scopes = READING
    filters = CardFilter
    serializer_class = CardSerializer
    pagination_class = PersonCursorPagination

    def get_queryset(self) -> QuerySet[Card]:
        return _filtered(Card.objects.all(), self.filter_values())

    @extend_schema(
        operation_id="list_cards",
        parameters=[CardFilter],
        responses={200: CardSerializer(many=True)} | refusals(),
    )
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """List the cards that can be used, or those that have ended."""
        return super().get(request, *args, **kwargs)


class CardDetail(ApiView):
    scopes = READING

    @extend_schema(operation_id="read_card", responses={200: CardSerializer} | refusals(404))
    def get(self, request: Request, card_id: UUID) -> Response:
        """Read one card, ended or not."""
        return Response(CardSerializer(get_object_or_404(Card, pk=card_id)).data)


class FundList(ApiView, ListAPIView[Fund]):
    scopes = READING
    filters = FundFilter
    serializer_class = FundSerializer
    pagination_class = PersonCursorPagination

    def get_queryset(self) -> QuerySet[Fund]:
        return _filtered(Fund.objects.all(), self.filter_values())

    @extend_schema(
        operation_id="list_funds",
        parameters=[FundFilter],
        responses={200: FundSerializer(many=True)} | refusals(),
    )
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """List the funds that can be used, or those that have ended."""
        return super().get(request, *args, **kwargs)


class FundDetail(ApiView):
    scopes = READING

    @extend_schema(operation_id="read_fund", responses={200: FundSerializer} | refusals(404))
    def get(self, request: Request, fund_id: UUID) -> Response:
        """Read one fund, ended or not."""
        return Response(FundSerializer(get_object_or_404(Fund, pk=fund_id)).data)


KEY_PATTERN = "[!-~]{1,255}"
IDEMPOTENCY_KEY = OpenApiParameter(
    "Idempotency-Key",
    {"type": "string", "pattern": f"^{KEY_PATTERN}$", "minLength": 1, "maxLength": 255},
    OpenApiParameter.HEADER,
    description="1 to 255 printable ASCII characters, without spaces. For 24 hours, the same key "
    "with the same purchase returns the same response, and no second decision is made.",
)
REPLAYED = OpenApiParameter(
    "Idempotent-Replayed",
    location=OpenApiParameter.HEADER,
    response=[201],
    description="“true” if this response repeats an earlier one.",
)


class AuthorizationList(ApiView, ListAPIView[Authorization]):
    scopes = AUTHORIZING
    filters = AuthorizationFilter
    serializer_class = AuthorizationSerializer
    pagination_class = NewestFirstPagination

    def get_queryset(self) -> QuerySet[Authorization]:
        return Authorization.objects.filter(**self.filter_values())

    @extend_schema(
        operation_id="list_authorizations",
        parameters=[AuthorizationFilter],
        responses={200: AuthorizationSerializer(many=True)} | refusals(),
    )
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """List the authorizations, the newest first."""
        return super().get(request, *args, **kwargs)

    @extend_schema(
        operation_id="authorize",
        parameters=[IDEMPOTENCY_KEY, REPLAYED],
        request=PurchaseSerializer,
        responses={201: DecisionSerializer}
        | refusals(404, 413, 415, codes=("idempotency-key-reused",)),
    )
    def post(self, request: Request) -> Response:
        """Authorize a purchase. The decision is stored.

        A declined purchase is also answered with 201, with the reason.
        """
        serializer = PurchaseSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        key = request.headers.get("Idempotency-Key")
        if key is not None and not re.fullmatch(KEY_PATTERN, key):
            message = "Send 1 to 255 printable ASCII characters, without spaces."
            raise ValidationError({"Idempotency-Key": message})
        data = serializer.validated_data
        instrument = _instrument(data.pop("card", None), data.pop("fund", None))
        purchase = Purchase(**data)
        if key is None:
            answer, is_replayed = cards_and_funds.authorize(instrument, purchase), False
        else:
            assert isinstance(request.auth, ApiToken), "nobody else gets in"
            answer, is_replayed = idempotency.authorize_once(
                instrument, purchase, token=request.auth, key=key
            )
        headers = {"Idempotent-Replayed": "true"} if is_replayed else {}
        return Response(DecisionSerializer(answer).data, status=201, headers=headers)


class AuthorizationDetail(ApiView):
    scopes = AUTHORIZING

    @extend_schema(
        operation_id="read_authorization", responses={200: AuthorizationSerializer} | refusals(404)
    )
    def get(self, request: Request, authorization_id: UUID) -> Response:
        """Read one authorization."""
        found = get_object_or_404(Authorization, pk=authorization_id)
        return Response(AuthorizationSerializer(found).data)


def _instrument(card_id: UUID | None, fund_id: UUID | None) -> Card | Fund:
    instrument: Card | Fund | None
    if card_id:
        instrument = Card.objects.filter(pk=card_id).first()
    else:
        instrument = Fund.objects.filter(pk=fund_id).first() if fund_id else None
    if instrument is None:
        raise NotFound
    return instrument


def _filtered(rows: QuerySet[Any], filters: dict[str, Any]) -> QuerySet[Any]:
    rows = rows.filter(ended_at__isnull=not filters.pop("ended"))
    return rows.filter(**filters)
