"""Where the pages about SCIM are."""

from django.urls import URLPattern, path

from scim.pages.request_log import request_log
from scim.pages.requests import request_page, scim_request

SCIM = "integrations/scim/<uuid:connection_id>"

PAGES: list[URLPattern] = [
    path("people/requests/<uuid:request_id>/", request_page, name="request"),
    path(f"{SCIM}/requests/", request_log, name="scim_requests"),
    path(f"{SCIM}/requests/<uuid:request_id>/", scim_request, name="scim_request"),
]
