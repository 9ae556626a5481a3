"""Cards, funds, and asking whether something may be paid with them."""

from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework.exceptions import NotFound
from rest_framework.generics import ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BooleanField, Serializer, UUIDField

from people import operations
from people.api.door import Door
from people.api.paging import ByCursor
from people.api.refusals import refusals
from people.api.shapes import AnswerShape, CardShape, FundShape, PurchaseShape
from people.models import Card, Fund, Scope
from people.operations import Purchase

READING = {"GET": (Scope.READ_PEOPLE, Scope.AUTHORIZE_SPEND)}
AUTHORIZING = {"GET": (Scope.AUTHORIZE_SPEND,), "POST": (Scope.AUTHORIZE_SPEND,)}


class WantedCards(Serializer[Any]):
    holder = UUIDField(required=False)
    ended = BooleanField(required=False, default=False)


class WantedFunds(Serializer[Any]):
    owner = UUIDField(required=False)
    ended = BooleanField(required=False, default=False)


class Cards(Door, ListAPIView[Card]):
    scopes = READING
    serializer_class = CardShape
    pagination_class = ByCursor

    def get_queryset(self) -> QuerySet[Card]:
        return _wanted(Card.objects.all(), WantedCards, self.request)

    @extend_schema(
        operation_id="list_cards",
        parameters=[WantedCards],
        responses={200: CardShape(many=True)} | refusals(400),
    )
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """List the cards that can be used, or those that have ended."""
        return super().get(request, *args, **kwargs)


class OneCard(Door):
    scopes = READING

    @extend_schema(operation_id="read_card", responses={200: CardShape} | refusals(404))
    def get(self, request: Request, card_id: UUID) -> Response:
        """Read one card, ended or not."""
        return Response(CardShape(get_object_or_404(Card, pk=card_id)).data)


class Funds(Door, ListAPIView[Fund]):
    scopes = READING
    serializer_class = FundShape
    pagination_class = ByCursor

    def get_queryset(self) -> QuerySet[Fund]:
        return _wanted(Fund.objects.all(), WantedFunds, self.request)

    @extend_schema(
        operation_id="list_funds",
        parameters=[WantedFunds],
        responses={200: FundShape(many=True)} | refusals(400),
    )
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """List the funds that can be used, or those that have ended."""
        return super().get(request, *args, **kwargs)


class OneFund(Door):
    scopes = READING

    @extend_schema(operation_id="read_fund", responses={200: FundShape} | refusals(404))
    def get(self, request: Request, fund_id: UUID) -> Response:
        """Read one fund, ended or not."""
        return Response(FundShape(get_object_or_404(Fund, pk=fund_id)).data)


class Authorisations(Door):
    scopes = AUTHORIZING

    @extend_schema(
        operation_id="authorise",
        request=PurchaseShape,
        responses={201: AnswerShape} | refusals(400, 404),
    )
    def post(self, request: Request) -> Response:
        """Ask whether something may be paid; the answer is kept, whatever it is.

        A purchase that is declined is answered with 201 as well, and says why.
        """
        asked = PurchaseShape(data=request.data)
        asked.is_valid(raise_exception=True)
        said = asked.validated_data
        held = _held(said.pop("card", None), said.pop("fund", None))
        answer = operations.authorise(held, Purchase(**said))
        return Response(AnswerShape(answer).data, status=201)


def _held(card_id: UUID | None, fund_id: UUID | None) -> Card | Fund:
    held: Card | Fund | None
    if card_id:
        held = Card.objects.filter(pk=card_id).first()
    else:
        held = Fund.objects.filter(pk=fund_id).first() if fund_id else None
    if held is None:
        raise NotFound
    return held


def _wanted(rows: QuerySet[Any], asking: type[Serializer[Any]], request: Request) -> QuerySet[Any]:
    asked = asking(data=request.query_params)
    asked.is_valid(raise_exception=True)
    conditions = dict(asked.validated_data)
    rows = rows.filter(ended_at__isnull=not conditions.pop("ended"))
    return rows.filter(**conditions)
