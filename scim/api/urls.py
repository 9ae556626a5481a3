"""The URLs below /scim/v2, by the names that django-scim2's adapters look up.

Requests are not routed by these patterns: `ramp.middleware.ScimMiddleware` calls `serve` before
Django resolves the URL.
"""

from django.urls import re_path

from scim.api.dispatch import serve

app_name = "scim"

NAMES = {
    "root": "",
    "search": r"\.search",
    "users-search": r"Users/\.search",
    "users": "Users(?:/(?P<uuid>[^/]+))?",
    "groups-search": r"Groups/\.search",
    "groups": "Groups(?:/(?P<uuid>[^/]+))?",
    "me": "Me",
    "service-provider-config": "ServiceProviderConfig",
    "resource-types": "ResourceTypes(?:/(?P<uuid>[^/]+))?",
    "schemas": "Schemas(?:/(?P<uuid>[^/]+))?",
    "bulk": "Bulk",
}

urlpatterns = [
    re_path(f"^{path}/?$" if path else "^$", serve, name=name) for name, path in NAMES.items()
]
