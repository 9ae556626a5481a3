"""The page with the effects of one request, page view or job."""

from uuid import UUID

from django.contrib import admin
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from people import hooks
from people.presentation.query_params import int_param
from people.presentation.request_effects import request_effects
from people.views.permissions import administrator_required


@administrator_required
def request_page(request: HttpRequest, request_id: UUID) -> HttpResponse:
    """Show the effects of a page view or a job. For a SCIM request, redirect to its own page."""
    if url := hooks.request_url(request_id):
        return redirect(url)
    after = int_param(request, "after") or 0
    effects = request_effects(request_id, after=after)
    if not (effects or after):
        raise Http404
    context = admin.site.each_context(request) | {
        "title": f"Request {str(request_id)[:8]}",
        "parent": {"title": "People", "url": reverse("admin:people_person_changelist")},
        "request_id": request_id,
        "effects": effects,
        "is_first_page": not after,
    }
    return render(request, "people/request_effects.html", context)
