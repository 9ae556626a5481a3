"""The API view of what needs attention."""

from typing import Any

from django.conf import settings
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from people.api.base import ApiView, token_owner
from people.api.examples import ATTENTION, shown_as
from people.api.openapi import refusals
from people.models import Scope
from people.presentation.attention import attention


class AttentionItemSerializer(serializers.Serializer[Any]):
    code = serializers.CharField()
    severity = serializers.ChoiceField(["error", "warning", "info"], source="level")
    count = serializers.IntegerField()
    text = serializers.CharField()
    since = serializers.DateTimeField(allow_null=True)
    url = serializers.SerializerMethodField()

    def get_url(self, item: Any) -> str:
        return f"{settings.PUBLIC_BASE_URL}{item.url}"


@shown_as(ATTENTION)
class AttentionSerializer(serializers.Serializer[Any]):
    total = serializers.IntegerField()
    # False if an item has more than 10,000 rows, which are not all counted.
    is_exact = serializers.BooleanField()
    items = AttentionItemSerializer(many=True)


class AttentionList(ApiView):
    scopes = {"GET": (Scope.READ_PEOPLE,)}

    @extend_schema(operation_id="list_attention", responses={200: AttentionSerializer} | refusals())
    def get(self, request: Request) -> Response:
        """List what needs the attention of an administrator, the most important first."""
        return Response(AttentionSerializer(attention(token_owner(request).tenant)).data)
