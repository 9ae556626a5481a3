"""The serializers of cards, funds and authorizations."""

from typing import Any

from django.core.validators import RegexValidator
from rest_framework import serializers

from people.api import examples
from people.api.serializers import (
    MAX,
    NOT_BLANK_WITHOUT_NULL,
    BodySerializer,
    Id,
    Text,
    WholeNumber,
)
from people.models import Authorization, Card, Fund


@examples.shown_as(examples.CARD_OF_ADA)
class CardSerializer(serializers.ModelSerializer[Card]):
    holder = serializers.UUIDField(source="holder_id", read_only=True)

    class Meta:
        model = Card
        fields = (
            "id",
            "name",
            "holder",
            "kind",
            "last_four",
            "currency",
            "monthly_limit",
            "created_at",
            "ended_at",
        )
        read_only_fields = fields


@examples.shown_as(examples.FUND_OF_ADA)
class FundSerializer(serializers.ModelSerializer[Fund]):
    owner = serializers.UUIDField(source="owner_id", read_only=True)

    class Meta:
        model = Fund
        fields = (
            "id",
            "name",
            "owner",
            "is_shared",
            "currency",
            "balance",
            "payment_limit",
            "created_at",
            "ended_at",
        )
        read_only_fields = fields


@examples.shown_as(examples.PURCHASE)
class PurchaseSerializer(BodySerializer):
    """A purchase with a card or from a fund."""

    card = Id(required=False, help_text="Required if fund is not sent.")
    fund = Id(required=False, help_text="Required if card is not sent.")
    amount = WholeNumber(
        min_value=1,
        max_value=MAX,
        help_text="In the currency's smallest unit: 1250 is 12.50 EUR.",
        error_messages={"min_value": "Send a number greater than 0."},
    )
    # Only the form is checked: a purchase in any other currency than the card's is declined with a
    # reason.
    currency = Text(
        validators=[RegexValidator("^[A-Z]{3}$", "Send three uppercase letters, such as EUR.")],
        help_text="ISO 4217 code, such as EUR.",
    )
    merchant = Text(
        max_length=200, validators=[NOT_BLANK_WITHOUT_NULL], help_text="The name of the merchant."
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if ("card" in attrs) == ("fund" in attrs):
            raise serializers.ValidationError("Send either a card or a fund.")
        return attrs


@examples.shown_as(examples.DECISION)
class DecisionSerializer(serializers.ModelSerializer[Authorization]):
    approved = serializers.BooleanField(source="is_approved")

    class Meta:
        model = Authorization
        fields = ("id", "approved", "reason")
        read_only_fields = fields


@examples.shown_as(examples.DECISION_IN_FULL)
class AuthorizationSerializer(serializers.ModelSerializer[Authorization]):
    approved = serializers.BooleanField(source="is_approved", read_only=True)
    card = serializers.UUIDField(source="card_id", allow_null=True, read_only=True)
    fund = serializers.UUIDField(source="fund_id", allow_null=True, read_only=True)

    class Meta:
        model = Authorization
        fields = (
            *("id", "approved", "reason", "card", "fund"),
            *("amount", "currency", "merchant", "decided_at"),
        )
        read_only_fields = fields
