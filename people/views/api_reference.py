"""The reference of the API for programs."""

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render


def api_reference(request: HttpRequest) -> HttpResponse:
    """Show the OpenAPI schema in Swagger UI. It is public, like the schema."""
    context = {"title": "API reference", "base_url": f"{settings.PUBLIC_BASE_URL}/api/v1"}
    return render(request, "people/api_reference.html", context)
